/*
 * troupe-kb-measure: what FAISS does on this machine, in one thread and without a message; what `troupe bench kb` compares with.
 *
 *     troupe-kb-measure VECTORS DIMENSIONS [FD]
 *
 * Prints a line of JSON (to the file descriptor): queries and additions a second, the median of a query, recall at 10. Exit: 0, 1 usage, 3 out of
 * memory.
 */
#include "kbd/index.h"
#include "kbd/kernels.h"
#include "kbd/segment_private.h"
#include "lib/base/clock.h"
#include "lib/sample/clusters.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define QUERIES 5000u
#define CHECKED 200u /* of which the true neighbours are looked for */
#define K       10u

typedef struct measure {
    size_t count, dimensions;
    float *vectors, *queries;
    tr_segment_t *graph, *flat;
    uint32_t ns[QUERIES];
    int out;
} measure_t;

static tr_segment_t *build(const measure_t *m, tr_segment_kind_t kind) {
    tr_segment_item_t *items = calloc(m->count, sizeof *items);
    tr_segment_t *segment = NULL;
    for (size_t i = 0; i < m->count && items; i++)
        items[i] = (tr_segment_item_t){(int64_t)i + 1, m->vectors + i * m->dimensions};
    if (items)
        tr_segment_build(NULL, items, m->count, m->dimensions, kind, NULL, NULL, &segment, NULL);
    free(items);
    return segment;
}

/* By FAISS itself, which kbd does not ask for that: graph.h. */
static void search(const measure_t *m, size_t query, int64_t *ret_places, float *ret_scores) {
    faiss_Index_search(m->graph->index, 1, m->queries + query * m->dimensions, K, ret_scores, ret_places);
}

/* Queries a second; how long each has taken is in m->ns. */
static double search_all(measure_t *m) {
    int64_t near[K], begun = tr_clock_ns();
    float scores[K];
    for (size_t i = 0; i < QUERIES; i++) {
        int64_t from = tr_clock_ns();
        search(m, i, near, scores);
        m->ns[i] = (uint32_t)(tr_clock_ns() - from);
    }
    return QUERIES * 1e9 / (double)(tr_clock_ns() - begun);
}

static double recall(const measure_t *m) {
    size_t found = 0;
    for (size_t q = 0; q < CHECKED; q++) {
        int64_t near[K], nearest[K];
        float scores[K], best[K], *query = m->queries + q * m->dimensions;
        search(m, q, near, scores);
        tr_segment_search(m->flat, 1, query, K, nearest, best);
        for (size_t i = 0; i < K; i++)
            found += near[i] >= 0 && scores[i] >= best[K - 1] - 1e-6f;
    }
    return (double)found / (CHECKED * K);
}

static int by_time(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int run(measure_t *m) {
    m->vectors = tr_sample_clusters(0, m->count, m->dimensions);
    m->queries = tr_sample_clusters(m->count, QUERIES, m->dimensions);
    int64_t begun = tr_clock_ns();
    m->graph = m->vectors && m->queries ? build(m, TR_SEGMENT_HNSW) : NULL;
    double seconds = (double)(tr_clock_ns() - begun) / 1e9;
    m->flat = m->graph ? build(m, TR_SEGMENT_FLAT) : NULL;
    if (!m->flat)
        return -1;
    double queries = search_all(m), share = recall(m);
    qsort(m->ns, QUERIES, sizeof *m->ns, by_time);
    dprintf(m->out,
        "{\"queries\": %.0f, \"p50_us\": %.1f, \"recall\": %.4f, \"adds\": %.0f, \"kernels\": \"%s\"}\n",
        queries, m->ns[QUERIES / 2] / 1e3, share, (double)m->count / seconds, tr_kernels_name());
    return 0;
}

int main(int argc, char **argv) {
    static measure_t m; /* its numbers are too many for the stack */
    m.count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
    m.dimensions = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    m.out = argc > 3 ? atoi(argv[3]) : STDOUT_FILENO;
    if (argc > 4 || m.count < K || m.count > 10000000 || m.dimensions < 2 || m.dimensions > 8192) {
        fprintf(stderr, "usage: troupe-kb-measure VECTORS DIMENSIONS [FD]\n");
        return 1;
    }
    tr_segment_threads(1);
    int rc = run(&m);
    tr_segment_release(&m.graph);
    tr_segment_release(&m.flat);
    free(m.vectors);
    free(m.queries);
    return rc < 0 ? 3 : 0;
}
