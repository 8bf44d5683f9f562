/* Documents and their chunks in the store. */
#include "kbd/store_private.h"

#include "lib/base/map.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH 16u /* bytes of BLAKE2b */

/* One that is replaced. */
typedef struct old {
    int64_t number; /* 0 = there is none */
    unsigned char hash[HASH];
    size_t chunks;
} old_t;

typedef struct put {
    tr_kb_store_t *store;
    tr_kb_namespace_t *ns;
    const tr_kb_document_t *document;
    const tr_chunk_t *chunks;
    size_t count;
    unsigned char hash[HASH];
    int64_t number;
    tr_map_t kept; /* chunks of the old one, by their hashes */
    tr_kb_change_t change;
    tr_error_t *error;
} put_t;

/* ---- hashes ---- */

static void mix(crypto_generichash_state *state, const char *bytes, size_t len) {
    uint64_t n = len; /* so that the border between two texts counts */
    crypto_generichash_update(state, (const unsigned char *)&n, sizeof n);
    crypto_generichash_update(state, (const unsigned char *)bytes, len);
}

static void mix_text(crypto_generichash_state *state, const char *text) {
    mix(state, text ? text : "", text ? strlen(text) : 0);
}

/* Hashes from before there were any stay valid. */
static void mix_vector(crypto_generichash_state *state, const put_t *self) {
    if (self->document->vector)
        mix(state, (const char *)self->document->vector, self->ns->dimensions * sizeof(float));
}

static void hash_document(put_t *self) {
    const tr_kb_document_t *d = self->document;
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, HASH);
    mix_text(&state, d->title);
    mix_text(&state, d->source);
    mix_text(&state, d->format);
    mix_text(&state, d->taint);
    mix_text(&state, d->metadata);
    mix(&state, d->text, d->text_len);
    mix_vector(&state, self);
    crypto_generichash_final(&state, self->hash, HASH);
}

static void hash_chunk(const put_t *self, const tr_chunk_t *chunk, unsigned char *out) {
    const char *text = self->document->text;
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, HASH);
    mix_text(&state, self->document->title);
    mix(&state, text + chunk->heading, chunk->heading_length);
    mix(&state, text + chunk->offset, chunk->length);
    mix_vector(&state, self);
    crypto_generichash_final(&state, out, HASH);
}

/* ---- chunks ---- */

static int drop_row(tr_kb_store_t *self, tr_kb_sql_t statement, int64_t number, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[statement];
    sqlite3_bind_int64(s, 1, number);
    return tr_kb_run(self, s, error);
}

static int drop_chunk(tr_kb_store_t *self, int64_t number, tr_error_t *error) {
    tr_kb_name_forget(self, number);
    int rc = drop_row(self, TR_SQL_CHUNK_DROP, number, error);
    if (rc == 0)
        rc = drop_row(self, TR_SQL_STALE_DROP, number, error);
    return rc < 0 ? rc : drop_row(self, TR_SQL_VECTOR_DROP, number, error);
}

static int mark_stale(tr_kb_store_t *self, int64_t chunk, int64_t ns, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_STALE_ADD];
    sqlite3_bind_int64(s, 1, chunk);
    sqlite3_bind_int64(s, 2, ns);
    return tr_kb_run(self, s, error);
}

static int put_vector(
    tr_kb_store_t *self, int64_t chunk, const float *vector, size_t dimensions, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_VECTOR_PUT];
    sqlite3_bind_int64(s, 1, chunk);
    sqlite3_bind_blob64(s, 2, vector, dimensions * sizeof *vector, SQLITE_STATIC);
    return tr_kb_run(self, s, error);
}

/* The chunks of a document out of index and table, less those in `kept` (may be NULL). While its text is still there. */
static int drop_chunks(tr_kb_store_t *self, const tr_kb_namespace_t *ns, int64_t document, const char *title,
    const tr_map_t *kept, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_CHUNKS];
    int rc = 0, step;
    sqlite3_bind_int64(s, 1, document);
    while ((step = sqlite3_step(s)) == SQLITE_ROW && rc == 0) {
        int64_t number = sqlite3_column_int64(s, 0);
        const uint64_t *keep = kept ? tr_map_find(kept, sqlite3_column_blob(s, 1), HASH) : NULL;
        if (keep && *keep == (uint64_t)number)
            continue;
        tr_kb_indexed_t was = {number, title, tr_sqlite_text(s, 2), sqlite3_column_blob(s, 3),
            (size_t)sqlite3_column_bytes(s, 3)};
        rc = tr_kb_index_write(self, ns, &was, true, error);
        if (rc == 0)
            rc = drop_chunk(self, number, error);
    }
    int ended = tr_kb_end(self, s, step, rc < 0 ? NULL : error);
    return rc < 0 ? rc : ended;
}

