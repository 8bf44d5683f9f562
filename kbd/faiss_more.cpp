/* In C++, for it asks what kind of index one is, and looks into graphs. */
#include "kbd/faiss_more.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIVF.h>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <sys/mman.h>
#include <vector>

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

/*
 * A search jumps about in all of it: in small pages nearly each vector costs a walk through the kernel's tables as well. What is not worth the advice, or not
 * told of by this kernel's headers, is as it was, ignoring.
 */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
static constexpr std::uintptr_t HUGE_PAGE = std::uintptr_t{1} << 21;

template <typename T> static void in_huge_pages(std::vector<T> &all, int advice) {
    std::uintptr_t from = reinterpret_cast<std::uintptr_t>(all.data());
    std::uintptr_t to = (from + all.capacity() * sizeof(T)) / HUGE_PAGE * HUGE_PAGE;
    from = (from + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    if (from < to)
        madvise(reinterpret_cast<void *>(from), to - from, advice);
}

static void graph_in_huge_pages(FaissIndex *index, int advice) {
    if (IndexFlat *flat = const_cast<IndexFlat *>(flat_of(index)))
        in_huge_pages(flat->codes, advice);
    if (IndexHNSW *graph = const_cast<IndexHNSW *>(graph_of(index)))
        in_huge_pages(graph->hnsw.neighbors, advice);
}

extern "C" void tr_faiss_settle(FaissIndex *index) {
    graph_in_huge_pages(index, MADV_HUGEPAGE);
    graph_in_huge_pages(index, MADV_COLLAPSE);
}

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
        graph_in_huge_pages(index, MADV_HUGEPAGE);
        return 0;
    } catch (const std::exception &) {
        return -ENOMEM;
    }
}

extern "C" int tr_faiss_copy(FaissIndex *to, const FaissIndex *from) {
    IndexHNSW *graph = const_cast<IndexHNSW *>(graph_of(to));
    IndexFlat *flat = const_cast<IndexFlat *>(flat_of(to));
    const IndexHNSW *other = graph_of(from);
    const IndexFlat *vectors = flat_of(from);
    if (!graph || !flat || !other || !vectors || other->hnsw.nb_neighbors(0) != graph->hnsw.nb_neighbors(0))
        return -EINVAL;
    const faiss::HNSW &hnsw = other->hnsw;
    flat->codes.assign(vectors->codes.begin(), vectors->codes.end());
    graph->hnsw.levels.assign(hnsw.levels.begin(), hnsw.levels.end());
    graph->hnsw.offsets.assign(hnsw.offsets.begin(), hnsw.offsets.end());
    graph->hnsw.neighbors.assign(hnsw.neighbors.begin(), hnsw.neighbors.end());
    graph->hnsw.entry_point = hnsw.entry_point;
    graph->hnsw.max_level = hnsw.max_level;
    flat->ntotal = graph->ntotal = other->ntotal;
    return 0;
}

extern "C" size_t tr_faiss_depth(const FaissIndex *index) {
    const IndexHNSW *graph = graph_of(index);
    const faiss::IndexIVF *lists =
        dynamic_cast<const faiss::IndexIVF *>(reinterpret_cast<const faiss::Index *>(index));
    return graph ? static_cast<size_t>(graph->hnsw.efSearch) : lists ? lists->nprobe : 0;
}

/* ---- searching ---- */

extern "C" idx_t tr_faiss_lowest(const FaissIndex *index, idx_t place) {
    const IndexHNSW *graph = graph_of(index);
    while (graph && place < graph->ntotal && graph->hnsw.levels[place] > 1)
        place++;
    return graph && place < graph->ntotal ? place : -1;
}

extern "C" int tr_faiss_graph(const FaissIndex *index, tr_graph_t *ret_graph) {
    const IndexHNSW *graph = graph_of(index);
    const float *vectors = tr_faiss_vectors(index);
    if (!graph || !vectors || graph->ntotal == 0)
        return -EINVAL;
    const faiss::HNSW &hnsw = graph->hnsw;
    static_assert(sizeof(faiss::HNSW::storage_idx_t) == sizeof *ret_graph->links, "links are of four bytes");
    *ret_graph = tr_graph_t{hnsw.neighbors.data(), hnsw.offsets.data(), hnsw.cum_nneighbor_per_level.data(),
        vectors, nullptr, static_cast<size_t>(graph->ntotal), static_cast<size_t>(graph->d),
        static_cast<size_t>(hnsw.efSearch), hnsw.entry_point, hnsw.max_level};
    return 0;
}

extern "C" int32_t *tr_faiss_links(FaissIndex *index) {
    return const_cast<IndexHNSW *>(graph_of(index))->hnsw.neighbors.data();
}
