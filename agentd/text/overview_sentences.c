/*
 * A sentence is weighed by its rank in its own document and by its nearness to the centre of all key
 * sentences: the first makes it matter where it comes from, the second makes it matter here.
 */
#include "agentd/text/overview_sentences.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/text/vector.h"
#include "lib/text/textbuf.h"
#include "lib/text/vocabulary.h"
#include "lib/text/word.h"

#define NEAR_DUPLICATE 0.6
#define LONGEST_WORD   64

typedef struct {
    const tr_digest_sentence_t *sentence;
    uint32_t document;
    uint32_t round; /* its place among the sentences of its document, by score */
    tr_vector_t vector;
    double weight;
} candidate_t;

typedef struct {
    tr_vocabulary_t *words;
    candidate_t *items;
    size_t count, capacity;
} candidates_t;

static int add_word(
    candidates_t *self, tr_vector_t *vector, size_t *capacity, const char *word, size_t length) {
    if (tr_array_reserve(&vector->items, vector->count, capacity, sizeof *vector->items) < 0)
        return -ENOMEM;
    uint32_t number = tr_vocabulary_add(self->words, word, length);
    if (number == TR_VOCABULARY_NONE)
        return -ENOMEM;
    vector->items[vector->count++] = (tr_dimension_t){number, 1};
    return 0;
}

static int fill_vector(candidates_t *self, candidate_t *candidate, tr_language_t language) {
    const char *text = candidate->sentence->text;
    size_t length = strlen(text), capacity = 0;
    tr_word_span_t span;
    for (size_t at = 0; tr_word_next(text, length, &at, &span);) {
        char word[LONGEST_WORD];
        if (span.length >= sizeof word)
            continue;
        size_t size = tr_word_fold(text + span.offset, span.length, word, sizeof word);
        if (!tr_language_is_stop_word(language, word) &&
            add_word(self, &candidate->vector, &capacity, word, size) < 0)
            return -ENOMEM;
    }
    tr_vector_finish_filling(&candidate->vector, NULL);
    return 0;
}

static uint32_t round_of(const tr_digest_t *digest, size_t index) {
    uint32_t better = 0;
    for (size_t i = 0; i < digest->key_sentence_count; i++)
        better += digest->key_sentences[i].score > digest->key_sentences[index].score ||
                  (i < index && digest->key_sentences[i].score >= digest->key_sentences[index].score);
    return better;
}

static int add_digest(candidates_t *self, const tr_digest_t *digest, uint32_t document) {
    tr_language_t language = tr_language_from_code(digest->language);
    for (size_t i = 0; i < digest->key_sentence_count; i++) {
        if (tr_array_reserve(&self->items, self->count, &self->capacity, sizeof *self->items) < 0)
            return -ENOMEM;
        candidate_t *candidate = &self->items[self->count++];
        *candidate = (candidate_t){
            .sentence = &digest->key_sentences[i], .document = document, .round = round_of(digest, i)};
        if (fill_vector(self, candidate, language) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int weigh(candidates_t *self) {
    double *centre = calloc(tr_vocabulary_count(self->words) + 1, sizeof *centre), top = 0;
    if (!centre)
        return -ENOMEM;
    for (size_t i = 0; i < self->count; i++)
        for (size_t k = 0; k < self->items[i].vector.count; k++)
            centre[self->items[i].vector.items[k].stem] += (double)self->items[i].vector.items[k].weight;
    for (size_t i = 0; i < self->count; i++) {
        const tr_vector_t *vector = &self->items[i].vector;
        for (size_t k = 0; k < vector->count; k++)
            self->items[i].weight += centre[vector->items[k].stem] * (double)vector->items[k].weight;
        top = self->items[i].weight > top ? self->items[i].weight : top;
    }
    for (size_t i = 0; i < self->count; i++)
        self->items[i].weight =
            self->items[i].sentence->score * (0.5 + (top > 0 ? 0.5 * self->items[i].weight / top : 0));
    free(centre);
    return 0;
}

static int compare_candidates(const void *a, const void *b) {
    const candidate_t *x = a, *y = b;
    if (x->round != y->round)
        return x->round < y->round ? -1 : 1;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    if (x->document != y->document)
        return x->document < y->document ? -1 : 1;
    return (x->sentence->index > y->sentence->index) - (x->sentence->index < y->sentence->index);
}

static int take(candidates_t *self, size_t most, tr_overview_sentence_t **ret_sentences, size_t *ret_count) {
    size_t taken = 0;
    if (self->count > 1)
        qsort(self->items, self->count, sizeof *self->items, compare_candidates);
    *ret_sentences = calloc(most + 1, sizeof **ret_sentences);
    if (!*ret_sentences)
        return -ENOMEM;
    for (size_t i = 0; i < self->count && taken < most; i++) {
        bool is_new = true;
        for (size_t k = 0; k < taken && is_new; k++)
            is_new = tr_vector_cosine(&self->items[i].vector, &self->items[k].vector) < NEAR_DUPLICATE;
        if (!is_new)
            continue;
        /* What was taken moves to the front; what it changes places with was refused. */
        candidate_t candidate = self->items[i];
        self->items[i] = self->items[taken];
        self->items[taken] = candidate;
        char *text = strdup(candidate.sentence->text);
        if (!text)
            return -ENOMEM;
        (*ret_sentences)[taken++] =
            (tr_overview_sentence_t){text, candidate.weight, candidate.document, candidate.sentence->index};
        *ret_count = taken;
    }
    return 0;
}

int tr_overview_choose_sentences(const tr_digest_t *const *digests, size_t count, size_t most,
    tr_overview_sentence_t **ret_sentences, size_t *ret_count) {
    candidates_t self = {.words = tr_vocabulary_new()};
    int rc = self.words ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (digests[i])
            rc = add_digest(&self, digests[i], (uint32_t)i);
    if (rc == 0)
        rc = weigh(&self);
    if (rc == 0)
        rc = take(&self, most, ret_sentences, ret_count);
    for (size_t i = 0; i < self.count; i++)
        free(self.items[i].vector.items);
    free(self.items);
    tr_vocabulary_destroy(&self.words);
    return rc;
}
