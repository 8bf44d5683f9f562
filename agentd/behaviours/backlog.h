/*
 * Messages that could not be dealt with now, because what they lead to cannot be sent (-EAGAIN): kept in
 * their order and tried again. They count as unfinished meanwhile, so that those who send them are slowed
 * down by their credit, and the memory is bounded by it.
 *
 * A behaviour embeds one in its state. Zeroed = empty.
 */
#ifndef TR_AGENTD_BEHAVIOURS_BACKLOG_H
#define TR_AGENTD_BEHAVIOURS_BACKLOG_H

#include "troupe/agent.h"

typedef struct tr_backlog_entry tr_backlog_entry_t;

/* Deals with one message: 0, or -EAGAIN: later. */
typedef int (*tr_backlog_fn)(tr_agent_t *self, void *state, const tr_message_t *message);

typedef struct tr_backlog {
    tr_backlog_entry_t *head, *tail;
    tr_timer_t *timer;
    tr_backlog_fn fn;
} tr_backlog_t;

/* Deals with a message now, or keeps it behind those that wait. 0 or what fn said, -ENOMEM. `fn` is the same
 * each time. */
int tr_backlog_take(
    tr_backlog_t *self, tr_agent_t *agent, void *state, const tr_message_t *message, tr_backlog_fn fn);
/* Gives back what waits: requests to a service go to another provider. For fini. */
void tr_backlog_finish(tr_backlog_t *self);

#endif
