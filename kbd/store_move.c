#include "kbd/store_move.h"

#include "kbd/coming.h"
#include "kbd/own_vector.h"
#include "kbd/store_copies.h"
#include "kbd/store_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tr_kb_scan(tr_kb_store_t *self, const tr_kb_namespace_t *ns, int64_t after, size_t most,
    tr_kb_scan_fn each, void *arg, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    bool more = true;
    int step = SQLITE_DONE, rc = tr_kb_prepare(self,
                                "SELECT d.number, d.id, length(b.text) + ifnull(length(d.metadata), 0) FROM "
                                "document d JOIN body b ON b.document = d.number"
                                " WHERE d.namespace = ? AND d.number > ? ORDER BY d.number LIMIT ?",
                                &s, error);
    if (rc == 0) {
        sqlite3_bind_int64(s, 1, ns->number);
        sqlite3_bind_int64(s, 2, after);
        sqlite3_bind_int64(s, 3, (int64_t)most);
        while (more && (step = sqlite3_step(s)) == SQLITE_ROW) {
            tr_kb_document_t d = {.number = sqlite3_column_int64(s, 0),
                .id = tr_sqlite_text(s, 1),
                .text_len = (size_t)sqlite3_column_int64(s, 2)};
            more = each(arg, &d);
        }
        rc = tr_kb_end(self, s, step, error);
    }
    sqlite3_finalize(s);
    return rc;
}

/* ---- out of here ---- */

#define VECTORS_MAX                                                                                          \
    ((size_t)3 << 20) /* bytes: a message is 4 MiB at most; vectors behind them are left out */

typedef struct leaving {
    tr_content_writer_t *w;
    const char *model;
    int64_t number;
} leaving_t;

static void write_text(tr_content_writer_t *w, const char *key, const char *text) {
    tr_write_kv(w, key, text); /* NULL is nil */
}

static void on_document(void *arg, const tr_kb_document_t *d) {
    leaving_t *l = arg;
    l->number = d->number;
    tr_write_map(l->w, 13);
    write_text(l->w, "id", d->id);
    write_text(l->w, "title", d->title);
    write_text(l->w, "source", d->source);
    write_text(l->w, "format", d->format);
    write_text(l->w, "agent", d->agent);
    write_text(l->w, "conversation", d->conversation);
    write_text(l->w, "taint", d->taint);
    write_text(l->w, "metadata", d->metadata);
    write_text(l->w, "model", l->model);
    tr_write_kv_int(l->w, "added_ms", d->added_ms);
    tr_write_kv_int(l->w, "changed_ms", d->changed_ms);
    tr_write_str(l->w, "text");
    tr_write_strn(l->w, d->text, d->text_len);
    tr_write_str(l->w, "chunks");
    tr_write_array(l->w, d->chunks);
}

static void write_chunk(sqlite3_stmt *s, tr_content_writer_t *w) {
    tr_write_array(w, 4);
    tr_write_int(w, sqlite3_column_int64(s, 0));
    tr_write_int(w, sqlite3_column_int64(s, 1));
    tr_write_str(w, tr_sqlite_text(s, 2));
    if (sqlite3_column_type(s, 3) == SQLITE_NULL || w->buffer.size > VECTORS_MAX)
        tr_write_nil(w); /* it is made anew there */
    else
        tr_write_bin(w, sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3));
}

int tr_kb_move_write(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const char *id, const char *model,
    tr_content_writer_t *w, tr_error_t *error) {
    leaving_t l = {w, model, 0};
    sqlite3_stmt *s = NULL;
    int step = SQLITE_DONE, rc = tr_kb_get(self, ns, id, on_document, &l, error);
    if (rc == 0)
        rc = tr_kb_prepare(self,
            "SELECT c.offset, c.length, c.heading, v.vector FROM chunk c LEFT JOIN vector v ON v.chunk = "
            "c.number"
            " WHERE c.document = ? ORDER BY c.place",
            &s, error);
    if (rc == 0) {
        sqlite3_bind_int64(s, 1, l.number);
        while ((step = sqlite3_step(s)) == SQLITE_ROW)
            write_chunk(s, w);
        rc = tr_kb_end(self, s, step, error);
    }
    sqlite3_finalize(s);
    return rc;
}

/* ---- into here ---- */

static int wrong(tr_error_t *error, const char *what) {
    return tr_error_set(error, -EINVAL, "a document that moves: %s", what);
}

/* Where vectors come with documents each has one chunk, whose vector is its own. */
static int read_own(tr_kb_coming_t *c, const tr_kb_namespace_t *ns, float **ret_vector, tr_error_t *error) {
    size_t dimensions = 0;
    if (!ns->dimensions)
        return 0;
    int rc = c->count == 1 ? tr_own_vector_read(tr_kb_coming_vector(c, 0), ret_vector, &dimensions, error)
                           : wrong(error, "it has no vector of its own");
    if (rc == 0 && dimensions != ns->dimensions)
        rc = wrong(error, "its vector has another length than those of the namespace");
    c->document.vector = *ret_vector;
    return rc;
}

static int note_any(void *arg, int64_t chunk, const float *vector, size_t dimensions) {
    (void)chunk, (void)vector, (void)dimensions;
    *(bool *)arg = true;
    return 0;
}