static int add_chunk(put_t *self, size_t place, const unsigned char *hash) {
    const tr_chunk_t *chunk = &self->chunks[place];
    const char *text = self->document->text;
    sqlite3_stmt *s = self->store->statements[TR_SQL_CHUNK_ADD];
    char *heading = chunk->heading_length ? strndup(text + chunk->heading, chunk->heading_length) : NULL;
    if (chunk->heading_length && !heading)
        return tr_error_set(self->error, -ENOMEM, "out of memory");
    sqlite3_bind_int64(s, 1, self->number);
    sqlite3_bind_int64(s, 2, (int64_t)place);
    sqlite3_bind_int64(s, 3, (int64_t)chunk->offset);
    sqlite3_bind_int64(s, 4, (int64_t)chunk->length);
    tr_sqlite_bind_text(s, 5, heading);
    sqlite3_bind_blob(s, 6, hash, HASH, SQLITE_STATIC);
    int rc = tr_kb_run(self->store, s, self->error);
    tr_kb_indexed_t indexed = {sqlite3_last_insert_rowid(self->store->db), self->document->title, heading,
        text + chunk->offset, chunk->length};
    if (rc == 0)
        rc = tr_kb_index_write(self->store, self->ns, &indexed, false, self->error);
    self->change.chunk = indexed.chunk;
    if (rc == 0)
        rc = self->document->vector ? put_vector(self->store, indexed.chunk, self->document->vector,
                                          self->ns->dimensions, self->error)
                                    : mark_stale(self->store, indexed.chunk, self->ns->number, self->error);
    free(heading);
    return rc;
}

static int move_chunk(put_t *self, size_t place, int64_t number) {
    sqlite3_stmt *s = self->store->statements[TR_SQL_CHUNK_MOVE];
    sqlite3_bind_int64(s, 1, (int64_t)place);
    sqlite3_bind_int64(s, 2, (int64_t)self->chunks[place].offset);
    sqlite3_bind_int64(s, 3, number);
    tr_kb_name_forget(self->store, number);
    return tr_kb_run(self->store, s, self->error);
}

/* Which chunks of the old one say what the new one's do: value = its number. Others are dropped. */
static int keep_chunks(put_t *self, const char *old_title) {
    sqlite3_stmt *s = self->store->statements[TR_SQL_CHUNKS];
    int step, rc = 0;
    for (size_t i = 0; i < self->count && rc == 0; i++) {
        unsigned char hash[HASH];
        hash_chunk(self, &self->chunks[i], hash);
        rc = tr_map_put(&self->kept, (const char *)hash, HASH, 0);
    }
    if (rc < 0)
        return tr_error_set(self->error, rc, "out of memory");
    sqlite3_bind_int64(s, 1, self->number);
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        uint64_t *keep = tr_map_find(&self->kept, sqlite3_column_blob(s, 1), HASH);
        if (keep && !*keep)
            *keep = (uint64_t)sqlite3_column_int64(s, 0);
    }
    rc = tr_kb_end(self->store, s, step, self->error);
    return rc < 0 ? rc
                  : drop_chunks(self->store, self->ns, self->number, old_title, &self->kept, self->error);
}

static int write_chunks(put_t *self) {
    int rc = 0;
    for (size_t i = 0; i < self->count && rc == 0; i++) {
        unsigned char hash[HASH];
        hash_chunk(self, &self->chunks[i], hash);
        uint64_t *keep = tr_map_find(&self->kept, (const char *)hash, HASH);
        if (!keep || !*keep) {
            rc = add_chunk(self, i, hash);
            self->change.added++;
            continue;
        }
        rc = move_chunk(self, i, (int64_t)*keep);
        *keep = 0; /* another one that says the same is a chunk of its own */
        self->change.kept++;
    }
    return rc;
}

/* ---- put ---- */

