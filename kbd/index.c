#include "kbd/index.h"

#include "kbd/kernels.h"
#include "kbd/nearest.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LARGER 3u /* a segment that is so many times larger than what comes after it stays as it is */

typedef struct block {
    atomic_uint references;
    int64_t chunks[TR_INDEX_BLOCK];
    float vectors[];
} block_t;

/* Immutable, but that the last block is written to behind what anybody who has the view knows of. */
struct tr_view {
    atomic_uint references;
    size_t dimensions, segment_count, block_count;
    tr_segment_t *segments[TR_INDEX_SEGMENTS];
    block_t *blocks[];
};

struct tr_index {
    tr_view_t *view;
    size_t delta; /* vectors in the blocks */
    uint64_t sequences[TR_INDEX_SEGMENTS];
    uint8_t *seen[TR_INDEX_SEGMENTS]; /* a bit for each vector; NULL: no census since it is there */
    bool counted;                     /* the census is at its end: who was not seen is dead */
};

/* ---- blocks and views ---- */

static block_t *block_new(size_t dimensions) {
    block_t *self = calloc(1, sizeof *self + TR_INDEX_BLOCK * dimensions * sizeof(float));
    if (self)
        atomic_init(&self->references, 1);
    return self;
}

static void block_release(block_t *self) {
    if (atomic_fetch_sub(&self->references, 1) == 1)
        free(self);
}

static tr_view_t *view_new(size_t dimensions, size_t blocks) {
    tr_view_t *self = calloc(1, sizeof *self + blocks * sizeof *self->blocks);
    if (!self)
        return NULL;
    atomic_init(&self->references, 1);
    self->dimensions = dimensions;
    return self;
}

static void take_segment(tr_view_t *self, tr_segment_t *segment) {
    self->segments[self->segment_count++] = tr_segment_retain(segment);
}

static void take_blocks(tr_view_t *self, block_t *const *blocks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        atomic_fetch_add(&blocks[i]->references, 1);
        self->blocks[self->block_count++] = blocks[i];
    }
}

void tr_view_release(tr_view_t **self_p) {
    tr_view_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub(&self->references, 1) > 1)
        return;
    for (size_t i = 0; i < self->segment_count; i++)
        tr_segment_release(&self->segments[i]);
    for (size_t i = 0; i < self->block_count; i++)
        block_release(self->blocks[i]);
    free(self);
}

static size_t in_segments(const tr_view_t *self) {
    size_t count = 0;
    for (size_t i = 0; i < self->segment_count; i++)
        count += tr_segment_count(self->segments[i]);
    return count;
}

size_t tr_view_count(const tr_view_t *self, size_t delta) {
    return in_segments(self) + delta;
}

size_t tr_view_dimensions(const tr_view_t *self) {
    return self->dimensions;
}

/* ---- the owner's ---- */

tr_index_t *tr_index_new(size_t dimensions) {
    tr_index_t *self = calloc(1, sizeof *self);
    if (self)
        self->view = view_new(dimensions, 0);
    if (self && !self->view)
        tr_index_destroy(&self);
    return self;
}

void tr_index_destroy(tr_index_t **self) {
    if (!*self)
        return;
    for (size_t i = 0; i < TR_INDEX_SEGMENTS; i++)
        free((*self)->seen[i]);
    tr_view_release(&(*self)->view);
    free(*self);
    *self = NULL;
}

size_t tr_index_dimensions(const tr_index_t *self) {
    return self->view->dimensions;
}

size_t tr_index_count(const tr_index_t *self) {
    return tr_view_count(self->view, self->delta);
}

size_t tr_index_delta(const tr_index_t *self) {
    return self->delta;
}

size_t tr_index_segments(const tr_index_t *self) {
    return self->view->segment_count;
}

static void show(tr_index_t *self, tr_view_t *view) {
    tr_view_release(&self->view);
    self->view = view;
}

static int grow(tr_index_t *self) {
    tr_view_t *old = self->view, *view = view_new(old->dimensions, old->block_count + 1);
    block_t *block = view ? block_new(old->dimensions) : NULL;
    if (!block) {
        tr_view_release(&view);
        return -ENOMEM;
    }
    for (size_t i = 0; i < old->segment_count; i++)
        take_segment(view, old->segments[i]);
    take_blocks(view, old->blocks, old->block_count);
    view->blocks[view->block_count++] = block;
    show(self, view);
    return 0;
}

