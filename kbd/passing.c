#include "kbd/passing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((size_t)8 << 20) /* of a list that is kept */

static void add_bytes(tr_textbuf_t *out, const void *bytes, size_t len) {
    tr_textbuf_add(out, (const char *)&len, sizeof len);
    tr_textbuf_add(out, bytes, len);
}

static void add_value(tr_textbuf_t *out, const tr_filter_value_t *v) {
    int kind = v->kind;
    add_bytes(out, &kind, sizeof kind);
    if (v->kind == TR_FILTER_TEXT)
        add_bytes(out, v->text, v->length);
    else if (v->kind == TR_FILTER_INT)
        add_bytes(out, &v->integer, sizeof v->integer);
    else
        add_bytes(out, &v->real, sizeof v->real);
}

static void write_key(
    const tr_kb_namespace_t *ns, const tr_filter_t *filter, size_t most, tr_textbuf_t *out) {
    add_bytes(out, &ns->number, sizeof ns->number);
    add_bytes(out, &ns->version, sizeof ns->version);
    add_bytes(out, &most, sizeof most);
    add_bytes(out, filter->sql.bytes, filter->sql.length);
    for (size_t i = 0; i < filter->count; i++)
        add_value(out, &filter->values[i]);
}

void tr_passing_release(tr_passing_t **self) {
    if (*self && --(*self)->references == 0) {
        free((*self)->chunks);
        free(*self);
    }
    *self = NULL;
}

typedef struct gather {
    tr_passing_t *passing;
    size_t room, most;
} gather_t;

static int take(void *arg, int64_t chunk, int64_t document) {
    gather_t *g = arg;
    tr_passing_t *p = g->passing;
    (void)document;
    if (p->count == g->most) {
        p->all = false;
        return 1; /* enough */
    }
    if (tr_array_reserve(&p->chunks, p->count, &g->room, sizeof *p->chunks) < 0)
        return -ENOMEM;
    p->chunks[p->count++] = chunk;
    return 0;
}

static int compare_chunks(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int gather(tr_kb_store_t *store, const tr_kb_namespace_t *ns, const tr_filter_t *filter, size_t most,
    tr_passing_t **ret, tr_error_t *error) {
    gather_t g = {calloc(1, sizeof(tr_passing_t)), 0, most};
    if (!g.passing)
        return tr_error_set(error, -ENOMEM, "out of memory");
    g.passing->references = 1;
    g.passing->all = true;
    int rc = tr_kb_passing(store, ns, filter, take, &g, error);
    if (rc < 0)
        tr_passing_release(&g.passing);
    else if (g.passing->count)
        qsort(g.passing->chunks, g.passing->count, sizeof *g.passing->chunks, compare_chunks);
    *ret = g.passing;
    return rc;
}

static void drop(tr_passing_kept_t *kept) {
    free(kept->key);
    tr_passing_release(&kept->passing);
    *kept = (tr_passing_kept_t){0};
}

/* In the place of the one that was not used for longest. Takes the key. */
static void keep(tr_passings_t *self, tr_textbuf_t *key, tr_passing_t *passing) {
    tr_passing_kept_t *place = &self->kept[0];
    for (size_t i = 1; i < TR_PASSING_KEPT; i++)
        place = self->kept[i].used < place->used ? &self->kept[i] : place;
    size_t len = key->length;
    char *bytes = passing->count * sizeof *passing->chunks <= MOST_BYTES ? tr_textbuf_take(key) : NULL;
    if (!bytes)
        return;
    drop(place);
    passing->references++;
    *place = (tr_passing_kept_t){bytes, len, passing, ++self->uses};
}

static tr_passing_t *look_up(tr_passings_t *self, const tr_textbuf_t *key) {
    for (size_t i = 0; i < TR_PASSING_KEPT; i++) {
        tr_passing_kept_t *kept = &self->kept[i];
        if (!kept->key || kept->key_len != key->length || memcmp(kept->key, key->bytes, key->length) != 0)
            continue;
        kept->used = ++self->uses;
        kept->passing->references++;
        return kept->passing;
    }
    return NULL;
}

/* Within a transaction that may be taken back nothing is kept: its version may come again, with something else in it. */
int tr_passings_get(tr_passings_t *self, tr_kb_store_t *store, const tr_kb_namespace_t *ns,
    const tr_filter_t *filter, size_t most, tr_passing_t **ret, tr_error_t *error) {
    tr_textbuf_t key = {0};
    bool lasts = !tr_kb_store_begun(store);
    write_key(ns, filter, most, &key);
    *ret = lasts && !key.failed ? look_up(self, &key) : NULL;
    int rc = *ret ? 0 : gather(store, ns, filter, most, ret, error);
    if (rc == 0 && lasts && !key.failed && (*ret)->references == 1)
        keep(self, &key, *ret);
    tr_textbuf_finish(&key);
    return rc;
}

void tr_passings_finish(tr_passings_t *self) {
    for (size_t i = 0; i < TR_PASSING_KEPT; i++)
        drop(&self->kept[i]);
}