static int write_row(put_t *self, bool add) {
    const tr_kb_document_t *d = self->document;
    sqlite3_stmt *s = self->store->statements[add ? TR_SQL_DOC_ADD : TR_SQL_DOC_SET];
    const char *const texts[] = {d->id, d->title, d->source, d->format, d->agent, d->conversation, d->taint,
        d->metadata ? d->metadata : "{}"};
    sqlite3_bind_int64(s, 1, self->ns->number);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        tr_sqlite_bind_text(s, 2 + (int)i, texts[i]);
    sqlite3_bind_int64(s, 10, d->changed_ms);
    sqlite3_bind_int64(s, 11, (int64_t)self->count);
    sqlite3_bind_blob(s, 12, self->hash, HASH, SQLITE_STATIC);
    if (!add)
        sqlite3_bind_int64(s, 13, self->number);
    int rc = tr_kb_run(self->store, s, self->error);
    if (rc == 0 && add)
        self->number = sqlite3_last_insert_rowid(self->store->db);
    return rc;
}

static int write_body(put_t *self) {
    sqlite3_stmt *s = self->store->statements[TR_SQL_BODY_SET];
    sqlite3_bind_int64(s, 1, self->number);
    sqlite3_bind_blob64(
        s, 2, self->document->text ? self->document->text : "", self->document->text_len, SQLITE_STATIC);
    return tr_kb_run(self->store, s, self->error);
}

static int count_change(
    tr_kb_store_t *self, tr_kb_namespace_t *ns, int64_t documents, int64_t chunks, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_NS_COUNT];
    sqlite3_bind_int64(s, 1, documents);
    sqlite3_bind_int64(s, 2, chunks);
    sqlite3_bind_int64(s, 3, ns->number);
    int rc = tr_kb_run(self, s, error);
    if (rc == 0) {
        ns->documents += (uint64_t)documents;
        ns->chunks += (uint64_t)chunks;
        ns->version++;
    }
    return rc;
}

/* The title is the caller's to free. */
static int find_old(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const char *id, old_t *ret,
    char **ret_title, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_DOC_FIND];
    *ret = (old_t){0};
    *ret_title = NULL;
    sqlite3_bind_int64(s, 1, ns->number);
    tr_sqlite_bind_text(s, 2, id);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        ret->number = sqlite3_column_int64(s, 0);
        if (sqlite3_column_bytes(s, 1) == HASH)
            memcpy(ret->hash, sqlite3_column_blob(s, 1), HASH);
        *ret_title = strdup(tr_sqlite_text(s, 2));
        ret->chunks = (size_t)sqlite3_column_int64(s, 3);
    }
    int rc = tr_kb_end(self, s, step, error);
    return rc == 0 && ret->number && !*ret_title ? tr_error_set(error, -ENOMEM, "out of memory") : rc;
}

static int replace(put_t *self, const old_t *old, const char *title) {
    int rc = 0;
    self->number = old->number;
    if (old->number)
        rc = keep_chunks(self, title);
    if (rc == 0)
        rc = write_row(self, !old->number);
    if (rc == 0)
        rc = write_body(self);
    if (rc == 0)
        rc = write_chunks(self);
    int64_t more = (int64_t)self->count - (int64_t)old->chunks;
    return rc < 0 ? rc : count_change(self->store, self->ns, !old->number, more, self->error);
}

/* Ends a savepoint: what was done since is there, or is not. */
static int settle(tr_kb_store_t *self, int rc, tr_error_t *error) {
    if (rc < 0)
        tr_kb_run(self, self->statements[TR_SQL_BACK], NULL); /* of a full disk all is undone, ignoring */
    int released = tr_kb_run(self, self->statements[TR_SQL_RELEASE], rc < 0 ? NULL : error);
    if (self->begun && sqlite3_get_autocommit(self->db)) {
        self->begun = false;
        self->lost = rc < 0 ? rc : released < 0 ? released : -EIO;
    }
    return rc < 0 ? rc : released;
}