int tr_index_add(tr_index_t *self, int64_t chunk, const float *vector) {
    if (self->delta == self->view->block_count * TR_INDEX_BLOCK && grow(self) < 0)
        return -ENOMEM;
    block_t *block = self->view->blocks[self->delta / TR_INDEX_BLOCK];
    size_t at = self->delta++ % TR_INDEX_BLOCK, d = self->view->dimensions;
    block->chunks[at] = chunk;
    memcpy(block->vectors + at * d, vector, d * sizeof *vector);
    return 0;
}

int tr_index_append(tr_index_t *self, tr_segment_t *segment, uint64_t sequence) {
    tr_view_t *old = self->view;
    if (old->segment_count == TR_INDEX_SEGMENTS)
        return -ENOSPC;
    tr_view_t *view = view_new(old->dimensions, old->block_count);
    if (!view)
        return -ENOMEM;
    for (size_t i = 0; i < old->segment_count; i++)
        take_segment(view, old->segments[i]);
    self->sequences[view->segment_count] = sequence;
    take_segment(view, segment);
    take_blocks(view, old->blocks, old->block_count);
    show(self, view);
    return 0;
}

tr_view_t *tr_index_view(tr_index_t *self, size_t *ret_delta) {
    atomic_fetch_add(&self->view->references, 1);
    *ret_delta = self->delta;
    return self->view;
}

/* ---- who lives ---- */

static void forget_census(tr_index_t *self) {
    for (size_t i = 0; i < TR_INDEX_SEGMENTS; i++) {
        free(self->seen[i]);
        self->seen[i] = NULL;
    }
}

int tr_index_census_begin(tr_index_t *self) {
    self->counted = false;
    for (size_t i = 0; i < self->view->segment_count; i++) {
        free(self->seen[i]);
        self->seen[i] = calloc(tr_segment_count(self->view->segments[i]) / 8 + 1, 1);
        if (!self->seen[i])
            break;
    }
    for (size_t i = 0; i < self->view->segment_count; i++)
        if (!self->seen[i]) {
            forget_census(self); /* half a census would call dead what was not looked at */
            return -ENOMEM;
        }
    return 0;
}

bool tr_index_census_see(tr_index_t *self, int64_t chunk) {
    for (size_t i = 0; i < self->view->segment_count; i++) {
        int64_t place = tr_segment_find(self->view->segments[i], chunk);
        if (place < 0)
            continue;
        if (self->seen[i])
            self->seen[i][place / 8] |= (uint8_t)(1u << (place % 8));
        return true;
    }
    return false;
}

static bool is_set(const uint8_t *bits, size_t at) {
    return bits[at / 8] >> (at % 8) & 1;
}

static size_t count_dead(const uint8_t *seen, size_t count) {
    size_t dead = 0;
    for (size_t i = 0; i < count; i++)
        dead += !is_set(seen, i);
    return dead;
}

size_t tr_index_census_end(tr_index_t *self) {
    size_t dead = 0;
    self->counted = true;
    for (size_t i = 0; i < self->view->segment_count; i++)
        if (self->seen[i])
            dead += count_dead(self->seen[i], tr_segment_count(self->view->segments[i]));
    return dead;
}

/* ---- plans ---- */

/* Those at the end that are not much larger than what is to be put with them. */
static size_t first_to_merge(const tr_view_t *view, size_t more) {
    size_t first = view->segment_count;
    while (first > 0 &&
           (first == TR_INDEX_SEGMENTS || tr_segment_count(view->segments[first - 1]) <= LARGER * more))
        more += tr_segment_count(view->segments[--first]);
    return first;
}

static bool is_loose(const tr_index_t *self) {
    size_t all = tr_index_count(self), largest = 0;
    for (size_t i = 0; i < self->view->segment_count; i++) {
        size_t count = tr_segment_count(self->view->segments[i]);
        largest = count > largest ? count : largest;
    }
    return all - largest > 0 && (all - largest) * 10 >= all && all >= TR_INDEX_BLOCK;
}

static void plan_dead(tr_index_t *self, tr_index_plan_t *plan) {
    for (size_t i = 0; i < plan->count; i++) {
        size_t at = plan->first + i, count = tr_segment_count(self->view->segments[at]);
        plan->replaced[i] = self->sequences[at];
        plan->vectors += count;
        uint8_t *copy = self->seen[at] && self->counted ? malloc(count / 8 + 1) : NULL;
        if (!copy)
            continue; /* then they stay for now */
        for (size_t j = 0; j < count / 8 + 1; j++)
            copy[j] = (uint8_t)~self->seen[at][j];
        plan->dead[i] = copy;
        plan->vectors -= count_dead(self->seen[at], count);
    }
}

