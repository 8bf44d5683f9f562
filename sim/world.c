#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

void tr_sim_world_init(tr_sim_world_t *self, uint64_t seed) {
    *self = (tr_sim_world_t){.random = seed, .trace = UINT64_C(0xcbf29ce484222325)};
}

void tr_sim_world_finish(tr_sim_world_t *self) {
    free(self->heap);
    *self = (tr_sim_world_t){0};
}

static bool before(const tr_sim_event_t *a, const tr_sim_event_t *b) {
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static bool make_room(tr_sim_world_t *self) {
    if (self->count < self->room)
        return true;
    size_t room = self->room ? 2 * self->room : 256;
    tr_sim_event_t *heap = reallocarray(self->heap, room, sizeof *heap);
    if (!heap)
        return false;
    self->heap = heap;
    self->room = room;
    return true;
}

void tr_sim_at(tr_sim_world_t *self, int64_t at_ns, tr_sim_fn fn, void *owner, uint64_t arg) {
    if (!make_room(self)) {
        self->failed = true;
        return;
    }
    tr_sim_event_t e = {at_ns < self->now_ns ? self->now_ns : at_ns, self->order++, fn, owner, arg};
    size_t at = self->count++;
    for (; at && before(&e, &self->heap[(at - 1) / 2]); at = (at - 1) / 2)
        self->heap[at] = self->heap[(at - 1) / 2];
    self->heap[at] = e;
}

static tr_sim_event_t take_first(tr_sim_world_t *self) {
    tr_sim_event_t first = self->heap[0], last = self->heap[--self->count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < self->count) {
        if (child + 1 < self->count && before(&self->heap[child + 1], &self->heap[child]))
            child++;
        if (!before(&self->heap[child], &last))
            break;
        self->heap[at] = self->heap[child];
        at = child;
    }
    self->heap[at] = last;
    return first;
}

bool tr_sim_next(tr_sim_world_t *self, int64_t until_ns) {
    if (!self->count || self->heap[0].at_ns > until_ns || self->failed) {
        self->now_ns = until_ns;
        return false;
    }
    tr_sim_event_t e = take_first(self);
    self->now_ns = e.at_ns;
    self->happened++;
    e.fn(e.owner, e.arg);
    return true;
}

/* SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). */
uint64_t tr_sim_random(tr_sim_world_t *self) {
    uint64_t z = self->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 32;
}

void tr_sim_trace(tr_sim_world_t *self, uint64_t from, const void *bytes, size_t len) {
    const uint8_t *p = bytes;
    uint64_t hash = mix(mix(mix(self->trace, (uint64_t)self->now_ns), from), len), word;
    for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
        memcpy(&word, p, sizeof word);
        hash = mix(hash, word);
    }
    for (; len; p++, len--)
        hash = mix(hash, *p);
    self->trace = hash;
}
