/* Segments of each kind, their files, and an index that is added to, merged and searched all the time. */
#include "kbd/faiss_more.h"
#include "kbd/index.h"
#include "kbd/kernels.h"
#include "kbd/segment_fixture.h"
#include "kbd/segment_private.h"
#include "kbd/shelf.h"
#include "tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#define D 32u
#define N 6000u
#define K 10u

typedef struct fixture {
    float *all;
    char *directory;
} fixture_t;

static float *vector_at(const fixture_t *f, size_t i) {
    return f->all + i * D;
}

static float noise(unsigned *seed) {
    return (float)(rand_r(seed) % 2000) / 1000 - 1;
}

/* In clusters, of length 1. */
static void fill(fixture_t *f) {
    unsigned seed = 7;
    float centres[40][D];
    for (size_t i = 0; i < 40; i++)
        for (size_t j = 0; j < D; j++)
            centres[i][j] = noise(&seed);
    for (size_t i = 0; i < N; i++) {
        float *v = vector_at(f, i), length = 0;
        for (size_t j = 0; j < D; j++)
            v[j] = centres[i % 40][j] + .5f * noise(&seed);
        length = tr_kernel_product(v, v, D);
        for (size_t j = 0; j < D; j++)
            v[j] /= __builtin_sqrtf(length);
    }
}

static int set_up(void **state) {
    fixture_t *f = calloc(1, sizeof *f);
    f->all = calloc(N * D, sizeof *f->all);
    f->directory = scratch_new_in_memory();
    fill(f);
    tr_segment_threads(1);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture_t *f = *state;
    scratch_end(f->directory);
    free(f->all);
    free(f);
    return 0;
}

static int64_t chunk_of(size_t i) {
    return (int64_t)(3 * i + 7);
}

/* The k-th best score of vectors from .. to that pass. */
static float kth_best(const fixture_t *f, const float *query, size_t from, size_t to, size_t step) {
    float best[K];
    size_t n = 0;
    for (size_t i = from; i < to; i += step) {
        float score = tr_kernel_product(query, vector_at(f, i), D);
        size_t at = n < K ? n++ : K;
        if (at == K && best[--at] >= score)
            continue;
        for (; at > 0 && best[at - 1] < score; at--)
            best[at] = best[at - 1];
        best[at] = score;
    }
    return best[n - 1];
}

static tr_segment_t *build(const fixture_t *f, tr_segment_kind_t kind, size_t from, size_t to) {
    tr_segment_item_t *items = calloc(to - from, sizeof *items);
    tr_segment_t *segment = NULL;
    tr_error_t error = {0};
    for (size_t i = from; i < to; i++)
        items[to - 1 - i] = (tr_segment_item_t){chunk_of(i), vector_at(f, i)}; /* the last first */
    if (tr_segment_build(NULL, items, to - from, D, kind, NULL, NULL, &segment, &error) < 0)
        fail_msg("%s", error.text);
    free(items);
    return segment;
}

static double recall(const fixture_t *f, const tr_segment_t *segment) {
    size_t found = 0;
    for (size_t q = 0; q < 100; q++) {
        int64_t chunks[K];
        float scores[K], *query = vector_at(f, 13 * q), least = kth_best(f, query, 0, N, 1);
        assert_int_equal(tr_segment_search(segment, 1, query, K, chunks, scores), 0);
        for (size_t i = 0; i < K; i++)
            found += chunks[i] >= 0 && scores[i] >= least - 1e-5f;
        assert_int_equal(chunks[0], chunk_of(13 * q));
    }
    return (double)found / (100 * K);
}

