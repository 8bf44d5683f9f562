/* Words of a UTF-8 text: letters and digits, with apostrophes, hyphens, dots and underscores between them. */
#ifndef TR_TEXT_WORD_H
#define TR_TEXT_WORD_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    size_t offset, length;
    bool has_letter;
    bool begins_upper; /* the first letter is a capital */
    bool is_capitals;  /* two letters at least, all of them capitals */
} tr_word_span_t;

/* Finds the next word at or after `*at`, and moves `*at` behind it. False at the end of the text. */
bool tr_word_next(const char *text, size_t length, size_t *at, tr_word_span_t *ret_span);

/* A word in small letters with plain apostrophes, NUL-terminated; returns its length. */
size_t tr_word_fold(const char *word, size_t length, char *out, size_t capacity);

#endif
