/*
 * How far a search goes into a segment: the nodes of a graph that it keeps in view, or the lists that it reads. How much is needed depends on the
 * vectors more than on how many they are, so each segment tries it when it was built: some of its own are asked for as if they were not in it, their
 * true neighbours being known, first with little and then with more, until enough of these are found.
 *
 * "As if they were not in it" matters: what is in a graph is found through its own links, and such a sample would promise more than questions get.
 * docs/knowledge.md has the figures of both.
 */
#include "kbd/faiss_more.h"
#include "kbd/kernels.h"
#include "kbd/nearest.h"
#include "kbd/segment_private.h"

#include <errno.h>
#include <faiss/c_api/AutoTune_c.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SAMPLE      500u
#define K           10u
#define ENOUGH      .996 /* .99 is wanted; questions find up to .005 less than what is kept does */
#define GAIN        .002
#define SLACK       1e-6f
#define TOGETHER    64u
#define GRAPH_FIRST 64u /* not less: questions are not quite like what is kept */
#define GRAPH_MOST  768u
#define LISTS_LEAST 8u
#define LISTS_FIRST 24u /* one in so many of the lists at first, */
#define LISTS_MOST  3u  /* and one in so many at the most */

typedef struct trial {
    tr_segment_t *segment;
    size_t count; /* of the sample */
    size_t places[SAMPLE];
    tr_nearest_t nearest[SAMPLE]; /* into what is below */
    int64_t near[SAMPLE][K];
    float scores[SAMPLE][K];
} trial_t;

/* From all over. */
static void choose(trial_t *self) {
    const tr_segment_t *segment = self->segment;
    size_t n = segment->count < SAMPLE ? segment->count : SAMPLE;
    size_t k = segment->count <= K ? segment->count - 1 : K;
    for (size_t i = 0; i < n; i++) {
        int64_t place = (int64_t)(i * segment->count / n);
        if (segment->kind == TR_SEGMENT_HNSW)
            place = tr_faiss_lowest(segment->index, place);
        if (place < 0)
            return;
        self->nearest[i] = (tr_nearest_t){self->near[i], self->scores[i], k, 0};
        self->places[self->count++] = (size_t)place;
    }
}

static void compare(trial_t *self, size_t i, size_t from, size_t to) {
    const tr_segment_t *segment = self->segment;
    const float *one = tr_segment_vector(segment, self->places[i]);
    for (size_t place = from; place < to; place++)
        if (place != self->places[i])
            tr_nearest_take(&self->nearest[i], (int64_t)place,
                tr_kernel_product(one, tr_segment_vector(segment, place), segment->dimensions));
}

/* Some vectors, which stay in the processor's cache meanwhile, with each of a part of the sample; then the next ones. */
static void find_some(trial_t *self, size_t part, size_t parts, tr_segment_progress_fn progress, void *arg,
    atomic_bool *ended) {
    size_t all = self->segment->count, first = part * self->count / parts,
           last = (part + 1) * self->count / parts;
    for (size_t from = 0; from < all && !atomic_load(ended); from += TOGETHER) {
        size_t to = from + TOGETHER < all ? from + TOGETHER : all;
        for (size_t i = first; i < last; i++)
            compare(self, i, from, to);
        if (progress && !progress(arg, all, all))
            atomic_store(ended, true);
    }
}

/* Each thread a part of the sample; progress is told by the one that called. */
static int find_nearest(trial_t *self, tr_segment_progress_fn progress, void *arg, tr_error_t *error) {
    atomic_bool ended = false;
    int parts = omp_get_max_threads();
#pragma omp parallel for schedule(static, 1) num_threads(parts)
    for (int part = 0; part < parts; part++)
        find_some(
            self, (size_t)part, (size_t)parts, omp_get_thread_num() == 0 ? progress : NULL, arg, &ended);
    return ended ? tr_error_set(error, -ECANCELED, "ended") : 0;
}

/* What is nearest to one of the sample, which itself is not among it, or counts as nothing. */
static int look(const trial_t *self, size_t i, size_t k, int64_t *places, float *scores) {
    tr_segment_t *segment = self->segment;
    tr_graph_t graph;
    if (segment->kind == TR_SEGMENT_HNSW && tr_segment_graph(segment, &graph) == 0)
        return tr_graph_search(&graph, 1, tr_segment_vector(segment, self->places[i]), k,
            (int64_t)self->places[i], places, scores);
    int rc =
        tr_segment_search(segment, 1, tr_segment_vector(segment, self->places[i]), k + 1, places, scores);
    for (size_t j = 0; j <= k && rc == 0; j++)
        if (places[j] == segment->chunks[self->places[i]])
            places[j] = -1;
    return rc;
}

/* The share of the true neighbours that is found. */
static int measure(const trial_t *self, double *ret_share, tr_error_t *error) {
    size_t found = 0, all = 0;
    for (size_t i = 0; i < self->count; i++) {
        int64_t places[K + 1] = {0};
        float scores[K + 1] = {0};
        const tr_nearest_t *nearest = &self->nearest[i];
        places[nearest->k] = -1;
        if (look(self, i, nearest->k, places, scores) < 0)
            return tr_error_set(error, -ENOMEM, "out of memory");
        for (size_t j = 0; j <= nearest->k; j++)
            found += places[j] >= 0 && scores[j] >= nearest->scores[nearest->k - 1] - SLACK;
        all += nearest->k;
    }
    *ret_share = (double)found / (double)all;
    return 0;
}

static int set_depth(tr_segment_t *self, size_t depth, tr_error_t *error) {
    FaissParameterSpace *space = NULL;
    int rc = faiss_ParameterSpace_new(&space);
    if (rc == 0)
        rc = faiss_ParameterSpace_set_index_parameter(
            space, self->index, self->kind == TR_SEGMENT_HNSW ? "efSearch" : "nprobe", (double)depth);
    faiss_ParameterSpace_free(space);
    return rc == 0 ? 0 : tr_segment_faiss_failed(error);
}

/* Half as much again each time, until enough is found, it would be too dear, or two steps have found no more; then as far as was worth it. */
static int go_deeper(const trial_t *self, size_t first, size_t most, tr_error_t *error) {
    double share = 0, best = 0;
    size_t worth = first;
    for (size_t depth = first; share < ENOUGH && depth <= most && depth < 3 * worth; depth += depth / 2) {
        int rc = set_depth(self->segment, depth, error);
        if (rc == 0)
            rc = measure(self, &share, error);
        if (rc < 0)
            return rc;
        if (share >= ENOUGH || share >= best + GAIN) {
            best = share;
            worth = depth;
        }
    }
    return set_depth(self->segment, worth, error);
}

int tr_segment_find_depth(tr_segment_t *self, tr_segment_progress_fn progress, void *arg, tr_error_t *error) {
    bool is_graph = self->kind == TR_SEGMENT_HNSW;
    size_t lists = tr_segment_lists(self->count), some = lists / LISTS_FIRST;
    if (self->kind == TR_SEGMENT_FLAT || self->count < 2)
        return 0;
    trial_t *trial = calloc(1, sizeof *trial);
    if (!trial)
        return tr_error_set(error, -ENOMEM, "out of memory");
    trial->segment = self;
    choose(trial);
    int rc = find_nearest(trial, progress, arg, error);
    if (rc == 0 && is_graph)
        rc = go_deeper(trial, GRAPH_FIRST, GRAPH_MOST, error);
    else if (rc == 0)
        rc = go_deeper(trial, some < LISTS_LEAST ? LISTS_LEAST : some, lists / LISTS_MOST, error);
    free(trial);
    return rc;
}