/* As it is, and as it comes back from its file. */
static void check_kind(const fixture_t *f, tr_segment_kind_t kind, double least) {
    tr_shelf_t shelf;
    tr_shelf_found_t found = {0};
    size_t damaged;
    tr_segment_t *segment = build(f, kind, 0, N);
    size_t depth = tr_segment_depth(segment);
    assert_true(recall(f, segment) >= least);
    assert_int_equal(tr_segment_find(segment, chunk_of(5)), 5);
    assert_int_equal(tr_segment_find(segment, chunk_of(5) + 1), -1);
    assert_int_equal(tr_shelf_init(&shelf, f->directory, NULL), 0);
    assert_int_equal(tr_shelf_write(&shelf, 1, "m", 1, NULL, 0, segment, NULL), 0);
    assert_true(recall(f, segment) >= least); /* now that its vectors may live in the file */
    tr_segment_release(&segment);
    assert_int_equal(tr_shelf_read(&shelf, 1, "m", D, &found, 1, &damaged), 1);
    assert_int_equal(tr_segment_kind(found.segment), kind);
    assert_int_equal(tr_segment_depth(found.segment), depth);
    assert_int_equal(found.segment->codes.bytes != NULL, kind == TR_SEGMENT_HNSW);
    assert_memory_equal(tr_segment_vector(found.segment, 9), vector_at(f, 9), D * sizeof(float));
    assert_true(recall(f, found.segment) >= least);
    tr_segment_release(&found.segment);
    tr_shelf_finish(&shelf);
}

static void flat(void **state) {
    check_kind(*state, TR_SEGMENT_FLAT, 1);
}

static void graph(void **state) {
    check_kind(*state, TR_SEGMENT_HNSW, .99);
}

/* What FAISS finds in the same graph is found, a vector that it shall not have is not, and fewer than k are told so. */
static void graph_as_faiss(void **state) {
    fixture_t *f = *state;
    tr_segment_t *segment = build(f, TR_SEGMENT_HNSW, 0, N);
    tr_graph_t graph;
    size_t same = 0;
    assert_int_equal(tr_faiss_graph(segment->index, &graph), 0);
    assert_int_equal(graph.count, N);
    for (size_t q = 0; q < 200; q++) {
        int64_t ours[K], theirs[K];
        float scores[K], their_scores[K], *query = vector_at(f, 29 * q);
        assert_int_equal(tr_graph_search(&graph, 1, query, K, TR_GRAPH_ALL, ours, scores), 0);
        assert_int_equal(faiss_Index_search(segment->index, 1, query, K, their_scores, theirs), 0);
        for (size_t i = 0; i < K; i++) {
            same += ours[i] == theirs[i];
            assert_true(i == 0 || scores[i] <= scores[i - 1]);
        }
        int64_t without = tr_faiss_lowest(segment->index, (int64_t)(29 * q));
        assert_int_equal(
            tr_graph_search(&graph, 1, vector_at(f, (size_t)without), K, without, ours, scores), 0);
        for (size_t i = 0; i < K; i++)
            assert_true(ours[i] >= 0 && ours[i] != without);
    }
    assert_true(same >= 200 * K * 99 / 100);
    int64_t *all = calloc(2 * N, sizeof *all);
    float *scores = calloc(2 * N, sizeof *scores);
    assert_int_equal(tr_graph_search(&graph, 1, vector_at(f, 0), 2 * N, TR_GRAPH_ALL, all, scores), 0);
    assert_int_equal(all[0], 0);
    assert_int_equal(all[N], -1);
    free(all);
    free(scores);
    tr_segment_release(&segment);
}

/* Whose links were all taken away, in both directions, is found again; what is well stays as it is. */
static void graph_is_mended(void **state) {
    fixture_t *f = *state;
    tr_segment_t *segment = build(f, TR_SEGMENT_HNSW, 0, N);
    tr_graph_t graph;
    size_t mended;
    assert_int_equal(tr_faiss_graph(segment->index, &graph), 0);
    int32_t *links = tr_faiss_links(segment->index);
    size_t all = graph.first[N];
    assert_int_equal(tr_graph_mend(&graph, links, NULL, NULL, &mended), 0);
    assert_int_equal(mended, 0);
    for (size_t i = 0; i < all; i++)
        links[i] = links[i] >= 1000 && links[i] < 1020 ? 0 : links[i];
    assert_int_equal(tr_graph_mend(&graph, links, NULL, NULL, &mended), 0);
    assert_true(mended >= 15); /* of those that are above, none is lost */
    for (size_t i = 1000; i < 1020; i++) {
        int64_t place;
        float score;
        assert_int_equal(tr_graph_search(&graph, 1, vector_at(f, i), 1, TR_GRAPH_ALL, &place, &score), 0);
        assert_int_equal(place, i);
    }
    tr_segment_release(&segment);
}

