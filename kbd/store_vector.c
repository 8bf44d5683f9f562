/* Vectors in the store, and which chunks have none. Indexes are made of them, and may be thrown away. */
#include "kbd/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_model(tr_kb_store_t *self, const char *model, bool *ret_same, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    int rc = tr_kb_prepare(self, "SELECT value = ? FROM setting WHERE name = 'model'", &s, error);
    if (rc == 0) {
        tr_sqlite_bind_text(s, 1, model);
        int step = sqlite3_step(s);
        *ret_same = step == SQLITE_ROW && sqlite3_column_int(s, 0);
        rc = tr_kb_end(self, s, step, error);
    }
    sqlite3_finalize(s);
    return rc;
}

int tr_kb_model_set(tr_kb_store_t *self, const char *model, tr_error_t *error) {
    bool same = false;
    int rc = read_model(self, model, &same, error);
    if (rc < 0 || same)
        return rc;
    char *quoted = sqlite3_mprintf("%Q", model);
    rc =
        !quoted
            ? tr_error_set(error, -ENOMEM, "out of memory")
            : tr_kb_execute(self, error,
                  "BEGIN IMMEDIATE; INSERT OR REPLACE INTO setting VALUES ('model', %s);"
                  "INSERT OR IGNORE INTO stale SELECT c.number, d.namespace FROM chunk c JOIN document d"
                  " ON d.number = c.document JOIN namespace n ON n.number = d.namespace AND n.dimensions = 0;"
                  "DELETE FROM vector WHERE chunk IN (SELECT chunk FROM stale); COMMIT",
                  quoted);
    sqlite3_free(quoted);
    return rc;
}

int tr_kb_stale(tr_kb_store_t *self, size_t most, tr_kb_stale_fn each, void *arg, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_STALE_NEXT];
    bool more = true;
    int step = SQLITE_DONE;
    sqlite3_bind_int64(s, 1, (int64_t)most);
    while (more && (step = sqlite3_step(s)) == SQLITE_ROW) {
        tr_kb_stale_t stale = {sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), tr_sqlite_text(s, 2),
            tr_sqlite_text(s, 3), sqlite3_column_blob(s, 4), (size_t)sqlite3_column_bytes(s, 4)};
        more = each(arg, &stale);
    }
    return tr_kb_end(self, s, step, error);
}

static int run_on(tr_kb_store_t *self, tr_kb_sql_t statement, int64_t chunk, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[statement];
    sqlite3_bind_int64(s, 1, chunk);
    return tr_kb_run(self, s, error);
}

/* Whose vector it is. */
static int tell_change(tr_kb_store_t *self, int64_t chunk, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_CHUNK_WHOSE];
    if (!self->changed)
        return 0;
    sqlite3_bind_int64(s, 1, chunk);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW)
        tr_kb_tell_change(self, tr_sqlite_text(s, 0), tr_sqlite_text(s, 1), false);
    return tr_kb_end(self, s, step, error);
}

int tr_kb_vector_put(
    tr_kb_store_t *self, int64_t chunk, const float *vector, size_t dimensions, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_VECTOR_PUT];
    int64_t document = 0;
    int rc = tr_kb_document_of(self, chunk, &document, error);
    if (rc == 0 && !document)
        return -ENOENT;
    if (rc == 0)
        rc = run_on(self, TR_SQL_STALE_DROP, chunk, error);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(s, 1, chunk);
    sqlite3_bind_blob64(s, 2, vector, dimensions * sizeof *vector, SQLITE_STATIC);
    rc = tr_kb_run(self, s, error);
    return rc < 0 ? rc : tell_change(self, chunk, error);
}

int tr_kb_vectors_read(
    tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_kb_vector_fn each, void *arg, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_VECTORS];
    int rc = 0, step = SQLITE_DONE;
    sqlite3_bind_int64(s, 1, ns->number);
    while (rc == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        rc = each(arg, sqlite3_column_int64(s, 0), sqlite3_column_blob(s, 1),
            (size_t)sqlite3_column_bytes(s, 1) / sizeof(float));
    int ended = tr_kb_end(self, s, step, error);
    return rc < 0 ? tr_error_set(error, rc, "the vectors of %s cannot be read: %s", ns->name, strerror(-rc))
                  : ended;
}

