#include "kbd/segment_private.h"

#include "kbd/faiss_more.h"
#include "kbd/kernels.h"
#include "kbd/nearest.h"

#include <errno.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/index_factory_c.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FLAT_MOST 2048u /* below that a graph gains nothing */
#define GRAPH_BYTES                                                                                          \
    ((size_t)3 << 30) /* of vectors: more than that are kept in their file, and codes in memory */
#define CODES_BYTES ((size_t)16 << 30) /* from there on shorter codes */
#define SLICE       2048u              /* vectors that are added at once */
#define LISTS_MOST  4096u
#define TRAINING    40u /* vectors for each list */
#define REFINED     10u /* candidates of codes for each result */
#define CODE_WIDTH  4u  /* numbers of a vector in one byte of a product code */

const char *tr_segment_kind_name(tr_segment_kind_t kind) {
    static const char *const names[TR_SEGMENT_KINDS] = {"flat", "hnsw", "ivf-sq8", "ivf-pq"};
    return kind < TR_SEGMENT_KINDS ? names[kind] : "?";
}

tr_segment_kind_t tr_segment_kind_for(size_t count, size_t dimensions) {
    size_t bytes = count * dimensions * sizeof(float);
    return count <= FLAT_MOST        ? TR_SEGMENT_FLAT
           : bytes <= GRAPH_BYTES    ? TR_SEGMENT_HNSW
           : bytes <= CODES_BYTES    ? TR_SEGMENT_IVF_SQ8
           : dimensions % CODE_WIDTH ? TR_SEGMENT_IVF_SQ8
                                     : TR_SEGMENT_IVF_PQ;
}

void tr_segment_threads(size_t count) {
    omp_set_num_threads(count > 1 ? (int)count : 1);
}

int tr_segment_faiss_failed(tr_error_t *error) {
    const char *text = faiss_get_last_error();
    return tr_error_set(error, -EIO, "FAISS: %.200s", text ? text : "it failed");
}

/* ---- life ---- */

tr_segment_t *tr_segment_new(tr_segment_kind_t kind, size_t dimensions, size_t count) {
    tr_segment_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    atomic_init(&self->references, 1);
    self->kind = kind;
    self->dimensions = dimensions;
    self->count = count;
    self->chunks = calloc(count + 1, sizeof *self->chunks);
    if (!self->chunks)
        tr_segment_release(&self);
    return self;
}

tr_segment_t *tr_segment_retain(tr_segment_t *self) {
    atomic_fetch_add(&self->references, 1);
    return self;
}

void tr_segment_release(tr_segment_t **self_p) {
    tr_segment_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub(&self->references, 1) > 1)
        return;
    if (self->index)
        faiss_Index_free(self->index);
    if (self->map)
        munmap(self->map, self->map_length);
    tr_codes_finish(&self->codes);
    free(self->kept);
    free(self->chunks);
    free(self);
}

/* ---- building ---- */

size_t tr_segment_lists(size_t count) {
    size_t lists = (size_t)(2 * sqrt((double)count));
    return lists < 1 ? 1 : lists > LISTS_MOST ? LISTS_MOST : lists;
}

static int make_index(tr_segment_t *self, tr_error_t *error) {
    char what[64];
    size_t lists = tr_segment_lists(self->count);
    if (self->kind == TR_SEGMENT_FLAT)
        snprintf(what, sizeof what, "Flat");
    else if (self->kind == TR_SEGMENT_HNSW)
        snprintf(what, sizeof what, "HNSW32");
    else if (self->kind == TR_SEGMENT_IVF_SQ8)
        snprintf(what, sizeof what, "IVF%zu,SQ8", lists);
    else
        snprintf(what, sizeof what, "IVF%zu,PQ%zunp", lists, self->dimensions / CODE_WIDTH);
    return faiss_index_factory(&self->index, (int)self->dimensions, what, METRIC_INNER_PRODUCT) == 0
               ? 0
               : tr_segment_faiss_failed(error);
}

static int by_chunk(const void *a, const void *b) {
    int64_t x = ((const tr_segment_item_t *)a)->chunk, y = ((const tr_segment_item_t *)b)->chunk;
    return x < y ? -1 : x > y;
}

