/* The words of a short text (a turn of a dialogue, a query), in small letters, without an allocation. */
#ifndef TR_AGENTD_MIND_WORDS_H
#define TR_AGENTD_MIND_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_MIND_WORDS_MAX 256 /* of a turn; what comes after them does not count */
#define TR_MIND_WORD_MAX  40  /* bytes of a word; longer ones are cut */

typedef struct tr_mind_word {
    uint32_t offset, length; /* in the text */
    uint8_t size;            /* of the folded word */
    bool ends_clause;        /* , ; : . ! ? or a line's end stand behind it */
    bool begins_upper;
    bool is_capitals;
    char folded[TR_MIND_WORD_MAX + 1];
} tr_mind_word_t;

typedef struct tr_mind_words {
    size_t count;
    bool asks;   /* a question mark ends it */
    bool shouts; /* an exclamation mark stands in it */
    tr_mind_word_t items[TR_MIND_WORDS_MAX];
} tr_mind_words_t;

void tr_mind_words_read(const char *text, size_t length, tr_mind_words_t *ret_words);

#endif
