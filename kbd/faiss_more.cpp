/* In C++, for it asks what kind of index one is. */
#include "kbd/faiss_more.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>

extern "C" const float *tr_faiss_vectors(const FaissIndex *index) {
    const faiss::Index *any = reinterpret_cast<const faiss::Index *>(index);
    const faiss::IndexHNSW *graph = dynamic_cast<const faiss::IndexHNSW *>(any);
    const faiss::IndexFlat *flat = dynamic_cast<const faiss::IndexFlat *>(graph ? graph->storage : any);
    return flat ? flat->get_xb() : nullptr;
}
