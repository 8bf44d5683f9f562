/*
 * What owns the table is the session: an advisory lock that PostgreSQL gives up when the session ends, and not
 * before what it had under way is committed or rolled back. So a session that replaces a lost one gets the lock only
 * when nothing of the old one can still happen, and repeating the old one's last batch is safe.
 *
 * A warning during a commit is no success: "canceling wait for synchronous replication" says that the batch is not
 * where it was promised to be. It is taken as a lost connection, and the batch is written again.
 */
#include "lib/store/postgres_session.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define TABLE_DEFAULT "troupe_journal"
#define SQL_MAX       1024
#define VERSION       "troupe journal 1"

static int take_table(tr_pg_session_t *self, const char *table, tr_error_t *error) {
    const char *dot = strchr(table, '.');
    const char *name = dot ? dot + 1 : table;
    if ((dot && !tr_pg_word_valid(table, (size_t)(dot - table))) || !tr_pg_word_valid(name, strlen(name)))
        return tr_error_set(error, -EINVAL,
            "PostgreSQL journal: \"%.80s\" is no table's name: [schema.]name of a-z 0-9 _ is expected",
            table);
    strcpy(self->table, table);
    return 0;
}

int tr_pg_session_init(
    tr_pg_session_t *self, const tr_journal_postgres_options_t *options, tr_error_t *error) {
    char what[sizeof self->link.what];
    *self = (tr_pg_session_t){0};
    int r = take_table(self, options->table ? options->table : TABLE_DEFAULT, error);
    if (r < 0)
        return r;
    snprintf(what, sizeof what, "PostgreSQL journal, table %s", self->table);
    return tr_pg_link_init(
        &self->link, what, options->conninfo, options->conninfo_file, options->patience_ms, error);
}

void tr_pg_session_finish(tr_pg_session_t *self) {
    tr_pg_link_finish(&self->link);
}

/* The statement with the table's name in the place of each @. */
static void expand(char sql[SQL_MAX], const char *statement, const char *table) {
    size_t n = 0;
    for (; *statement && n + strlen(table) < SQL_MAX - 1; statement++)
        if (*statement == '@')
            n += (size_t)sprintf(sql + n, "%s", table);
        else
            sql[n++] = *statement;
    sql[n] = '\0';
}

/* One statement. ret_result (may be NULL) is the caller's to clear. */
static int run(tr_pg_session_t *self, const char *statement, PGresult **ret_result, tr_error_t *error) {
    char sql[SQL_MAX];
    expand(sql, statement, self->table);
    return tr_pg_link_run(&self->link, sql, ret_result, error);
}

/* The first field of one row as text; "" where there is none. */
static int ask(tr_pg_session_t *self, const char *statement, char *out, size_t size, tr_error_t *error) {
    char sql[SQL_MAX];
    expand(sql, statement, self->table);
    return tr_pg_link_ask(&self->link, sql, out, size, error);
}

/* A planner that does not know the table yet (or knows it as it was) must not sort it. */
static int set_up(tr_pg_session_t *self, tr_error_t *error) {
    int r = tr_pg_link_settle(&self->link, error);
    return r ? r
             : run(self,
                   "SELECT set_config(name, 'off', false) FROM (VALUES ('enable_seqscan'), "
                   "('enable_bitmapscan'), ('enable_sort')) AS settings (name)",
                   NULL, error);
}

static int connect_to_server(tr_pg_session_t *self, tr_error_t *error) {
    return tr_pg_link_open(&self->link, error);
}

/* Values are not compressed: what compresses is rare, and it costs more than the disk. The table is small and
 * changes all the time, so it is vacuumed often. */
static int make_table(tr_pg_session_t *self, tr_error_t *error) {
    int r = run(self,
        "CREATE TABLE IF NOT EXISTS @ (key bytea PRIMARY KEY, value bytea NOT NULL) WITH (fillfactor = 70, "
        "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, "
        "toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_threshold = 20000)",
        NULL, error);
    if (r == 0)
        r = run(self, "ALTER TABLE @ ALTER COLUMN value SET STORAGE EXTERNAL", NULL, error);
    return r == 0 ? run(self, "INSERT INTO @ VALUES ('', '" VERSION "') ON CONFLICT DO NOTHING", NULL, error)
                  : r;
}

