/* The port of SQLite. */
#include "lib/store/sql.h"
#include "lib/store/sqlite_file.h"

#include <errno.h>
#include <stdlib.h>

typedef struct lite {
    tr_sql_t base;
    sqlite3 *db;
    sqlite3_stmt **statements;
    size_t count;
} lite_t;

static sqlite3_stmt *of(tr_sql_t *self, size_t statement) {
    return ((lite_t *)self)->statements[statement];
}

static void note_failure(tr_sql_t *self) {
    sqlite3 *db = ((lite_t *)self)->db;
    tr_sql_fail(self, sqlite3_errcode(db) == SQLITE_NOMEM ? -ENOMEM : -EIO, sqlite3_errmsg(db));
}

static void execute(tr_sql_t *self, const char *sql) {
    if (!self->failed && sqlite3_exec(((lite_t *)self)->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        note_failure(self);
}

static void lite_begin(tr_sql_t *self) {
    self->failed = 0;
    execute(self, "BEGIN IMMEDIATE");
}

/* What has failed is taken back, so that the next one may begin. */
static int lite_commit(tr_sql_t *self, tr_error_t *error) {
    execute(self, "COMMIT");
    if (!self->failed)
        return 0;
    sqlite3_exec(((lite_t *)self)->db, "ROLLBACK", NULL, NULL, NULL); /* it may be over already, ignoring */
    return tr_error_set(error, self->failed, "%s", self->why);
}

static void bind_int(tr_sql_t *self, size_t statement, int at, int64_t value) {
    sqlite3_bind_int64(of(self, statement), at, value);
}

static void bind_text(tr_sql_t *self, size_t statement, int at, const char *text) {
    tr_sqlite_bind_text(of(self, statement), at, text);
}

static void bind_blob(tr_sql_t *self, size_t statement, int at, const void *bytes, size_t len) {
    sqlite3_bind_blob64(of(self, statement), at, bytes, len, SQLITE_STATIC);
}

static void reset(tr_sql_t *self, size_t statement) {
    sqlite3_reset(of(self, statement));
    sqlite3_clear_bindings(of(self, statement));
}

static void run(tr_sql_t *self, size_t statement) {
    if (!self->failed && sqlite3_step(of(self, statement)) != SQLITE_DONE)
        note_failure(self);
    reset(self, statement);
}

static int step(tr_sql_t *self, size_t statement) {
    int code = sqlite3_step(of(self, statement));
    return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : code == SQLITE_NOMEM ? -ENOMEM : -EIO;
}

static int64_t get_int(tr_sql_t *self, size_t statement, int column) {
    return sqlite3_column_int64(of(self, statement), column);
}

static const char *get_text(tr_sql_t *self, size_t statement, int column) {
    return tr_sqlite_text(of(self, statement), column);
}

/* An empty one is not NULL. */
static const void *get_blob(tr_sql_t *self, size_t statement, int column, size_t *ret_len) {
    sqlite3_stmt *s = of(self, statement);
    const void *bytes = sqlite3_column_blob(s, column);
    *ret_len = (size_t)sqlite3_column_bytes(s, column);
    return sqlite3_column_type(s, column) == SQLITE_NULL ? NULL : bytes ? bytes : "";
}

static void lite_close(tr_sql_t *self) {
    lite_t *lite = (lite_t *)self;
    tr_sqlite_close(&lite->db, lite->statements, lite->count);
    free(lite->statements);
    free(lite);
}

static const tr_sql_ops_t ops = {
    .name = "SQLite",
    .begin = lite_begin,
    .commit = lite_commit,
    .bind_int = bind_int,
    .bind_text = bind_text,
    .bind_blob = bind_blob,
    .run = run,
    .step = step,
    .reset = reset,
    .get_int = get_int,
    .get_text = get_text,
    .get_blob = get_blob,
    .close = lite_close,
};

int tr_sql_open_sqlite(
    const char *directory, const tr_sql_schema_t *schema, tr_sql_t **ret_sql, tr_error_t *error) {
    tr_sqlite_schema_t file = {.name = schema->name,
        .migrations = schema->migrations,
        .migration_count = schema->migration_count,
        .sql = schema->sql,
        .statement_count = schema->statement_count};
    lite_t *lite = calloc(1, sizeof *lite);
    if (lite)
        *lite = (lite_t){.base.ops = &ops,
            .count = schema->statement_count,
            .statements = calloc(schema->statement_count, sizeof(sqlite3_stmt *))};
    if (!lite || !lite->statements) {
        free(lite);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    int rc = tr_sqlite_open(directory, &file, &lite->db, lite->statements, error);
    if (rc < 0) {
        free(lite->statements);
        free(lite);
        return rc;
    }
    *ret_sql = &lite->base;
    return 0;
}
