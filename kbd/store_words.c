#include "kbd/store_words.h"

#include "kbd/bm25.h"
#include "kbd/stem.h"
#include "kbd/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MANY 1000u /* chunks: below that even the most frequent words cost nothing */

#define FEEDBACK_SHARE  .5  /* of the weight, of passages that are long enough */
#define FEEDBACK_LENGTH 500 /* bytes: that is long enough; a sentence says hardly more than the query */
#define FEEDBACK_LEAST  120
#define OPEN_LEAST      .15
#define OPEN_ENOUGH     .3

bool tr_kb_words_init(tr_kb_words_t *self, size_t room) {
    *self = (tr_kb_words_t){.items = calloc(room, sizeof *self->items), .room = room};
    tr_map_init(&self->places, (uint64_t)(uintptr_t)self->items);
    return self->items != NULL;
}

void tr_kb_words_finish(tr_kb_words_t *self) {
    for (size_t i = 0; i < self->count; i++)
        free(self->items[i].text);
    free(self->items);
    tr_map_finish(&self->places);
    *self = (tr_kb_words_t){0};
}

static bool take_word(void *arg, const char *stem, size_t length, size_t from, size_t to) {
    tr_kb_words_t *self = arg;
    uint64_t *place = tr_map_find(&self->places, stem, length);
    if (length > TR_KB_STEM_MAX)
        return true; /* no text has a word that long but by accident */
    if (place) {
        self->items[*place - 1].weight += self->once ? 0 : self->each;
        return true;
    }
    if (self->count == self->room)
        return false;
    tr_kb_word_t word = {.text = strndup(self->text + from, to - from), .weight = self->each};
    if (!word.text || tr_map_put(&self->places, stem, length, self->count + 1) < 0) {
        free(word.text);
        self->failed = true;
        return false;
    }
    self->items[self->count++] = word;
    return true;
}

int tr_kb_words_read(tr_kb_store_t *store, const tr_kb_namespace_t *ns, tr_kb_words_t *self, const char *text,
    size_t len, tr_error_t *error) {
    self->text = text;
    int rc = tr_stem_words(store->db, ns->language, text, len, take_word, self);
    if (rc == 0 && self->failed)
        rc = -ENOMEM;
    return rc < 0 ? tr_error_set(error, rc, "a text's words cannot be read: %s", strerror(-rc)) : 0;
}

int tr_kb_words_query(tr_kb_store_t *store, const tr_kb_namespace_t *ns, tr_kb_words_t *self,
    const tr_kb_lexical_t *query, size_t *ret_own, tr_error_t *error) {
    self->each = 1;
    self->once = true;
    self->room = TR_KB_QUERY_WORDS; /* the rest is for the feedback */
    int rc = tr_kb_words_read(store, ns, self, query->text, strlen(query->text), error);
    *ret_own = self->count;
    for (size_t i = 0; i < query->term_count && rc == 0; i++) {
        self->each = query->terms[i].weight;
        rc = tr_kb_words_read(store, ns, self, query->terms[i].text, strlen(query->terms[i].text), error);
    }
    self->room = TR_KB_MATCH_WORDS;
    return rc;
}

double tr_kb_words_coverage(const tr_kb_namespace_t *ns, const tr_kb_words_t *self, size_t count) {
    double all = 0, known = 0;
    for (size_t i = 0; i < count; i++) {
        double rarity = tr_bm25_rarity(self->items[i].chunks, (double)ns->chunks);
        all += rarity;
        known += self->items[i].chunks > 0 ? rarity : 0;
    }
    return all > 0 ? known / all : 0;
}

static bool is_common(const tr_kb_namespace_t *ns, const tr_kb_word_t *word) {
    return 2 * word->chunks > (double)ns->chunks;
}

void tr_kb_words_match(const tr_kb_namespace_t *ns, const tr_kb_words_t *self, tr_kb_match_t *ret) {
    bool rare = false;
    *ret = (tr_kb_match_t){0};
    for (size_t i = 0; i < self->count; i++)
        rare |= self->items[i].chunks > 0 && !is_common(ns, &self->items[i]);
    for (size_t i = 0; i < self->count && ret->count < TR_KB_MATCH_WORDS; i++) {
        const tr_kb_word_t *word = &self->items[i];
        if (word->chunks <= 0 || word->weight <= 0 || (rare && ns->chunks > MANY && is_common(ns, word)))
            continue;
        ret->texts[ret->count] = word->text;
        ret->weights[ret->count++] = (float)(word->weight * tr_bm25_rarity(word->chunks, (double)ns->chunks));
    }
}

/* ---- feedback ---- */

static double part_of(double value, double least, double enough) {
    double part = (value - least) / (enough - least);
    return part < 0 ? 0 : part > 1 ? 1 : part;
}

