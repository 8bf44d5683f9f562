/* What FAISS's C interface lacks and kbd needs: defined in faiss_more.cpp. */
#ifndef TR_KBD_FAISS_MORE_H
#define TR_KBD_FAISS_MORE_H

#include "kbd/graph.h"

#include <faiss/c_api/Index_c.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The vectors of an IndexFlat, or of the one that a graph (IndexHNSW) stands on; NULL: it is neither. Borrowed. */
const float *tr_faiss_vectors(const FaissIndex *index);

/* Room for `count` vectors at once, where it is one of these: growing would have the old and the new in memory together. 0 or -ENOMEM. */
int tr_faiss_reserve(FaissIndex *index, size_t count);

/* Into a graph that is empty, and has room, all of another one of as many dimensions. 0, -EINVAL: one of them is no graph; it is as it was. */
int tr_faiss_copy(FaissIndex *to, const FaissIndex *from);

/* One that was read: its vectors and links move into huge pages, where the kernel has some. Takes about as long as copying them. */
void tr_faiss_settle(FaissIndex *index);

/* efSearch of a graph, or nprobe of lists; 0: it is neither. */
size_t tr_faiss_depth(const FaissIndex *index);

/* The place of the first vector from `place` on that is on the lowest level of a graph only; -1: there is none, or it is no graph. */
idx_t tr_faiss_lowest(const FaissIndex *index, idx_t place);

/* The graph of an HNSW index, as tr_graph_search takes it, without codes; borrowed from the index. 0, or -EINVAL: it is no such index, or has no vectors. */
int tr_faiss_graph(const FaissIndex *index, tr_graph_t *ret_graph);
/* Its links, to be changed while nobody else has it. */
int32_t *tr_faiss_links(FaissIndex *index);

#ifdef __cplusplus
}
#endif
#endif
