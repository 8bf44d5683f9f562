/*
 * "did you mean ...?": the word of a list that is nearest to what was typed.
 *
 * Distance is Damerau-Levenshtein (insert, delete, replace, swap neighbours; optimal string alignment),
 * without regard to case. Pure functions, no allocation, any thread.
 */
#ifndef TR_BASE_SUGGEST_H
#define TR_BASE_SUGGEST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TR_SUGGEST_WORD_MAX 63 /* longer words are near to nothing */

/* Edits from one word to the other, or SIZE_MAX where one of them is longer than TR_SUGGEST_WORD_MAX. */
size_t tr_suggest_distance(const char *a, const char *b);

/* The nearest word of a list that ends with NULL (borrowed from it), or NULL when none is near: at most one
 * edit in every three letters of the longer word, and at least one is allowed; or the only word that begins
 * with what was typed (two letters or more). */
const char *tr_suggest(const char *word, const char *const *list);

#ifdef __cplusplus
}
#endif

#endif
