#include "gateway/http/guess.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define SETS     1024
#define WAYS     4
#define FIRST_MS 1000

typedef struct place {
    uint64_t who; /* hash; 0 = free */
    int64_t used_ms;
    unsigned wrong;
} place_t;

struct tr_web_guesses {
    unsigned free;
    int64_t most_ms, forget_ms;
    unsigned char key[crypto_shorthash_KEYBYTES];
    place_t places[SETS][WAYS];
};

tr_web_guesses_t *tr_web_guesses_new(unsigned free_ones, int64_t most_ms, int64_t forget_ms) {
    tr_web_guesses_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->free = free_ones;
    self->most_ms = most_ms;
    self->forget_ms = forget_ms;
    randombytes_buf(self->key, sizeof self->key);
    return self;
}

void tr_web_guesses_destroy(tr_web_guesses_t **self) {
    free(*self);
    *self = NULL;
}

/* Keyed, so that names cannot be made to meet. */
static uint64_t hash_of(const tr_web_guesses_t *self, const char *who) {
    uint64_t h = 0;
    crypto_shorthash((unsigned char *)&h, (const unsigned char *)who, strlen(who), self->key);
    return h ? h : 1;
}

static const place_t *find(const tr_web_guesses_t *self, const char *who) {
    uint64_t h = hash_of(self, who);
    for (int i = 0; i < WAYS; i++)
        if (self->places[h % SETS][i].who == h)
            return &self->places[h % SETS][i];
    return NULL;
}

/* What is still held against him. */
static unsigned wrong_of(const tr_web_guesses_t *self, const place_t *place, int64_t now_ms) {
    int64_t forgotten = (now_ms - place->used_ms) / self->forget_ms;
    return forgotten >= (int64_t)place->wrong ? 0 : place->wrong - (unsigned)forgotten;
}

static int64_t delay(const tr_web_guesses_t *self, unsigned wrong) {
    int64_t ms = FIRST_MS;
    if (wrong < self->free)
        return 0;
    for (unsigned i = self->free; i < wrong && ms < self->most_ms; i++)
        ms *= 2;
    return ms < self->most_ms ? ms : self->most_ms;
}

int64_t tr_web_guesses_wait(const tr_web_guesses_t *self, const char *who, int64_t now_ms) {
    const place_t *place = find(self, who);
    int64_t left = place ? place->used_ms + delay(self, wrong_of(self, place, now_ms)) - now_ms : 0;
    return left > 0 ? left : 0;
}

static place_t *take(tr_web_guesses_t *self, const char *who) {
    uint64_t h = hash_of(self, who);
    place_t *set = self->places[h % SETS], *oldest = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].who == h)
            return &set[i];
        if (set[i].who == 0 || (oldest->who && set[i].used_ms < oldest->used_ms))
            oldest = &set[i];
    }
    *oldest = (place_t){.who = h};
    return oldest;
}

void tr_web_guesses_count(tr_web_guesses_t *self, const char *who, int64_t now_ms) {
    place_t *place = take(self, who);
    place->wrong = wrong_of(self, place, now_ms) + 1;
    place->used_ms = now_ms;
}

void tr_web_guesses_forgive(tr_web_guesses_t *self, const char *who, bool all) {
    place_t *place = (place_t *)(uintptr_t)find(self, who);
    if (place)
        place->wrong = all || place->wrong == 0 ? 0 : place->wrong - 1;
}
