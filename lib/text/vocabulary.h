/*
 * Strings and their numbers: each distinct string gets the next number (0, 1, 2 ...), so that what depends on
 * the order of numbers is deterministic. The hash is seeded per object, so that a hostile document cannot
 * choose collisions.
 */
#ifndef TR_TEXT_VOCABULARY_H
#define TR_TEXT_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#define TR_VOCABULARY_NONE UINT32_MAX

typedef struct tr_vocabulary tr_vocabulary_t;

tr_vocabulary_t *tr_vocabulary_new(void); /* NULL when out of memory */
void tr_vocabulary_destroy(tr_vocabulary_t **self);

/* The number of a string, giving it one if it is new. TR_VOCABULARY_NONE when out of memory or longer than 64
 * KiB. */
uint32_t tr_vocabulary_add(tr_vocabulary_t *self, const char *string, size_t length);

/* The number of a string, or TR_VOCABULARY_NONE. */
uint32_t tr_vocabulary_find(const tr_vocabulary_t *self, const char *string, size_t length);

/* The string of a number, NUL-terminated; valid until the next add. */
const char *tr_vocabulary_string(const tr_vocabulary_t *self, uint32_t number);

uint32_t tr_vocabulary_count(const tr_vocabulary_t *self);

#endif
