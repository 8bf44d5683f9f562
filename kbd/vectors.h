/*
 * The vectors of a namespace in memory, for searching: an exact index of FAISS (IndexFlat, scalar products). It is made of what the store
 * has, and can be thrown away at any time.
 *
 * What was removed from the store is still found here: whoever searches looks each hit up, and asks for more. Chunks are added with rising
 * numbers, as the store gives them; anything else is refused, and the index has to be made anew.
 *
 * One thread; searching runs in it alone (one thread of OpenMP).
 */
#ifndef TR_KBD_VECTORS_H
#define TR_KBD_VECTORS_H

#include <stddef.h>
#include <stdint.h>

typedef struct tr_kb_vectors tr_kb_vectors_t;

/* NULL when out of memory. */
tr_kb_vectors_t *tr_kb_vectors_new(size_t dimensions);
void tr_kb_vectors_destroy(tr_kb_vectors_t **self); /* NULL-safe */

/* 0; -EEXIST: the chunk is there; -EINVAL: it comes too late; -ENOMEM. */
int tr_kb_vectors_add(tr_kb_vectors_t *self, int64_t chunk, const float *vector);
size_t tr_kb_vectors_count(const tr_kb_vectors_t *self);

/* The k nearest ones, the nearest first: room for k at both; how many there are, or -ENOMEM. */
int64_t tr_kb_vectors_search(
    tr_kb_vectors_t *self, const float *query, size_t k, int64_t *ret_chunks, float *ret_scores);
/* The score of one chunk. 0, or -ENOENT: it is not there. */
int tr_kb_vectors_score(tr_kb_vectors_t *self, const float *query, int64_t chunk, float *ret_score);

#endif
