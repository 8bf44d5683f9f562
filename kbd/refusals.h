/*
 * Texts that a model server refuses to make vectors of (too long for it, filtered, none of its languages): each is left alone for a while,
 * twice as long each time, so that one that it never takes holds up no other. What is known is this process's: after its start each is asked
 * for once more. One thread.
 */
#ifndef TR_KBD_REFUSALS_H
#define TR_KBD_REFUSALS_H

#include "lib/base/map.h"

#define TR_REFUSALS_MAX      1000u
#define TR_REFUSALS_FIRST_MS INT64_C(60000)
#define TR_REFUSALS_MOST_MS  (24 * 3600 * INT64_C(1000))

typedef struct tr_refusals {
    tr_map_t texts; /* when it is due, and how often it was refused */
} tr_refusals_t;

void tr_refusals_init(tr_refusals_t *self, uint64_t seed);
void tr_refusals_finish(tr_refusals_t *self);
size_t tr_refusals_count(const tr_refusals_t *self);
/* It was refused: for how long it is left alone. 0: it cannot be remembered, because too many are, or memory is short. */
int64_t tr_refusals_put(tr_refusals_t *self, const char *text, int64_t now_ms);
/* It was taken. */
void tr_refusals_drop(tr_refusals_t *self, const char *text);
/* Until when it is left alone; 0: it may be asked for. */
int64_t tr_refusals_until(const tr_refusals_t *self, const char *text, int64_t now_ms);

#endif
