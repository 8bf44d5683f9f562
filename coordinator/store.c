#include "coordinator/store_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What brings a file from each version to the next. */
static const char *const migrations[] = {
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
};

/* The columns as `take` reads them. */
#define COLUMNS                                                                                              \
    "id, key, description, skills, needs, input, language, priority, tries_max, created_ms, deadline_ms, "   \
    "timeout_ms,"                                                                                            \
    " state, changed_ms, due_ms, tries, agent, reason, result, number, way"

static const char *const sql[STATEMENTS] = {
    [INSERT] = "INSERT INTO task (id, key, description, skills, needs, input, language, priority, tries_max, "
               "created_ms,"
               " deadline_ms, timeout_ms, state, changed_ms, due_ms, tries, agent, reason, result, way)"
               " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [UPDATE] =
        "UPDATE task SET state = ?, changed_ms = ?, due_ms = ?, tries = ?, agent = ?, reason = ?, result = ?"
        " WHERE id = ?",
    [REMEMBER] = "INSERT INTO history VALUES (?,?,?,?,?,?)",
    [BY_ID] = "SELECT " COLUMNS " FROM task WHERE id = ?",
    [STATE_OF] = "SELECT state FROM task WHERE id = ?",
    [BY_KEY] = "SELECT id FROM task WHERE key = ?",
    [LIST] = "SELECT " COLUMNS " FROM task WHERE (?1 < 0 OR state = ?1) AND (?2 = 0 OR number < ?2)"
             " ORDER BY number DESC LIMIT ?3",
    [HISTORY] = "SELECT at_ms, state, tries, agent, reason FROM history WHERE task = ? ORDER BY rowid",
    [COUNT] = "SELECT state, count(*) FROM task GROUP BY state",
    [OPEN] = "SELECT " COLUMNS " FROM task WHERE state < ? ORDER BY number",
    [NEW_DECISION] = "INSERT INTO decision (id, key, state, told) VALUES (?,?,?,?)",
    [MOVE_DECISION] = "UPDATE decision SET state = ?, told = ? WHERE id = ?",
    [ADD_EVENT] = "INSERT INTO decision_event VALUES (?,?,?,?,?)",
    [EVENTS] = "SELECT at_ms, what, who, value FROM decision_event WHERE decision = ? ORDER BY rowid",
    [OPEN_DECISIONS] = "SELECT id FROM decision WHERE state < ? ORDER BY number",
    [DECISION_KEY] = "SELECT id FROM decision WHERE key = ?",
    [LIST_DECISIONS] = "SELECT number, told FROM decision WHERE (?1 < 0 OR state = ?1)"
                       " AND (?2 = 0 OR number < ?2) ORDER BY number DESC LIMIT ?3",
    [ADD_RECORD] =
        "INSERT INTO record VALUES (?,?,?)"
        " ON CONFLICT (voter) DO UPDATE SET hits = hits + excluded.hits, misses = misses + excluded.misses",
    [RECORD] = "SELECT hits, misses FROM record WHERE voter = ?",
};

/* ---- opening ---- */

static const tr_sqlite_schema_t schema = {
    .name = "tasks.db",
    .migrations = migrations,
    .migration_count = sizeof migrations / sizeof *migrations,
    .sql = sql,
    .statement_count = STATEMENTS,
};

int tr_store_open(const char *directory, tr_store_t **ret_store, tr_error_t *error) {
    tr_store_t *self = *ret_store = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int rc = tr_sqlite_open(directory, &schema, &self->db, self->statements, error);
    if (rc < 0)
        tr_store_close(ret_store);
    return rc;
}

void tr_store_close(tr_store_t **self) {
    if (!*self)
        return;
    tr_sqlite_close(&(*self)->db, (*self)->statements, STATEMENTS);
    free(*self);
    *self = NULL;
}

/* ---- writing ---- */

static void remember_failure(tr_store_t *self) {
    if (self->failed)
        return;
    self->failed = sqlite3_extended_errcode(self->db);
    snprintf(self->why, sizeof self->why, "%s", sqlite3_errmsg(self->db));
}

