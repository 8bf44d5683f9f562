/* The best so far, the best first. */
#ifndef TR_KBD_NEAREST_H
#define TR_KBD_NEAREST_H

#include <stddef.h>
#include <stdint.h>

typedef struct tr_nearest {
    int64_t *chunks; /* room for k, borrowed; so is scores */
    float *scores;
    size_t k, count;
} tr_nearest_t;

static inline void tr_nearest_take(tr_nearest_t *self, int64_t chunk, float score) {
    size_t at = self->count;
    if (at == self->k && (at == 0 || self->scores[--at] >= score))
        return;
    self->count += at == self->count;
    for (; at > 0 && self->scores[at - 1] < score; at--) {
        self->scores[at] = self->scores[at - 1];
        self->chunks[at] = self->chunks[at - 1];
    }
    self->scores[at] = score;
    self->chunks[at] = chunk;
}

/* -1 behind the last. */
static inline void tr_nearest_end(tr_nearest_t *self) {
    for (size_t i = self->count; i < self->k; i++)
        self->chunks[i] = -1;
}

#endif
