#include "agentd/mind/rewrite.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/alike.h"
#include "agentd/mind/data.h"
#include "agentd/mind/stems.h"
#include "agentd/mind/words.h"
#include "agentd/text/language.h"
#include "lib/text/textbuf.h"

#define LONGEST_ACRONYM 8
#define ALIKE_MOST      2 /* words of the corpus for each of the query's */

static const struct {
    const char *word;
    double weight;
} sources[TR_REWRITE_SOURCES] = {
    {"query", 1}, {"acronym", .8}, {"stem", .6}, {"synonym", .5}, {"synonym", .3}};

typedef struct {
    uint32_t stem;
    size_t group;
    char *word; /* as the list has it */
} member_t;

struct tr_thesaurus {
    tr_stems_t stems;
    member_t *members; /* in the order of the list */
    size_t count, capacity;
};

const char *tr_rewrite_source_word(tr_rewrite_source_t source) {
    return (unsigned)source < TR_REWRITE_SOURCES ? sources[source].word : "unknown";
}

/* Reading ------------------------------------------------------------------------------------------------ */

static int add_member(tr_thesaurus_t *self, const char *word, size_t size, size_t group) {
    size_t length;
    const char *stem = tr_stems_of(&self->stems, word, size, &length);
    uint32_t number = tr_vocabulary_add(self->stems.vocabulary, stem, length);
    if (number == TR_VOCABULARY_NONE ||
        tr_array_reserve(&self->members, self->count, &self->capacity, sizeof *self->members) < 0)
        return -ENOMEM;
    char *copy = strndup(word, size);
    if (!copy)
        return -ENOMEM;
    self->members[self->count++] = (member_t){number, group, copy};
    return 0;
}

static int read_groups(tr_thesaurus_t *self, const char *text, size_t length) {
    size_t at = 0;
    for (size_t group = 0; at < length; group++) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t stop = end ? (size_t)(end - text) : length;
        while (at < stop && text[at] != '#') {
            size_t from = at;
            while (at < stop && text[at] != ' ')
                at++;
            if (at > from && add_member(self, text + from, at - from, group) < 0)
                return -ENOMEM;
            at += at < stop;
        }
        at = stop + 1;
    }
    return 0;
}

int tr_thesaurus_new(const char *groups, size_t length, tr_thesaurus_t **ret_self) {
    tr_thesaurus_t *self = calloc(1, sizeof *self);
    int rc = self ? tr_stems_init(&self->stems) : -ENOMEM;
    if (rc == 0)
        rc = read_groups(
            self, groups ? groups : tr_mind_data_synonyms, groups ? length : strlen(tr_mind_data_synonyms));
    if (rc < 0) {
        tr_thesaurus_destroy(&self);
        return rc;
    }
    *ret_self = self;
    return 0;
}

void tr_thesaurus_destroy(tr_thesaurus_t **self) {
    if (!self || !*self)
        return;
    for (size_t i = 0; i < (*self)->count; i++)
        free((*self)->members[i].word);
    free((*self)->members);
    tr_stems_finish(&(*self)->stems);
    free(*self);
    *self = NULL;
}

/* Rewriting ---------------------------------------------------------------------------------------------- */

/* Does nothing where the term is there already. */
static int add_term(tr_rewrite_t *self, const char *text, size_t length, tr_rewrite_source_t source) {
    for (size_t i = 0; i < self->count; i++)
        if (strlen(self->items[i].text) == length && memcmp(self->items[i].text, text, length) == 0)
            return 0;
    if (tr_array_reserve(&self->items, self->count, &self->capacity, sizeof *self->items) < 0)
        return -ENOMEM;
    char *copy = strndup(text, length);
    if (!copy)
        return -ENOMEM;
    self->items[self->count++] = (tr_rewrite_term_t){copy, sources[source].weight, source};
    return 0;
}

static bool is_term(const tr_mind_word_t *word) {
    return word->size > 0 && (word->is_capitals || !tr_language_is_stop_word(TR_LANGUAGE_EN, word->folded));
}

/* Where the name in front of "(ABC)" begins, whose words begin with these letters; `bracket` where there is none. */
static size_t name_before(const char *text, size_t bracket, const char *acronym, size_t size) {
    size_t at = bracket;
    for (size_t left = size; left > 0; left--) {
        while (at > 0 && text[at - 1] == ' ')
            at--;
        size_t end = at;
        while (at > 0 && isalnum((unsigned char)text[at - 1]))
            at--;
        if (at == end || tolower((unsigned char)text[at]) != acronym[left - 1])
            return bracket;
    }
    return at;
}

static int expand_in(tr_rewrite_t *self, tr_text_span_t text, const tr_mind_word_t *word) {
    for (size_t at = 1; at + word->size + 1 < text.length; at++) {
        bool is_there = text.text[at] == '(' && text.text[at + 1 + word->size] == ')' &&
                        strncasecmp(text.text + at + 1, word->folded, word->size) == 0;
        size_t from = is_there ? name_before(text.text, at, word->folded, word->size) : at;
        if (from == at)
            continue;
        size_t end = at;
        while (end > from && text.text[end - 1] == ' ')
            end--;
        return add_term(self, text.text + from, end - from, TR_REWRITE_ACRONYM);
    }
    return 0;
}