static void execute(tr_store_t *self, const char *text) {
    if (!self->failed && sqlite3_exec(self->db, text, NULL, NULL, NULL) != SQLITE_OK)
        remember_failure(self);
}

void tr_store_run(tr_store_t *self, sqlite3_stmt *s) {
    if (!self->failed && sqlite3_step(s) != SQLITE_DONE)
        remember_failure(self);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
}

/* The texts with spaces between: names have none. Freed by SQLite. */
static void bind_texts(sqlite3_stmt *s, int at, const char *const *texts, size_t count) {
    size_t len = 1;
    for (size_t i = 0; i < count; i++)
        len += strlen(texts[i]) + 1;
    char *joined = sqlite3_malloc64(len), *end = joined;
    if (!joined)
        return; /* the column is NOT NULL: the insert fails */
    *joined = '\0';
    for (size_t i = 0; i < count; i++)
        end = stpcpy(i ? stpcpy(end, " ") : end, texts[i]);
    sqlite3_bind_text(s, at, joined, -1, sqlite3_free);
}

static void add_history(tr_store_t *self, const tr_task_t *task) {
    sqlite3_stmt *s = self->statements[REMEMBER];
    tr_sqlite_bind_text(s, 1, task->id);
    sqlite3_bind_int64(s, 2, task->changed_ms);
    sqlite3_bind_int(s, 3, (int)task->state);
    sqlite3_bind_int64(s, 4, task->tries);
    tr_sqlite_bind_text(s, 5, *task->agent ? task->agent : NULL);
    tr_sqlite_bind_text(s, 6, task->reason);
    tr_store_run(self, s);
}

void tr_store_begin(tr_store_t *self) {
    self->failed = 0;
    execute(self, "BEGIN IMMEDIATE");
}

void tr_store_add(tr_store_t *self, const tr_task_t *task) {
    sqlite3_stmt *s = self->statements[INSERT];
    const int64_t numbers[] = {task->priority, task->tries_max, task->created_ms, task->deadline_ms,
        task->timeout_ms, task->state, task->changed_ms, task->due_ms, task->tries};
    tr_sqlite_bind_text(s, 1, task->id);
    tr_sqlite_bind_text(s, 2, task->key);
    tr_sqlite_bind_text(s, 3, task->description);
    bind_texts(s, 4, task->skills, task->skill_count);
    bind_texts(s, 5, task->needs, task->need_count);
    sqlite3_bind_blob64(s, 6, task->input, task->input_len, SQLITE_STATIC);
    tr_sqlite_bind_text(s, 7, task->language);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sqlite3_bind_int64(s, 8 + (int)i, numbers[i]);
    tr_sqlite_bind_text(s, 17, task->agent);
    tr_sqlite_bind_text(s, 18, task->reason);
    sqlite3_bind_blob64(s, 19, task->result, task->result_len, SQLITE_STATIC);
    sqlite3_bind_int(s, 20, (int)task->way);
    tr_store_run(self, s);
    add_history(self, task);
}

void tr_store_update(tr_store_t *self, const tr_task_t *task) {
    sqlite3_stmt *s = self->statements[UPDATE];
    sqlite3_bind_int(s, 1, (int)task->state);
    sqlite3_bind_int64(s, 2, task->changed_ms);
    sqlite3_bind_int64(s, 3, task->due_ms);
    sqlite3_bind_int64(s, 4, task->tries);
    tr_sqlite_bind_text(s, 5, task->agent);
    tr_sqlite_bind_text(s, 6, task->reason);
    sqlite3_bind_blob64(s, 7, task->result, task->result_len, SQLITE_STATIC);
    tr_sqlite_bind_text(s, 8, task->id);
    tr_store_run(self, s);
    add_history(self, task);
}