/* Vectors from all over, as training wants them: one behind the other. */
static int train(tr_segment_t *self, const tr_segment_item_t *items, tr_error_t *error) {
    size_t d = self->dimensions, want = TRAINING * tr_segment_lists(self->count),
           n = want < self->count ? want : self->count;
    float *sample = malloc(n * d * sizeof *sample);
    if (!sample)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        memcpy(sample + i * d, items[i * (self->count / n)].vector, d * sizeof *sample);
    int rc = faiss_Index_train(self->index, (int64_t)n, sample) == 0 ? 0 : tr_segment_faiss_failed(error);
    free(sample);
    return rc;
}

static int keep_vectors(tr_segment_t *self, const tr_segment_item_t *items, tr_error_t *error) {
    size_t d = self->dimensions;
    self->kept = malloc(self->count * d * sizeof *self->kept);
    if (!self->kept)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < self->count; i++)
        memcpy(self->kept + i * d, items[i].vector, d * sizeof *self->kept);
    return 0;
}

static bool begins_with(const tr_segment_t *self, const tr_segment_t *base, const tr_segment_item_t *items) {
    if (!base || base->kind != TR_SEGMENT_HNSW || self->kind != base->kind ||
        base->dimensions != self->dimensions || base->count > self->count)
        return false;
    for (size_t i = 0; i < base->count; i++)
        if (items[i].chunk != base->chunks[i] || items[i].vector != tr_segment_vector(base, i))
            return false;
    return true;
}

/* What is linked already need not be again. How many these are. */
static size_t take_base(tr_segment_t *self, const tr_segment_t *base, const tr_segment_item_t *items) {
    if (!begins_with(self, base, items) || tr_faiss_copy(self->index, base->index) < 0)
        return 0;
    memcpy(self->chunks, base->chunks, base->count * sizeof *self->chunks);
    return base->count;
}

/* In slices: whoever waits hears how far it is, and may end it. */
static int add_all(tr_segment_t *self, const tr_segment_item_t *items, size_t from,
    tr_segment_progress_fn progress, void *arg, tr_error_t *error) {
    size_t d = self->dimensions;
    float *slice = malloc(SLICE * d * sizeof *slice);
    int rc = slice ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    for (; from < self->count && rc == 0; from += SLICE) {
        size_t n = self->count - from < SLICE ? self->count - from : SLICE;
        for (size_t i = 0; i < n; i++) {
            memcpy(slice + i * d, items[from + i].vector, d * sizeof *slice);
            self->chunks[from + i] = items[from + i].chunk;
        }
        if (faiss_Index_add(self->index, (int64_t)n, slice) != 0)
            rc = tr_segment_faiss_failed(error);
        else if (progress && !progress(arg, from + n, self->count))
            rc = tr_error_set(error, -ECANCELED, "ended");
    }
    free(slice);
    return rc;
}

int tr_segment_settle(tr_segment_t *self, tr_error_t *error) {
    if (!tr_segment_keeps(self->kind))
        self->vectors = tr_faiss_vectors(self->index);
    else if (self->kept)
        self->vectors = self->kept;
    if (!self->vectors && self->count > 0)
        return tr_error_set(error, -EIO, "an index without vectors");
    if (self->kind == TR_SEGMENT_HNSW)
        tr_codes_make(&self->codes, self->vectors, self->count, self->dimensions); /* or it is slower */
    return 0;
}

int tr_segment_graph(const tr_segment_t *self, tr_graph_t *ret_graph) {
    int rc = tr_faiss_graph(self->index, ret_graph);
    if (rc == 0 && self->codes.bytes)
        ret_graph->codes = &self->codes;
    return rc;
}

typedef struct mending {
    tr_segment_progress_fn progress;
    void *arg;
    size_t count;
} mending_t;

static bool goes_on(void *arg) {
    const mending_t *m = arg;
    return !m->progress || m->progress(m->arg, m->count, m->count);
}

static int mend(tr_segment_t *self, tr_segment_progress_fn progress, void *arg, tr_error_t *error) {
    mending_t mending = {progress, arg, self->count};
    tr_graph_t graph;
    size_t mended;
    int rc = tr_segment_graph(self, &graph);
    if (rc == 0)
        rc = tr_graph_mend(&graph, tr_faiss_links(self->index), goes_on, &mending, &mended);
    return rc < 0 ? tr_error_set(error, rc, "%s", rc == -ECANCELED ? "ended" : strerror(-rc)) : 0;
}