int tr_kb_put(tr_kb_store_t *self, tr_kb_namespace_t *ns, const tr_kb_document_t *document,
    const tr_chunk_t *chunks, size_t count, tr_kb_change_t *ret_change, tr_error_t *error) {
    put_t put = {
        .store = self, .ns = ns, .document = document, .chunks = chunks, .count = count, .error = error};
    old_t old;
    char *title;
    hash_document(&put);
    int rc = find_old(self, ns, document->id, &old, &title, error);
    put.change.existed = old.number != 0;
    put.change.unchanged = old.number && memcmp(old.hash, put.hash, HASH) == 0 && old.chunks == count;
    if (rc == 0 && put.change.unchanged)
        put.change.kept = count;
    else if (rc == 0 && (rc = tr_kb_index_need(self, ns, error)) == 0 &&
             (rc = tr_kb_run(self, self->statements[TR_SQL_SAVE], error)) == 0) {
        tr_map_init(&put.kept, (uint64_t)(uintptr_t)self);
        rc = settle(self, replace(&put, &old, title), error);
        tr_map_finish(&put.kept);
        tr_kb_tell_change(self, ns->name, document->id, false);
    }
    free(title);
    if (rc == 0)
        *ret_change = put.change;
    return rc;
}

/* ---- remove ---- */

static int drop_document(
    tr_kb_store_t *self, tr_kb_namespace_t *ns, const old_t *old, const char *title, tr_error_t *error) {
    int rc = drop_chunks(self, ns, old->number, title, NULL, error);
    if (rc == 0)
        rc = drop_row(self, TR_SQL_BODY_DROP, old->number, error);
    if (rc == 0)
        rc = drop_row(self, TR_SQL_DOC_DROP, old->number, error);
    return rc < 0 ? rc : count_change(self, ns, -1, -(int64_t)old->chunks, error);
}

static bool is_empty(tr_kb_store_t *self, const tr_kb_namespace_t *ns) {
    sqlite3_stmt *s = self->statements[TR_SQL_NS_EMPTY];
    sqlite3_bind_int64(s, 1, ns->number);
    int step = sqlite3_step(s);
    return tr_kb_end(self, s, step, NULL) == 0 && step == SQLITE_ROW;
}

/* What an empty namespace has no use for. Where it cannot go, since somebody reads, it stays until the next start, ignoring. */
static void drop_index(tr_kb_store_t *self, const tr_kb_namespace_t *ns) {
    if (tr_kb_run(self, self->statements[TR_SQL_SAVE], NULL) == 0)
        settle(self, tr_kb_index_drop(self, ns, NULL), NULL);
}

int tr_kb_remove(tr_kb_store_t *self, tr_kb_namespace_t *ns, const char *id, tr_error_t *error) {
    old_t old;
    char *title;
    int rc = find_old(self, ns, id, &old, &title, error);
    if (rc == 0 && !old.number)
        rc = tr_error_set(error, -ENOENT, "there is no document %.200s in %s", id, ns->name);
    if (rc == 0)
        rc = tr_kb_run(self, self->statements[TR_SQL_SAVE], error);
    if (rc == 0)
        rc = settle(self, drop_document(self, ns, &old, title, error), error);
    if (rc == 0 && is_empty(self, ns))
        drop_index(self, ns);
    if (rc == 0)
        tr_kb_tell_change(self, ns->name, id, false);
    free(title);
    return rc;
}

/* The ids first: what is removed must not be under the feet of what is read. */
int tr_kb_remove_where(tr_kb_store_t *self, tr_kb_namespace_t *ns, const tr_filter_t *filter, size_t most,
    tr_kb_id_fn removing, void *arg, size_t *ret_count, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    char **ids = calloc(most, sizeof *ids),
         *sql = sqlite3_mprintf(
             "SELECT d.id FROM document d WHERE d.namespace = ? AND %s LIMIT ?", tr_filter_sql(filter));
    size_t count = 0;
    int rc = ids && sql ? tr_kb_prepare(self, sql, &s, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0) {
        sqlite3_bind_int64(s, 1, ns->number);
        tr_filter_bind(filter, s, 2);
        sqlite3_bind_int64(s, 2 + (int)filter->count, (int64_t)most);
        while (sqlite3_step(s) == SQLITE_ROW && count < most && (ids[count] = strdup(tr_sqlite_text(s, 0))))
            count++;
    }
    sqlite3_finalize(s);
    sqlite3_free(sql);
    for (size_t i = 0; i < count; i++) {
        if (rc == 0 && removing)
            rc = removing(arg, ids[i]);
        if (rc == 0)
            rc = tr_kb_remove(self, ns, ids[i], error);
        free(ids[i]);
    }
    free(ids);
    *ret_count = count;
    return rc;
}