int tr_store_commit(tr_store_t *self, tr_error_t *error) {
    execute(self, "COMMIT");
    return self->failed ? tr_error_set(error, -EIO, "tasks.db: %s", self->why) : 0;
}

/* ---- reading ---- */

/* Splits a copy in place; -1 when out of memory. */
static ssize_t split(const char *joined, char **ret_copy, const char ***ret_texts) {
    size_t count = 0;
    char *copy = strdup(joined ? joined : ""), *rest = copy, *word;
    const char **texts = copy ? calloc(strlen(copy) / 2 + 1, sizeof *texts) : NULL;
    *ret_copy = copy;
    *ret_texts = texts;
    if (!texts)
        return -1;
    while ((word = strsep(&rest, " ")))
        if (*word)
            texts[count++] = word;
    return (ssize_t)count;
}

static bool take_state(sqlite3_stmt *s, tr_task_t *t) {
    int state = sqlite3_column_int(s, 12);
    t->state = state >= 0 && state < TR_TASK_STATES ? (tr_task_state_t)state : TR_TASK_FAILED;
    t->changed_ms = sqlite3_column_int64(s, 13);
    t->tries = (uint32_t)sqlite3_column_int64(s, 15);
    snprintf(t->agent, sizeof t->agent, "%s", tr_sqlite_text(s, 16) ? tr_sqlite_text(s, 16) : "");
    const void *result = sqlite3_column_blob(s, 18);
    bool there = sqlite3_column_type(s, 18) != SQLITE_NULL;
    return tr_task_set_reason(t, tr_sqlite_text(s, 17)) &&
           (!there || tr_task_set_result(t, result, (size_t)sqlite3_column_bytes(s, 18)));
}

/* The row as a task; NULL when out of memory. */
static tr_task_t *take(sqlite3_stmt *s) {
    char *skill_text, *need_text = NULL;
    const char **skills, **needs = NULL;
    ssize_t skill_count = split(tr_sqlite_text(s, 3), &skill_text, &skills);
    ssize_t need_count = skill_count < 0 ? -1 : split(tr_sqlite_text(s, 4), &need_text, &needs);
    tr_task_wish_t wish = {
        .id = tr_sqlite_text(s, 0),
        .key = tr_sqlite_text(s, 1),
        .description = tr_sqlite_text(s, 2),
        .skills = skills,
        .needs = needs,
        .skill_count = (size_t)skill_count,
        .need_count = (size_t)need_count,
        .input = sqlite3_column_blob(s, 5),
        .input_len = (size_t)sqlite3_column_bytes(s, 5),
        .language = tr_sqlite_text(s, 6),
        .priority = (uint32_t)sqlite3_column_int64(s, 7),
        .tries_max = (uint32_t)sqlite3_column_int64(s, 8),
        .created_ms = sqlite3_column_int64(s, 9),
        .deadline_ms = sqlite3_column_int64(s, 10),
        .timeout_ms = sqlite3_column_int64(s, 11),
        .due_ms = sqlite3_column_int64(s, 14),
        .way = sqlite3_column_int(s, 20) == TR_TASK_CONTRACT_NET ? TR_TASK_CONTRACT_NET : TR_TASK_DIRECT,
    };
    tr_task_t *task = need_count < 0 || !wish.id ? NULL : tr_task_new(&wish);
    if (task && !take_state(s, task))
        tr_task_destroy(&task);
    free(skill_text);
    free(need_text);
    free(skills);
    free(needs);
    return task;
}

int tr_store_end(sqlite3_stmt *s, int step) {
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return step == SQLITE_DONE || step == SQLITE_ROW ? 0 : step == SQLITE_NOMEM ? -ENOMEM : -EIO;
}