int tr_segment_build(const tr_segment_t *base, tr_segment_item_t *items, size_t count, size_t dimensions,
    tr_segment_kind_t kind, tr_segment_progress_fn progress, void *arg, tr_segment_t **ret_self,
    tr_error_t *error) {
    tr_segment_t *self = tr_segment_new(kind, dimensions, count);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    qsort(items, count, sizeof *items, by_chunk);
    int rc = make_index(self, error);
    if (rc == 0 && tr_faiss_reserve(self->index, count) < 0)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0 && tr_segment_keeps(kind))
        rc = train(self, items, error);
    if (rc == 0 && tr_segment_keeps(kind))
        rc = keep_vectors(self, items, error);
    if (rc == 0)
        rc = add_all(self, items, take_base(self, base, items), progress, arg, error);
    if (rc == 0)
        rc = tr_segment_settle(self, error);
    if (rc == 0 && kind == TR_SEGMENT_HNSW)
        rc = mend(self, progress, arg, error);
    if (rc == 0)
        rc = tr_segment_find_depth(self, progress, arg, error);
    if (rc < 0)
        tr_segment_release(&self);
    else
        *ret_self = self;
    return rc;
}

/* ---- reading ---- */

size_t tr_segment_count(const tr_segment_t *self) {
    return self->count;
}

tr_segment_kind_t tr_segment_kind(const tr_segment_t *self) {
    return self->kind;
}

size_t tr_segment_depth(const tr_segment_t *self) {
    return tr_faiss_depth(self->index);
}

const int64_t *tr_segment_chunks(const tr_segment_t *self) {
    return self->chunks;
}

const float *tr_segment_vector(const tr_segment_t *self, size_t place) {
    return self->vectors + place * self->dimensions;
}

static int compare_chunks(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int64_t tr_segment_find(const tr_segment_t *self, int64_t chunk) {
    const int64_t *place =
        self->count ? bsearch(&chunk, self->chunks, self->count, sizeof chunk, compare_chunks) : NULL;
    return place ? place - self->chunks : -1;
}

/* ---- searching ---- */

/* Places become chunks. */
static void name_chunks(const tr_segment_t *self, int64_t *labels, size_t n) {
    for (size_t i = 0; i < n; i++)
        labels[i] = labels[i] < 0 ? -1 : self->chunks[labels[i]];
}

/* The candidates that codes gave, by their whole vectors. */
static void refine(const tr_segment_t *self, const float *query, const int64_t *candidates, size_t n,
    size_t k, int64_t *ret_places, float *ret_scores) {
    tr_nearest_t best = {ret_places, ret_scores, k, 0};
    for (size_t i = 0; i < n; i++)
        if (candidates[i] >= 0)
            tr_nearest_take(&best, candidates[i],
                tr_kernel_product(query, tr_segment_vector(self, (size_t)candidates[i]), self->dimensions));
    tr_nearest_end(&best);
}

static int search_codes(const tr_segment_t *self, size_t n, const float *queries, size_t k,
    int64_t *ret_places, float *ret_scores) {
    size_t most = REFINED * k < self->count ? REFINED * k : self->count;
    int64_t *candidates = calloc(n * most + 1, sizeof *candidates);
    float *scores = calloc(n * most + 1, sizeof *scores);
    int rc =
        candidates && scores &&
                faiss_Index_search(self->index, (int64_t)n, queries, (int64_t)most, scores, candidates) == 0
            ? 0
            : -ENOMEM;
    for (size_t i = 0; i < n && rc == 0; i++)
        refine(self, queries + i * self->dimensions, candidates + i * most, most, k, ret_places + i * k,
            ret_scores + i * k);
    free(candidates);
    free(scores);
    return rc;
}

static int search_graph(const tr_segment_t *self, size_t n, const float *queries, size_t k,
    int64_t *ret_places, float *ret_scores) {
    tr_graph_t graph;
    int rc = tr_segment_graph(self, &graph);
    return rc < 0 ? rc : tr_graph_search(&graph, n, queries, k, TR_GRAPH_ALL, ret_places, ret_scores);
}

int tr_segment_search(const tr_segment_t *self, size_t n, const float *queries, size_t k, int64_t *ret_chunks,
    float *ret_scores) {
    int rc = self->kind == TR_SEGMENT_HNSW ? search_graph(self, n, queries, k, ret_chunks, ret_scores)
             : tr_segment_keeps(self->kind)
                 ? search_codes(self, n, queries, k, ret_chunks, ret_scores)
                 : faiss_Index_search(self->index, (int64_t)n, queries, (int64_t)k, ret_scores, ret_chunks);
    if (rc != 0)
        return -ENOMEM;
    name_chunks(self, ret_chunks, n * k);
    return 0;
}