static int add_acronyms(
    tr_rewrite_t *self, const tr_mind_words_t *words, const tr_text_span_t *corpus, size_t corpus_count) {
    for (size_t i = 0; i < words->count; i++) {
        const tr_mind_word_t *word = &words->items[i];
        if (word->size < 2 || word->size > LONGEST_ACRONYM)
            continue;
        for (size_t k = 0; k < corpus_count; k++)
            if (expand_in(self, corpus[k], word) < 0)
                return -ENOMEM;
    }
    return 0;
}

static int add_stems(tr_rewrite_t *self, tr_thesaurus_t *thesaurus, const tr_mind_words_t *words) {
    for (size_t i = 0; i < words->count; i++) {
        size_t length;
        const tr_mind_word_t *word = &words->items[i];
        if (!is_term(word))
            continue;
        const char *stem = tr_stems_of(&thesaurus->stems, word->folded, word->size, &length);
        if (add_term(self, stem, length, TR_REWRITE_STEM) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int add_group(tr_rewrite_t *self, const tr_thesaurus_t *thesaurus, size_t group) {
    for (size_t i = 0; i < thesaurus->count; i++) {
        const member_t *member = &thesaurus->members[i];
        if (member->group == group &&
            add_term(self, member->word, strlen(member->word), TR_REWRITE_SYNONYM) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int add_synonyms(tr_rewrite_t *self, tr_thesaurus_t *thesaurus, const tr_mind_words_t *words) {
    for (size_t i = 0; i < words->count; i++) {
        size_t length;
        const tr_mind_word_t *word = &words->items[i];
        const char *stem = tr_stems_of(&thesaurus->stems, word->folded, word->size, &length);
        uint32_t number = tr_vocabulary_find(thesaurus->stems.vocabulary, stem, length);
        for (size_t k = 0; is_term(word) && number != TR_VOCABULARY_NONE && k < thesaurus->count; k++)
            if (thesaurus->members[k].stem == number &&
                add_group(self, thesaurus, thesaurus->members[k].group) < 0)
                return -ENOMEM;
    }
    return 0;
}

static int add_alike_of(tr_rewrite_t *self, tr_alike_t *alike, const tr_mind_word_t *word) {
    const char *found[ALIKE_MOST];
    size_t count = tr_alike_find(alike, word->folded, word->size, ALIKE_MOST, found);
    for (size_t i = 0; i < count; i++)
        if (add_term(self, found[i], strlen(found[i]), TR_REWRITE_ALIKE) < 0)
            return -ENOMEM;
    return 0;
}

/* What the corpus uses in the same places. */
static int add_alike(
    tr_rewrite_t *self, const tr_mind_words_t *words, const tr_text_span_t *corpus, size_t corpus_count) {
    tr_alike_t *alike = NULL;
    int rc = corpus_count > 0 ? tr_alike_new(corpus, corpus_count, &alike) : 0;
    for (size_t i = 0; alike && rc == 0 && i < words->count; i++)
        if (is_term(&words->items[i]))
            rc = add_alike_of(self, alike, &words->items[i]);
    tr_alike_destroy(&alike);
    return rc;
}

static int add_query(tr_rewrite_t *self, const tr_mind_words_t *words) {
    for (size_t i = 0; i < words->count; i++)
        if (is_term(&words->items[i]) &&
            add_term(self, words->items[i].folded, words->items[i].size, TR_REWRITE_QUERY) < 0)
            return -ENOMEM;
    return 0;
}

static void keep(tr_rewrite_t *self, size_t most) {
    while (self->count > most)
        free(self->items[--self->count].text);
}

int tr_rewrite(tr_thesaurus_t *thesaurus, tr_text_span_t query, const tr_text_span_t *corpus,
    size_t corpus_count, size_t most, tr_rewrite_t *ret_rewrite) {
    tr_rewrite_t self = {0};
    tr_mind_words_t words;
    tr_mind_words_read(query.text, query.length, &words);
    int rc = add_query(&self, &words);
    size_t asked = self.count;
    if (rc == 0)
        rc = add_acronyms(&self, &words, corpus, corpus_count);
    if (rc == 0)
        rc = add_stems(&self, thesaurus, &words);
    if (rc == 0)
        rc = add_synonyms(&self, thesaurus, &words);
    if (rc == 0)
        rc = add_alike(&self, &words, corpus, corpus_count);
    if (rc < 0) {
        tr_rewrite_finish(&self);
        return rc;
    }
    keep(&self, asked + most);
    *ret_rewrite = self;
    return 0;
}

void tr_rewrite_finish(tr_rewrite_t *self) {
    keep(self, 0);
    free(self->items);
    *self = (tr_rewrite_t){0};
}
