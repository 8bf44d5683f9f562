#include "kbd/graph.h"

#include "kbd/kernels.h"

#include <errno.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LINE        64u /* bytes of the processor's cache */
#define LINES_AHEAD 8u  /* of a vector; the processor sees by itself how it goes on */
#define AHEAD       8u  /* vectors */
#define ENTRIES     8u  /* into the lowest level */
#define SPARE       24u /* by codes, beyond k, that whole vectors are compared of; as many again as k at least */

#define MEND_VIEW  64u
#define MEND_LINKS 8u /* to those that are near, and from them */
#define MEND_SLICE 512u
#define MEND_SOME  8u /* one in so many is looked for */

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
    size_t seen_count;
    int32_t *fresh;         /* neighbours that were not seen before */
    tr_codes_query_t asked; /* the query, where there are codes; its words are owned */
} walk_t;

static const float *vector_of(const tr_graph_t *graph, int32_t place) {
    return graph->vectors + (size_t)place * graph->dimensions;
}

static float whole_score_of(const walk_t *self, int32_t place) {
    return tr_kernel_product(self->query, vector_of(self->graph, place), self->graph->dimensions);
}

static float score_of(const walk_t *self, int32_t place) {
    const tr_graph_t *graph = self->graph;
    return graph->codes ? tr_codes_product(graph->codes, &self->asked, (size_t)place, graph->dimensions)
                        : whole_score_of(self, place);
}

static void fetch(const char *at, size_t bytes) {
    for (size_t line = 0; line < LINES_AHEAD && line * LINE < bytes; line++)
        __builtin_prefetch(at + line * LINE);
}

static void fetch_whole(const tr_graph_t *graph, int32_t place) {
    fetch((const char *)vector_of(graph, place), graph->dimensions * sizeof *graph->vectors);
}

