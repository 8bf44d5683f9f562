/* Out of the table (truth.h), into the store. */
#include "kbd/stem.h"
#include "kbd/store_move.h"
#include "kbd/truth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES ((size_t)8 << 20)

typedef struct reading {
    tr_kb_truth_t *truth;
    char *last; /* owned: the last key, with a zero byte behind it */
    size_t last_len;
    int rc;
    tr_error_t *error;
} reading_t;

static int damaged(tr_error_t *error) {
    return tr_error_set(error, -EBADMSG, "the table of the knowledge base has a row that is none of its own");
}

static int take_namespace(
    tr_kb_truth_t *self, const char *ns, const char *value, size_t len, tr_error_t *error) {
    char text[64] = "", language[32] = "";
    size_t dimensions = 0;
    tr_kb_namespace_t there;
    memcpy(text, value, len < sizeof text - 1 ? len : sizeof text - 1);
    if (sscanf(text, "%31s %zu", language, &dimensions) != 2 || !tr_stem_language(language))
        return damaged(error);
    int rc = tr_kb_namespace_need(self->store, ns, tr_stem_language(language), &there, error);
    if (rc == 0)
        rc = tr_kb_namespace_vectors(self->store, &there, dimensions, error);
    return rc;
}

static int take_document(
    tr_kb_truth_t *self, const char *ns, const void *value, size_t len, tr_error_t *error) {
    tr_content_t content;
    tr_kb_namespace_t there;
    tr_kb_moved_t moved;
    int rc = tr_kb_namespace_find(self->store, ns, &there, error);
    if (rc < 0)
        return rc;
    if (tr_content_init(&content, value, len) < 0)
        return damaged(error);
    rc = tr_kb_move_take(self->store, &there, &content.root, self->model, NULL, NULL, &moved, error);
    tr_content_finish(&content);
    self->documents += rc == 0;
    return rc;
}

static bool on_pair(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    reading_t *r = arg;
    char ns[TR_KB_NAMESPACE_MAX + 1], id[TR_KB_ID_MAX + 1];
    free(r->last);
    r->last = malloc(key_len + 1);
    if (!r->last) {
        r->rc = tr_error_set(r->error, -ENOMEM, "out of memory");
        return false;
    }
    memcpy(r->last, key, key_len);
    r->last[key_len] = '\0';
    r->last_len = key_len + 1;
    r->rc = !tr_kb_truth_read_key(key, key_len, ns, id) ? damaged(r->error)
            : *(const char *)key == 'N' ? take_namespace(r->truth, ns, value, value_len, r->error)
                                        : take_document(r->truth, ns, value, value_len, r->error);
    return r->rc == 0;
}

/* All of a kind, some at a time, each in a transaction of its own. */
static int read_all(tr_kb_truth_t *self, const char *from, const char *to, tr_error_t *error) {
    reading_t r = {.truth = self, .error = error};
    tr_journal_range_t range = {.from = from, .from_len = 1, .to = to, .to_len = 1};
    int more = 1;
    while (more > 0 && r.rc == 0) {
        r.rc = tr_kb_store_begin(self->store, error);
        char *before = r.last;
        r.last = NULL;
        if (r.rc == 0)
            more = tr_journal_scan(self->journal, &range, PAGE_BYTES, on_pair, &r, error);
        free(before);
        r.rc = more < 0 ? more : r.rc;
        int committed = tr_kb_store_commit(self->store, r.rc < 0 ? NULL : error);
        r.rc = r.rc < 0 ? r.rc : committed;
        range.from = r.last;
        range.from_len = r.last_len;
    }
    free(r.last);
    return r.rc;
}

typedef struct found {
    tr_kb_truth_t *truth;
    const char *key;
    size_t key_len;
    const char *ns;
    bool is_there;
    int rc;
    tr_error_t *error;
} found_t;

static bool on_one(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    found_t *f = arg;
    if (key_len != f->key_len || memcmp(key, f->key, key_len) != 0)
        return false;
    f->is_there = true;
    f->rc = f->key[0] == 'N' ? take_namespace(f->truth, f->ns, value, value_len, f->error)
                             : take_document(f->truth, f->ns, value, value_len, f->error);
    return false;
}

int tr_kb_truth_drop_here(tr_kb_truth_t *self, const char *ns, tr_error_t *error) {
    tr_kb_namespace_t there;
    int rc = tr_kb_namespace_find(self->store, ns, &there, error);
    if (rc == 0)
        rc = tr_kb_namespace_drop(self->store, &there, error);
    return rc == -ENOENT ? 0 : rc;
}

/* As it is in the table. */
static int take_key(tr_kb_truth_t *self, const char *key, size_t len, tr_error_t *error) {
    char ns[TR_KB_NAMESPACE_MAX + 1], id[TR_KB_ID_MAX + 1];
    tr_kb_namespace_t there;
    if (!tr_kb_truth_read_key(key, len, ns, id))
        return damaged(error);
    if (key[0] == 'X')
        return tr_kb_truth_drop_here(self, ns, error);
    found_t f = {.truth = self, .key = key, .key_len = len, .ns = ns, .error = error};
    int rc = key[0] == 'D' ? tr_kb_namespace_find(self->store, ns, &there, error) : -ENOENT;
    if (rc == 0)
        rc = tr_kb_remove(self->store, &there, id, error);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    rc = tr_journal_scan(
        self->journal, &(tr_journal_range_t){.from = key, .from_len = len}, 1, on_one, &f, error);
    rc = rc < 0 ? rc : f.rc;
    return rc == 0 && key[0] == 'N' && !f.is_there ? tr_kb_truth_drop_here(self, ns, error) : rc;
}

/* Keys of one kind. */
static int take_keys(tr_kb_truth_t *self, char kind, tr_error_t *error) {
    int rc = 0;
    for (size_t at = 0; at + 2 <= self->last_len && rc == 0;) {
        size_t len = (size_t)((unsigned char)self->last[at] | (unsigned char)self->last[at + 1] << 8);
        if (len == 0 || len > self->last_len - at - 2)
            return damaged(error);
        if (self->last[at + 2] == kind)
            rc = take_key(self, self->last + at + 2, len, error);
        at += 2 + len;
    }
    return rc;
}

int tr_kb_truth_read_last(tr_kb_truth_t *self, tr_error_t *error) {
    int rc = tr_kb_store_begin(self->store, error);
    for (const char *kind = "XND"; *kind && rc == 0; kind++)
        rc = take_keys(self, *kind, error);
    if (rc == 0)
        rc = tr_kb_truth_set_sequence(self, self->sequence, error);
    int committed = rc < 0 ? 0 : tr_kb_store_commit(self->store, error);
    return rc < 0 ? rc : committed;
}

int tr_kb_truth_read_whole(tr_kb_truth_t *self, tr_error_t *error) {
    int rc = read_all(self, "N", "O", error);
    if (rc == 0)
        rc = read_all(self, "D", "E", error);
    return rc < 0 ? rc : tr_kb_truth_set_sequence(self, self->sequence, error);
}
