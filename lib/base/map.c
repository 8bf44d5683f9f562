#include "lib/base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 16

/* Eight bytes at a time, mixed as in wyhash: one multiplication per word. */
static uint64_t mix(uint64_t a, uint64_t b) {
    __uint128_t m = (__uint128_t)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint32_t hash_key(uint64_t seed, const char *key, size_t len) {
    uint64_t h = seed ^ 0x9e3779b97f4a7c15ull ^ len;
    while (len >= 8) {
        uint64_t w;
        memcpy(&w, key, 8);
        h = mix(h ^ w, 0xd6e8feb86659fd93ull);
        key += 8;
        len -= 8;
    }
    uint64_t tail = 0;
    memcpy(&tail, key, len);
    h = mix(h ^ tail, 0xa0761d6478bd642full);
    return (uint32_t)(h ^ h >> 32);
}

void tr_map_init(tr_map_t *self, uint64_t seed) {
    *self = (tr_map_t){.seed = seed};
}

void tr_map_finish(tr_map_t *self) {
    for (size_t i = 0; i < self->cap; i++)
        free(self->slots[i].key);
    free(self->slots);
    *self = (tr_map_t){.seed = self->seed};
}

static tr_map_slot_t *probe(const tr_map_t *self, const char *key, size_t len, uint32_t hash) {
    size_t mask = self->cap - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        tr_map_slot_t *s = &self->slots[i];
        if (!s->key || (s->hash == hash && s->key_len == len && !memcmp(s->key, key, len)))
            return s;
    }
}

static int grow(tr_map_t *self) {
    size_t cap = self->cap ? self->cap * 2 : FIRST_CAP;
    tr_map_slot_t *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < self->cap; i++) {
        if (!self->slots[i].key)
            continue;
        size_t j = self->slots[i].hash & (cap - 1);
        while (slots[j].key)
            j = (j + 1) & (cap - 1);
        slots[j] = self->slots[i];
    }
    free(self->slots);
    self->slots = slots;
    self->cap = cap;
    return 0;
}

int tr_map_put(tr_map_t *self, const char *key, size_t len, uint64_t value) {
    if (len > UINT32_MAX)
        return -ENOMEM;
    if (self->count * 4 >= self->cap * 3 && grow(self) < 0)
        return -ENOMEM;
    uint32_t hash = hash_key(self->seed, key, len);
    tr_map_slot_t *s = probe(self, key, len, hash);
    if (!s->key) {
        char *copy = malloc(len + 1);
        if (!copy)
            return -ENOMEM;
        memcpy(copy, key, len);
        copy[len] = 0;
        *s = (tr_map_slot_t){.key = copy, .key_len = (uint32_t)len, .hash = hash};
        self->count++;
    }
    s->value = value;
    return 0;
}

uint64_t *tr_map_find(const tr_map_t *self, const char *key, size_t len) {
    if (!self->count || len > UINT32_MAX)
        return NULL;
    tr_map_slot_t *s = probe(self, key, len, hash_key(self->seed, key, len));
    return s->key ? &s->value : NULL;
}

/* Moves later members of the probe run into the hole, so that look-ups never need tombstones. */
static void close_hole(tr_map_t *self, size_t hole) {
    size_t mask = self->cap - 1;
    for (size_t i = (hole + 1) & mask; self->slots[i].key; i = (i + 1) & mask) {
        size_t home = self->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            self->slots[hole] = self->slots[i];
            hole = i;
        }
    }
    self->slots[hole] = (tr_map_slot_t){0};
}

bool tr_map_delete(tr_map_t *self, const char *key, size_t len) {
    if (!self->count || len > UINT32_MAX)
        return false;
    tr_map_slot_t *s = probe(self, key, len, hash_key(self->seed, key, len));
    if (!s->key)
        return false;
    free(s->key);
    self->count--;
    close_hole(self, (size_t)(s - self->slots));
    return true;
}

const tr_map_slot_t *tr_map_next(const tr_map_t *self, size_t *cursor) {
    while (*cursor < self->cap) {
        const tr_map_slot_t *s = &self->slots[(*cursor)++];
        if (s->key)
            return s;
    }
    return NULL;
}