bool tr_index_is_whole(const tr_index_t *self) {
    const tr_view_t *view = self->view;
    return view->segment_count + (self->delta > 0) <= 1 &&
           (!self->counted || !self->seen[0] ||
               count_dead(self->seen[0], tr_segment_count(view->segments[0])) == 0);
}

bool tr_index_plan(tr_index_t *self, tr_index_wish_t wish, size_t seal, tr_index_plan_t *ret_plan) {
    size_t segments = self->view->segment_count;
    bool whole = wish != TR_INDEX_IF_FULL;
    if (wish == TR_INDEX_IF_FULL    ? self->delta < seal || self->delta < TR_INDEX_BLOCK
        : wish == TR_INDEX_IF_LOOSE ? !is_loose(self)
                                    : tr_index_count(self) == 0)
        return false;
    tr_index_plan_t plan = {0};
    plan.view = tr_index_view(self, &plan.delta);
    plan.blocks = whole ? self->view->block_count : self->delta / TR_INDEX_BLOCK;
    plan.delta = whole ? self->delta : plan.blocks * TR_INDEX_BLOCK;
    plan.first = whole ? 0 : first_to_merge(self->view, plan.delta);
    plan.count = segments - plan.first;
    plan.vectors = plan.delta;
    plan_dead(self, &plan);
    *ret_plan = plan;
    return true;
}

void tr_index_plan_finish(tr_index_plan_t *plan) {
    for (size_t i = 0; i < TR_INDEX_SEGMENTS; i++)
        free(plan->dead[i]);
    tr_view_release(&plan->view);
    *plan = (tr_index_plan_t){0};
}

static void gather(const tr_index_plan_t *plan, tr_segment_item_t *items, size_t *ret_count) {
    size_t n = 0, d = plan->view->dimensions;
    for (size_t i = 0; i < plan->count; i++) {
        const tr_segment_t *segment = plan->view->segments[plan->first + i];
        const int64_t *chunks = tr_segment_chunks(segment);
        for (size_t j = 0; j < tr_segment_count(segment); j++)
            if (!plan->dead[i] || !is_set(plan->dead[i], j))
                items[n++] = (tr_segment_item_t){chunks[j], tr_segment_vector(segment, j)};
    }
    for (size_t i = 0; i < plan->delta; i++) {
        const block_t *block = plan->view->blocks[i / TR_INDEX_BLOCK];
        size_t at = i % TR_INDEX_BLOCK;
        items[n++] = (tr_segment_item_t){block->chunks[at], block->vectors + at * d};
    }
    *ret_count = n;
}

int tr_index_plan_build(const tr_index_plan_t *plan, tr_segment_progress_fn progress, void *arg,
    tr_segment_t **ret_segment, tr_error_t *error) {
    size_t count, d = plan->view->dimensions;
    tr_segment_item_t *items = calloc(plan->vectors + 1, sizeof *items);
    if (!items)
        return tr_error_set(error, -ENOMEM, "out of memory");
    gather(plan, items, &count);
    *ret_segment = NULL;
    int rc = count == 0 ? 0
                        : tr_segment_build(plan->count ? plan->view->segments[plan->first] : NULL, items,
                              count, d, tr_segment_kind_for(count, d), progress, arg, ret_segment, error);
    free(items);
    return rc;
}

/* What was added since the plan begins with a block of its own, or, after a plan of everything, in the middle of one: those are added again. */
static int add_rest(tr_index_t *self, const tr_index_plan_t *plan, const tr_view_t *before, size_t delta) {
    int rc = 0;
    for (size_t i = plan->delta; i < delta && rc == 0; i++) {
        const block_t *block = before->blocks[i / TR_INDEX_BLOCK];
        size_t at = i % TR_INDEX_BLOCK;
        rc = tr_index_add(self, block->chunks[at], block->vectors + at * before->dimensions);
    }
    return rc;
}

