/* What FAISS's C interface lacks and kbd needs: defined in faiss_more.cpp. */
#ifndef TR_KBD_FAISS_MORE_H
#define TR_KBD_FAISS_MORE_H

#include <faiss/c_api/Index_c.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The vectors of an IndexFlat, or of the one that a graph (IndexHNSW) stands on; NULL: it is neither. Borrowed. */
const float *tr_faiss_vectors(const FaissIndex *index);

#ifdef __cplusplus
}
#endif
#endif
