/* The tables, in both databases, and what is asked of them. */
#include "coordinator/store_private.h"

/* What brings a file from each version to the next. */
static const char *const sqlite_migrations[] = {
    "CREATE TABLE task (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, key TEXT UNIQUE,"
    " description TEXT NOT NULL, skills TEXT NOT NULL, needs TEXT NOT NULL, input BLOB, language TEXT,"
    " priority INTEGER NOT NULL, tries_max INTEGER NOT NULL, created_ms INTEGER NOT NULL, deadline_ms "
    "INTEGER NOT NULL,"
    " timeout_ms INTEGER NOT NULL, state INTEGER NOT NULL, changed_ms INTEGER NOT NULL, due_ms INTEGER NOT "
    "NULL,"
    " tries INTEGER NOT NULL, agent TEXT NOT NULL, reason TEXT, result BLOB);"
    "CREATE INDEX task_state ON task (state, number);"
    "CREATE TABLE history (task TEXT NOT NULL, at_ms INTEGER NOT NULL, state INTEGER NOT NULL, tries INTEGER "
    "NOT NULL,"
    " agent TEXT, reason TEXT);"
    "CREATE INDEX history_task ON history (task);"
    "PRAGMA user_version = 1;",
    "CREATE TABLE decision (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, key TEXT "
    "UNIQUE,"
    " state INTEGER NOT NULL, told BLOB NOT NULL);"
    "CREATE INDEX decision_state ON decision (state, number);"
    "CREATE TABLE decision_event (decision TEXT NOT NULL, at_ms INTEGER NOT NULL, what INTEGER NOT NULL,"
    " who TEXT, value BLOB);"
    "CREATE INDEX event_decision ON decision_event (decision);"
    "CREATE TABLE record (voter TEXT PRIMARY KEY, hits INTEGER NOT NULL, misses INTEGER NOT NULL) WITHOUT "
    "ROWID;"
    "PRAGMA user_version = 2;",
    "ALTER TABLE task ADD COLUMN way INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 3;",
    "CREATE TABLE schedule (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, cron TEXT "
    "NOT NULL,"
    " task BLOB NOT NULL, next_ms INTEGER NOT NULL, fired_ms INTEGER NOT NULL, fired INTEGER NOT NULL);"
    "PRAGMA user_version = 4;",
    "ALTER TABLE task ADD COLUMN composes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN micro_cost INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN time_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN callback TEXT;"
    "ALTER TABLE task ADD COLUMN trace TEXT;"
    "ALTER TABLE task ADD COLUMN spent_tokens INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN spent_micro_cost INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN spent_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN status BLOB;"
    "PRAGMA user_version = 5;",
    "ALTER TABLE task ADD COLUMN token INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN approval INTEGER NOT NULL DEFAULT 0;"
    "UPDATE task SET token = tries, approval = state = 0;"
    "PRAGMA user_version = 6;",
    "CREATE TABLE outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, task TEXT NOT NULL, at_ms INTEGER NOT "
    "NULL);"
    "PRAGMA user_version = 7;",
    "ALTER TABLE record ADD COLUMN rated INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE record ADD COLUMN off INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 8;",
};

