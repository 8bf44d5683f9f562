#include "agentd/mind/intent_features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX 4

/* FNV-1a. */
static uint64_t hash(uint64_t seed, const char *bytes, size_t length) {
    uint64_t value = 0xcbf29ce484222325u ^ (seed * 0x9e3779b97f4a7c15u);
    for (size_t i = 0; i < length; i++)
        value = (value ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return value;
}

enum { WORD = 1, PAIR, BEGINNING, FIRST, ASKS, SIZE };

static uint64_t of_words(uint64_t feature) {
    return feature | TR_INTENT_OF_WORDS;
}

static uint64_t of_form(uint64_t feature) {
    return feature & ~(uint64_t)TR_INTENT_OF_WORDS;
}

static uint64_t pair(const tr_mind_word_t *a, const tr_mind_word_t *b) {
    return hash(hash(PAIR, a->folded, a->size), b->folded, b->size);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t drop_doubles(uint64_t *items, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || items[i] != items[i - 1])
            items[kept++] = items[i];
    return kept;
}

size_t tr_intent_features(const tr_mind_words_t *words, uint64_t out[TR_INTENT_FEATURES_MAX]) {
    size_t count = 0, most = words->count < TR_INTENT_WORDS_MAX ? words->count : TR_INTENT_WORDS_MAX;
    for (size_t i = 0; i < most; i++) {
        const tr_mind_word_t *word = &words->items[i];
        out[count++] = of_words(hash(WORD, word->folded, word->size));
        if (word->size > PREFIX)
            out[count++] = of_words(hash(BEGINNING, word->folded, PREFIX));
        if (i + 1 < most)
            out[count++] = of_words(pair(word, word + 1));
    }
    if (most > 0) {
        const tr_mind_word_t *first = &words->items[0];
        out[count++] = of_words(hash(FIRST, first->folded, first->size));
        out[count++] = of_form(hash(SIZE, most < 3 ? "12" + most - 1 : most < 6 ? "5" : "9", 1));
        if (words->asks)
            out[count++] = of_words(hash(hash(ASKS, "?", 1), first->folded, first->size));
    }
    if (words->asks)
        out[count++] = of_form(hash(ASKS, "?", 1));
    qsort(out, count, sizeof *out, compare);
    return drop_doubles(out, count);
}

void tr_intent_soften(float *scores, size_t count) {
    float best = scores[0], sum = 0;
    for (size_t i = 1; i < count; i++)
        best = scores[i] > best ? scores[i] : best;
    for (size_t i = 0; i < count; i++)
        sum += scores[i] = expf(scores[i] - best);
    for (size_t i = 0; i < count; i++)
        scores[i] /= sum;
}
