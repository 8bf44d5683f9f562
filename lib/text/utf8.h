/*
 * UTF-8: decoding, and what a word tokenizer must know about a code point (Unicode 15, reduced to ranges).
 *
 * No locale is consulted: the same bytes give the same answer on each machine. Case mapping covers the Latin,
 * Greek, Cyrillic and Armenian scripts; letters of other scripts have no case.
 */
#ifndef TR_TEXT_UTF8_H
#define TR_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length (1..4) of the code point at `text`, or 0 where the bytes are not UTF-8 (overlong, surrogate, cut
 * off). */
size_t tr_utf8_decode(const char *text, size_t length, uint32_t *ret_code);

/* Like tr_utf8_decode, but an invalid byte is taken as U+FFFD of length 1. The length must not be 0. */
size_t tr_utf8_next(const char *text, size_t length, uint32_t *ret_code);

/* The code point before `end`; `ret_code` is 0 and the answer 0 at the start of the text. */
size_t tr_utf8_previous(const char *text, size_t end, uint32_t *ret_code);

/* At most `most` of the bytes, and no character in half: where to cut. */
size_t tr_utf8_cut(const char *text, size_t length, size_t most);

/* Takes the bytes out that are no UTF-8 (of texts that were cut anywhere), in place: the length that is left, behind which nothing is written. */
size_t tr_utf8_drop_broken(char *text, size_t length);

/* Writes 1..4 bytes. A code that is no scalar value becomes U+FFFD. */
size_t tr_utf8_encode(uint32_t code, char out[4]);

bool tr_utf8_is_letter(uint32_t code);
bool tr_utf8_is_mark(uint32_t code); /* combining: belongs to the letter before it */
bool tr_utf8_is_digit(uint32_t code);
bool tr_utf8_is_upper(uint32_t code);
bool tr_utf8_is_space(uint32_t code);
uint32_t tr_utf8_lower(uint32_t code);

/*
 * Lower-cases text into `out` (NUL-terminated, cut at a whole code point if it does not fit) and returns the
 * bytes written without the NUL.
 */
size_t tr_utf8_lower_copy(const char *text, size_t length, char *out, size_t capacity);

/* Windows-1252, which holds ISO 8859-1: the code point of a byte, or 0 where the code page has a hole. */
uint32_t tr_latin1_decode(unsigned char byte);

#endif
