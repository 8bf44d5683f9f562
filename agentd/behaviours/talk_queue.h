/*
 * Whose turn it is: one turn of a user at a time, in the order in which they came; turns of different users go on side by side. A turn that has
 * begun holds the user until tr_talk_queue_leave, and who comes meanwhile waits.
 *
 * Threads: those of the agent that has it. A zeroed one is empty.
 */
#ifndef TR_AGENTD_BEHAVIOURS_TALK_QUEUE_H
#define TR_AGENTD_BEHAVIOURS_TALK_QUEUE_H

#include "troupe/agent.h"

#include <jansson.h>
#include <stdbool.h>

#define TR_TALK_QUEUE_MAX 64 /* turns that wait, of all users */

typedef struct tr_talk_waiting tr_talk_waiting_t;

typedef struct tr_talk_queue {
    tr_talk_waiting_t *first, *last;
    size_t count;
    json_t *held; /* {USER: true} */
} tr_talk_queue_t;

typedef enum tr_talk_place {
    TR_TALK_BEGINS = 1, /* it holds the user now */
    TR_TALK_WAITS,      /* a copy of the message is kept */
} tr_talk_place_t;

/* A place; -EBUSY where too many wait, -ENOMEM. */
int tr_talk_queue_enter(tr_talk_queue_t *self, const char *user, const tr_message_t *message);
/*
 * The turn that held the user is over. The message that holds him now, which is the caller's (tr_message_done), or NULL: nobody waits, and he is free.
 */
tr_message_t *tr_talk_queue_leave(tr_talk_queue_t *self, const char *user);
/* Takes out the one that waits and that `cancel` ends (replies.h), for tr_message_done; NULL: none. */
tr_message_t *tr_talk_queue_withdraw(tr_talk_queue_t *self, const tr_message_t *cancel);
/* Those who wait are given back, for another provider. */
void tr_talk_queue_finish(tr_talk_queue_t *self);

#endif