/* What one coordinator has is its own as long as its row in `coordinator` is there and not dead (store_share.c). */
static const char *const postgres_migrations[] = {
    "CREATE TABLE coordinator (epoch TEXT PRIMARY KEY, name TEXT NOT NULL, seen TIMESTAMPTZ NOT NULL,"
    " dead BOOLEAN NOT NULL DEFAULT false);"
    "CREATE TABLE task (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " key TEXT UNIQUE, description TEXT NOT NULL, skills TEXT NOT NULL, needs TEXT NOT NULL, input BYTEA,"
    " language TEXT, priority BIGINT NOT NULL, tries_max BIGINT NOT NULL, created_ms BIGINT NOT NULL,"
    " deadline_ms BIGINT NOT NULL, timeout_ms BIGINT NOT NULL, state BIGINT NOT NULL, changed_ms BIGINT NOT "
    "NULL,"
    " due_ms BIGINT NOT NULL, tries BIGINT NOT NULL, agent TEXT NOT NULL, reason TEXT, result BYTEA,"
    " way BIGINT NOT NULL, owner TEXT NOT NULL DEFAULT current_setting('troupe.epoch'))"
    " WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);"
    "CREATE INDEX task_state ON task (state, number);"
    "CREATE INDEX task_owner ON task (owner) WHERE state < 4;"
    "CREATE TABLE history (task TEXT NOT NULL, at_ms BIGINT NOT NULL, state BIGINT NOT NULL, tries BIGINT "
    "NOT NULL,"
    " agent TEXT, reason TEXT, rowid BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"
    "CREATE INDEX history_task ON history (task);"
    "CREATE TABLE decision (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " key TEXT UNIQUE, state BIGINT NOT NULL, told BYTEA NOT NULL,"
    " owner TEXT NOT NULL DEFAULT current_setting('troupe.epoch'));"
    "CREATE INDEX decision_state ON decision (state, number);"
    "CREATE TABLE decision_event (decision TEXT NOT NULL, at_ms BIGINT NOT NULL, what BIGINT NOT NULL, who "
    "TEXT,"
    " value BYTEA, rowid BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"
    "CREATE INDEX event_decision ON decision_event (decision);"
    "CREATE TABLE record (voter TEXT PRIMARY KEY, hits BIGINT NOT NULL, misses BIGINT NOT NULL);"
    "CREATE TABLE schedule (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL "
    "UNIQUE,"
    " cron TEXT NOT NULL, task BYTEA NOT NULL, next_ms BIGINT NOT NULL, fired_ms BIGINT NOT NULL,"
    " fired BIGINT NOT NULL, owner TEXT NOT NULL DEFAULT current_setting('troupe.epoch'));",
    "ALTER TABLE task ADD COLUMN composes BIGINT NOT NULL DEFAULT 0, ADD COLUMN tokens BIGINT NOT NULL "
    "DEFAULT 0,"
    " ADD COLUMN micro_cost BIGINT NOT NULL DEFAULT 0, ADD COLUMN time_ms BIGINT NOT NULL DEFAULT 0,"
    " ADD COLUMN callback TEXT, ADD COLUMN trace TEXT, ADD COLUMN spent_tokens BIGINT NOT NULL DEFAULT 0,"
    " ADD COLUMN spent_micro_cost BIGINT NOT NULL DEFAULT 0, ADD COLUMN spent_ms BIGINT NOT NULL DEFAULT 0,"
    " ADD COLUMN status BYTEA",
    "ALTER TABLE task ADD COLUMN token BIGINT NOT NULL DEFAULT 0, ADD COLUMN approval BIGINT NOT NULL "
    "DEFAULT 0;"
    "UPDATE task SET token = tries, approval = CASE state WHEN 0 THEN 1 ELSE 0 END",
    "CREATE TABLE outbox (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task TEXT NOT NULL, at_ms "
    "BIGINT NOT NULL,"
    " owner TEXT NOT NULL DEFAULT current_setting('troupe.epoch'))",
    "ALTER TABLE record ADD COLUMN rated BIGINT NOT NULL DEFAULT 0, ADD COLUMN off BIGINT NOT NULL DEFAULT 0",
};

/* The columns as `take` reads them. */
#define COLUMNS                                                                                              \
    "id, key, description, skills, needs, input, language, priority, tries_max, created_ms, deadline_ms, "   \
    "timeout_ms,"                                                                                            \
    " state, changed_ms, due_ms, tries, agent, reason, result, number, way, composes, tokens, micro_cost, "  \
    "time_ms,"                                                                                               \
    " callback, trace, spent_tokens, spent_micro_cost, spent_ms, status, token, approval"

