/*
 * Searching by vectors: an index in memory for each namespace that is asked for, made of the store when it is needed, and the embedder,
 * which goes through the chunks that have no vector yet, behind everything else.
 *
 * One thread (the host's), but for the embedder's own.
 */
#ifndef TR_KBD_MEANING_H
#define TR_KBD_MEANING_H

#include "kbd/embedder.h"
#include "kbd/store.h"
#include "kbd/vectors.h"
#include "lib/base/map.h"

typedef struct tr_kb_meaning {
    tr_kb_store_t *store; /* borrowed */
    tr_kb_embedder_t *embedder;
    tr_map_t indexes; /* of tr_kb_vectors_t, by the namespace's number */
    float *query;     /* the vector of what is asked */
} tr_kb_meaning_t;

/* Negative with a text: there is no model. */
int tr_kb_meaning_init(tr_kb_meaning_t *self, tr_kb_store_t *store, tr_host_t *host, tr_error_t *error);
/* Before the host is destroyed; idempotent. */
void tr_kb_meaning_stop(tr_kb_meaning_t *self);
void tr_kb_meaning_finish(tr_kb_meaning_t *self);

/* Gives the embedder its next batch, where there is one and it is idle. */
int tr_kb_meaning_turn(tr_kb_meaning_t *self, tr_error_t *error);
/* What was written was not kept, or a namespace is gone: the indexes are made anew when they are needed. */
void tr_kb_meaning_forget(tr_kb_meaning_t *self);

/* The chunks that are nearest to the query, of those that pass, the nearest first: room for k. Negative with a text. */
int tr_kb_meaning_search(tr_kb_meaning_t *self, const tr_kb_namespace_t *ns, const char *query,
    const tr_filter_t *filter, size_t k, tr_kb_hit_t *ret_hits, size_t *ret_count, tr_error_t *error);

#endif
