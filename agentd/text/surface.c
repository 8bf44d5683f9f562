#include "agentd/text/surface.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text/textbuf.h"
#include "lib/text/word.h"

#define FORM_SIZE  256
#define MOST_FORMS 32 /* more forms of one stem than any language has */

typedef struct {
    char text[FORM_SIZE];
    unsigned weight;
} form_t;

typedef struct {
    form_t forms[MOST_FORMS];
    size_t count;
} forms_t;

static unsigned weight_of(const tr_tokens_t *tokens, const tr_word_t *word) {
    const tr_sentence_t *sentence = &tokens->sentences[word->sentence];
    bool is_heading = tokens->document->blocks[sentence->block].kind == TR_BLOCK_HEADING;
    if (word->flags & TR_WORD_INITIAL || is_heading)
        return 1;
    return word->flags & TR_WORD_CAPITALS ? 4 : 16;
}

static size_t without_possessive(const char *text, size_t length) {
    if (length > 2 && (text[length - 1] | 0x20) == 's' && text[length - 2] == '\'')
        return length - 2;
    if (length > 4 && (text[length - 1] | 0x20) == 's' && memcmp(text + length - 4, "\xE2\x80\x99", 3) == 0)
        return length - 4;
    return length;
}

static void count_form(forms_t *forms, const char *text, unsigned weight) {
    size_t i = 0;
    while (i < forms->count && strcmp(forms->forms[i].text, text) != 0)
        i++;
    if (i == MOST_FORMS)
        return;
    if (i == forms->count) {
        strcpy(forms->forms[i].text, text);
        forms->forms[i].weight = 0;
        forms->count++;
    }
    forms->forms[i].weight += weight;
}

/* Words as they stand, with one blank between. False where they are too long to be shown. */
static bool write_form(const tr_tokens_t *tokens, const tr_word_t *first, size_t words, char out[FORM_SIZE]) {
    size_t written = 0;
    for (size_t i = 0; i < words; i++) {
        const char *text = tr_tokens_word(tokens, &first[i]);
        size_t length = i + 1 == words ? without_possessive(text, first[i].length) : first[i].length;
        if (written + length + 2 > FORM_SIZE)
            return false;
        if (i > 0)
            out[written++] = ' ';
        memcpy(out + written, text, length);
        written += length;
    }
    out[written] = '\0';
    return true;
}

static char *best_form(const forms_t *forms) {
    const form_t *best = NULL;
    for (size_t i = 0; i < forms->count; i++)
        if (!best || forms->forms[i].weight > best->weight)
            best = &forms->forms[i];
    return strdup(best ? best->text : "");
}

/* A run of neighbouring words: `before` and `after` are how far it reaches around the stems that were asked
 * for. */
typedef struct {
    uint32_t first, second; /* second is TR_VOCABULARY_NONE for a single word */
    size_t before, after;
} phrase_t;

static bool is_at(const tr_tokens_t *tokens, const phrase_t *phrase, size_t index) {
    const tr_word_t *word = &tokens->words[index];
    if (word->stem != phrase->first)
        return false;
    return phrase->second == TR_VOCABULARY_NONE ||
           (index + 1 < tokens->word_count && word[1].stem == phrase->second &&
               (word[1].flags & TR_WORD_JOINED));
}

/* The first word of a phrase around a mention, or NULL where the sentence does not have so many
 * words there. */
static const tr_word_t *run_around(
    const tr_tokens_t *tokens, const phrase_t *phrase, size_t index, size_t *ret_words) {
    size_t own = phrase->second == TR_VOCABULARY_NONE ? 1 : 2, words = phrase->before + own + phrase->after;
    if (index < phrase->before || index - phrase->before + words > tokens->word_count)
        return NULL;
    const tr_word_t *start = &tokens->words[index - phrase->before];
    for (size_t i = 1; i < words; i++)
        if (!(start[i].flags & TR_WORD_JOINED))
            return NULL;
    *ret_words = words;
    return start;
}

/*
 * The stem that stands before (or after) a pair in most of its mentions, or TR_VOCABULARY_NONE. The vote is
 * that of Boyer and Moore: one pass finds the only stem that can have the majority, a second one counts it.
 */
static uint32_t steady_neighbour(const tr_tokens_t *tokens, const phrase_t *phrase, int side) {
    uint32_t candidate = TR_VOCABULARY_NONE;
    size_t votes = 0, mentions = 0, count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < tokens->word_count; i++) {
            phrase_t wider = *phrase;
            wider.before += side < 0;
            wider.after += side > 0;
            size_t words = 0;
            if (!is_at(tokens, phrase, i))
                continue;
            mentions += pass == 0;
            const tr_word_t *run = run_around(tokens, &wider, i, &words);
            uint32_t stem = run ? run[side < 0 ? 0 : words - 1].stem : TR_VOCABULARY_NONE;
            if (pass == 1)
                count += stem == candidate;
            else if (votes == 0)
                candidate = stem, votes = 1;
            else
                votes = stem == candidate ? votes + 1 : votes - 1;
        }
    }
    return mentions >= 3 && count * 10 >= mentions * 7 ? candidate : TR_VOCABULARY_NONE;
}

static char *surface_of(const tr_tokens_t *tokens, const phrase_t *phrase) {
    forms_t *forms = calloc(1, sizeof *forms);
    if (!forms)
        return NULL;
    for (size_t i = 0; i < tokens->word_count; i++) {
        char form[FORM_SIZE], small[FORM_SIZE];
        size_t words = 0;
        const tr_word_t *run = is_at(tokens, phrase, i) ? run_around(tokens, phrase, i, &words) : NULL;
        if (!run || !write_form(tokens, run, words, form))
            continue;
        if (tokens->sentences[run->sentence].is_shouted) {
            tr_word_fold(form, strlen(form), small, sizeof small);
            count_form(forms, small, 1);
        } else {
            count_form(forms, form, weight_of(tokens, run));
        }
    }
    char *text = best_form(forms);
    free(forms);
    return text;
}

char *tr_surface_of_word(const tr_tokens_t *tokens, uint32_t stem) {
    return surface_of(tokens, &(phrase_t){stem, TR_VOCABULARY_NONE, 0, 0});
}

char *tr_surface_of_pair(const tr_tokens_t *tokens, uint32_t first, uint32_t second) {
    phrase_t phrase = {first, second, 0, 0};
    while (phrase.after < 2 && steady_neighbour(tokens, &phrase, 1) != TR_VOCABULARY_NONE)
        phrase.after++;
    while (phrase.before < 2 && steady_neighbour(tokens, &phrase, -1) != TR_VOCABULARY_NONE)
        phrase.before++;
    return surface_of(tokens, &phrase);
}
