#include "agentd/mind/alike.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/stems.h"
#include "agentd/text/language.h"
#include "lib/text/textbuf.h"
#include "lib/text/word.h"

#define LONGEST      40
#define REACH        2           /* words on each side */
#define PLACES       (2 * REACH) /* that a neighbour may have */
#define SHARED_MIN   4           /* places that two words must have in common */
#define LIKENESS_MIN .3

/* How often a word has a place. Sorted by word. */
typedef struct meeting {
    uint32_t word, place; /* the neighbour * PLACES + where it stands */
    uint32_t count;
    float weight;
} meeting_t;

typedef struct word {
    char *written; /* first, in small letters */
    uint32_t count;
    size_t first, end; /* its meetings */
    double length;     /* of its vector */
    bool is_dull;      /* a stop word, or a number */
} word_t;

struct tr_alike {
    tr_stems_t stems;
    word_t *words; /* by the number of the stem */
    size_t words_n, words_capacity;
    meeting_t *meetings;
    size_t meetings_n, meetings_capacity;
    uint32_t *places; /* how often each place was taken */
    float *wanted;    /* the weights of the word that is compared, by place */
    size_t read;      /* words */
};

/* ---- reading ---- */

static int add_meeting(tr_alike_t *self, uint32_t word, uint32_t neighbour, unsigned where) {
    if (tr_array_reserve(
            &self->meetings, self->meetings_n, &self->meetings_capacity, sizeof *self->meetings) < 0)
        return -ENOMEM;
    self->meetings[self->meetings_n++] = (meeting_t){word, neighbour * PLACES + where, 1, 0};
    return 0;
}

/* The number of a word; TR_VOCABULARY_NONE without memory. */
static uint32_t number_of(tr_alike_t *self, const char *folded, size_t size) {
    size_t length;
    const char *stem = tr_stems_of(&self->stems, folded, size, &length);
    uint32_t number = tr_vocabulary_add(self->stems.vocabulary, stem, length);
    if (number == TR_VOCABULARY_NONE ||
        tr_array_reserve(&self->words, self->words_n, &self->words_capacity, sizeof *self->words) < 0)
        return TR_VOCABULARY_NONE;
    if (number == self->words_n) {
        char *written = strndup(folded, size);
        if (!written)
            return TR_VOCABULARY_NONE;
        self->words[self->words_n++] = (word_t){.written = written,
            .is_dull = isdigit((unsigned char)*folded) || tr_language_is_stop_word(TR_LANGUAGE_EN, folded)};
    }
    self->words[number].count++;
    return number;
}

static bool ends_sentence(const char *text, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (strchr(".!?;:\n", text[i]) && text[i])
            return true;
    return false;
}

/* before: the words in front of this one, the nearest first; `count` of them. */
static int meet(tr_alike_t *self, uint32_t word, const uint32_t before[REACH], size_t count) {
    for (unsigned i = 0; i < count; i++)
        if (add_meeting(self, word, before[i], i) < 0 || add_meeting(self, before[i], word, REACH + i) < 0)
            return -ENOMEM;
    return 0;
}

static int read_text(tr_alike_t *self, tr_text_span_t text) {
    uint32_t before[REACH] = {0};
    size_t at = 0, end = 0, count = 0;
    tr_word_span_t span;
    while (self->read < TR_ALIKE_WORDS_MAX && tr_word_next(text.text, text.length, &at, &span)) {
        char folded[LONGEST + 1];
        size_t size = tr_word_fold(text.text + span.offset, span.length, folded, sizeof folded);
        uint32_t word = number_of(self, folded, size);
        if (ends_sentence(text.text, end, span.offset))
            count = 0;
        end = span.offset + span.length;
        if (word == TR_VOCABULARY_NONE || meet(self, word, before, count) < 0)
            return -ENOMEM;
        memmove(before + 1, before, (REACH - 1) * sizeof *before);
        before[0] = word;
        count += count < REACH;
        self->read++;
    }
    return 0;
}

/* ---- weighing ---- */

static int by_word(const void *a, const void *b) {
    const meeting_t *x = a, *y = b;
    return x->word != y->word     ? (x->word < y->word ? -1 : 1)
           : x->place != y->place ? (x->place < y->place ? -1 : 1)
                                  : 0;
}

/* Each pair once, with its count. */
static void add_up(tr_alike_t *self) {
    size_t n = 0;
    if (self->meetings_n > 0)
        qsort(self->meetings, self->meetings_n, sizeof *self->meetings, by_word);
    for (size_t i = 0; i < self->meetings_n; i++) {
        if (n > 0 && by_word(&self->meetings[n - 1], &self->meetings[i]) == 0)
            self->meetings[n - 1].count++;
        else
            self->meetings[n++] = self->meetings[i];
    }
    self->meetings_n = n;
}