int tr_kb_chunks_between(tr_kb_store_t *self, int64_t ns, int64_t from, int64_t to, tr_kb_number_fn each,
    void *arg, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_CHUNK_RANGE];
    int rc = 0, step = SQLITE_DONE;
    sqlite3_bind_int64(s, 1, from);
    sqlite3_bind_int64(s, 2, to);
    sqlite3_bind_int64(s, 3, ns);
    while (rc == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        rc = each(arg, sqlite3_column_int64(s, 0));
    int ended = tr_kb_end(self, s, step, error);
    return rc < 0 ? tr_error_set(error, rc, "vectors cannot be read: %s", strerror(-rc)) : ended;
}

int tr_kb_vector_get(tr_kb_store_t *self, int64_t chunk, tr_kb_vector_fn got, void *arg, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_VECTOR_GET];
    sqlite3_bind_int64(s, 1, chunk);
    int step = sqlite3_step(s);
    int rc = step == SQLITE_ROW ? got(arg, chunk, sqlite3_column_blob(s, 0),
                                      (size_t)sqlite3_column_bytes(s, 0) / sizeof(float))
                                : 0;
    int ended = tr_kb_end(self, s, step, error);
    return rc < 0 ? rc : ended;
}

int tr_kb_last_chunk(tr_kb_store_t *self, int64_t *ret_chunk, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_CHUNK_LAST];
    int step = sqlite3_step(s);
    *ret_chunk = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    return tr_kb_end(self, s, step, error);
}

int tr_kb_pending(tr_kb_store_t *self, int64_t ns, uint64_t *ret_count, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_PENDING];
    sqlite3_bind_int64(s, 1, ns);
    int step = sqlite3_step(s);
    *ret_count = step == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
    return tr_kb_end(self, s, step, error);
}

int tr_kb_passing(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_filter_t *filter,
    tr_kb_chunk_fn each, void *arg, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    char *sql =
        sqlite3_mprintf("SELECT c.number, d.number FROM document d JOIN chunk c ON c.document = d.number"
                        " WHERE d.namespace = ? AND %s",
            tr_filter_sql(filter));
    int step = SQLITE_DONE,
        rc = sql ? tr_kb_prepare(self, sql, &s, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0) {
        sqlite3_bind_int64(s, 1, ns->number);
        tr_filter_bind(filter, s, 2);
        while (rc == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
            rc = each(arg, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1));
        int ended = tr_kb_end(self, s, step, error);
        rc = rc < 0 ? tr_error_set(error, rc, "the filter cannot be followed: %s", strerror(-rc)) : ended;
    }
    sqlite3_finalize(s);
    sqlite3_free(sql);
    return rc;
}

/* ---- gates ---- */

struct tr_kb_gate {
    tr_kb_store_t *store;
    const tr_filter_t *filter;
    sqlite3_stmt *statement;
};

int tr_kb_gate_open(
    tr_kb_store_t *store, const tr_filter_t *filter, tr_kb_gate_t **ret_gate, tr_error_t *error) {
    tr_kb_gate_t *self = calloc(1, sizeof *self);
    char *sql =
        sqlite3_mprintf("SELECT 1 FROM document d WHERE d.number = ? AND (%s)", tr_filter_sql(filter));
    int rc = self && sql ? tr_kb_prepare(store, sql, &self->statement, error)
                         : tr_error_set(error, -ENOMEM, "out of memory");
    sqlite3_free(sql);
    if (rc < 0) {
        free(self);
        return rc;
    }
    self->store = store;
    self->filter = filter;
    *ret_gate = self;
    return 0;
}

int tr_kb_gate_passes(tr_kb_gate_t *self, int64_t document, bool *ret_passes, tr_error_t *error) {
    sqlite3_bind_int64(self->statement, 1, document);
    tr_filter_bind(self->filter, self->statement, 2);
    int step = sqlite3_step(self->statement);
    *ret_passes = step == SQLITE_ROW;
    return tr_kb_end(self->store, self->statement, step, error);
}

void tr_kb_gate_close(tr_kb_gate_t **self) {
    if (*self) {
        sqlite3_finalize((*self)->statement);
        free(*self);
    }
    *self = NULL;
}
