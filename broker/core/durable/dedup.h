/*
 * Which numbers of a producer were taken already: all up to `base`, and those marked above it, in a window of
 * TR_DEDUP_WINDOW numbers. A producer that sends again after a lost connection sends what it knows to be open;
 * it may have at most half a window open, so that nothing it sends again has left the window. A broker that forwards
 * a queue to another one is such a producer, and keeps to that as well (foreign_durable.c).
 */
#ifndef TR_BROKER_DEDUP_H
#define TR_BROKER_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_DEDUP_WINDOW 16384u /* numbers */
#define TR_DEDUP_BYTES  (16u + TR_DEDUP_WINDOW / 8u)

typedef struct tr_dedup {
    uint64_t base;                       /* all up to it were taken, or left the window */
    uint64_t top;                        /* the highest that was taken */
    uint64_t bits[TR_DEDUP_WINDOW / 64]; /* of base < id <= base + window, at id modulo the window */
} tr_dedup_t;

/* Whether the number was taken before. 0 is no number: true. */
bool tr_dedup_has(const tr_dedup_t *self, uint64_t id);
/* Takes a number that it does not have. */
void tr_dedup_add(tr_dedup_t *self, uint64_t id);

/* As bytes for the journal: out has TR_DEDUP_BYTES. Returns how many were written. */
size_t tr_dedup_write(const tr_dedup_t *self, uint8_t *out);
/* False where the bytes are none. */
bool tr_dedup_read(tr_dedup_t *self, const uint8_t *bytes, size_t len);

#endif