/* What is seen seldom says little. */
static double discount(double count, double least) {
    return count / (count + 1) * least / (least + 1);
}

static void weigh_word(tr_alike_t *self, word_t *word, double all, double of_word) {
    double sum = 0;
    for (size_t i = word->first; i < word->end; i++) {
        meeting_t *m = &self->meetings[i];
        double count = m->count, of_place = self->places[m->place];
        double more = log(count * all / (of_word * of_place));
        m->weight =
            more > 0 ? (float)(more * discount(count, of_word < of_place ? of_word : of_place)) : 0.0f;
        sum += (double)m->weight * (double)m->weight;
    }
    word->length = sqrt(sum);
}

static int weigh(tr_alike_t *self) {
    double all = (double)self->meetings_n;
    add_up(self);
    self->places = calloc(self->words_n * PLACES + 1, sizeof *self->places);
    self->wanted = calloc(self->words_n * PLACES + 1, sizeof *self->wanted);
    if (!self->places || !self->wanted)
        return -ENOMEM;
    for (size_t i = 0; i < self->meetings_n; i++)
        self->places[self->meetings[i].place] += self->meetings[i].count;
    for (size_t i = 0; i < self->meetings_n;) {
        word_t *word = &self->words[self->meetings[i].word];
        double of_word = 0;
        word->first = i;
        for (uint32_t number = self->meetings[i].word;
             i < self->meetings_n && self->meetings[i].word == number; i++)
            of_word += self->meetings[i].count;
        word->end = i;
        weigh_word(self, word, all, of_word);
    }
    return 0;
}

int tr_alike_new(const tr_text_span_t *texts, size_t count, tr_alike_t **ret_self) {
    tr_alike_t *self = calloc(1, sizeof *self);
    int rc = self ? tr_stems_init(&self->stems) : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = read_text(self, texts[i]);
    if (rc == 0)
        rc = weigh(self);
    if (rc < 0) {
        tr_alike_destroy(&self);
        return rc;
    }
    *ret_self = self;
    return 0;
}

void tr_alike_destroy(tr_alike_t **ref) {
    tr_alike_t *self = *ref;
    if (!self)
        return;
    for (size_t i = 0; i < self->words_n; i++)
        free(self->words[i].written);
    free(self->words);
    free(self->meetings);
    free(self->places);
    free(self->wanted);
    tr_stems_finish(&self->stems);
    free(self);
    *ref = NULL;
}

/* ---- comparing ---- */

static void set_wanted(tr_alike_t *self, const word_t *word, bool on) {
    for (size_t i = word->first; i < word->end; i++)
        self->wanted[self->meetings[i].place] = on ? self->meetings[i].weight : 0;
}

/* Of the word that is wanted and another one; 0 where they share too little. */
static double likeness(const tr_alike_t *self, double length, const word_t *other) {
    double sum = 0;
    size_t shared = 0;
    for (size_t i = other->first; i < other->end; i++) {
        double part = (double)self->meetings[i].weight * (double)self->wanted[self->meetings[i].place];
        sum += part;
        shared += part > 0;
    }
    return shared >= SHARED_MIN && other->length > 0 ? sum / (length * other->length) : 0;
}

typedef struct best {
    const char *word;
    double likeness;
} best_t;

/* Into the best `most`, of which there are `count`; returns how many there are then. */
static size_t keep_best(best_t *best, size_t count, size_t most, best_t one) {
    size_t at = count < most ? count : most - 1;
    if (count == most && best[at].likeness >= one.likeness)
        return count;
    while (at > 0 && best[at - 1].likeness < one.likeness) {
        best[at] = best[at - 1];
        at--;
    }
    best[at] = one;
    return count < most ? count + 1 : most;
}

#define MOST 8

size_t tr_alike_find(tr_alike_t *self, const char *word, size_t length, size_t most, const char **ret_words) {
    best_t best[MOST];
    size_t stem_length, count = 0;
    const char *stem = tr_stems_of(&self->stems, word, length, &stem_length);
    uint32_t number = tr_vocabulary_find(self->stems.vocabulary, stem, stem_length);
    if (number == TR_VOCABULARY_NONE || self->words[number].count < TR_ALIKE_SEEN_MIN ||
        self->words[number].length <= 0)
        return 0;
    most = most < MOST ? most : MOST;
    set_wanted(self, &self->words[number], true);
    for (size_t i = 0; most > 0 && i < self->words_n; i++) {
        const word_t *other = &self->words[i];
        if (i == number || other->is_dull || other->count < TR_ALIKE_SEEN_MIN)
            continue;
        double of_other = likeness(self, self->words[number].length, other);
        if (of_other >= LIKENESS_MIN)
            count = keep_best(best, count, most, (best_t){other->written, of_other});
    }
    set_wanted(self, &self->words[number], false);
    for (size_t i = 0; i < count; i++)
        ret_words[i] = best[i].word;
    return count;
}
