#include "kbd/fuse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* The vectors' share, from where they tell hardly anything apart to where the nearest stands alone; and what unknown words add to it. */
#define SHARE_LEAST    .14
#define SHARE_MOST     .6
#define CONTRAST_LEAST .4
#define CONTRAST_MOST  .55
#define UNKNOWN_ADD    .6
#define ENOUGH         20u /* hits: of fewer the last is no background to stand out from */
#define LEARNT_SHARE   .85 /* of the words' */
#define LEADERS        2

static double within(double value, double least, double most) {
    return value > least ? value < most ? value : most : least; /* NaN is the least */
}

/* How much nearer the nearest is than the last that counts, of what it could be. */
static double contrast(const tr_fuse_list_t *vector) {
    if (vector->count < ENOUGH)
        return 0;
    double first = vector->hits[0].score,
           last = vector->hits[(vector->count < TR_FUSE_DEPTH ? vector->count : TR_FUSE_DEPTH) - 1].score;
    return last < 1 ? (first - last) / (1 - last) : 0;
}

double tr_fuse_share(const tr_fuse_list_t *vector, double coverage) {
    double stands = within(contrast(vector), CONTRAST_LEAST, CONTRAST_MOST) - CONTRAST_LEAST;
    double share = SHARE_LEAST + (SHARE_MOST - SHARE_LEAST) * stands / (CONTRAST_MOST - CONTRAST_LEAST);
    return share * (1 + UNKNOWN_ADD * (1 - within(coverage, 0, 1)));
}

/* To 0 .. 1; a list of equals is worth half. */
static double stretch(const tr_fuse_list_t *list, double score) {
    size_t last = list->count < TR_FUSE_DEPTH ? list->count : TR_FUSE_DEPTH;
    double best = list->hits[0].score, worst = list->hits[last - 1].score;
    if (list->count == 1)
        return 1;
    double part = best > worst ? (score - worst) / (best - worst) : .5;
    return part < 0 ? 0 : part;
}

static int by_chunk(const void *a, const void *b) {
    int64_t x = ((const tr_kb_fused_t *)a)->chunk, y = ((const tr_kb_fused_t *)b)->chunk;
    return x < y ? -1 : x > y;
}

static int by_score(const void *a, const void *b) {
    const tr_kb_fused_t *x = a, *y = b;
    return x->score < y->score ? 1 : x->score > y->score ? -1 : by_chunk(a, b);
}

static void add(double *value, double more) {
    *value = isnan(*value) ? more : *value;
}

/* Chunks that are in several lists become one. */
static size_t merge(tr_kb_fused_t *all, size_t count) {
    size_t n = 0;
    qsort(all, count, sizeof *all, by_chunk);
    for (size_t i = 0; i < count; i++) {
        if (n == 0 || all[n - 1].chunk != all[i].chunk) {
            all[n++] = all[i];
            continue;
        }
        tr_kb_fused_t *one = &all[n - 1];
        add(&one->lexical, all[i].lexical);
        add(&one->learnt, all[i].learnt);
        add(&one->vector, all[i].vector);
        one->lexical_part += all[i].lexical_part;
        one->vector_part += all[i].vector_part;
        one->score += all[i].score;
        one->first += all[i].first;
    }
    return n;
}

static int64_t take(
    const tr_kb_fused_t *all, size_t count, size_t per_document, size_t k, tr_kb_fused_t *ret) {
    size_t n = 0;
    for (size_t i = 0; i < count && n < k; i++) {
        size_t before = 0;
        for (size_t j = 0; j < n && per_document; j++)
            before += ret[j].document == all[i].document;
        if (!per_document || before < per_document)
            ret[n++] = all[i];
    }
    return (int64_t)n;
}

static void swap(tr_kb_fused_t *a, tr_kb_fused_t *b) {
    tr_kb_fused_t kept = *a;
    *a = *b;
    *b = kept;
}

/* Those that lead without the learnt words to the front, in their order; in a list that is in the order of its scores. */
static void lift_leaders(tr_kb_fused_t *all, size_t count) {
    for (size_t place = 0; place < LEADERS && place < count; place++) {
        size_t best = place;
        for (size_t i = place + 1; i < count; i++)
            best = all[i].first > all[best].first ? i : best;
        for (size_t i = best; i > place; i--)
            swap(&all[i], &all[i - 1]);
    }
    for (size_t place = LEADERS < count ? LEADERS : count; place-- > 0;) {
        double below = place + 1 < count ? all[place + 1].score : 0;
        if (below <= all[place].score)
            continue;
        all[place].lead_part = below - all[place].score;
        all[place].score = below;
    }
}

static void put_list(tr_kb_fused_t *all, size_t *count, const tr_fuse_list_t *list, tr_kb_fused_t weights) {
    for (size_t i = 0; i < list->count; i++) {
        const tr_kb_hit_t *hit = &list->hits[i];
        double height = stretch(list, hit->score);
        tr_kb_fused_t *one = &all[(*count)++];
        *one = (tr_kb_fused_t){.chunk = hit->chunk,
            .document = hit->document,
            .lexical = isnan(weights.lexical) ? NAN : hit->score,
            .learnt = isnan(weights.learnt) ? NAN : hit->score,
            .vector = isnan(weights.vector) ? NAN : hit->score,
            .lexical_part = weights.lexical_part * height,
            .vector_part = weights.vector_part * height,
            .age_part = 1,
            .first = weights.first * height};
        one->score = one->lexical_part + one->vector_part;
    }
}

int64_t tr_fuse(const tr_fuse_lists_t *lists, size_t per_document, size_t k, tr_kb_fused_t *ret) {
    double words = 1 - lists->share, learnt = lists->learnt.count ? LEARNT_SHARE : 0;
    size_t count = 0;
    tr_kb_fused_t *all =
        calloc(lists->plain.count + lists->learnt.count + lists->vector.count + 1, sizeof *all);
    if (!all)
        return -ENOMEM;
    put_list(all, &count, &lists->plain,
        (tr_kb_fused_t){.learnt = NAN, .vector = NAN, .lexical_part = words * (1 - learnt), .first = words});
    put_list(all, &count, &lists->learnt,
        (tr_kb_fused_t){.lexical = NAN, .vector = NAN, .lexical_part = words * learnt});
    put_list(all, &count, &lists->vector,
        (tr_kb_fused_t){.lexical = NAN, .learnt = NAN, .vector_part = lists->share, .first = lists->share});
    size_t n = merge(all, count);
    qsort(all, n, sizeof *all, by_score);
    if (learnt > 0)
        lift_leaders(all, n);
    int64_t taken = take(all, n, per_document, k, ret);
    free(all);
    return taken;
}
