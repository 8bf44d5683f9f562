/*
 * A document as sentences and words, made once and used by what counts terms, ranks sentences and finds
 * names.
 *
 * Sentences end at . ! ? and their relatives, but not after abbreviations, initials, ordinals or the number
 * of a heading. A heading is one sentence; code and tables have none. The bullet or number of a list item is
 * no part of its first sentence. Words are numbered by stem (Snowball, of the document's language; without
 * one for Polish and for unknown languages).
 */
#ifndef TR_TEXT_TOKENS_H
#define TR_TEXT_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agentd/text/language.h"
#include "lib/text/document.h"
#include "lib/text/vocabulary.h"

enum {
    TR_WORD_UPPER = 1 << 0,    /* begins with a capital */
    TR_WORD_CAPITALS = 1 << 1, /* has nothing but capitals, two at least */
    TR_WORD_STOP = 1 << 2,
    TR_WORD_NUMBER = 1 << 3,  /* has no letter */
    TR_WORD_JOINED = 1 << 4,  /* only blanks between it and the word before, in the same sentence */
    TR_WORD_INITIAL = 1 << 5, /* the first of its sentence */
    TR_WORD_ADDRESS = 1 << 6, /* part of a web or mail address or of a path: no term */
};

typedef struct {
    uint32_t offset; /* in the document's text */
    uint32_t stem; /* in `stems`; TR_VOCABULARY_NONE for stop words, numbers and what is too long or short for
                      a term */
    uint32_t sentence;
    uint16_t length; /* cut at 65535 */
    uint16_t flags;
} tr_word_t;

typedef struct {
    uint32_t offset, length; /* in the document's text */
    uint32_t block;
    uint32_t first_word, word_count;
    bool
        is_shouted; /* most of its words are capitals, so that they say nothing about how a word is written */
} tr_sentence_t;

typedef struct tr_tokens {
    const tr_document_t *document; /* borrowed: it outlives the tokens */
    tr_language_t language;
    tr_sentence_t *sentences;
    size_t sentence_count, sentence_capacity;
    tr_word_t *words;
    size_t word_count, word_capacity;
    tr_vocabulary_t *stems;
} tr_tokens_t;

/* Returns 0, -ENOMEM, or -EFBIG for a text of more than 4 GiB. */
int tr_tokens_new(const tr_document_t *document, tr_language_t language, tr_tokens_t **ret_tokens);
void tr_tokens_destroy(tr_tokens_t **self);

/* The bytes of a word as the document has them. */
const char *tr_tokens_word(const tr_tokens_t *self, const tr_word_t *word);

#endif
