/*
 * Schulze's method. A chain of pairwise victories from i to j is as strong as its weakest victory, a victory as strong as
 * the votes for its winner; i beats j if the strongest chain from i to j is stronger than the one back. That relation is
 * transitive, so an option stands behind as many as beat it. The strongest chains are found as shortest ways are (Floyd, Warshall): O(options^3).
 */
#include "lib/decision/count_private.h"

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static void victories(tr_count_t *c) {
    size_t n = c->poll.options;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            uint64_t won = c->pairs[i * n + j];
            c->paths[i * n + j] = won > c->pairs[j * n + i] ? won : 0;
        }
}

static void strengthen(tr_count_t *c, size_t by) {
    size_t n = c->poll.options;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n && i != by; j++) {
            uint64_t round = smaller(c->paths[i * n + by], c->paths[by * n + j]);
            if (i != j && round > c->paths[i * n + j])
                c->paths[i * n + j] = round;
        }
}

void tr_count_schulze(tr_count_t *self) {
    size_t n = self->poll.options;
    victories(self);
    for (size_t by = 0; by < n; by++)
        strengthen(self, by);
    for (size_t i = 0; i < n; i++) {
        self->places[i] = 1;
        for (size_t j = 0; j < n; j++) {
            self->points[i] += self->paths[i * n + j] > self->paths[j * n + i];
            self->places[i] += self->paths[j * n + i] > self->paths[i * n + j];
        }
    }
}
