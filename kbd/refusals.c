#include "kbd/refusals.h"

#include <string.h>

#define TIMES_BITS 8 /* of a value: the lowest ones; the rest is the time */
#define TIMES_MOST 30u

void tr_refusals_init(tr_refusals_t *self, uint64_t seed) {
    tr_map_init(&self->texts, seed);
}

void tr_refusals_finish(tr_refusals_t *self) {
    tr_map_finish(&self->texts);
}

size_t tr_refusals_count(const tr_refusals_t *self) {
    return self->texts.count;
}

/* One that is due and was not asked for again may be nobody's any more. */
static bool make_room(tr_refusals_t *self, int64_t now_ms) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    if (self->texts.count < TR_REFUSALS_MAX)
        return true;
    while ((slot = tr_map_next(&self->texts, &cursor)))
        if ((int64_t)(slot->value >> TIMES_BITS) <= now_ms)
            return tr_map_delete(&self->texts, slot->key, slot->key_len);
    return false;
}

int64_t tr_refusals_put(tr_refusals_t *self, const char *text, int64_t now_ms) {
    size_t len = strlen(text);
    const uint64_t *known = tr_map_find(&self->texts, text, len);
    uint64_t times = known ? *known & ((1u << TIMES_BITS) - 1) : 0;
    int64_t after_ms = TR_REFUSALS_FIRST_MS << times;
    if (!known && !make_room(self, now_ms))
        return 0;
    if (after_ms > TR_REFUSALS_MOST_MS)
        after_ms = TR_REFUSALS_MOST_MS;
    times = times < TIMES_MOST ? times + 1 : times;
    return tr_map_put(&self->texts, text, len, (uint64_t)(now_ms + after_ms) << TIMES_BITS | times) == 0
               ? after_ms
               : 0;
}

void tr_refusals_drop(tr_refusals_t *self, const char *text) {
    if (self->texts.count)
        tr_map_delete(&self->texts, text, strlen(text));
}

int64_t tr_refusals_until(const tr_refusals_t *self, const char *text, int64_t now_ms) {
    const uint64_t *known = self->texts.count ? tr_map_find(&self->texts, text, strlen(text)) : NULL;
    int64_t until_ms = known ? (int64_t)(*known >> TIMES_BITS) : 0;
    return until_ms > now_ms ? until_ms : 0;
}
