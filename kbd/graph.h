/*
 * Searching the graph of an HNSW index that FAISS has built (Malkov, Yashunin: Efficient and robust approximate nearest neighbor search using
 * Hierarchical Navigable Small World graphs). FAISS takes one neighbour after the other, and waits for the memory of each; here those of a node are
 * fetched while the ones before them are compared, and a quarter of that memory is read: the way there is by codes, the last step by whole vectors. What is
 * found is the same.
 *
 * Scores are scalar products: the more, the nearer. Any thread; the graph changes no more.
 */
#ifndef TR_KBD_GRAPH_H
#define TR_KBD_GRAPH_H

#include "kbd/codes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_graph {
    const int32_t *links; /* of all vectors on all levels; -1 behind the last of a list */
    const size_t *first;  /* where those of a vector begin */
    const int
        *levels; /* from there, where those of a level begin; and end, which is where the next one begins */
    const float *vectors;    /* one behind the other */
    const tr_codes_t *codes; /* of the vectors; NULL: these are compared themselves all the way */
    size_t count, dimensions;
    size_t depth; /* nodes that a search keeps in view */
    int32_t entry;
    int top; /* level of the entry; 0 is that of all */
} tr_graph_t;

#define TR_GRAPH_ALL (-1)

/* For each of n queries the k nearest, the nearest first: n x k places and scores, place -1 behind the last. `without`: as if the graph had not this
 * vector, which is on the lowest level only; or TR_GRAPH_ALL. 0 or -ENOMEM. */
int tr_graph_search(const tr_graph_t *self, size_t n, const float *queries, size_t k, int64_t without,
    int64_t *ret_places, float *ret_scores);

/* A vector that came before those that are near to it was linked to what there was, and these, which came later, need not know of it. So vectors are
 * looked for, some of each slice, and all where one was not found; who is not found is linked with those that are found in its place. `links` are the
 * graph's, while nobody else has it. `goes_on` (may be NULL) is asked now and then, in this thread: false ends it. With as many threads as OpenMP may have here. 0, -ECANCELED, -ENOMEM. */
int tr_graph_mend(
    const tr_graph_t *self, int32_t *links, bool (*goes_on)(void *arg), void *arg, size_t *ret_mended);

#endif
