/* What FAISS's C interface lacks and kbd needs: defined in faiss_more.cpp. */
#ifndef TR_KBD_FAISS_MORE_H
#define TR_KBD_FAISS_MORE_H

#include <faiss/c_api/Index_c.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The vectors of an IndexFlat, or of the one that a graph (IndexHNSW) stands on; NULL: it is neither. Borrowed. */
const float *tr_faiss_vectors(const FaissIndex *index);

/* Room for `count` vectors at once, where it is one of these: growing would have the old and the new in memory together. 0 or -ENOMEM. */
int tr_faiss_reserve(FaissIndex *index, size_t count);

/* efSearch of a graph, or nprobe of lists; 0: it is neither. */
size_t tr_faiss_depth(const FaissIndex *index);

/* The place of the first vector from `place` on that is on the lowest level of a graph only; -1: there is none, or it is no graph. */
idx_t tr_faiss_lowest(const FaissIndex *index, idx_t place);

/* As if the graph had not the vector at `place`: what is nearest to it of the others, k scores and places, the nearest first, place -1 behind the
 * last. The vector is of the lowest level. 0, -EINVAL: it is no graph, -ENOMEM. */
int tr_faiss_search_without(
    const FaissIndex *index, idx_t place, idx_t k, float *ret_scores, idx_t *ret_places);

#ifdef __cplusplus
}
#endif
#endif
