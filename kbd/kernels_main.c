/*
 * What the kernels are worth: searches of one graph by FAISS in one thread. This program is linked twice, with our kernels (troupe-kb-kernels) and with
 * those of the archive alone (troupe-kb-kernels-plain); `troupe bench kb-kernels` compares the two.
 *
 *     troupe-kb-kernels FILE VECTORS DIMENSIONS [FD [RECALL]]
 *
 * The graph is read from FILE; where there is none, it is made and written there. Prints a line of JSON (to the file descriptor): queries for each second
 * of the processor, and its microseconds for the median one. With RECALL (.99) it searches no farther than that wants, and queries are for each second of
 * the clock, as those of a whole knowledge base are (`troupe bench kb-archive`). Exit: 0, 1 usage, 3 no memory, or a file that cannot be used.
 */
#include "lib/sample/clusters.h"

#include <faiss/c_api/AutoTune_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/index_factory_c.h>
#include <faiss/c_api/index_io_c.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define QUERIES  1000u
#define K        10u
#define EXPLORED 64
#define SLICE    2048u
#define CHECKED  200u /* queries whose true neighbours are looked for */
#define FIRST    16   /* nodes in view, and at most */
#define MOST     4096

typedef struct measure {
    size_t count, dimensions;
    FaissIndex *index;
    float *queries;
    double wanted, recall; /* 0: as far as EXPLORED */
    int nodes;             /* in view */
    uint32_t ns[QUERIES];
} measure_t;

/* Of this thread, from which others on the machine take nothing, or of the clock. */
static int64_t now_ns(const measure_t *m) {
    struct timespec now;
    clock_gettime(m->wanted > 0 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int build(measure_t *m, const char *path) {
    float *vectors = tr_sample_clusters(0, m->count, m->dimensions);
    int rc =
        vectors ? faiss_index_factory(&m->index, (int)m->dimensions, "HNSW32", METRIC_INNER_PRODUCT) : -1;
    for (size_t from = 0; from < m->count && rc == 0; from += SLICE) {
        size_t n = m->count - from < SLICE ? m->count - from : SLICE;
        rc = faiss_Index_add(m->index, (int64_t)n, vectors + from * m->dimensions);
    }
    free(vectors);
    FILE *f = rc == 0 ? fopen(path, "we") : NULL;
    rc = f ? faiss_write_index(m->index, f) : -1;
    return f && fclose(f) == 0 ? rc : -1;
}

static int explore(measure_t *m, int nodes) {
    FaissParameterSpace *space = NULL;
    m->nodes = nodes;
    int rc = faiss_ParameterSpace_new(&space);
    if (rc == 0)
        rc = faiss_ParameterSpace_set_index_parameter(space, m->index, "efSearch", nodes);
    faiss_ParameterSpace_free(space);
    return rc;
}

static int get_graph(measure_t *m, const char *path) {
    FILE *f = fopen(path, "re");
    int rc = f ? faiss_read_index(f, 0, &m->index) : build(m, path);
    if (f)
        fclose(f);
    return rc == 0 ? explore(m, EXPLORED) : rc;
}

/* ---- as far as is wanted ---- */

typedef struct near {
    int64_t places[CHECKED * K];
    float scores[CHECKED * K];
} near_t;

static int find_nearest(const measure_t *m, near_t *ret) {
    FaissIndex *flat = NULL;
    float *vectors = tr_sample_clusters(0, m->count, m->dimensions);
    int rc = vectors ? faiss_index_factory(&flat, (int)m->dimensions, "Flat", METRIC_INNER_PRODUCT) : -1;
    if (rc == 0)
        rc = faiss_Index_add(flat, (int64_t)m->count, vectors);
    if (rc == 0)
        rc = faiss_Index_search(flat, CHECKED, m->queries, K, ret->scores, ret->places);
    faiss_Index_free(flat);
    free(vectors);
    return rc;
}

static double share_of(const near_t *nearest, const near_t *near) {
    size_t found = 0;
    for (size_t i = 0; i < CHECKED * K; i++)
        found += near->places[i] >= 0 && near->scores[i] >= nearest->scores[i / K * K + K - 1] - 1e-5f;
    return (double)found / (CHECKED * K);
}

/* Half as many nodes again each time, as kbd does. */
static int go_far_enough(measure_t *m) {
    near_t *nearest = calloc(2, sizeof *nearest), *near = nearest + 1;
    int rc = nearest ? find_nearest(m, nearest) : -1;
    for (int nodes = FIRST; rc == 0 && m->recall < m->wanted && nodes < MOST; nodes += nodes / 2) {
        rc = explore(m, nodes);
        if (rc == 0)
            rc = faiss_Index_search(m->index, CHECKED, m->queries, K, near->scores, near->places);
        m->recall = rc == 0 ? share_of(nearest, near) : 0;
    }
    free(nearest);
    return rc;
}

/* ---- all ---- */

static int by_time(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int search_all(measure_t *m, int out) {
    int64_t places[K], begun = 0;
    float scores[K];
    for (size_t i = 0; i < QUERIES + QUERIES / 10; i++) { /* the first ones warm it up */
        int64_t from = now_ns(m);
        begun = i == QUERIES / 10 ? from : begun;
        if (faiss_Index_search(m->index, 1, m->queries + i % QUERIES * m->dimensions, K, scores, places) != 0)
            return -1;
        m->ns[i % QUERIES] = (uint32_t)(now_ns(m) - from);
    }
    double seconds = (double)(now_ns(m) - begun) / 1e9;
    qsort(m->ns, QUERIES, sizeof *m->ns, by_time);
    dprintf(out, "{\"queries\": %.0f, \"p50_us\": %.1f, \"recall\": %.4f, \"nodes\": %d}\n",
        QUERIES / seconds, m->ns[QUERIES / 2] / 1e3, m->recall, m->nodes);
    return 0;
}

int main(int argc, char **argv) {
    static measure_t m; /* its numbers are too many for the stack */
    m.count = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
    m.dimensions = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    m.wanted = argc > 5 ? strtod(argv[5], NULL) : 0;
    if (argc > 6 || m.wanted < 0 || m.wanted > 1 || m.count < K || m.count > 10000000 || m.dimensions < 2 ||
        m.dimensions > 8192) {
        fprintf(stderr, "usage: troupe-kb-kernels FILE VECTORS DIMENSIONS [FD [RECALL]]\n");
        return 1;
    }
    omp_set_num_threads(1);
    m.queries = tr_sample_clusters(m.count, QUERIES, m.dimensions);
    int rc = m.queries ? get_graph(&m, argv[1]) : -1;
    if (rc == 0 && m.wanted > 0)
        rc = go_far_enough(&m);
    if (rc == 0)
        rc = search_all(&m, argc > 4 ? atoi(argv[4]) : STDOUT_FILENO);
    faiss_Index_free(m.index);
    free(m.queries);
    return rc == 0 ? 0 : 3;
}
