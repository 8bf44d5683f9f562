/*
 * Bytes that grow: what is rendered before it is sent (metrics, HTTP replies, help texts).
 *
 * Failure is sticky: once memory or the limit is out, every further append does nothing and `failed` stays
 * set, so that a renderer appends without looking and its caller checks once, at the end. Not thread-safe.
 * All of it is owned by the caller.
 */
#ifndef TR_BASE_BUFFER_H
#define TR_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_buffer {
    char *data; /* NULL while empty; else followed by a NUL that is not counted */
    size_t size;
    size_t capacity;
    size_t limit; /* most bytes that it may hold, 0 = no limit */
    bool failed;
} tr_buffer_t;

/* An empty buffer that holds at most `limit` bytes (0 = no limit). Allocates nothing. */
void tr_buffer_init(tr_buffer_t *self, size_t limit);
/* Frees the bytes; the buffer is empty afterwards and can be used again. */
void tr_buffer_finish(tr_buffer_t *self);

void tr_buffer_put(tr_buffer_t *self, const void *bytes, size_t len);
void tr_buffer_text(tr_buffer_t *self, const char *text);
void tr_buffer_char(tr_buffer_t *self, char c);
void tr_buffer_printf(tr_buffer_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes the first `len` bytes away (no more than there are); the room that they had is used again. */
void tr_buffer_drop(tr_buffer_t *self, size_t len);

/* The text, never NULL ("" while empty); valid until the next change. */
const char *tr_buffer_string(const tr_buffer_t *self);

#ifdef __cplusplus
}
#endif

#endif