#define OF_BOTH                                                                                              \
    [INSERT] =                                                                                               \
        "INSERT INTO task (id, key, description, skills, needs, input, language, priority, tries_max, "      \
        "created_ms,"                                                                                        \
        " deadline_ms, timeout_ms, state, changed_ms, due_ms, tries, agent, reason, result, way,"            \
        " composes, tokens, micro_cost, time_ms, callback, trace, approval)"                                 \
        " VALUES "                                                                                           \
        "($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$"  \
        "27)",                                                                                               \
    [REMEMBER] = "INSERT INTO history VALUES ($1,$2,$3,$4,$5,$6)",                                           \
    [BY_ID] = "SELECT " COLUMNS " FROM task WHERE id = $1",                                                  \
    [STATE_OF] = "SELECT state FROM task WHERE id = $1", [BY_KEY] = "SELECT id FROM task WHERE key = $1",    \
    [LIST] = "SELECT " COLUMNS                                                                               \
             " FROM task WHERE ($1 < 0 OR state = $1) AND (CAST($2 AS BIGINT) = 0 OR number < $2)"           \
             " ORDER BY number DESC LIMIT $3", /* Both of one moment, and no input or result twice. */       \
        [SHOW] =                                                                                             \
            "SELECT " COLUMNS ", 0 AS turn FROM task WHERE id = $1 UNION ALL"                                \
            " SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, state, at_ms, 0, tries, "      \
            "agent, reason, NULL, 0,"                                                                        \
            " 0, 0, 0, 0, 0, NULL, NULL, 0, 0, 0, NULL, 0, 0, rowid FROM history WHERE task = $1 ORDER "     \
            "BY turn",                                                                                       \
    [SAY_STATUS] = "UPDATE task SET status = $1 WHERE id = $2",                                              \
    [COUNT] = "SELECT state, count(*) FROM task GROUP BY state",                                             \
    [OPEN] = "SELECT " COLUMNS " FROM task WHERE state < $1 ORDER BY number",                                \
    [NEW_DECISION] = "INSERT INTO decision (id, key, state, told) VALUES ($1,$2,$3,$4)",                     \
    [ADD_EVENT] = "INSERT INTO decision_event VALUES ($1,$2,$3,$4,$5)",                                      \
    [EVENTS] = "SELECT at_ms, what, who, value FROM decision_event WHERE decision = $1 ORDER BY rowid",      \
    [OPEN_DECISIONS] = "SELECT id FROM decision WHERE state < $1 ORDER BY number",                           \
    [DECISION_KEY] = "SELECT id FROM decision WHERE key = $1",                                               \
    [LIST_DECISIONS] = "SELECT number, told FROM decision WHERE ($1 < 0 OR state = $1)"                      \
                       " AND (CAST($2 AS BIGINT) = 0 OR number < $2) ORDER BY number DESC LIMIT $3",         \
    [ADD_RECORD] = "INSERT INTO record (voter, hits, misses, rated, off) VALUES ($1,$2,$3,$4,$5)"            \
                   " ON CONFLICT (voter) DO UPDATE SET hits = record.hits + excluded.hits, misses = "        \
                   "record.misses + excluded.misses, rated = record.rated + excluded.rated, off = "          \
                   "record.off + excluded.off",                                                              \
    [RECORDS] = "SELECT voter, hits, misses, rated, off FROM record WHERE hits <> 0 OR misses <> 0"          \
                " ORDER BY voter LIMIT $1 OFFSET $2",                                                        \
    [RECORD] = "SELECT hits, misses FROM record WHERE voter = $1",                                           \
    [ADD_SCHEDULE] =                                                                                         \
        "INSERT INTO schedule (name, cron, task, next_ms, fired_ms, fired) VALUES ($1,$2,$3,$4,$5,$6)",      \
    [MOVE_SCHEDULE] = "UPDATE schedule SET next_ms = $1, fired_ms = $2, fired = $3 WHERE name = $4",         \
    [REMOVE_SCHEDULE] = "DELETE FROM schedule WHERE name = $1",                                              \
    [SCHEDULES] = "SELECT name, cron, task, next_ms, fired_ms, fired FROM schedule ORDER BY name",           \
    [OWE] = "INSERT INTO outbox (task, at_ms) VALUES ($1,$2)",                                               \
    [PAY] = "DELETE FROM outbox WHERE task = $1 AND at_ms = $2",                                             \
    [AGES] = "SELECT number, id, state, changed_ms FROM task WHERE number > $1 ORDER BY number LIMIT $2",    \
    [NEEDED] = "SELECT needs FROM task WHERE state < 4 AND needs <> ''",                                     \
    [FORGET_TASK] = "DELETE FROM task WHERE id = $1 AND state >= 4 AND changed_ms < $2"                      \
                    " AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.task = $1)",                         \
    [FORGET_HISTORY] =                                                                                       \
        "DELETE FROM history WHERE task = $1 AND NOT EXISTS (SELECT 1 FROM task WHERE task.id = $1)",        \
    [DECISION_AGES] = "SELECT number, id, state, (SELECT max(at_ms) FROM decision_event e"                   \
                      " WHERE e.decision = decision.id) FROM decision WHERE number > $1"                     \
                      " ORDER BY number LIMIT $2",                                                           \
    [FORGET_DECISION] = "DELETE FROM decision WHERE id = $1 AND state >= 3",                                 \
    [FORGET_EVENTS] = "DELETE FROM decision_event WHERE decision = $1",

