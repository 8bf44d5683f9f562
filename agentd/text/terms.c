#include "agentd/text/terms.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/text/pairs.h"
#include "agentd/text/surface.h"
#include "lib/text/textbuf.h"

#define PAIR_FACTOR 1.25
#define WITHIN_PAIR 0.6 /* a word is left out where this share of it stands in one pair */
/* a pair, where it shares a word with a better one and their counts are this close */
#define SAME_PHRASE 0.6

typedef struct {
    uint32_t first, second; /* stems; second is TR_VOCABULARY_NONE for a single word */
    uint32_t number;        /* of the pair, or of the stem */
    uint32_t count;
    double score;
} candidate_t;

typedef struct {
    const tr_tokens_t *tokens;
    const tr_corpus_t *corpus;
    tr_pairs_t pairs;
    uint32_t *counts;  /* of each stem */
    uint32_t *in_pair; /* of each stem: how often it stands in the pair that has it most often */
    candidate_t *candidates;
    size_t count, capacity;
    uint32_t least, least_pair; /* how often a word and a pair must occur */
} finder_t;

/* In a long text, what is said once or twice is no key term. */
static uint32_t least_count(size_t words) {
    return words < 200 ? 1 : words < 2000 ? 2 : 3;
}

static uint32_t least_pair_count(size_t words) {
    return words < 1000 ? 2 : words < 4000 ? 3 : 4;
}

static double score_of(const finder_t *finder, const char *key, uint32_t count) {
    return (1 + log(count)) * tr_corpus_idf(finder->corpus, key);
}

static int add_candidate(finder_t *finder, candidate_t candidate) {
    if (tr_array_reserve(&finder->candidates, finder->count, &finder->capacity, sizeof *finder->candidates) <
        0)
        return -ENOMEM;
    finder->candidates[finder->count++] = candidate;
    return 0;
}

static int count_stems(finder_t *finder) {
    size_t stems = tr_vocabulary_count(finder->tokens->stems);
    finder->counts = calloc(stems + 1, sizeof *finder->counts);
    finder->in_pair = calloc(stems + 1, sizeof *finder->in_pair);
    if (!finder->counts || !finder->in_pair)
        return -ENOMEM;
    for (size_t i = 0; i < finder->tokens->word_count; i++)
        if (finder->tokens->words[i].stem != TR_VOCABULARY_NONE)
            finder->counts[finder->tokens->words[i].stem]++;
    for (size_t i = 0; i < finder->pairs.count; i++) {
        const tr_pair_t *pair = &finder->pairs.items[i];
        uint32_t *first = &finder->in_pair[pair->first], *second = &finder->in_pair[pair->second];
        *first = pair->count > *first ? pair->count : *first;
        *second = pair->count > *second ? pair->count : *second;
    }
    return 0;
}

static bool is_within_pair(const finder_t *finder, uint32_t stem) {
    uint32_t count = finder->counts[stem], in_pair = finder->in_pair[stem];
    return in_pair >= finder->least_pair && in_pair >= WITHIN_PAIR * count;
}

