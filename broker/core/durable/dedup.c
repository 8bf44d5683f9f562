#include "broker/core/durable/dedup.h"

#include "proto/record.h"

static bool marked(const tr_dedup_t *self, uint64_t id) {
    uint64_t at = id % TR_DEDUP_WINDOW;
    return self->bits[at / 64] >> at % 64 & 1;
}

static void mark(tr_dedup_t *self, uint64_t id, bool on) {
    uint64_t at = id % TR_DEDUP_WINDOW, bit = 1ull << at % 64;
    self->bits[at / 64] = on ? self->bits[at / 64] | bit : self->bits[at / 64] & ~bit;
}

bool tr_dedup_has(const tr_dedup_t *self, uint64_t id) {
    return id <= self->base || (id <= self->top && marked(self, id));
}

/* The window moves up so far that id is in it. */
static void move_to(tr_dedup_t *self, uint64_t id) {
    uint64_t base = id - TR_DEDUP_WINDOW;
    if (base - self->base >= TR_DEDUP_WINDOW)
        memset(self->bits, 0, sizeof self->bits);
    else
        for (uint64_t i = self->base + 1; i <= base; i++)
            mark(self, i, false);
    self->base = base;
}

void tr_dedup_add(tr_dedup_t *self, uint64_t id) {
    if (id > self->base && id - self->base > TR_DEDUP_WINDOW)
        move_to(self, id);
    mark(self, id, true);
    if (id > self->top)
        self->top = id;
    while (self->base < self->top && marked(self, self->base + 1))
        mark(self, ++self->base, false);
}

size_t tr_dedup_write(const tr_dedup_t *self, uint8_t *out) {
    tr_put64(out, self->base);
    tr_put64(out + 8, self->top);
    uint64_t open = self->top > self->base ? self->top - self->base : 0;
    size_t bytes = (size_t)(open + 7) / 8;
    memset(out + 16, 0, bytes);
    for (uint64_t i = 0; i < open; i++)
        if (marked(self, self->base + 1 + i))
            out[16 + i / 8] |= (uint8_t)(1u << i % 8);
    return 16 + bytes;
}

bool tr_dedup_read(tr_dedup_t *self, const uint8_t *bytes, size_t len) {
    if (len < 16)
        return false;
    tr_dedup_t d = {.base = tr_get64(bytes), .top = tr_get64(bytes + 8)};
    uint64_t open = d.top > d.base ? d.top - d.base : 0;
    if (open > TR_DEDUP_WINDOW || len - 16 != (open + 7) / 8)
        return false;
    for (uint64_t i = 0; i < open; i++)
        mark(&d, d.base + 1 + i, bytes[16 + i / 8] >> i % 8 & 1);
    *self = d;
    return true;
}
