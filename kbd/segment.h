/*
 * A part of a namespace's vectors that changes no more: an index of FAISS over them, and the numbers of their chunks.
 *
 * Which index by how many there are (tr_segment_kind_for): all compared one by one; a graph (HNSW32); lists with a byte for each number, or
 * with product codes, whose best candidates are compared exactly. Scores are scalar products of whole vectors, whatever the index. How far a
 * search goes is found by trying when the segment is built, and kept in its file (segment_depth.c).
 *
 * What was removed from the store is still in here: whoever searches looks each hit up, and asks for more.
 *
 * Threads: immutable but for its count of references, so any number may search. Whoever calls into FAISS has said how many threads it may take
 * for that: one alone searches, several may build (tr_segment_threads).
 */
#ifndef TR_KBD_SEGMENT_H
#define TR_KBD_SEGMENT_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum tr_segment_kind {
    TR_SEGMENT_FLAT,
    TR_SEGMENT_HNSW,
    TR_SEGMENT_IVF_SQ8,
    TR_SEGMENT_IVF_PQ,
    TR_SEGMENT_KINDS
} tr_segment_kind_t;

typedef struct tr_segment tr_segment_t;

typedef struct tr_segment_item {
    int64_t chunk;
    const float *vector; /* borrowed */
} tr_segment_item_t;

/* False ends the building. */
typedef bool (*tr_segment_progress_fn)(void *arg, size_t done, size_t total);

const char *tr_segment_kind_name(tr_segment_kind_t kind);
tr_segment_kind_t tr_segment_kind_for(size_t count, size_t dimensions);

/* Of the calling thread: with how many others, itself among them, it builds; 1: FAISS starts none for it. */
void tr_segment_threads(size_t count);

/* Sorts the items by their chunks, of which no two may be the same; takes as much memory as the index that it makes. `base` (NULL: none): a segment
 * whose vectors are among the items, where they are; is it a graph, as the new one is to be, and all of it comes before what else there is, then it is
 * copied, and only the rest is linked. -ENOMEM, -ECANCELED, -EIO with what FAISS says. progress, which may be NULL, is called in this thread. */
int tr_segment_build(const tr_segment_t *base, tr_segment_item_t *items, size_t count, size_t dimensions,
    tr_segment_kind_t kind, tr_segment_progress_fn progress, void *arg, tr_segment_t **ret_self,
    tr_error_t *error);
tr_segment_t *tr_segment_retain(tr_segment_t *self);
void tr_segment_release(tr_segment_t **self); /* NULL-safe */

size_t tr_segment_count(const tr_segment_t *self);
tr_segment_kind_t tr_segment_kind(const tr_segment_t *self);
size_t tr_segment_depth(const tr_segment_t
        *self); /* nodes that a search keeps in view, or lists that it reads; 0: it reads all */
const int64_t *tr_segment_chunks(const tr_segment_t *self); /* rising; as many as there are vectors */
const float *tr_segment_vector(const tr_segment_t *self, size_t place);
/* The place of a chunk, or -1. */
int64_t tr_segment_find(const tr_segment_t *self, int64_t chunk);

/* For each of n queries the k nearest, the nearest first: n x k chunks and scores, chunk -1 behind the last. 0 or -ENOMEM. */
int tr_segment_search(const tr_segment_t *self, size_t n, const float *queries, size_t k, int64_t *ret_chunks,
    float *ret_scores);

#endif