typedef struct putting {
    tr_kb_store_t *store;
    tr_kb_namespace_t *ns;
    tr_kb_vector_fn got;
    void *arg;
    tr_kb_moved_t moved;
    tr_error_t *error;
} putting_t;

/* A chunk that stays has one already. */
static int put_vector(
    putting_t *p, const tr_kb_coming_t *c, size_t place, const float *vector, size_t dimensions) {
    tr_kb_hit_t chunk;
    size_t chunks;
    bool has = false;
    int rc = tr_kb_chunk_find(p->store, p->ns, c->document.id, place, &chunk, &chunks, p->error);
    if (rc == 0)
        rc = tr_kb_vector_get(p->store, chunk.chunk, note_any, &has, p->error);
    if (rc < 0 || has)
        return rc;
    rc = tr_kb_vector_put(p->store, chunk.chunk, vector, dimensions, p->error);
    if (rc == 0 && p->got)
        rc = p->got(p->arg, chunk.chunk, vector, dimensions);
    p->moved.made += rc == 0;
    return rc;
}

static int put_vectors(putting_t *p, const tr_kb_coming_t *c) {
    int rc = 0;
    for (size_t i = 0; i < c->count && rc == 0; i++) {
        tr_value_t vector = tr_kb_coming_vector(c, i);
        float *numbers = NULL;
        size_t dimensions = 0;
        if (!vector || vector->type != MSGPACK_OBJECT_BIN ||
            tr_own_vector_read(vector, &numbers, &dimensions, NULL) < 0)
            continue; /* it is made anew, ignoring */
        rc = put_vector(p, c, i, numbers, dimensions);
        free(numbers);
    }
    return rc;
}

static int set_added(const putting_t *p, const tr_kb_coming_t *c) {
    sqlite3_stmt *s = NULL;
    int rc = tr_kb_prepare(
        p->store, "UPDATE document SET added_ms = ? WHERE namespace = ? AND id = ?", &s, p->error);
    if (rc == 0) {
        sqlite3_bind_int64(s, 1, c->document.added_ms);
        sqlite3_bind_int64(s, 2, p->ns->number);
        tr_sqlite_bind_text(s, 3, c->document.id);
        rc = tr_kb_run(p->store, s, p->error);
    }
    sqlite3_finalize(s);
    return rc;
}

static int put(putting_t *p, tr_kb_coming_t *c, bool same_model) {
    tr_kb_change_t change = {0};
    float *own = NULL;
    int rc = read_own(c, p->ns, &own, p->error);
    if (rc == 0)
        rc = tr_kb_put(p->store, p->ns, &c->document, c->cuts, c->count, &change, p->error);
    if (rc == 0)
        rc = set_added(p, c);
    if (rc == 0 && own && change.chunk && p->got)
        rc = p->got(p->arg, change.chunk, own, p->ns->dimensions);
    if (rc == 0 && !own && same_model)
        rc = put_vectors(p, c);
    free(own);
    return rc;
}

int tr_kb_move_take(tr_kb_store_t *self, tr_kb_namespace_t *ns, tr_value_t document, const char *model,
    tr_kb_vector_fn got, void *arg, tr_kb_moved_t *ret, tr_error_t *error) {
    putting_t p = {.store = self, .ns = ns, .got = got, .arg = arg, .error = error};
    tr_kb_coming_t c = {0};
    int64_t here_ms = 0;
    int rc = tr_kb_coming_read(document, &c, error);
    if (rc == 0)
        rc = tr_kb_latest(self, ns, c.document.id, &here_ms, error);
    p.moved = (tr_kb_moved_t){.taken = c.document.changed_ms > here_ms, .chunks = c.count};
    if (rc == 0 && p.moved.taken)
        rc = put(&p, &c, tr_value_equals(tr_value_get(document, "model"), model));
    tr_kb_coming_finish(&c);
    if (rc == 0)
        *ret = p.moved;
    return rc;
}

/* ---- by which shards ---- */

int tr_kb_placed_as(tr_kb_store_t *self, uint64_t print, bool *ret_same, tr_error_t *error) {
    char text[24];
    sqlite3_stmt *s = NULL;
    int rc = tr_kb_prepare(self, "SELECT value = ? FROM setting WHERE name = 'shards'", &s, error);
    if (rc == 0) {
        snprintf(text, sizeof text, "%016" PRIx64, print);
        tr_sqlite_bind_text(s, 1, text);
        int step = sqlite3_step(s);
        *ret_same = step == SQLITE_ROW && sqlite3_column_int(s, 0);
        rc = tr_kb_end(self, s, step, error);
    }
    sqlite3_finalize(s);
    return rc;
}

int tr_kb_place_anew(tr_kb_store_t *self, tr_error_t *error) {
    return tr_kb_execute(self, error, "DELETE FROM setting WHERE name = 'shards'");
}

int tr_kb_place_as(tr_kb_store_t *self, uint64_t print, tr_error_t *error) {
    return tr_kb_execute(
        self, error, "INSERT OR REPLACE INTO setting VALUES ('shards', '%016" PRIx64 "')", print);
}