#define MINE "current_setting('troupe.epoch')"

static const char *const sqlite_sql[] = {
    OF_BOTH[UPDATE] =
        "UPDATE task SET state = $1, changed_ms = $2, due_ms = $3, tries = $4, agent = $5, reason = $6,"
        " result = $7, spent_tokens = $8, spent_micro_cost = $9, spent_ms = $10, status = $11, token = $12, "
        "approval = $13, tries_max = $14 WHERE id = $15",
    [MOVE_DECISION] = "UPDATE decision SET state = $1, told = $2 WHERE id = $3",
    [OWED] = "SELECT task, at_ms FROM outbox ORDER BY number LIMIT $1",
};

/* What belongs to the dead is open to who takes it first, and who comes second finds other rows. */
#define OF_THE_DEAD(TABLE, KEY, WHICH)                                                                       \
    KEY " IN (SELECT " KEY " FROM " TABLE                                                                    \
        " WHERE owner IN (SELECT epoch FROM coordinator WHERE dead) AND " WHICH                              \
        " ORDER BY number LIMIT $1 FOR UPDATE SKIP LOCKED)"
/* One that nobody alive has. */
#define TAKE(TABLE)                                                                                          \
    "UPDATE " TABLE " SET owner = " MINE " WHERE number IN (SELECT number FROM " TABLE " t WHERE id = $1"    \
    " AND NOT EXISTS (SELECT 1 FROM coordinator c WHERE c.epoch = t.owner AND NOT c.dead AND c.epoch "       \
    "<> " MINE ") FOR UPDATE SKIP LOCKED) RETURNING 1"
#define HOLDER(TABLE)                                                                                        \
    "SELECT c.name FROM " TABLE " t JOIN coordinator c ON c.epoch = t.owner WHERE t.id = $1 AND NOT c.dead"