static int add_words(finder_t *finder) {
    for (uint32_t i = 0; i < tr_vocabulary_count(finder->tokens->stems); i++) {
        const char *stem = tr_vocabulary_string(finder->tokens->stems, i);
        uint32_t count = finder->counts[i];
        if (count < finder->least || strlen(stem) < 3 || is_within_pair(finder, i))
            continue;
        candidate_t candidate = {i, TR_VOCABULARY_NONE, i, count, score_of(finder, stem, count)};
        if (add_candidate(finder, candidate) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int add_pairs(finder_t *finder) {
    for (uint32_t i = 0; i < finder->pairs.count; i++) {
        const tr_pair_t *pair = &finder->pairs.items[i];
        if (pair->count < finder->least_pair)
            continue;
        double score =
            score_of(finder, tr_vocabulary_string(finder->pairs.keys, i), pair->count) * PAIR_FACTOR;
        if (add_candidate(finder, (candidate_t){pair->first, pair->second, i, pair->count, score}) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int compare_candidates(const void *a, const void *b) {
    const candidate_t *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1; /* stems are numbered in the order of their first mention */
    return (x->second > y->second) - (x->second < y->second);
}

static bool shares_word(const candidate_t *a, const candidate_t *b) {
    bool is_pair = b->second != TR_VOCABULARY_NONE;
    return a->first == b->first || a->second == b->first ||
           (is_pair && (a->first == b->second || a->second == b->second));
}

/* Part of the same longer phrase ("general public" beside "public license"), or nothing but a piece of a
 * better one. */
static bool is_redundant(const candidate_t *candidate, const candidate_t *chosen) {
    if (candidate->second == TR_VOCABULARY_NONE && chosen->second == TR_VOCABULARY_NONE)
        return false;
    uint32_t low = candidate->count < chosen->count ? candidate->count : chosen->count;
    uint32_t high = candidate->count < chosen->count ? chosen->count : candidate->count;
    return shares_word(candidate, chosen) && low >= SAME_PHRASE * high;
}

static int fill_term(const finder_t *finder, const candidate_t *candidate, tr_term_t *term) {
    bool is_pair = candidate->second != TR_VOCABULARY_NONE;
    const tr_vocabulary_t *keys = is_pair ? finder->pairs.keys : finder->tokens->stems;
    term->text = is_pair ? tr_surface_of_pair(finder->tokens, candidate->first, candidate->second)
                         : tr_surface_of_word(finder->tokens, candidate->first);
    term->key = strdup(tr_vocabulary_string(keys, candidate->number));
    term->score = candidate->score / finder->candidates[0].score;
    term->count = candidate->count;
    return term->text && term->key ? 0 : -ENOMEM;
}

/* A phrase that is part of one that was chosen, or the other way round, as they are shown. */
static bool is_repetition(const tr_terms_t *terms, const tr_term_t *term) {
    for (size_t i = 0; i < terms->count; i++) {
        const char *chosen = terms->items[i].text;
        bool are_phrases = strchr(chosen, ' ') && strchr(term->text, ' ');
        if (are_phrases && (strcasestr(chosen, term->text) || strcasestr(term->text, chosen)))
            return true;
    }
    return false;
}

static int choose(finder_t *finder, size_t most, tr_terms_t *terms) {
    if (finder->count > 1)
        qsort(finder->candidates, finder->count, sizeof *finder->candidates, compare_candidates);
    size_t kept = 0; /* the candidates of the terms are moved to the front */
    /* Finding how a term is written costs a pass over the text, so there is an end to trying. */
    size_t tries = 4 * most;
    for (size_t i = 0; i < finder->count && terms->count < most && tries > 0; i++) {
        bool is_new = true;
        for (size_t k = 0; k < kept && is_new; k++)
            is_new = !is_redundant(&finder->candidates[i], &finder->candidates[k]);
        if (!is_new)
            continue;
        tries--;
        tr_term_t *term = &terms->items[terms->count];
        int rc = fill_term(finder, &finder->candidates[i], term);
        bool is_kept = rc == 0 && !is_repetition(terms, term);
        if (is_kept) {
            finder->candidates[kept++] = finder->candidates[i];
            terms->count++;
            continue;
        }
        free(term->text);
        free(term->key);
        *term = (tr_term_t){0};
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int find(finder_t *finder, size_t most, tr_terms_t *terms) {
    int rc = tr_pairs_init(&finder->pairs, finder->tokens);
    rc = rc == 0 ? count_stems(finder) : rc;
    rc = rc == 0 ? add_words(finder) : rc;
    rc = rc == 0 ? add_pairs(finder) : rc;
    if (rc < 0)
        return rc;
    most = most < finder->count ? most : finder->count;
    terms->items = calloc(most + 1, sizeof *terms->items);
    return terms->items ? choose(finder, most, terms) : -ENOMEM;
}

int tr_terms_find(const tr_tokens_t *tokens, const tr_corpus_t *corpus, size_t most, tr_terms_t *ret_terms) {
    finder_t finder = {.tokens = tokens,
        .corpus = corpus,
        .least = least_count(tokens->word_count),
        .least_pair = least_pair_count(tokens->word_count)};
    tr_terms_t terms = {0};
    int rc = find(&finder, most, &terms);
    tr_pairs_finish(&finder.pairs);
    free(finder.counts);
    free(finder.in_pair);
    free(finder.candidates);
    if (rc < 0) {
        tr_terms_finish(&terms);
        return rc;
    }
    *ret_terms = terms;
    return 0;
}

void tr_terms_finish(tr_terms_t *self) {
    for (size_t i = 0; i < self->count; i++) {
        free(self->items[i].text);
        free(self->items[i].key);
    }
    free(self->items);
    *self = (tr_terms_t){0};
}