static void lists_of_bytes(void **state) {
    check_kind(*state, TR_SEGMENT_IVF_SQ8, .9);
}

static void product_codes(void **state) {
    check_kind(*state, TR_SEGMENT_IVF_PQ, .8);
}

#define HARD_D 256u
#define HARD_N 3000u

/* Neighbours that are hardly nearer than all others are looked for farther away, so that as many are found; also of what is in no segment. */
static void hard_ones(void **state) {
    float *all = calloc((HARD_N + 100) * HARD_D, sizeof *all);
    unsigned seed = 9;
    size_t found = 0;
    for (size_t i = 0; i < (HARD_N + 100) * HARD_D; i++)
        all[i] = noise(&seed);
    tr_segment_t *easy = build(*state, TR_SEGMENT_HNSW, 0, N),
                 *graph = segment_fixture(all, HARD_N, HARD_D, TR_SEGMENT_HNSW),
                 *flat = segment_fixture(all, HARD_N, HARD_D, TR_SEGMENT_FLAT);
    for (size_t q = 0; q < 100; q++) {
        int64_t near[K], nearest[K];
        float scores[K], best[K], *query = all + (HARD_N + q) * HARD_D;
        assert_int_equal(tr_segment_search(graph, 1, query, K, near, scores), 0);
        assert_int_equal(tr_segment_search(flat, 1, query, K, nearest, best), 0);
        for (size_t i = 0; i < K; i++)
            found += near[i] >= 0 && scores[i] >= best[K - 1] - 1e-4f;
    }
    assert_int_equal(tr_segment_depth(flat), 0);
    assert_true(tr_segment_depth(graph) > tr_segment_depth(easy));
    assert_true(found >= 980);
    tr_segment_release(&easy);
    tr_segment_release(&graph);
    tr_segment_release(&flat);
    free(all);
}

static void kinds_by_size(void **state) {
    (void)state;
    assert_int_equal(tr_segment_kind_for(2000, 512), TR_SEGMENT_FLAT);
    assert_int_equal(tr_segment_kind_for(1000000, 512), TR_SEGMENT_HNSW);
    assert_int_equal(tr_segment_kind_for(4000000, 512), TR_SEGMENT_IVF_SQ8);
    assert_int_equal(tr_segment_kind_for(40000000, 512), TR_SEGMENT_IVF_PQ);
}

/* ---- files ---- */

static void path_of(const fixture_t *f, const char *name, char *out) {
    snprintf(out, PATH_MAX, "%s/index/%s", f->directory, name);
}

static off_t size_of(const char *path) {
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    return s.st_size;
}

