#include "kbd/graph.h"

#include "kbd/kernels.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LINE        64u /* bytes of the processor's cache */
#define LINES_AHEAD 8u  /* of a vector; the processor sees by itself how it goes on */
#define AHEAD       6u  /* vectors */

/* One in view: place, or ~place when its neighbours were looked at. */
typedef struct node {
    float score;
    int32_t place;
} node_t;

typedef struct walk {
    const tr_graph_t *graph;
    const float *query;
    node_t *view; /* the nearest first */
    size_t count, room;
    uint64_t *seen; /* a bit for each vector */
    size_t words;
    int32_t *fresh; /* neighbours that were not seen before */
} walk_t;

static const float *vector_of(const tr_graph_t *graph, int32_t place) {
    return graph->vectors + (size_t)place * graph->dimensions;
}

static float score_of(const walk_t *self, int32_t place) {
    return tr_kernel_product(self->query, vector_of(self->graph, place), self->graph->dimensions);
}

static void fetch_vector(const tr_graph_t *graph, int32_t place) {
    const char *vector = (const char *)vector_of(graph, place);
    size_t bytes = graph->dimensions * sizeof *graph->vectors;
    for (size_t line = 0; line < LINES_AHEAD && line * LINE < bytes; line++)
        __builtin_prefetch(vector + line * LINE);
}

static const int32_t *links_of(const tr_graph_t *graph, int32_t place, int level, size_t *ret_most) {
    *ret_most = (size_t)(graph->levels[level + 1] - graph->levels[level]);
    return graph->links + graph->first[place] + graph->levels[level];
}

/* True when it was not seen before. */
static bool see(walk_t *self, int32_t place) {
    uint64_t bit = UINT64_C(1) << (place % 64), *word = &self->seen[place / 64];
    bool is_new = !(*word & bit);
    *word |= bit;
    return is_new;
}

/* ---- the upper levels ---- */

/* From one to the nearest of its neighbours, while that is nearer. */
static int32_t descend(const walk_t *self, float *ret_score) {
    int32_t at = self->graph->entry;
    float best = score_of(self, at);
    for (int level = self->graph->top; level > 0; level--)
        for (int32_t from = -1; from != at;) {
            size_t most;
            const int32_t *links = links_of(self->graph, from = at, level, &most);
            for (size_t i = 0; i < most && links[i] >= 0; i++) {
                float score = score_of(self, links[i]);
                if (score > best) {
                    best = score;
                    at = links[i];
                }
            }
        }
    *ret_score = best;
    return at;
}

/* ---- the lowest level ---- */

/* Where it is in view now; room: it is not. */
static size_t take(walk_t *self, int32_t place, float score) {
    size_t low = 0, high = self->count;
    if (self->count == self->room && score <= self->view[self->count - 1].score)
        return self->room;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (self->view[middle].score >= score)
            low = middle + 1;
        else
            high = middle;
    }
    self->count += self->count < self->room;
    memmove(&self->view[low + 1], &self->view[low], (self->count - 1 - low) * sizeof *self->view);
    self->view[low] = (node_t){score, place};
    return low;
}

static size_t fresh_neighbours(walk_t *self, int32_t place) {
    size_t n = 0, most;
    const int32_t *links = links_of(self->graph, place, 0, &most);
    for (size_t i = 0; i < most && links[i] >= 0; i++)
        if (see(self, links[i]))
            self->fresh[n++] = links[i];
    return n;
}

/* Takes the neighbours of one into view; the first place that has changed, or room. */
static size_t look_around(walk_t *self, int32_t place) {
    size_t n = fresh_neighbours(self, place), first = self->room;
    for (size_t i = 0; i < AHEAD && i < n; i++)
        fetch_vector(self->graph, self->fresh[i]);
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            fetch_vector(self->graph, self->fresh[i + AHEAD]);
        size_t at = take(self, self->fresh[i], score_of(self, self->fresh[i]));
        first = at < first ? at : first;
    }
    return first;
}

static void search(walk_t *self, int64_t without) {
    float score;
    memset(self->seen, 0, self->words * sizeof *self->seen);
    self->count = 0;
    if (without >= 0)
        see(self, (int32_t)without);
    int32_t entry = descend(self, &score);
    see(self, entry);
    take(self, entry, score);
    for (size_t at = 0; at < self->count;) {
        node_t *node = &self->view[at];
        if (node->place < 0) {
            at++;
            continue;
        }
        int32_t place = node->place;
        node->place = ~place;
        size_t first = look_around(self, place);
        at = first <= at ? first : at + 1;
    }
}

/* ---- all ---- */

static void tell(const walk_t *self, size_t k, int64_t *ret_places, float *ret_scores) {
    for (size_t i = 0; i < k; i++) {
        bool is_there = i < self->count;
        ret_places[i] = is_there ? ~self->view[i].place : -1;
        ret_scores[i] = is_there ? self->view[i].score : 0;
    }
}

int tr_graph_search(const tr_graph_t *self, size_t n, const float *queries, size_t k, int64_t without,
    int64_t *ret_places, float *ret_scores) {
    size_t most = (size_t)(self->levels[1] - self->levels[0]);
    walk_t walk = {
        .graph = self, .room = self->depth > k ? self->depth : k, .words = (self->count + 63) / 64};
    walk.view = malloc((walk.room + 1) * sizeof *walk.view);
    walk.seen = malloc((walk.words + 1) * sizeof *walk.seen);
    walk.fresh = malloc((most + 1) * sizeof *walk.fresh);
    bool has_room = walk.view && walk.seen && walk.fresh;
    for (size_t i = 0; i < n && has_room; i++) {
        walk.query = queries + i * self->dimensions;
        search(&walk, without);
        tell(&walk, k, ret_places + i * k, ret_scores + i * k);
    }
    free(walk.view);
    free(walk.seen);
    free(walk.fresh);
    return has_room ? 0 : -ENOMEM;
}
