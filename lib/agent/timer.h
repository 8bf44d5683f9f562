/* Timers of one host: a binary heap by due time; starting and cancelling cost O(log n). */
#ifndef TR_AGENT_TIMER_H
#define TR_AGENT_TIMER_H

#include "troupe/agent.h"

struct tr_timer {
    int64_t due_ms;
    uint64_t order; /* those due at the same time fire in the order they were started */
    uint64_t turn;  /* it was started in, and does not fire in; 0 = it may */
    size_t at;      /* place in the heap */
    tr_agent_t *agent;
    tr_timer_fn fn;
    void *arg;
    uint32_t *counter; /* one more as long as the timer is there; set by whoever started it; NULL = none */
};

typedef struct tr_timers {
    tr_timer_t **heap;
    size_t count, cap;
    uint64_t order;
    uint64_t turn; /* of the host, counted by it */
} tr_timers_t;

void tr_timers_finish(tr_timers_t *self);
tr_timer_t *tr_timers_add(tr_timers_t *self, int64_t due_ms, tr_agent_t *agent, tr_timer_fn fn, void *arg);
void tr_timers_remove(tr_timers_t *self, tr_timer_t *timer);
/* Takes the first one that is due, NULL where none is, or it has to wait for the next turn. The caller frees it. */
tr_timer_t *tr_timers_due(tr_timers_t *self, int64_t now_ms);
/* When the first one is due; INT64_MAX where there is none. */
int64_t tr_timers_next(const tr_timers_t *self);
/* Removes those of an agent. */
void tr_timers_forget(tr_timers_t *self, const tr_agent_t *agent);

#endif
