/*
 * Which chunks pass a filter, kept for those who ask with the same one again: going through the metadata of a large namespace takes far longer
 * than comparing those that are left. Worth nothing once the namespace has changed.
 *
 * One thread; but a list that is held stays as it is, so others may read it.
 */
#ifndef TR_KBD_PASSING_H
#define TR_KBD_PASSING_H

#include "kbd/store.h"

#define TR_PASSING_KEPT 16u

typedef struct tr_passing {
    unsigned references;
    int64_t *chunks; /* rising; owned */
    size_t count;
    bool all; /* false: there are more than were asked for, and these mean nothing */
} tr_passing_t;

typedef struct tr_passing_kept {
    char *key; /* namespace, version, filter, most; NULL = nothing */
    size_t key_len;
    tr_passing_t *passing;
    uint64_t used;
} tr_passing_kept_t;

typedef struct tr_passings {
    tr_passing_kept_t kept[TR_PASSING_KEPT];
    uint64_t uses;
} tr_passings_t;

/* At most `most` of them; more is told as such. To be released. */
int tr_passings_get(tr_passings_t *self, tr_kb_store_t *store, const tr_kb_namespace_t *ns,
    const tr_filter_t *filter, size_t most, tr_passing_t **ret, tr_error_t *error);
void tr_passing_release(tr_passing_t **self); /* NULL-safe */
void tr_passings_finish(tr_passings_t *self);

#endif
