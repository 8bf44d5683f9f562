/* A walk leaves a cluster that it has begun in, though less is in view than the cluster has vectors. */
#include "kbd/faiss_more.h"
#include "kbd/kernels.h"
#include "kbd/segment_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#define D        32u
#define N        16000u
#define QUERIES  1000u
#define IN_VIEW  12u
#define NOISE    .5f
#define CLUSTERS 100u

static tr_segment_t *build(const float *all) {
    tr_segment_item_t *items = calloc(N, sizeof *items);
    tr_segment_t *segment = NULL;
    for (size_t i = 0; i < N; i++)
        items[i] = (tr_segment_item_t){(int64_t)i + 1, all + i * D};
    assert_int_equal(tr_segment_build(items, N, D, TR_SEGMENT_HNSW, NULL, NULL, &segment, NULL), 0);
    free(items);
    return segment;
}

static float best_of(const float *all, const float *query) {
    float best = -2;
    for (size_t i = 0; i < N; i++) {
        float score = tr_kernel_product(query, all + i * D, D);
        best = score > best ? score : best;
    }
    return best;
}

static float noise(unsigned *seed) {
    return (float)(rand_r(seed) % 2000) / 1000 - 1;
}

/* In clusters that are far apart, one after the other. */
static float *make(size_t n, unsigned seed) {
    float centres[CLUSTERS][D], *all = calloc(n * D, sizeof *all);
    unsigned same = 5;
    for (size_t i = 0; i < CLUSTERS * D; i++)
        centres[i / D][i % D] = noise(&same);
    for (size_t i = 0; i < n; i++) {
        float *v = all + i * D;
        for (size_t j = 0; j < D; j++)
            v[j] = centres[i * 7 % CLUSTERS][j] + NOISE * noise(&seed);
        float length = __builtin_sqrtf(tr_kernel_product(v, v, D));
        for (size_t j = 0; j < D; j++)
            v[j] /= length;
    }
    return all;
}

static void clusters_are_left(void **state) {
    float *all = make(N, 1), *queries = make(QUERIES, 2);
    tr_graph_t graph;
    size_t found = 0;
    (void)state;
    tr_segment_alone();
    tr_segment_t *segment = build(all);
    assert_int_equal(tr_faiss_graph(segment->index, &graph), 0);
    graph.depth = IN_VIEW;
    for (size_t q = 0; q < QUERIES; q++) {
        int64_t place;
        float score, *query = queries + q * D;
        assert_int_equal(tr_graph_search(&graph, 1, query, 1, TR_GRAPH_ALL, &place, &score), 0);
        found += score >= best_of(all, query) - 1e-5f;
    }
    print_message("the nearest of %zu of %u\n", found, QUERIES);
    assert_true(found >= 996);
    tr_segment_release(&segment);
    free(all);
    free(queries);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(clusters_are_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
