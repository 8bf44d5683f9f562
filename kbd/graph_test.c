/* A walk leaves a cluster that it has begun in, though less is in view than the cluster has vectors; a graph that is there is gone on with. */
#include "kbd/faiss_more.h"
#include "kbd/kernels.h"
#include "kbd/segment_fixture.h"
#include "kbd/segment_private.h"

#include <errno.h>
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

static float best_of(const float *all, size_t n, const float *query) {
    float best = -2;
    for (size_t i = 0; i < n; i++) {
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

#define FEW 9000u
#define K   10u

/* By codes the same is found as by whole vectors, with the same scores; also where one number of all is much larger than the others. */
static void by_codes(void **state) {
    float *all = make(FEW, 1), *queries = make(QUERIES, 2);
    size_t same = 0;
    (void)state;
    tr_segment_threads(2);
    for (size_t i = 0; i < FEW; i++)
        all[i * D] += 2;
    tr_segment_t *segment = segment_fixture(all, FEW, D, TR_SEGMENT_HNSW);
    tr_graph_t graph, whole;
    assert_int_equal(tr_segment_graph(segment, &graph), 0);
    assert_int_equal(tr_faiss_graph(segment->index, &whole), 0);
    assert_non_null(graph.codes);
    assert_null(whole.codes);
    for (size_t q = 0; q < 300; q++) {
        int64_t found[K], places[K];
        float scores[K], exact[K], *query = queries + q * D;
        assert_int_equal(tr_graph_search(&graph, 1, query, K, TR_GRAPH_ALL, found, scores), 0);
        assert_int_equal(tr_graph_search(&whole, 1, query, K, TR_GRAPH_ALL, places, exact), 0);
        for (size_t i = 0; i < K; i++) {
            assert_float_equal(scores[i], tr_kernel_product(query, all + (size_t)found[i] * D, D), 1e-5f);
            same += scores[i] >= exact[i] - 1e-5f;
        }
    }
    print_message("%zu of %u\n", same, 300 * K);
    assert_true(same >= 300 * K * 99 / 100);
    tr_segment_release(&segment);
    free(all);
    free(queries);
}

/* One of two numbers of each is so large that its byte leaves nothing to tell the others by. */
static void no_codes(void **state) {
    float *all = make(FEW, 1);
    tr_codes_t codes;
    (void)state;
    assert_int_equal(tr_codes_make(&codes, all, FEW, D), 0);
    tr_codes_finish(&codes);
    for (size_t i = 0; i < FEW; i++)
        all[i * D + i / 8 % 2] = 40;
    assert_int_equal(tr_codes_make(&codes, all, FEW, D), -EDOM);
    assert_null(codes.bytes);
    free(all);
}

/* Texts that are nearly the same: a hundred crowd at each of 100 places, nearer to each other than a byte can tell, and in a sample of some there would be no crowd. */
static void no_codes_in_a_crowd(void **state) {
    enum { CROWDS = 100, EACH = 100 };
    float *all = calloc(CROWDS * EACH * D, sizeof *all);
    unsigned places = 5, seed = 1;
    tr_codes_t codes;
    (void)state;
    for (size_t i = 0; i < CROWDS * EACH; i += EACH)
        for (size_t j = 0; j < D; j++)
            all[i * D + j] = noise(&places);
    for (size_t i = 0; i < CROWDS * EACH; i++) {
        const float *centre = all + i / EACH * EACH * D;
        float *v = all + i * D;
        for (size_t j = 0; j < D; j++)
            v[j] = centre[j] + .002F * noise(&seed);
        float length = __builtin_sqrtf(tr_kernel_product(v, v, D));
        for (size_t j = 0; j < D; j++)
            v[j] /= length;
    }
    assert_int_equal(tr_codes_make(&codes, all, CROWDS * EACH, D), -EDOM);
    free(all);
}

static bool on_begin(void *arg, size_t done, size_t total) {
    size_t *first = arg;
    assert_int_equal(total, FEW);
    *first = *first ? *first : done;
    return true;
}

/* Of all vectors, with chunks that are twice their number. How many are in it when that is told the first time. */
static size_t build_on(const float *all, const tr_segment_t *base, tr_segment_t **ret) {
    tr_segment_item_t *items = calloc(FEW, sizeof *items);
    size_t first = 0;
    for (size_t i = 0; i < FEW; i++) {
        int64_t chunk = 2 * (int64_t)i, place = base ? tr_segment_find(base, chunk) : -1;
        items[FEW - 1 - i] =
            (tr_segment_item_t){chunk, place < 0 ? all + i * D : tr_segment_vector(base, (size_t)place)};
    }
    assert_int_equal(tr_segment_build(base, items, FEW, D, TR_SEGMENT_HNSW, on_begin, &first, ret, NULL), 0);
    free(items);
    return first;
}

static tr_segment_t *part_of(const float *all, size_t from, size_t to) {
    tr_segment_item_t *items = calloc(to - from, sizeof *items);
    tr_segment_t *segment = NULL;
    for (size_t i = from; i < to; i++)
        items[i - from] = (tr_segment_item_t){2 * (int64_t)i, all + i * D};
    assert_int_equal(
        tr_segment_build(NULL, items, to - from, D, TR_SEGMENT_HNSW, NULL, NULL, &segment, NULL), 0);
    free(items);
    return segment;
}

/* The nearest of so many questions; of what is in it, each finds itself. */
static size_t count_found(const tr_segment_t *segment, const float *all, const float *queries, size_t most) {
    size_t found = 0;
    for (size_t q = 0; q < most; q++) {
        int64_t chunk;
        float score, *own = (float *)(uintptr_t)all + q * 31 % FEW * D;
        assert_int_equal(tr_segment_search(segment, 1, own, 1, &chunk, &score), 0);
        found += chunk == 2 * (int64_t)(q * 31 % FEW);
        assert_int_equal(tr_segment_search(segment, 1, queries + q * D, 1, &chunk, &score), 0);
        found += score >= best_of(all, FEW, queries + q * D) - 1e-5f;
    }
    return found;
}

/* What is linked already is not linked again where it comes first, and what came later is found as well as what was there; by several threads, too. */
static void a_graph_goes_on(void **state) {
    float *all = make(FEW, 1), *queries = make(QUERIES, 2);
    (void)state;
    tr_segment_threads(4);
    tr_segment_t *segment = NULL, *first = part_of(all, 0, FEW * 3 / 4), *last = part_of(all, FEW / 4, FEW);
    assert_true(build_on(all, first, &segment) > FEW * 3 / 4);
    assert_int_equal(tr_segment_count(segment), FEW);
    assert_int_equal(tr_segment_find(segment, 2 * (FEW - 1)), FEW - 1);
    assert_memory_equal(tr_segment_vector(segment, FEW - 1), all + (size_t)(FEW - 1) * D, D * sizeof *all);
    size_t found = count_found(segment, all, queries, 300);
    print_message("%zu of 600\n", found);
    assert_true(found >= 598);
    tr_segment_release(&segment);
    assert_true(build_on(all, last, &segment) < FEW / 4); /* what is new comes before it */
    assert_true(count_found(segment, all, queries, 300) >= 598);
    tr_segment_release(&segment);
    tr_segment_release(&first);
    tr_segment_release(&last);
    free(all);
    free(queries);
}

static void clusters_are_left(void **state) {
    float *all = make(N, 1), *queries = make(QUERIES, 2);
    tr_graph_t graph;
    size_t found = 0;
    (void)state;
    tr_segment_threads(1);
    tr_segment_t *segment = segment_fixture(all, N, D, TR_SEGMENT_HNSW);
    assert_int_equal(tr_faiss_graph(segment->index, &graph), 0);
    graph.depth = IN_VIEW;
    for (size_t q = 0; q < QUERIES; q++) {
        int64_t place;
        float score, *query = queries + q * D;
        assert_int_equal(tr_graph_search(&graph, 1, query, 1, TR_GRAPH_ALL, &place, &score), 0);
        found += score >= best_of(all, N, query) - 1e-5f;
    }
    print_message("the nearest of %zu of %u\n", found, QUERIES);
    assert_true(found >= 996);
    tr_segment_release(&segment);
    free(all);
    free(queries);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(clusters_are_left), cmocka_unit_test(a_graph_goes_on),
        cmocka_unit_test(by_codes), cmocka_unit_test(no_codes), cmocka_unit_test(no_codes_in_a_crowd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
