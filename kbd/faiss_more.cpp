/* In C++, for it asks what kind of index one is, and looks into graphs. */
#include "kbd/faiss_more.h"

#include "kbd/kernels.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIVF.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/DistanceComputer.h>

#include <cerrno>
#include <cmath>
#include <exception>

using faiss::IndexFlat;
using faiss::IndexHNSW;

static const IndexHNSW *graph_of(const FaissIndex *index) {
    return dynamic_cast<const IndexHNSW *>(reinterpret_cast<const faiss::Index *>(index));
}

static const IndexFlat *flat_of(const FaissIndex *index) {
    const IndexHNSW *graph = graph_of(index);
    return dynamic_cast<const IndexFlat *>(
        graph ? graph->storage : reinterpret_cast<const faiss::Index *>(index));
}

extern "C" const float *tr_faiss_vectors(const FaissIndex *index) {
    const IndexFlat *flat = flat_of(index);
    return flat ? flat->get_xb() : nullptr;
}

/* ---- building ---- */

/* A vector has its links on the lowest level, and half as many on each one above, where one in M is. */
static void reserve_links(faiss::HNSW &hnsw, size_t count) {
    size_t lowest = hnsw.nb_neighbors(0);
    hnsw.levels.reserve(count);
    hnsw.offsets.reserve(count + 1);
    hnsw.neighbors.reserve(count * (lowest + 2));
}

extern "C" int tr_faiss_reserve(FaissIndex *index, size_t count) {
    try {
        if (IndexFlat *flat = const_cast<IndexFlat *>(flat_of(index)))
            flat->codes.reserve(count * flat->code_size);
        if (IndexHNSW *graph = const_cast<IndexHNSW *>(graph_of(index)))
            reserve_links(graph->hnsw, count);
        return 0;
    } catch (const std::exception &) {
        return -ENOMEM;
    }
}

extern "C" size_t tr_faiss_depth(const FaissIndex *index) {
    const IndexHNSW *graph = graph_of(index);
    const faiss::IndexIVF *lists =
        dynamic_cast<const faiss::IndexIVF *>(reinterpret_cast<const faiss::Index *>(index));
    return graph ? static_cast<size_t>(graph->hnsw.efSearch) : lists ? lists->nprobe : 0;
}

/* ---- looking for what is near to one of its own ---- */

extern "C" idx_t tr_faiss_lowest(const FaissIndex *index, idx_t place) {
    const IndexHNSW *graph = graph_of(index);
    while (graph && place < graph->ntotal && graph->hnsw.levels[place] > 1)
        place++;
    return graph && place < graph->ntotal ? place : -1;
}

namespace {
/* The less, the nearer. */
struct computer : faiss::DistanceComputer {
    const float *vectors, *query = nullptr;
    size_t d;

    explicit computer(const IndexFlat &flat) : vectors(flat.get_xb()), d(flat.d) {}

    void set_query(const float *x) override {
        query = x;
    }

    float operator()(idx_t i) override {
        return -tr_kernel_product(query, vectors + i * d, d);
    }

    float symmetric_dis(idx_t i, idx_t j) override {
        return -tr_kernel_product(vectors + i * d, vectors + j * d, d);
    }
};
} // namespace

/* One that was visited is not entered again. From above none is entered that is on the lowest level only. */
extern "C" int tr_faiss_search_without(
    const FaissIndex *index, idx_t place, idx_t k, float *ret_scores, idx_t *ret_places) {
    const IndexHNSW *graph = graph_of(index);
    const IndexFlat *flat = flat_of(index);
    if (!graph || !flat)
        return -EINVAL;
    for (idx_t i = 0; i < k; i++) {
        ret_scores[i] = HUGE_VALF;
        ret_places[i] = -1;
    }
    try {
        computer near(*flat);
        faiss::VisitedTable visited(static_cast<int>(graph->ntotal));
        visited.set(static_cast<int>(place));
        near.set_query(near.vectors + place * near.d);
        graph->hnsw.search(near, static_cast<int>(k), ret_places, ret_scores, visited);
    } catch (const std::exception &) {
        return -ENOMEM;
    }
    for (idx_t i = 0; i < k; i++)
        ret_scores[i] = -ret_scores[i];
    return 0;
}