int tr_store_restore(tr_store_t *self, tr_store_each_fn each, void *arg, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[OPEN];
    int rc = 0, step;
    sqlite3_bind_int(s, 1, TR_TASK_COMPLETED);
    while ((step = sqlite3_step(s)) == SQLITE_ROW && rc == 0) {
        tr_task_t *task = take(s);
        rc = task ? each(arg, task) : -ENOMEM;
        if (rc < 0)
            tr_task_destroy(&task);
    }
    int ended = tr_store_end(s, step);
    rc = rc < 0 ? rc : ended;
    return rc < 0 ? tr_error_set(error, rc, "the tasks cannot be read: %s",
                        ended < 0 ? sqlite3_errmsg(self->db) : strerror(-rc))
                  : 0;
}

int tr_store_load(tr_store_t *self, const char *id, tr_task_t **ret_task) {
    sqlite3_stmt *s = self->statements[BY_ID];
    tr_sqlite_bind_text(s, 1, id);
    int step = sqlite3_step(s), rc = 0;
    if (step == SQLITE_ROW)
        rc = (*ret_task = take(s)) ? 0 : -ENOMEM;
    int ended = tr_store_end(s, step);
    return ended < 0 ? ended : step == SQLITE_DONE ? -ENOENT : rc;
}

int tr_store_state(tr_store_t *self, const char *id) {
    sqlite3_stmt *s = self->statements[STATE_OF];
    tr_sqlite_bind_text(s, 1, id);
    int step = sqlite3_step(s), state = step == SQLITE_ROW ? sqlite3_column_int(s, 0) : -ENOENT;
    int ended = tr_store_end(s, step);
    return ended < 0 ? ended : state;
}

int tr_store_find(tr_store_t *self, size_t statement, const char *key, char *id) {
    sqlite3_stmt *s = self->statements[statement];
    tr_sqlite_bind_text(s, 1, key);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW)
        snprintf(id, TR_TASK_ID_MAX + 1, "%s", tr_sqlite_text(s, 0));
    int ended = tr_store_end(s, step);
    return ended < 0 ? ended : step == SQLITE_ROW ? 0 : -ENOENT;
}

int tr_store_find_key(tr_store_t *self, const char *key, char *id) {
    return tr_store_find(self, BY_KEY, key, id);
}

int tr_store_list(
    tr_store_t *self, int state, int64_t before, size_t most, tr_store_listed_fn listed, void *arg) {
    sqlite3_stmt *s = self->statements[LIST];
    bool more = true;
    int step;
    sqlite3_bind_int(s, 1, state);
    sqlite3_bind_int64(s, 2, before);
    sqlite3_bind_int64(s, 3, (int64_t)most);
    while (more && (step = sqlite3_step(s)) == SQLITE_ROW) {
        tr_task_t *task = take(s);
        if (!task) {
            tr_store_end(s, step);
            return -ENOMEM;
        }
        more = listed(arg, task, sqlite3_column_int64(s, 19));
        tr_task_destroy(&task);
    }
    return tr_store_end(s, more ? step : SQLITE_DONE);
}

int tr_store_history(tr_store_t *self, const char *id, tr_store_event_fn event, void *arg) {
    sqlite3_stmt *s = self->statements[HISTORY];
    int step;
    tr_sqlite_bind_text(s, 1, id);
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        int state = sqlite3_column_int(s, 1);
        tr_store_event_t e = {
            .at_ms = sqlite3_column_int64(s, 0),
            .state = state >= 0 && state < TR_TASK_STATES ? (tr_task_state_t)state : TR_TASK_FAILED,
            .tries = (uint32_t)sqlite3_column_int64(s, 2),
            .agent = tr_sqlite_text(s, 3),
            .reason = tr_sqlite_text(s, 4),
        };
        event(arg, &e);
    }
    return tr_store_end(s, step);
}

int tr_store_count(tr_store_t *self, uint64_t counts[TR_TASK_STATES]) {
    sqlite3_stmt *s = self->statements[COUNT];
    int step;
    memset(counts, 0, TR_TASK_STATES * sizeof *counts);
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        int state = sqlite3_column_int(s, 0);
        if (state >= 0 && state < TR_TASK_STATES)
            counts[state] = (uint64_t)sqlite3_column_int64(s, 1);
    }
    return tr_store_end(s, step);
}