/* A table that is not the one of the session before (dropped, restored from a copy) has not what was confirmed. */
static int find_table(tr_pg_session_t *self, tr_error_t *error) {
    char oid[16];
    int r = ask(self, "SELECT to_regclass('@')::oid", oid, sizeof oid, error);
    if (r == 0 && !oid[0] && !self->oid[0]) {
        r = make_table(self, error);
        if (r == 0)
            r = ask(self, "SELECT to_regclass('@')::oid", oid, sizeof oid, error);
    }
    if (r != 0)
        return r;
    if (self->oid[0] && strcmp(self->oid, oid) != 0)
        return tr_error_set(error, -EIO,
            "PostgreSQL journal, table %s: while the connection was lost, the table was %s", self->table,
            oid[0] ? "replaced" : "dropped");
    strcpy(self->oid, oid);
    return 0;
}

#define LOCK_WAIT_MS 2000
#define LOCK_LOOK_MS 50
#define LOCK_CLASS   "1953656693" /* "trou": advisory locks belong to all users of the database */

static int say_who(tr_pg_session_t *self, tr_error_t *error) {
    char who[128] = "";
    int r = ask(self,
        "SELECT format('%s (%s), server process %s', application_name, coalesce(host(client_addr), 'local'), "
        "pid) "
        "FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted AND "
        "classid = " LOCK_CLASS " AND objid = '@'::regclass::oid AND objsubid = 1",
        who, sizeof who, error);
    if (r != 0)
        return r;
    return tr_error_set(error, -EBUSY,
        "PostgreSQL journal, table %s is in use by %s: end that one first, or give each broker a table of "
        "its own",
        self->table, who[0] ? who : "another process");
}

/* A server may need a moment to notice that the client of a session is gone: who comes right after it waits. */
static int take_lock(tr_pg_session_t *self, tr_error_t *error) {
    static const char sql[] =
        "SELECT pg_try_advisory_lock((" LOCK_CLASS "::bigint << 32) + '@'::regclass::oid::bigint)";
    char got[8];
    int r = ask(self, sql, got, sizeof got, error);
    for (int ms = 0; r == 0 && got[0] != 't' && ms < LOCK_WAIT_MS; ms += LOCK_LOOK_MS) {
        poll(NULL, 0, LOCK_LOOK_MS);
        r = ask(self, sql, got, sizeof got, error);
    }
    return r == 0 && got[0] != 't' ? say_who(self, error) : r;
}

/* The row with the empty key, which nobody else can use. */
static int check_version(tr_pg_session_t *self, tr_error_t *error) {
    char version[64];
    int r = ask(self, "SELECT encode(value, 'escape') FROM @ WHERE key = ''", version, sizeof version, error);
    if (r == 0 && strcmp(version, VERSION) != 0)
        return tr_error_set(error, -EINVAL,
            "PostgreSQL journal, table %s: %s%s%s (this version of Troupe writes \"" VERSION "\")",
            self->table, version[0] ? "it is \"" : "it is no journal", version, version[0] ? "\"" : "");
    return r;
}

static int prepare(tr_pg_session_t *self, tr_error_t *error) {
    static const char *const statements[][2] = {
        {TR_PG_PUT, "INSERT INTO @ VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"},
        {TR_PG_DELETE, "DELETE FROM @ WHERE key = $1"},
        {TR_PG_RANGE, "DELETE FROM @ WHERE key >= $1 AND key < $2 AND key <> ''"},
        {TR_PG_LAZY, "SELECT set_config('synchronous_commit', 'off', true)"},
        {TR_PG_TOUCH, "UPDATE @ SET value = value WHERE key = ''"},
        {TR_PG_SCAN, "SELECT key, value FROM @ WHERE key >= $1 AND key < $2 AND key <> '' ORDER BY key "
                     "LIMIT $3::int4"},
        {TR_PG_TAIL, "SELECT key, value FROM @ WHERE key >= $1 AND key <> '' ORDER BY key LIMIT $2::int4"},
        {TR_PG_STAT, "SELECT pg_total_relation_size('@'), reltuples::bigint FROM pg_class WHERE oid = "
                     "'@'::regclass"},
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        char sql[SQL_MAX];
        expand(sql, statements[i][1], self->table);
        PGresult *result = PQprepare(self->link.connection, statements[i][0], sql, 0, NULL);
        int r =
            PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : tr_pg_link_explain(&self->link, result, error);
        PQclear(result);
        if (r != 0)
            return r;
    }
    return 0;
}

int tr_pg_session_open(tr_pg_session_t *self, tr_error_t *error) {
    static int (*const steps[])(tr_pg_session_t *, tr_error_t *) = {
        connect_to_server, set_up, find_table, take_lock, check_version, prepare};
    tr_pg_link_close(&self->link);
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof steps / sizeof *steps; i++)
        r = steps[i](self, error);
    if (r == 0 && PQsetnonblocking(self->link.connection, 1) < 0)
        r = tr_pg_link_explain(&self->link, NULL, error);
    if (r != 0)
        tr_pg_link_close(&self->link);
    self->link.warned = false;
    return r;
}
