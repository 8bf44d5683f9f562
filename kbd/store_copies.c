#include "kbd/store_copies.h"

#include "kbd/stem.h"
#include "kbd/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool tr_kb_place_is_copy(const char *name) {
    return strchr(name, '@');
}

void tr_kb_place_base(const char *name, char *ret_ns) {
    size_t len = strcspn(name, "@");
    memcpy(ret_ns, name, len);
    ret_ns[len] = '\0';
}

/* A name has neither @ nor what comes behind it (A-Z do, but not as the first that is another one). */
int tr_kb_places_read(tr_kb_store_t *self, const char *ns, tr_kb_namespace_t **ret_places, size_t *ret_count,
    tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    tr_kb_namespace_t *places = NULL;
    size_t count = 0, len = strlen(ns);
    int step = SQLITE_DONE, rc = tr_kb_prepare(self,
                                "SELECT number, name, language, version, documents, chunks, dimensions FROM "
                                "namespace WHERE name = ?1"
                                " OR (name > ?1 AND name < ?1 || 'A' AND substr(name, ?2, 1) = '@')",
                                &s, error);
    if (rc == 0) {
        tr_sqlite_bind_text(s, 1, ns);
        sqlite3_bind_int64(s, 2, (sqlite3_int64)len + 1);
    }
    while (rc == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        tr_kb_namespace_t *grown = realloc(places, (count + 1) * sizeof *grown);
        if (!grown) {
            rc = tr_error_set(error, -ENOMEM, "out of memory");
            break;
        }
        places = grown;
        tr_kb_read_namespace(s, &places[count++]);
    }
    if (rc == 0)
        rc = tr_kb_end(self, s, step, error);
    sqlite3_finalize(s);
    if (rc < 0) {
        free(places);
        return rc;
    }
    *ret_places = places;
    *ret_count = count;
    return 0;
}

/* ---- when ---- */

int tr_kb_latest(
    tr_kb_store_t *self, const tr_kb_namespace_t *place, const char *id, int64_t *ret_ms, tr_error_t *error) {
    char ns[TR_KB_NAMESPACE_MAX + 1];
    sqlite3_stmt *s = self->statements[TR_SQL_LATEST];
    tr_kb_place_base(place->name, ns);
    sqlite3_bind_int64(s, 1, place->number);
    tr_sqlite_bind_text(s, 2, id);
    tr_sqlite_bind_text(s, 3, ns);
    int step = sqlite3_step(s);
    int64_t ms = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    int rc = tr_kb_end(self, s, step, error);
    if (rc == 0)
        *ret_ms = ms;
    return rc;
}

static void note_changed(void *arg, const tr_kb_document_t *d) {
    *(int64_t *)arg = d->changed_ms;
}

int tr_kb_remove_before(
    tr_kb_store_t *self, tr_kb_namespace_t *place, const char *id, int64_t at_ms, tr_error_t *error) {
    int64_t changed_ms = INT64_MAX;
    int rc = tr_kb_get(self, place, id, note_changed, &changed_ms, error);
    if (rc == 0 && changed_ms <= at_ms)
        rc = tr_kb_remove(self, place, id, error);
    return rc == -ENOENT ? 0 : rc;
}

/* ---- what is owed ---- */

int tr_kb_owe(tr_kb_store_t *self, uint64_t shard, const tr_kb_owed_t *owed, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[owed->compare ? TR_SQL_OWE_COMPARE : TR_SQL_OWE];
    sqlite3_bind_int64(s, 1, (sqlite3_int64)shard);
    tr_sqlite_bind_text(s, 2, owed->ns);
    tr_sqlite_bind_text(s, 3, owed->id);
    sqlite3_bind_int64(s, 4, owed->at_ms);
    return tr_kb_run(self, s, error);
}

int tr_kb_owed_read(
    tr_kb_store_t *self, uint64_t shard, size_t most, tr_kb_owed_fn each, void *arg, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_OWED];
    bool more = true;
    int step = SQLITE_DONE;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)shard);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)most);
    while (more && (step = sqlite3_step(s)) == SQLITE_ROW)
        more = each(arg, &(tr_kb_owed_t){.number = sqlite3_column_int64(s, 0),
                             .ns = tr_sqlite_text(s, 1),
                             .id = tr_sqlite_text(s, 2),
                             .at_ms = sqlite3_column_int64(s, 3),
                             .compare = sqlite3_column_int(s, 4)});
    return tr_kb_end(self, s, step, error);
}

static int read_number(tr_kb_store_t *self, sqlite3_stmt *s, int64_t *ret_number, tr_error_t *error) {
    int step = sqlite3_step(s);
    int64_t number = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0; /* NULL is 0 */
    int rc = tr_kb_end(self, s, step, error);
    if (rc == 0)
        *ret_number = number;
    return rc;
}

int tr_kb_owed_first(tr_kb_store_t *self, uint64_t shard, int64_t *ret_number, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_OWED_FIRST];
    sqlite3_bind_int64(s, 1, (sqlite3_int64)shard);
    return read_number(self, s, ret_number, error);
}

int tr_kb_owed_last(tr_kb_store_t *self, int64_t *ret_number, tr_error_t *error) {
    return read_number(self, self->statements[TR_SQL_OWED_LAST], ret_number, error);
}

int tr_kb_owed_paid(tr_kb_store_t *self, int64_t number, bool wanted, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[wanted ? TR_SQL_OWED_WANTED : TR_SQL_OWED_PAID];
    sqlite3_bind_int64(s, 1, number);
    return tr_kb_run(self, s, error);
}

int tr_kb_owed_forget(tr_kb_store_t *self, const char *ns, const char *id, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    int rc =
        tr_kb_prepare(self, "DELETE FROM owed WHERE namespace = ?1 AND (?2 IS NULL OR id = ?2)", &s, error);
    if (rc == 0) {
        tr_sqlite_bind_text(s, 1, ns);
        tr_sqlite_bind_text(s, 2, id); /* NULL is NULL */
        rc = tr_kb_run(self, s, error);
    }
    sqlite3_finalize(s);
    return rc;
}
