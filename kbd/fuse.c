#include "kbd/fuse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEAK_SHARE   .1  /* of n-grams of letters */
#define STRONG_SHARE .15 /* of a model of language */

double tr_fuse_share(const char *model, double coverage) {
    double share = strncmp(model, "ngrams", 6) == 0 ? WEAK_SHARE : STRONG_SHARE;
    double unknown = 1 - (coverage < 0 ? 0 : coverage > 1 ? 1 : coverage);
    return share + (1 - share) * unknown * unknown;
}

/* To 0 .. 1; a list of equals is worth half. */
static double stretch(const tr_kb_hit_t *list, size_t count, double score) {
    size_t last = count < TR_FUSE_DEPTH ? count : TR_FUSE_DEPTH;
    double best = list[0].score, worst = list[last - 1].score;
    if (count == 1)
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

/* Chunks that are in both lists become one. */
static size_t merge(tr_kb_fused_t *all, size_t count) {
    size_t n = 0;
    qsort(all, count, sizeof *all, by_chunk);
    for (size_t i = 0; i < count; i++) {
        if (n == 0 || all[n - 1].chunk != all[i].chunk) {
            all[n++] = all[i];
            continue;
        }
        tr_kb_fused_t *one = &all[n - 1];
        one->lexical = isnan(one->lexical) ? all[i].lexical : one->lexical;
        one->vector = isnan(one->vector) ? all[i].vector : one->vector;
        one->lexical_part += all[i].lexical_part;
        one->vector_part += all[i].vector_part;
        one->score += all[i].score;
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

int64_t tr_fuse(const tr_kb_hit_t *lexical, size_t lexical_count, const tr_kb_hit_t *vector,
    size_t vector_count, double share, size_t per_document, size_t k, tr_kb_fused_t *ret) {
    size_t count = lexical_count + vector_count;
    tr_kb_fused_t *all = calloc(count + 1, sizeof *all);
    if (!all)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        bool words = i < lexical_count;
        const tr_kb_hit_t *hit = words ? &lexical[i] : &vector[i - lexical_count];
        double part = words ? (1 - share) * stretch(lexical, lexical_count, hit->score)
                            : share * stretch(vector, vector_count, hit->score);
        all[i] = (tr_kb_fused_t){hit->chunk, hit->document, part, words ? hit->score : NAN,
            words ? NAN : hit->score, words ? part : 0, words ? 0 : part, 1};
    }
    size_t n = merge(all, count);
    qsort(all, n, sizeof *all, by_score);
    int64_t taken = take(all, n, per_document, k, ret);
    free(all);
    return taken;
}
