/* Random numbers of a run: splitmix64, so that a stream is one number and streams are forked from streams. */
#ifndef TR_SIM_PRNG_H
#define TR_SIM_PRNG_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sim_prng {
    uint64_t state;
} sim_prng_t;

static inline uint64_t sim_mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static inline uint64_t sim_random(sim_prng_t *self) {
    return sim_mix(self->state += 0x9e3779b97f4a7c15ull);
}

/* A stream of its own, so that what one part draws changes nothing for another. */
static inline sim_prng_t sim_fork(sim_prng_t *self) {
    return (sim_prng_t){sim_random(self)};
}

/* 0 .. n-1; 0 for n = 0. */
static inline uint64_t sim_below(sim_prng_t *self, uint64_t n) {
    return n ? sim_random(self) % n : 0;
}

/* low .. high, both included. */
static inline int64_t sim_between(sim_prng_t *self, int64_t low, int64_t high) {
    return low + (int64_t)sim_below(self, (uint64_t)(high - low) + 1);
}

static inline bool sim_chance(sim_prng_t *self, unsigned per_mille) {
    return sim_below(self, 1000) < per_mille;
}

/* One of an array's elements. */
#define SIM_PICK(prng, array) ((array)[sim_below((prng), sizeof(array) / sizeof *(array))])

#endif
