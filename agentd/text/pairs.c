#include "agentd/text/pairs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/textbuf.h"
#include "lib/text/word.h"

#define KEY_SIZE 400 /* two stems of 40 letters of 4 bytes fit */

/* "clearly document": an English adverb is no part of a term, though a few nouns look like one. */
static bool is_adverb(const tr_tokens_t *tokens, const tr_word_t *word) {
    static const char *const nouns[] = {
        "family", "supply", "assembly", "reply", "monopoly", "anomaly", "july"};
    char text[24];
    if (tokens->language != TR_LANGUAGE_EN || word->length < 5 || word->length >= sizeof text)
        return false;
    size_t length = tr_word_fold(tr_tokens_word(tokens, word), word->length, text, sizeof text);
    for (size_t i = 0; i < sizeof nouns / sizeof nouns[0]; i++)
        if (strcmp(text, nouns[i]) == 0)
            return false;
    return memcmp(text + length - 2, "ly", 2) == 0;
}

static size_t write_key(const tr_tokens_t *tokens, size_t word, char key[KEY_SIZE]) {
    const tr_word_t *second = &tokens->words[word];
    if (word == 0 || !(second->flags & TR_WORD_JOINED) || second->stem == TR_VOCABULARY_NONE)
        return 0;
    const tr_word_t *first = second - 1;
    if (first->stem == TR_VOCABULARY_NONE || first->stem == second->stem || is_adverb(tokens, first) ||
        is_adverb(tokens, second))
        return 0;
    const char *a = tr_vocabulary_string(tokens->stems, first->stem),
               *b = tr_vocabulary_string(tokens->stems, second->stem);
    size_t length = strlen(a), more = strlen(b);
    if (length + more + 2 > KEY_SIZE)
        return 0;
    memcpy(key, a, length);
    key[length] = ' ';
    memcpy(key + length + 1, b, more + 1);
    return length + more + 1;
}

uint32_t tr_pairs_at(const tr_pairs_t *self, const tr_tokens_t *tokens, size_t word) {
    char key[KEY_SIZE];
    size_t length = write_key(tokens, word, key);
    return length > 0 ? tr_vocabulary_find(self->keys, key, length) : TR_VOCABULARY_NONE;
}

int tr_pairs_init(tr_pairs_t *self, const tr_tokens_t *tokens) {
    *self = (tr_pairs_t){.keys = tr_vocabulary_new()};
    if (!self->keys)
        return -ENOMEM;
    for (size_t i = 1; i < tokens->word_count; i++) {
        char key[KEY_SIZE];
        size_t length = write_key(tokens, i, key);
        if (length == 0)
            continue;
        if (tr_array_reserve(&self->items, self->count, &self->capacity, sizeof *self->items) < 0)
            return -ENOMEM;
        uint32_t number = tr_vocabulary_add(self->keys, key, length);
        if (number == TR_VOCABULARY_NONE)
            return -ENOMEM;
        if (number == self->count)
            self->items[self->count++] = (tr_pair_t){tokens->words[i - 1].stem, tokens->words[i].stem, 0};
        self->items[number].count++;
    }
    return 0;
}

void tr_pairs_finish(tr_pairs_t *self) {
    tr_vocabulary_destroy(&self->keys);
    free(self->items);
    *self = (tr_pairs_t){0};
}