int tr_index_install(
    tr_index_t *self, const tr_index_plan_t *plan, tr_segment_t *segment, uint64_t sequence) {
    size_t delta, was = self->delta;
    tr_view_t *before = tr_index_view(self, &delta), *view = view_new(before->dimensions, 0);
    int rc = view ? 0 : -ENOMEM;
    if (rc == 0) {
        for (size_t i = 0; i < plan->first; i++)
            take_segment(view, before->segments[i]);
        if (segment)
            take_segment(view, segment);
        atomic_fetch_add(&view->references, 1);
        show(self, view);
        self->delta = 0;
        rc = add_rest(self, plan, before, delta);
    }
    if (rc < 0) {
        show(self, before);
        self->delta = was;
    } else {
        self->sequences[plan->first] = sequence;
        forget_census(self);
        tr_view_release(&before);
    }
    tr_view_release(&view);
    return rc;
}

/* ---- searching ---- */

static void search_delta(const tr_view_t *self, size_t delta, const float *query, tr_nearest_t *best) {
    size_t d = self->dimensions;
    for (size_t i = 0; i < delta; i++) {
        const block_t *block = self->blocks[i / TR_INDEX_BLOCK];
        size_t at = i % TR_INDEX_BLOCK;
        tr_nearest_take(best, block->chunks[at], tr_kernel_product(query, block->vectors + at * d, d));
    }
}

/* Chunks and scores of each segment, n x k of them, after one another. */
static int search_segments(
    const tr_view_t *self, size_t n, const float *queries, size_t k, int64_t *chunks, float *scores) {
    int rc = 0;
    for (size_t i = 0; i < self->segment_count && rc == 0; i++)
        rc = tr_segment_search(self->segments[i], n, queries, k, chunks + i * n * k, scores + i * n * k);
    return rc;
}

int tr_view_search(const tr_view_t *self, size_t delta, size_t n, const float *queries, size_t k,
    int64_t *ret_chunks, float *ret_scores) {
    size_t each = n * k, all = self->segment_count * each;
    int64_t *chunks = malloc(all * sizeof *chunks + 1);
    float *scores = malloc(all * sizeof *scores + 1);
    int rc = chunks && scores ? search_segments(self, n, queries, k, chunks, scores) : -ENOMEM;
    for (size_t q = 0; q < n && rc == 0; q++) {
        tr_nearest_t best = {ret_chunks + q * k, ret_scores + q * k, k, 0};
        for (size_t i = 0; i < self->segment_count; i++)
            for (size_t j = i * each + q * k; j < i * each + q * k + k && chunks[j] >= 0; j++)
                tr_nearest_take(&best, chunks[j], scores[j]);
        search_delta(self, delta, queries + q * self->dimensions, &best);
        tr_nearest_end(&best);
    }
    free(chunks);
    free(scores);
    return rc;
}

/* The first place from `from` on whose chunk is not less: in steps that double, then by halves. Most are near. */
static size_t gallop(const int64_t *chunks, size_t count, size_t from, int64_t chunk) {
    size_t step = 1, low = from;
    while (low + step < count && chunks[low + step] < chunk) {
        low += step;
        step *= 2;
    }
    size_t high = low + step < count ? low + step : count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (chunks[middle] < chunk)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void scan_segment(const tr_segment_t *segment, size_t d, const float *query, const int64_t *chunks,
    size_t count, tr_nearest_t *best) {
    const int64_t *all = tr_segment_chunks(segment);
    size_t place = 0, most = tr_segment_count(segment);
    for (size_t i = 0; i < count && place < most; i++) {
        place = gallop(all, most, place, chunks[i]);
        if (place < most && all[place] == chunks[i])
            tr_nearest_take(best, chunks[i], tr_kernel_product(query, tr_segment_vector(segment, place), d));
    }
}

static int compare_chunks(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

size_t tr_view_scan(const tr_view_t *self, size_t delta, const float *query, const int64_t *chunks,
    size_t count, size_t k, int64_t *ret_chunks, float *ret_scores) {
    tr_nearest_t best = {ret_chunks, ret_scores, k, 0};
    size_t d = self->dimensions;
    for (size_t i = 0; i < self->segment_count; i++)
        scan_segment(self->segments[i], d, query, chunks, count, &best);
    for (size_t i = 0; i < delta && count; i++) {
        const block_t *block = self->blocks[i / TR_INDEX_BLOCK];
        size_t at = i % TR_INDEX_BLOCK;
        if (bsearch(&block->chunks[at], chunks, count, sizeof *chunks, compare_chunks))
            tr_nearest_take(&best, block->chunks[at], tr_kernel_product(query, block->vectors + at * d, d));
    }
    size_t found = best.count;
    tr_nearest_end(&best);
    return found;
}
