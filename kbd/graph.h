/*
 * Searching the graph of an HNSW index that FAISS has built (Malkov, Yashunin: Efficient and robust approximate nearest neighbor search using
 * Hierarchical Navigable Small World graphs). FAISS takes one neighbour after the other, and waits for the memory of each; here those of a node are
 * fetched while the ones before them are compared. What is found is the same.
 *
 * Scores are scalar products: the more, the nearer. Any thread; the graph changes no more.
 */
#ifndef TR_KBD_GRAPH_H
#define TR_KBD_GRAPH_H

#include <stddef.h>
#include <stdint.h>

typedef struct tr_graph {
    const int32_t *links; /* of all vectors on all levels; -1 behind the last of a list */
    const size_t *first;  /* where those of a vector begin */
    const int
        *levels; /* from there, where those of a level begin; and end, which is where the next one begins */
    const float *vectors; /* one behind the other */
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

#endif
