/*
 * A hash map from byte strings to 64-bit values: open addressing, linear probing, no tombstones (deletion
 * shifts back).
 *
 * Keys are copied. The hash is seeded per map, so that names chosen by an attacker do not collide on purpose.
 * One thread.
 */
#ifndef TR_BASE_MAP_H
#define TR_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_map_slot {
    char *key; /* NULL = empty; owned */
    uint32_t key_len;
    uint32_t hash;
    uint64_t value;
} tr_map_slot_t;

typedef struct tr_map {
    tr_map_slot_t *slots;
    size_t cap; /* a power of two, or 0 before the first put */
    size_t count;
    uint64_t seed;
} tr_map_t;

/* seed: any number; a random one where keys come from outside. Allocates nothing. */
void tr_map_init(tr_map_t *self, uint64_t seed);
void tr_map_finish(tr_map_t *self);
/* Adds or replaces. 0 or -ENOMEM (the map is as it was). */
int tr_map_put(tr_map_t *self, const char *key, size_t len, uint64_t value);
/* The slot's value, borrowed until the next put or delete; NULL where there is none. */
uint64_t *tr_map_find(const tr_map_t *self, const char *key, size_t len);
/* True when it was there. */
bool tr_map_delete(tr_map_t *self, const char *key, size_t len);
/* Iteration: start with *cursor 0; NULL at the end. No puts or deletes meanwhile. */
const tr_map_slot_t *tr_map_next(const tr_map_t *self, size_t *cursor);

static inline void *tr_map_find_ptr(const tr_map_t *self, const char *key, size_t len) {
    uint64_t *v = tr_map_find(self, key, len);
    return v ? (void *)(uintptr_t)*v : NULL;
}

#endif