/* ---- reading ---- */

int tr_kb_get(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const char *id, tr_kb_document_fn got,
    void *arg, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_DOC_GET];
    sqlite3_bind_int64(s, 1, ns->number);
    tr_sqlite_bind_text(s, 2, id);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        tr_kb_document_t document;
        tr_kb_read_document(s, &document);
        document.text = sqlite3_column_blob(s, TR_KB_DOCUMENT_COLUMN_COUNT);
        document.text_len = (size_t)sqlite3_column_bytes(s, TR_KB_DOCUMENT_COLUMN_COUNT);
        got(arg, &document);
    }
    int rc = tr_kb_end(self, s, step, error);
    return rc == 0 && step == SQLITE_DONE
               ? tr_error_set(error, -ENOENT, "there is no document %.200s in %.*s", id,
                     (int)strcspn(ns->name, "@"), ns->name)
               : rc;
}

int tr_kb_list(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_filter_t *filter, const char *after,
    size_t most, tr_kb_document_fn each, void *arg, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    char *sql =
        sqlite3_mprintf("SELECT " TR_KB_DOCUMENT_COLUMNS
                        " FROM document d WHERE d.namespace = ? AND d.id > ? AND %s ORDER BY d.id LIMIT ?",
            tr_filter_sql(filter));
    int step = SQLITE_DONE,
        rc = sql ? tr_kb_prepare(self, sql, &s, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0) {
        sqlite3_bind_int64(s, 1, ns->number);
        tr_sqlite_bind_text(s, 2, after);
        tr_filter_bind(filter, s, 3);
        sqlite3_bind_int64(s, 3 + (int)filter->count, (int64_t)most);
        while ((step = sqlite3_step(s)) == SQLITE_ROW) {
            tr_kb_document_t document;
            tr_kb_read_document(s, &document);
            each(arg, &document);
        }
        rc = tr_kb_end(self, s, step, error);
    }
    sqlite3_finalize(s);
    sqlite3_free(sql);
    return rc;
}

int tr_kb_chunk_find(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const char *id, size_t place,
    tr_kb_hit_t *ret_found, size_t *ret_chunks, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_CHUNK_FIND];
    sqlite3_bind_int64(s, 1, ns->number);
    tr_sqlite_bind_text(s, 2, id);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)place);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        *ret_found =
            (tr_kb_hit_t){.chunk = sqlite3_column_int64(s, 0), .document = sqlite3_column_int64(s, 1)};
        *ret_chunks = (size_t)sqlite3_column_int64(s, 2);
    }
    int rc = tr_kb_end(self, s, step, error);
    return rc == 0 && step == SQLITE_DONE
               ? tr_error_set(error, -ENOENT,
                     "%s: the namespace %s has no such document, or it has no chunk %zu", id, ns->name, place)
               : rc;
}

int tr_kb_changed_of(tr_kb_store_t *self, int64_t document, int64_t *ret_changed_ms, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_DOC_CHANGED];
    sqlite3_bind_int64(s, 1, document);
    int step = sqlite3_step(s);
    *ret_changed_ms = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    return tr_kb_end(self, s, step, error);
}

int tr_kb_passage(tr_kb_store_t *self, int64_t chunk, tr_kb_passage_fn got, void *arg, tr_error_t *error) {
    enum { HEADING = TR_KB_DOCUMENT_COLUMN_COUNT, TEXT, OFFSET, PLACE };
    sqlite3_stmt *s = self->statements[TR_SQL_PASSAGE];
    sqlite3_bind_int64(s, 1, chunk);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        tr_kb_document_t document;
        tr_kb_read_document(s, &document);
        tr_kb_passage_t passage = {&document, tr_sqlite_text(s, HEADING), sqlite3_column_blob(s, TEXT),
            (size_t)sqlite3_column_bytes(s, TEXT), (size_t)sqlite3_column_int64(s, OFFSET),
            (size_t)sqlite3_column_int64(s, PLACE)};
        got(arg, &passage);
    }
    int rc = tr_kb_end(self, s, step, error);
    return rc == 0 && step == SQLITE_DONE ? tr_error_set(error, -ENOENT, "there is no such chunk") : rc;
}