static void flip(const char *path, off_t at) {
    uint8_t byte;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* One flipped bit anywhere, and every length that is too short: refused, and the file is gone. */
static void damage(void **state) {
    fixture_t *f = *state;
    tr_shelf_t shelf;
    tr_shelf_found_t found = {0};
    char path[PATH_MAX];
    size_t damaged;
    assert_int_equal(tr_shelf_init(&shelf, f->directory, NULL), 0);
    path_of(f, "1-1.seg", path);
    for (int i = 0; i < 60; i++) {
        /* One of its own each time: its vectors are in the file. */
        tr_segment_t *segment = build(f, i % 2 ? TR_SEGMENT_FLAT : TR_SEGMENT_IVF_SQ8, 0, 400);
        assert_int_equal(tr_shelf_write(&shelf, 1, "m", 1, NULL, 0, segment, NULL), 0);
        tr_segment_release(&segment);
        off_t size = size_of(path);
        if (i % 3 == 2)
            assert_int_equal(truncate(path, size * i / 60), 0);
        else
            flip(path, i < 10 ? i : size * i / 60);
        assert_int_equal(tr_shelf_read(&shelf, 1, "m", D, &found, 1, &damaged), 0);
        assert_int_equal(damaged, 1);
        assert_int_equal(access(path, F_OK), -1);
    }
    tr_segment_t *segment = build(f, TR_SEGMENT_FLAT, 0, 400);
    assert_int_equal(tr_shelf_write(&shelf, 1, "m", 1, NULL, 0, segment, NULL), 0);
    assert_int_equal(tr_shelf_read(&shelf, 1, "another", D, &found, 1, &damaged), 0);
    tr_segment_release(&segment);
    tr_shelf_finish(&shelf);
}

/* A new one stands for those that it names; when it is damaged, they are still there. What a writer left is removed, and nothing else. */
static void newer_and_older(void **state) {
    fixture_t *f = *state;
    tr_shelf_t shelf;
    tr_shelf_found_t found[4] = {0};
    char path[PATH_MAX];
    size_t damaged;
    tr_segment_t *a = build(f, TR_SEGMENT_FLAT, 0, 100), *b = build(f, TR_SEGMENT_FLAT, 100, 150),
                 *both = build(f, TR_SEGMENT_FLAT, 0, 150);
    assert_int_equal(tr_shelf_init(&shelf, f->directory, NULL), 0);
    for (int good = 0; good < 2; good++) {
        assert_int_equal(tr_shelf_write(&shelf, 1, "m", 1, NULL, 0, a, NULL), 0);
        assert_int_equal(tr_shelf_write(&shelf, 1, "m", 2, NULL, 0, b, NULL), 0);
        assert_int_equal(tr_shelf_write(&shelf, 12, "m", 2, NULL, 0, b, NULL), 0);
        assert_int_equal(tr_shelf_write(&shelf, 1, "m", 3, (uint64_t[]){1, 0, 2}, 3, both, NULL), 0);
        assert_int_equal(tr_shelf_last(&shelf, 1), 3);
        path_of(f, "1-3.seg", path);
        if (!good)
            flip(path, 700);
        size_t n = tr_shelf_read(&shelf, 1, "m", D, found, 4, &damaged);
        assert_int_equal(n, good ? 1 : 2);
        assert_int_equal(damaged, !good);
        for (size_t i = 0; i < n; i++)
            tr_segment_release(&found[i].segment);
    }
    path_of(f, "1-4.seg.part", path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    tr_shelf_finish(&shelf);
    assert_int_equal(tr_shelf_init(&shelf, f->directory, NULL), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(tr_shelf_last(&shelf, 1), 3);
    tr_shelf_remove_all(&shelf, 1);
    assert_int_equal(tr_shelf_last(&shelf, 1), 0);
    assert_int_equal(tr_shelf_last(&shelf, 12), 2);
    assert_int_equal(tr_shelf_clear(f->directory), 0);
    assert_int_equal(tr_shelf_last(&shelf, 12), 0);
    tr_segment_release(&a);
    tr_segment_release(&b);
    tr_segment_release(&both);
    tr_shelf_finish(&shelf);
}

/* Where it cannot be written, what is in memory goes on. */
static void unwritable(void **state) {
    fixture_t *f = *state;
    tr_error_t error = {0};
    tr_segment_t *segment = build(f, TR_SEGMENT_IVF_SQ8, 0, 1000);
    tr_segment_header_t h = {.ns = 1, .sequence = 1, .model = "m"};
    assert_int_equal(tr_segment_write(segment, "/dev/full/x.seg", &h, &error), -ENOTDIR);
    assert_int_equal(tr_segment_find(segment, chunk_of(5)), 5);
    int64_t chunks[K];
    float scores[K];
    assert_int_equal(tr_segment_search(segment, 1, vector_at(f, 5), K, chunks, scores), 0);
    assert_int_equal(chunks[0], chunk_of(5));
    tr_segment_release(&segment);
}

/* ---- the index ---- */

static void check_view(const fixture_t *f, const tr_view_t *view, size_t delta, size_t count) {
    int64_t chunks[2 * K];
    float scores[2 * K], queries[2 * D];
    memcpy(queries, vector_at(f, 0), D * sizeof(float));
    memcpy(queries + D, vector_at(f, count - 1), D * sizeof(float));
    assert_int_equal(tr_view_count(view, delta), count);
    assert_int_equal(tr_view_search(view, delta, 2, queries, K, chunks, scores), 0);
    assert_int_equal(chunks[0], chunk_of(0));
    assert_int_equal(chunks[K], chunk_of(count - 1));
    for (size_t i = 0; i < K; i++)
        assert_true(chunks[i] <= chunk_of(count - 1)); /* nothing that came after it */
}

static void merge(tr_index_t *index, tr_index_wish_t wish, uint64_t sequence) {
    tr_index_plan_t plan;
    tr_segment_t *segment = NULL;
    if (!tr_index_plan(index, wish, TR_INDEX_BLOCK, &plan))
        return;
    assert_int_equal(tr_index_plan_build(&plan, NULL, NULL, &segment, NULL), 0);
    assert_int_equal(tr_index_install(index, &plan, segment, sequence), 0);
    tr_segment_release(&segment);
    tr_index_plan_finish(&plan);
}

/* Views that were taken before go on showing what they did. */
static void grows(void **state) {
    fixture_t *f = *state;
    tr_index_t *index = tr_index_new(D);
    tr_view_t *views[8] = {0};
    size_t deltas[8], counts[8], n = 0;
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(tr_index_add(index, chunk_of(i), vector_at(f, i)), 0);
        if (i % 700 == 699 && n < 8) {
            counts[n] = i + 1;
            views[n] = tr_index_view(index, &deltas[n]);
            n++;
        }
        if (i % 1100 == 1099)
            merge(index, TR_INDEX_IF_FULL, i);
    }
    for (size_t i = 0; i < n; i++) {
        check_view(f, views[i], deltas[i], counts[i]);
        tr_view_release(&views[i]);
    }
    assert_true(tr_index_segments(index) >= 1);
    assert_true(tr_index_delta(index) > 0);
    assert_false(tr_index_is_whole(index));
    merge(index, TR_INDEX_ALL, N);
    assert_true(tr_index_is_whole(index));
    assert_int_equal(tr_index_segments(index), 1);
    assert_int_equal(tr_index_delta(index), 0);
    assert_int_equal(tr_index_count(index), N);
    tr_index_destroy(&index);
}

/* Additions between a plan and its end are neither lost nor there twice, whether the plan ends with a block or within one. */
static void added_meanwhile(void **state) {
    fixture_t *f = *state;
    for (int whole = 0; whole < 2; whole++) {
        tr_index_t *index = tr_index_new(D);
        tr_index_plan_t plan;
        tr_segment_t *segment = NULL;
        size_t i = 0, delta;
        for (; i < 1500; i++)
            tr_index_add(index, chunk_of(i), vector_at(f, i));
        assert_true(tr_index_plan(index, whole ? TR_INDEX_ALL : TR_INDEX_IF_FULL, TR_INDEX_BLOCK, &plan));
        for (; i < 3000; i++)
            tr_index_add(index, chunk_of(i), vector_at(f, i));
        assert_int_equal(tr_index_plan_build(&plan, NULL, NULL, &segment, NULL), 0);
        assert_int_equal(tr_segment_count(segment), whole ? 1500 : TR_INDEX_BLOCK);
        assert_int_equal(tr_index_install(index, &plan, segment, 1), 0);
        tr_segment_release(&segment);
        tr_index_plan_finish(&plan);
        tr_view_t *view = tr_index_view(index, &delta);
        check_view(f, view, delta, 3000);
        for (i = 0; i < 3000; i++) {
            int64_t chunk = chunk_of(i), found[2];
            float score[2];
            assert_int_equal(tr_view_scan(view, delta, vector_at(f, i), &chunk, 1, 2, found, score), 1);
        }
        tr_view_release(&view);
        tr_index_destroy(&index);
    }
}

/* Those that nobody saw are left out of the next segment. */
static void the_dead(void **state) {
    fixture_t *f = *state;
    tr_index_t *index = tr_index_new(D);
    size_t delta;
    for (size_t i = 0; i < 3000; i++)
        tr_index_add(index, chunk_of(i), vector_at(f, i));
    merge(index, TR_INDEX_ALL, 1);
    assert_int_equal(tr_index_census_begin(index), 0);
    assert_true(tr_index_census_see(index, chunk_of(0)));
    merge(index, TR_INDEX_ALL, 1); /* before the others were looked at */
    assert_int_equal(tr_index_count(index), 3000);
    assert_int_equal(tr_index_census_end(index), 0);
    assert_int_equal(tr_index_census_begin(index), 0);
    for (size_t i = 0; i < 3000; i += 3)
        assert_true(tr_index_census_see(index, chunk_of(i)));
    assert_false(tr_index_census_see(index, 8));
    assert_int_equal(tr_index_census_end(index), 2000);
    assert_false(tr_index_is_whole(index));
    merge(index, TR_INDEX_ALL, 2);
    assert_int_equal(tr_index_count(index), 1000);
    tr_view_t *view = tr_index_view(index, &delta);
    for (size_t i = 0; i < 3000; i++) {
        int64_t chunk = chunk_of(i), found;
        float score;
        assert_int_equal(
            tr_view_scan(view, delta, vector_at(f, i), &chunk, 1, 1, &found, &score), i % 3 == 0);
    }
    tr_view_release(&view);
    tr_index_destroy(&index);
}

/* A scan among some finds the best of these, wherever they are. */
static void among(void **state) {
    fixture_t *f = *state;
    tr_index_t *index = tr_index_new(D);
    int64_t passing[N / 50];
    size_t delta;
    for (size_t i = 0; i < N; i++)
        tr_index_add(index, chunk_of(i), vector_at(f, i));
    merge(index, TR_INDEX_IF_FULL, 1);
    for (size_t i = 0; i < N / 50; i++)
        passing[i] = chunk_of(50 * i);
    tr_view_t *view = tr_index_view(index, &delta);
    assert_true(delta > 0);
    for (size_t q = 0; q < 200; q++) {
        int64_t chunks[K];
        float scores[K], *query = vector_at(f, 29 * q);
        assert_int_equal(tr_view_scan(view, delta, query, passing, N / 50, K, chunks, scores), K);
        assert_true(scores[K - 1] >= kth_best(f, query, 0, N, 50) - 1e-5f);
        for (size_t i = 0; i < K; i++)
            assert_int_equal((chunks[i] - 7) / 3 % 50, 0);
    }
    tr_view_release(&view);
    tr_index_destroy(&index);
}

/* Small ones are put together, so that there are few whatever comes. */
static void few_segments(void **state) {
    fixture_t *f = *state;
    tr_index_t *index = tr_index_new(1);
    size_t most = 0;
    for (size_t i = 0; i < 200 * TR_INDEX_BLOCK; i++) {
        tr_index_add(index, (int64_t)i + 1, vector_at(f, i % N));
        if (i % TR_INDEX_BLOCK == 0 && i % (8 * TR_INDEX_BLOCK) == 0) {
            tr_index_plan_t plan;
            tr_segment_t *segment = NULL;
            if (!tr_index_plan(index, TR_INDEX_IF_FULL, TR_INDEX_BLOCK, &plan))
                continue;
            tr_segment_item_t *items = calloc(plan.vectors, sizeof *items);
            for (size_t j = 0; j < plan.vectors; j++)
                items[j] = (tr_segment_item_t){(int64_t)j + 1, vector_at(f, j % N)};
            assert_int_equal(
                tr_segment_build(NULL, items, plan.vectors, 1, TR_SEGMENT_FLAT, NULL, NULL, &segment, NULL),
                0);
            free(items);
            assert_int_equal(tr_index_install(index, &plan, segment, i + 1), 0);
            tr_segment_release(&segment);
            tr_index_plan_finish(&plan);
            most = tr_index_segments(index) > most ? tr_index_segments(index) : most;
        }
    }
    assert_true(most <= 5);
    tr_index_destroy(&index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat),
        cmocka_unit_test(graph),
        cmocka_unit_test(graph_as_faiss),
        cmocka_unit_test(graph_is_mended),
        cmocka_unit_test(lists_of_bytes),
        cmocka_unit_test(product_codes),
        cmocka_unit_test(hard_ones),
        cmocka_unit_test(kinds_by_size),
        cmocka_unit_test(damage),
        cmocka_unit_test(newer_and_older),
        cmocka_unit_test(unwritable),
        cmocka_unit_test(grows),
        cmocka_unit_test(added_meanwhile),
        cmocka_unit_test(the_dead),
        cmocka_unit_test(among),
        cmocka_unit_test(few_segments),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
