/* A growing byte string. An allocation that fails is remembered, so that callers check once, at the end. */
#ifndef TR_TEXT_TEXTBUF_H
#define TR_TEXT_TEXTBUF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tr_textbuf {
    char *bytes; /* NUL-terminated once something was added */
    size_t length, capacity;
    bool failed; /* out of memory: what was added since is lost */
} tr_textbuf_t;

void tr_textbuf_add(tr_textbuf_t *self, const char *bytes, size_t length);
void tr_textbuf_add_string(tr_textbuf_t *self, const char *string);
void tr_textbuf_add_code(tr_textbuf_t *self, unsigned code);
void tr_textbuf_finish(tr_textbuf_t *self);

/* Hands the bytes over ("" where nothing was added), or returns NULL when an allocation failed. The buffer is
 * empty after it. */
char *tr_textbuf_take(tr_textbuf_t *self);

/*
 * Makes room for one more item in a growing array: `items` is the array (a pointer to a pointer), `count` how
 * many there are. Returns 0 or -ENOMEM; the array is untouched on failure.
 */
int tr_array_reserve(void *items, size_t count, size_t *capacity, size_t item_size);

#endif
