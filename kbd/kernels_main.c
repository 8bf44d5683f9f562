/*
 * What the kernels are worth: searches of one graph by FAISS in one thread. This program is linked twice, with our kernels (troupe-kb-kernels) and with
 * those of the archive alone (troupe-kb-kernels-plain); `troupe bench kb-kernels` compares the two.
 *
 *     troupe-kb-kernels FILE VECTORS DIMENSIONS [FD]
 *
 * The graph is read from FILE; where there is none, it is made and written there. Prints a line of JSON (to the file descriptor): queries for each second
 * of the processor, and its microseconds for the median one. Exit: 0, 1 usage, 3 no memory, or a file that cannot be used.
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

typedef struct measure {
    size_t count, dimensions;
    FaissIndex *index;
    float *queries;
    uint32_t ns[QUERIES];
} measure_t;

/* Of this thread: others on the machine take nothing from it. */
static int64_t processor_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
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

static int get_graph(measure_t *m, const char *path) {
    FaissParameterSpace *space = NULL;
    FILE *f = fopen(path, "re");
    int rc = f ? faiss_read_index(f, 0, &m->index) : build(m, path);
    if (f)
        fclose(f);
    if (rc == 0)
        rc = faiss_ParameterSpace_new(&space);
    if (rc == 0)
        rc = faiss_ParameterSpace_set_index_parameter(space, m->index, "efSearch", EXPLORED);
    faiss_ParameterSpace_free(space);
    return rc;
}

static int by_time(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int search_all(measure_t *m, int out) {
    int64_t places[K], begun = 0;
    float scores[K];
    m->queries = tr_sample_clusters(m->count, QUERIES, m->dimensions);
    if (!m->queries)
        return -1;
    for (size_t i = 0; i < QUERIES + QUERIES / 10; i++) { /* the first ones warm it up */
        int64_t from = processor_ns();
        begun = i == QUERIES / 10 ? from : begun;
        if (faiss_Index_search(m->index, 1, m->queries + i % QUERIES * m->dimensions, K, scores, places) != 0)
            return -1;
        m->ns[i % QUERIES] = (uint32_t)(processor_ns() - from);
    }
    double seconds = (double)(processor_ns() - begun) / 1e9;
    qsort(m->ns, QUERIES, sizeof *m->ns, by_time);
    dprintf(out, "{\"queries\": %.0f, \"p50_us\": %.1f}\n", QUERIES / seconds, m->ns[QUERIES / 2] / 1e3);
    return 0;
}

int main(int argc, char **argv) {
    static measure_t m; /* its numbers are too many for the stack */
    m.count = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
    m.dimensions = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    if (argc > 5 || m.count < K || m.count > 10000000 || m.dimensions < 2 || m.dimensions > 8192) {
        fprintf(stderr, "usage: troupe-kb-kernels FILE VECTORS DIMENSIONS [FD]\n");
        return 1;
    }
    omp_set_num_threads(1);
    int rc = get_graph(&m, argv[1]);
    if (rc == 0)
        rc = search_all(&m, argc > 4 ? atoi(argv[4]) : STDOUT_FILENO);
    faiss_Index_free(m.index);
    free(m.queries);
    return rc == 0 ? 0 : 3;
}
