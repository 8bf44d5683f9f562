/* Vectors that a model server was paid for, by what they were made of: store.h. */
#include "kbd/store_private.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define HASH        32u
#define RECALL_MOST 500000 /* vectors; the oldest go */

/* A statement whose first parameter is the hash of the two. Finalize it. */
static int prepare(tr_kb_store_t *self, const char *sql, const char *model, const char *text,
    sqlite3_stmt **ret, tr_error_t *error) {
    unsigned char hash[HASH];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, HASH);
    crypto_generichash_update(&state, (const unsigned char *)model, strlen(model) + 1);
    crypto_generichash_update(&state, (const unsigned char *)text, strlen(text));
    crypto_generichash_final(&state, hash, HASH);
    int rc = tr_kb_prepare(self, sql, ret, error);
    if (rc == 0)
        sqlite3_bind_blob(*ret, 1, hash, sizeof hash, SQLITE_TRANSIENT);
    return rc;
}

int tr_kb_recall_open(tr_kb_store_t *self, tr_error_t *error) {
    return tr_kb_execute(self, error,
        "CREATE TABLE IF NOT EXISTS recall (number INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL "
        "UNIQUE, vector BLOB NOT NULL)");
}

int tr_kb_recall(tr_kb_store_t *self, const char *model, const char *text, float *ret_vector,
    size_t dimensions, bool *ret_known, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    int rc = prepare(self, "SELECT vector FROM recall WHERE hash = ?", model, text, &s, error);
    if (rc < 0)
        return rc;
    int step = sqlite3_step(s);
    size_t size = dimensions * sizeof *ret_vector;
    *ret_known = step == SQLITE_ROW && (size_t)sqlite3_column_bytes(s, 0) == size;
    if (*ret_known)
        memcpy(ret_vector, sqlite3_column_blob(s, 0), size);
    rc = tr_kb_end(self, s, step, error);
    sqlite3_finalize(s);
    return rc;
}

static int forget_oldest(tr_kb_store_t *self, tr_error_t *error) {
    return tr_kb_execute(
        self, error, "DELETE FROM recall WHERE number <= (SELECT max(number) FROM recall) - %d", RECALL_MOST);
}

int tr_kb_recall_put(tr_kb_store_t *self, const char *model, const char *text, const float *vector,
    size_t dimensions, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    int rc =
        prepare(self, "INSERT OR REPLACE INTO recall (hash, vector) VALUES (?, ?)", model, text, &s, error);
    if (rc < 0)
        return rc;
    sqlite3_bind_blob64(s, 2, vector, dimensions * sizeof *vector, SQLITE_STATIC);
    rc = tr_kb_run(self, s, error);
    sqlite3_finalize(s);
    return rc < 0 ? rc : forget_oldest(self, error);
}