static const char *const postgres_sql[] = {
    OF_BOTH[UPDATE] =
        "UPDATE task SET state = $1, changed_ms = $2, due_ms = $3, tries = $4, agent = $5, reason = $6,"
        " result = $7, spent_tokens = $8, spent_micro_cost = $9, spent_ms = $10, status = $11, token = $12, "
        "approval = $13, tries_max = $14 WHERE id = $15"
        " AND owner = " MINE,
    [MOVE_DECISION] = "UPDATE decision SET state = $1, told = $2 WHERE id = $3 AND owner = " MINE,
    [OWED] = "SELECT task, at_ms FROM outbox WHERE owner = " MINE " ORDER BY number LIMIT $1",
    [JOIN_GROUP] =
        "WITH before AS (UPDATE coordinator SET dead = true WHERE name = $1)"
        " INSERT INTO coordinator (epoch, name, seen) VALUES (" MINE ", $1, clock_timestamp()) RETURNING 1",
    [LEAVE_GROUP] = "UPDATE coordinator SET dead = true WHERE epoch = " MINE " RETURNING 1",
    [KEEP] = "UPDATE coordinator SET seen = clock_timestamp() WHERE epoch = " MINE,
    [EXPIRE] =
        "UPDATE coordinator SET dead = true WHERE epoch IN (SELECT epoch FROM coordinator WHERE NOT dead"
        " AND epoch <> " MINE " AND greatest(seen, pg_postmaster_start_time())"
        " < clock_timestamp() - CAST($1 AS DOUBLE PRECISION) * interval '1 millisecond'"
        " FOR UPDATE SKIP LOCKED) RETURNING name",
    [FORGET] = "DELETE FROM coordinator WHERE epoch IN (SELECT epoch FROM coordinator c WHERE dead"
               " AND NOT EXISTS (SELECT 1 FROM task WHERE owner = c.epoch AND state < 4)"
               " AND NOT EXISTS (SELECT 1 FROM decision WHERE owner = c.epoch AND state < 3)"
               " AND NOT EXISTS (SELECT 1 FROM outbox WHERE owner = c.epoch)"
               " AND NOT EXISTS (SELECT 1 FROM schedule WHERE owner = c.epoch) FOR UPDATE SKIP LOCKED)",
    [CLAIM] = "UPDATE task SET owner = " MINE
              " WHERE " OF_THE_DEAD("task", "number", "state < 4") " RETURNING " COLUMNS,
    [CLAIM_DECISIONS] = "UPDATE decision SET owner = " MINE
                        " WHERE " OF_THE_DEAD("decision", "number", "state < 3") " RETURNING id",
    [CLAIM_SCHEDULES] = "UPDATE schedule SET owner = " MINE " WHERE " OF_THE_DEAD(
        "schedule", "number", "true") " RETURNING name, cron, task, next_ms, fired_ms, fired",
    [CLAIM_OWED] = "UPDATE outbox SET owner = " MINE
                   " WHERE " OF_THE_DEAD("outbox", "number", "true") " RETURNING task, at_ms",
    [TAKE_TASK] = TAKE("task"),
    [TAKE_DECISION] = TAKE("decision"),
    [HOLDER_OF_TASK] = HOLDER("task"),
    [HOLDER_OF_DECISION] = HOLDER("decision"),
    [HOLDER_OF_SCHEDULE] = "SELECT c.name FROM schedule t JOIN coordinator c ON c.epoch = t.owner"
                           " WHERE t.name = $1 AND NOT c.dead",
    [ANY_OF] = "SELECT 1 FROM task WHERE id = ANY (string_to_array($1, ' ')) LIMIT 1",
    /* Who comes second does not wait, or two could wait for each other. Names share locks, of which a server has not many. */
    [RESERVE] =
        "SELECT bool_and(pg_try_advisory_xact_lock(1953656694, bucket)) FROM (SELECT DISTINCT"
        " hashtext(name) & 255 AS bucket FROM unnest(string_to_array($1, chr(10))) AS name) AS buckets",
    [SHARERS] = "SELECT count(*) FROM coordinator WHERE NOT dead",
    [ELSEWHERE] =
        "SELECT agent, count(*) FROM task WHERE state IN (2, 3) AND owner <> " MINE " GROUP BY agent",
};

const tr_sql_schema_t tr_store_sqlite_schema = {
    .name = "tasks.db",
    .migrations = sqlite_migrations,
    .migration_count = sizeof sqlite_migrations / sizeof *sqlite_migrations,
    .sql = sqlite_sql,
    .statement_count = sizeof sqlite_sql / sizeof *sqlite_sql,
};

const tr_sql_schema_t tr_store_postgres_schema = {
    .name = "tasks",
    .migrations = postgres_migrations,
    .migration_count = sizeof postgres_migrations / sizeof *postgres_migrations,
    .sql = postgres_sql,
    .statement_count = sizeof postgres_sql / sizeof *postgres_sql,
};