/* What the feedback may weigh: more, the more there is to learn from, and the less of the query the best passage has, for
 * one that has all of it is what was asked for. */
static double share_of(const tr_kb_model_t *m) {
    return FEEDBACK_SHARE *
           part_of((double)m->bytes / TR_KB_FEEDBACK_PASSAGES, FEEDBACK_LEAST, FEEDBACK_LENGTH) *
           part_of(1 - m->covered, OPEN_LEAST, OPEN_ENOUGH);
}

/* Which part of the query's words, by how rare they are, the model has. */
static double covered_by(const tr_kb_model_t *m) {
    double all = 0, known = 0;
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&m->query->places, &cursor))) {
        double rarity = tr_bm25_rarity(m->query->items[slot->value - 1].chunks, (double)m->ns->chunks);
        all += rarity;
        known += tr_map_find(&m->words.places, slot->key, slot->key_len) ? rarity : 0;
    }
    return all > 0 ? known / all : 0;
}

int tr_kb_model_init(tr_kb_model_t *self, tr_kb_store_t *store, const tr_kb_namespace_t *ns,
    const tr_kb_words_t *query, tr_error_t *error) {
    *self = (tr_kb_model_t){.store = store, .ns = ns, .query = query};
    return tr_kb_words_init(&self->words, TR_KB_MODEL_WORDS) ? 0
                                                             : tr_error_set(error, -ENOMEM, "out of memory");
}

void tr_kb_model_finish(tr_kb_model_t *self) {
    tr_kb_words_finish(&self->words);
}

int tr_kb_model_read(
    tr_kb_model_t *self, double weight, const char *title, const char *text, size_t len, tr_error_t *error) {
    self->bytes += len;
    self->words.each = weight / ((double)len + 1); /* long ones say each thing less */
    int rc = tr_kb_words_read(self->store, self->ns, &self->words, title, strlen(title), error);
    if (rc == 0)
        rc = tr_kb_words_read(self->store, self->ns, &self->words, text, len, error);
    if (self->bytes == len) /* the first */
        self->covered = covered_by(self);
    return rc;
}

static int by_weight(const void *a, const void *b) {
    double x = ((const tr_kb_word_t *)a)->weight, y = ((const tr_kb_word_t *)b)->weight;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The most telling words first, their weights summing up to 1. Its map is of no use then. */
static size_t sharpen(const tr_kb_namespace_t *ns, tr_kb_words_t *words) {
    double sum = 0;
    for (size_t i = 0; i < words->count; i++) {
        tr_kb_word_t *w = &words->items[i];
        bool telling = w->chunks > 1 && !is_common(ns, w);
        w->weight = telling ? w->weight * tr_bm25_rarity(w->chunks, (double)ns->chunks) : 0;
    }
    qsort(words->items, words->count, sizeof *words->items, by_weight);
    size_t n = words->count < TR_KB_FEEDBACK_WORDS ? words->count : TR_KB_FEEDBACK_WORDS;
    for (size_t i = 0; i < n; i++)
        sum += words->items[i].weight;
    for (size_t i = 0; i < n && sum > 0; i++)
        words->items[i].weight /= sum;
    return sum > 0 ? n : 0;
}

/* The first `n` words of the model to the query, with this much of the weight. */
static int add_learnt(tr_kb_model_t *m, tr_kb_words_t *query, double share, size_t n, tr_error_t *error) {
    int rc = 0;
    query->once = false;
    for (size_t i = 0; i < n && rc == 0; i++) {
        size_t before = query->count;
        const char *text = m->words.items[i].text;
        query->each = share * m->words.items[i].weight;
        rc = tr_kb_words_read(m->store, m->ns, query, text, strlen(text), error);
        if (query->count > before)
            query->items[before].chunks = m->words.items[i].chunks;
    }
    return rc;
}

int tr_kb_model_blend(tr_kb_model_t *m, tr_kb_words_t *query, bool *ret_any, tr_error_t *error) {
    double share = share_of(m);
    size_t n = share > 0 ? sharpen(m->ns, &m->words) : 0;
    double sum = 0;
    *ret_any = n > 0;
    if (n == 0)
        return 0;
    for (size_t i = 0; i < query->count; i++)
        sum += query->items[i].weight;
    for (size_t i = 0; i < query->count && sum > 0; i++)
        query->items[i].weight *= (1 - share) / sum;
    return add_learnt(m, query, share, n, error);
}

int tr_kb_model_be_query(tr_kb_model_t *m, tr_kb_words_t *query, tr_error_t *error) {
    return add_learnt(m, query, 1, sharpen(m->ns, &m->words), error);
}
