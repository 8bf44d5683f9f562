#include "lib/store/states_sqlite.h"

#include "lib/store/sqlite_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOAD, PUT, FORGET, STATEMENTS };

static const char *const migrations[] = {
    "CREATE TABLE state (agent TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 1;",
};

static const char *const sql[STATEMENTS] = {
    [LOAD] = "SELECT bytes FROM state WHERE agent = ?",
    [PUT] = "INSERT INTO state VALUES (?, ?) ON CONFLICT (agent) DO UPDATE SET bytes = excluded.bytes",
    [FORGET] = "DELETE FROM state WHERE agent = ?",
};

typedef struct store {
    tr_states_t port;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    char file[160];
} store_t;

static store_t *of(tr_states_t *port) {
    return (store_t *)port;
}

static int copy(sqlite3_stmt *s, void **ret_bytes, size_t *ret_len) {
    const void *bytes = sqlite3_column_blob(s, 0);
    size_t len = (size_t)sqlite3_column_bytes(s, 0);
    void *own = malloc(len ? len : 1);
    if (!own)
        return -ENOMEM;
    if (len)
        memcpy(own, bytes, len);
    *ret_bytes = own;
    *ret_len = len;
    return 0;
}

static int load(tr_states_t *port, const char *agent, void **ret_bytes, size_t *ret_len, tr_error_t *error) {
    store_t *self = of(port);
    sqlite3_stmt *s = self->statements[LOAD];
    *ret_bytes = NULL;
    *ret_len = 0;
    tr_sqlite_bind_text(s, 1, agent);
    int code = sqlite3_step(s);
    int r = code == SQLITE_ROW    ? copy(s, ret_bytes, ret_len)
            : code == SQLITE_DONE ? 0
                                  : tr_sqlite_fail(self->db, self->file, error);
    if (r == -ENOMEM)
        tr_error_set(error, r, "%s: out of memory for the state of %s", self->file, agent);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return r;
}

static bool apply(store_t *self, const tr_state_change_t *change) {
    sqlite3_stmt *s = self->statements[change->bytes ? PUT : FORGET];
    tr_sqlite_bind_text(s, 1, change->agent);
    if (change->bytes)
        sqlite3_bind_blob64(s, 2, change->bytes, change->len, SQLITE_STATIC);
    bool well = sqlite3_step(s) == SQLITE_DONE;
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return well;
}

static bool run(store_t *self, const char *text) {
    return sqlite3_exec(self->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

static int save(tr_states_t *port, const tr_state_change_t *changes, size_t count, tr_error_t *error) {
    store_t *self = of(port);
    bool well = run(self, "BEGIN IMMEDIATE");
    for (size_t i = 0; well && i < count; i++)
        well = apply(self, &changes[i]);
    if (well && run(self, "COMMIT"))
        return 0;
    int r = tr_sqlite_fail(self->db, self->file, error);
    run(self, "ROLLBACK"); /* where SQLite has done that itself it says so, ignoring */
    return r;
}

static void close_store(tr_states_t *port) {
    store_t *self = of(port);
    tr_sqlite_close(&self->db, self->statements, STATEMENTS);
    free(self);
}

int tr_states_open_sqlite(
    const char *directory, const char *name, tr_states_t **ret_states, tr_error_t *error) {
    store_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    if (strlen(name) + sizeof ".db" > sizeof self->file) {
        free(self);
        return tr_error_set(error, -ENAMETOOLONG, "%.100s...: the name is too long", name);
    }
    self->port = (tr_states_t){.kind = "sqlite", .load = load, .save = save, .close = close_store};
    snprintf(self->file, sizeof self->file, "%s.db", name);
    const tr_sqlite_schema_t schema = {
        .name = self->file,
        .migrations = migrations,
        .migration_count = sizeof migrations / sizeof *migrations,
        .sql = sql,
        .statement_count = STATEMENTS,
    };
    int r = tr_sqlite_open(directory, &schema, &self->db, self->statements, error);
    if (r < 0) {
        free(self);
        return r;
    }
    *ret_states = &self->port;
    return 0;
}