static void fetch_vector(const tr_graph_t *graph, int32_t place) {
    if (!graph->codes) {
        fetch_whole(graph, place);
        return;
    }
    __builtin_prefetch(&graph->codes->scales[place]);
    fetch((const char *)graph->codes->bytes + (size_t)place * graph->codes->stride, graph->dimensions);
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

/* From one to the nearest of its neighbours, while that is nearer; down to the last two levels. */
static int32_t descend(const walk_t *self, float *ret_score) {
    int32_t at = self->graph->entry;
    float best = score_of(self, at);
    for (int level = self->graph->top; level > 1; level--)
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

/* ---- a level with many in view ---- */

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

static size_t fresh_neighbours(walk_t *self, int32_t place, int level) {
    size_t n = 0, most;
    const int32_t *links = links_of(self->graph, place, level, &most);
    for (size_t i = 0; i < most && links[i] >= 0; i++)
        if (see(self, links[i]))
            self->fresh[n++] = links[i];
    return n;
}

/* Takes the neighbours of one into view; the first place that has changed, or room. */
static size_t look_around(walk_t *self, int32_t place, int level) {
    size_t n = fresh_neighbours(self, place, level), first = self->room;
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

/* Likely the one whose neighbours are looked at after those of this one. */
static void fetch_next(const walk_t *self, size_t at, int level) {
    size_t most;
    while (at < self->count && self->view[at].place < 0)
        at++;
    if (at < self->count) {
        const int32_t *links = links_of(self->graph, self->view[at].place, level, &most);
        fetch((const char *)links, most * sizeof *links);
    }
}

static void look_on(walk_t *self, int level) {
    for (size_t at = 0; at < self->count;) {
        node_t *node = &self->view[at];
        if (node->place < 0) {
            at++;
            continue;
        }
        int32_t place = node->place;
        node->place = ~place;
        fetch_next(self, at + 1, level);
        size_t first = look_around(self, place, level);
        at = first <= at ? first : at + 1;
    }
}

static void see_none(walk_t *self, int64_t without) {
    memset(self->seen, 0, self->seen_count * sizeof *self->seen);
    if (without >= 0)
        see(self, (int32_t)without);
}

/* The nearest of the level above the lowest: one alone may be in another cluster than what is looked for, which a view of a cluster's size does not leave. */
static void enter(walk_t *self, int64_t without) {
    size_t room = self->room;
    self->room = room < ENTRIES ? room : ENTRIES;
    look_on(self, 1);
    self->room = room;
    see_none(self, without);
    for (size_t i = 0; i < self->count; i++) {
        self->view[i].place = ~self->view[i].place;
        see(self, self->view[i].place);
    }
}

/* The first so many of those in view, the nearest first by their whole vectors. */
static void refine(walk_t *self, size_t most) {
    size_t n = most < self->count ? most : self->count;
    for (size_t i = 0; i < AHEAD && i < n; i++)
        fetch_whole(self->graph, ~self->view[i].place);
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            fetch_whole(self->graph, ~self->view[i + AHEAD].place);
        node_t node = {whole_score_of(self, ~self->view[i].place), self->view[i].place};
        size_t at = i;
        for (; at > 0 && self->view[at - 1].score < node.score; at--)
            self->view[at] = self->view[at - 1];
        self->view[at] = node;
    }
}

/* How many of what is found are compared by whole vectors for k of them. */
static size_t whole_of(const tr_graph_t *graph, size_t k) {
    return !graph->codes ? k : k > SPARE ? 2 * k : k + SPARE;
}

/* The k nearest are in front of what is in view. */
static void search(walk_t *self, size_t k, int64_t without) {
    float score;
    see_none(self, without);
    self->count = 0;
    if (self->graph->codes)
        tr_codes_ask(self->graph->codes, self->query, self->graph->dimensions, &self->asked);
    int32_t entry = descend(self, &score);
    see(self, entry);
    take(self, entry, score);
    if (self->graph->top > 0)
        enter(self, without);
    look_on(self, 0);
    if (self->graph->codes)
        refine(self, whole_of(self->graph, k));
}

/* ---- all ---- */

static void tell(const walk_t *self, size_t k, int64_t *ret_places, float *ret_scores) {
    for (size_t i = 0; i < k; i++) {
        bool is_there = i < self->count;
        ret_places[i] = is_there ? ~self->view[i].place : -1;
        ret_scores[i] = is_there ? self->view[i].score : 0;
    }
}

static void finish(walk_t *self) {
    free(self->view);
    free(self->seen);
    free(self->fresh);
    free(self->asked.words);
}

/* False: out of memory; to be finished in both cases. */
static bool init(walk_t *self, const tr_graph_t *graph, size_t room) {
    size_t most = (size_t)(graph->levels[1] - graph->levels[0]);
    *self = (walk_t){.graph = graph, .room = room, .seen_count = (graph->count + 63) / 64};
    self->view = malloc((room + 1) * sizeof *self->view);
    self->seen = malloc((self->seen_count + 1) * sizeof *self->seen);
    self->fresh = malloc((most + 1) * sizeof *self->fresh);
    self->asked.words = malloc(graph->dimensions * sizeof *self->asked.words);
    return self->view && self->seen && self->fresh && self->asked.words;
}

int tr_graph_search(const tr_graph_t *self, size_t n, const float *queries, size_t k, int64_t without,
    int64_t *ret_places, float *ret_scores) {
    walk_t walk;
    size_t whole = whole_of(self, k);
    bool has_room = init(&walk, self, self->depth > whole ? self->depth : whole);
    for (size_t i = 0; i < n && has_room; i++) {
        walk.query = queries + i * self->dimensions;
        search(&walk, k, without);
        tell(&walk, k, ret_places + i * k, ret_scores + i * k);
    }
    finish(&walk);
    return has_room ? 0 : -ENOMEM;
}

/* ---- mending ---- */

/* Instead of the farthest, where there is no room and that is farther. */
static void put_link(const walk_t *self, int32_t *links, int32_t from, int32_t to) {
    const tr_graph_t *graph = self->graph;
    size_t most, farthest = 0;
    int32_t *list = links + (links_of(graph, from, 0, &most) - graph->links);
    const float *vector = vector_of(graph, from);
    float least = tr_kernel_product(vector, vector_of(graph, to), graph->dimensions);
    bool is_farther = false;
    for (size_t i = 0; i < most; i++) {
        if (list[i] == to || from == to)
            return;
        if (list[i] < 0) {
            list[i] = to;
            return;
        }
        float score = tr_kernel_product(vector, vector_of(graph, list[i]), graph->dimensions);
        if (score < least) {
            least = score;
            farthest = i;
            is_farther = true;
        }
    }
    if (is_farther)
        list[farthest] = to;
}

static bool links_to(const walk_t *self, int32_t from, int32_t to) {
    size_t most;
    const int32_t *list = links_of(self->graph, from, 0, &most);
    for (size_t i = 0; i < most && list[i] >= 0; i++)
        if (list[i] == to)
            return true;
    return false;
}

/* Its neighbours, the nearest first, without itself: into view. How many of them know it. */
static size_t look_up(walk_t *self, int32_t place) {
    size_t known = 0;
    self->query = vector_of(self->graph, place);
    search(self, MEND_LINKS, place);
    for (size_t i = 0; i < MEND_LINKS && i < self->count; i++)
        known += links_to(self, ~self->view[i].place, place);
    return known;
}

/* Who it is unknown to; nobody: it is known. */
typedef struct unknown {
    size_t count;
    int32_t near[MEND_LINKS];
} unknown_t;

/* Of more than are in view that are all the same, none is mended: they would only push each other out. */
static void look_for(walk_t *self, int32_t place, unknown_t *ret) {
    ret->count = 0;
    if (look_up(self, place) > 0 ||
        whole_score_of(self, ~self->view[self->count - 1].place) >= whole_score_of(self, place))
        return;
    for (size_t i = 0; i < MEND_LINKS && i < self->count; i++)
        ret->near[ret->count++] = ~self->view[i].place;
}

static bool mend(const walk_t *self, int32_t *links, int32_t place, const unknown_t *unknown) {
    for (size_t i = 0; i < unknown->count; i++) {
        put_link(self, links, unknown->near[i], place);
        put_link(self, links, place, unknown->near[i]);
    }
    return unknown->count > 0;
}

typedef struct mending {
    walk_t *walks; /* one for each thread */
    size_t walk_count;
    unknown_t *unknown; /* MEND_SLICE */
    int32_t *links;
} mending_t;

/* They are looked for by all threads together, and linked by one. */
static size_t mend_some(mending_t *self, size_t from, size_t to, size_t step) {
    size_t n = (to - from + step - 1) / step, mended = 0;
#pragma omp parallel for schedule(dynamic, 4) num_threads((int)self->walk_count)
    for (size_t i = 0; i < n; i++)
        look_for(&self->walks[omp_get_thread_num()], (int32_t)(from + i * step), &self->unknown[i]);
    for (size_t i = 0; i < n; i++)
        mended += mend(self->walks, self->links, (int32_t)(from + i * step), &self->unknown[i]);
    return mended;
}

static void mending_finish(mending_t *self) {
    for (size_t i = 0; i < self->walk_count && self->walks; i++)
        finish(&self->walks[i]);
    free(self->walks);
    free(self->unknown);
}

/* To be finished in both cases. */
static bool mending_init(mending_t *self, const tr_graph_t *graph, int32_t *links) {
    size_t threads = (size_t)omp_get_max_threads();
    *self = (mending_t){.links = links, .walk_count = threads};
    self->walks = calloc(threads, sizeof *self->walks);
    self->unknown = calloc(MEND_SLICE, sizeof *self->unknown);
    bool has_room = self->walks && self->unknown;
    for (size_t i = 0; i < threads && has_room; i++)
        has_room = init(&self->walks[i], graph, MEND_VIEW);
    return has_room;
}

int tr_graph_mend(
    const tr_graph_t *self, int32_t *links, bool (*goes_on)(void *arg), void *arg, size_t *ret_mended) {
    mending_t mending;
    int rc = mending_init(&mending, self, links) ? 0 : -ENOMEM;
    size_t mended = 0;
    for (size_t from = 0; from < self->count && rc == 0; from += MEND_SLICE) {
        size_t to = from + MEND_SLICE < self->count ? from + MEND_SLICE : self->count;
        size_t some = mend_some(&mending, from, to, MEND_SOME);
        mended += some ? some + mend_some(&mending, from, to, 1) : 0;
        if (goes_on && !goes_on(arg))
            rc = -ECANCELED;
    }
    mending_finish(&mending);
    *ret_mended = mended;
    return rc;
}
