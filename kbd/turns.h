/*
 * Searches that wait, by who asks: one of each agent after the other, so that who asks for much holds up nobody but himself. Both queues, each
 * agent's and all of them together, have an end.
 *
 * One thread.
 */
#ifndef TR_KBD_TURNS_H
#define TR_KBD_TURNS_H

#include "lib/base/map.h"

#include <stdbool.h>
#include <stddef.h>

#define TR_TURNS_EACH 256u
#define TR_TURNS_ALL  900u /* less than what the mailbox gives at once: kbd.h */

typedef struct tr_turn tr_turn_t;

typedef struct tr_turns {
    tr_map_t agents; /* tr_turn_t, by name: only those that wait */
    tr_turn_t *next; /* a ring */
    size_t count;
} tr_turns_t;

void tr_turns_init(tr_turns_t *self);
void tr_turns_finish(tr_turns_t *self); /* it is empty */
/* 0; -EBUSY: the agent's queue is full, or all is; -ENOMEM. The item is borrowed. */
int tr_turns_push(tr_turns_t *self, const char *agent, void *item);
/* Whose turn it is; NULL: nobody waits. */
void *tr_turns_pop(tr_turns_t *self);

#endif
