#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool before(const sim_event_t *a, const sim_event_t *b) {
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void *sim_alloc(size_t size) {
    void *p = calloc(1, size);
    if (!p) {
        fprintf(stderr, "sim: out of memory\n");
        abort();
    }
    return p;
}

void *sim_grow(void *array, size_t size) {
    void *p = realloc(array, size);
    if (!p) {
        fprintf(stderr, "sim: out of memory\n");
        abort();
    }
    return p;
}

void sim_at(sim_world_t *self, int64_t at_ns, sim_event_fn fn, void *owner, uint64_t arg) {
    if (self->heap_n == self->heap_cap) {
        self->heap_cap = self->heap_cap ? self->heap_cap * 2 : 256;
        self->heap = sim_grow(self->heap, self->heap_cap * sizeof *self->heap);
    }
    sim_event_t e = {at_ns < self->now_ns ? self->now_ns : at_ns, self->order++, fn, owner, arg};
    size_t at = self->heap_n++;
    for (; at && before(&e, &self->heap[(at - 1) / 2]); at = (at - 1) / 2)
        self->heap[at] = self->heap[(at - 1) / 2];
    self->heap[at] = e;
}

static sim_event_t take_first(sim_world_t *self) {
    sim_event_t first = self->heap[0], last = self->heap[--self->heap_n];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= self->heap_n)
            break;
        if (child + 1 < self->heap_n && before(&self->heap[child + 1], &self->heap[child]))
            child++;
        if (!before(&self->heap[child], &last))
            break;
        self->heap[at] = self->heap[child];
        at = child;
    }
    self->heap[at] = last;
    return first;
}

void sim_run_until(sim_world_t *self, int64_t ns) {
    while (self->heap_n && self->heap[0].at_ns <= ns) {
        sim_event_t e = take_first(self);
        self->now_ns = e.at_ns;
        self->events++;
        e.fn(e.owner, e.arg);
    }
    self->now_ns = ns;
}

uint64_t sim_hash(const void *bytes, size_t len) {
    const uint8_t *p = bytes;
    uint64_t h = len * 0x9e3779b97f4a7c15ull;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        h = (h ^ v) * 0xff51afd7ed558ccdull;
        h ^= h >> 32;
    }
    for (; len; p++, len--)
        h = (h ^ *p) * 0x100000001b3ull;
    return h ^ h >> 29;
}

void sim_say(sim_world_t *self, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    self->hash = sim_mix(self->hash ^ sim_hash(line, len) ^ (uint64_t)self->now_ns);
    self->said++;
    if (self->trace)
        fprintf(self->trace, "%10.4f  %s\n", (double)self->now_ns / 1e9, line);
}

void sim_fail(sim_world_t *self, const char *format, ...) {
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (self->trace)
        fflush(self->trace);
    fprintf(stderr, "sim: seed %llu fails at %.4f s: %s\n", (unsigned long long)self->seed,
        (double)self->now_ns / 1e9, line);
    fflush(stderr);
    _exit(1); /* tasks hold memory on stacks of their own: nothing is unwound */
}
