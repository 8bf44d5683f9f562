/*
 * Agents that rest. One whose state is kept, and which nothing has called for a while, needs no memory: what it knows is in the store
 * since the end of its last turn. Its behaviour is ended, and begins again, from the store, with the next message, which waits until
 * it has. Its registration, services and subscriptions stay.
 *
 * The agents that are awake stand in the order of their last calls, so that one timer looks at the first ones only. One that something
 * is under way for (a timer, a request, a conversation, a descriptor, a kept message) goes to the end of that line.
 */
#include "lib/agent/saved.h"

#include "lib/agent/protocol/conversation.h"

#define LOOKS_AT_ONCE 256 /* others of the host wait meanwhile, and each may end a behaviour */

void tr_passive_leave(tr_saved_t *s) {
    tr_host_t *host = s->agent->hosted->host;
    if (!s->awake_prev)
        return;
    *s->awake_prev = s->awake_next;
    if (s->awake_next)
        s->awake_next->awake_prev = s->awake_prev;
    else
        host->awake_end = s->awake_prev;
    s->awake_prev = NULL;
}

static void look(tr_agent_t *agent, void *state, void *arg);

static void look_at(tr_host_t *host, int64_t due_ms) {
    host->passive_timer = tr_timers_add(&host->timers, due_ms, NULL, look, host);
}

/* To the end of the line. */
void tr_passive_called(tr_host_t *host, tr_saved_t *s) {
    if (!host->passive_ms)
        return;
    tr_passive_leave(s);
    s->called_ms = tr_clock_ms();
    s->awake_next = NULL;
    s->awake_prev = host->awake ? host->awake_end : &host->awake;
    *s->awake_prev = s;
    host->awake_end = &s->awake_next;
    if (!host->passive_timer)
        look_at(host, s->called_ms + host->passive_ms); /* out of memory: with the next call */
}

static bool is_asking(tr_host_t *host, const tr_agent_t *agent) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&host->pending, &cursor)))
        if (((const tr_pending_t *)(uintptr_t)slot->value)->agent == agent)
            return true;
    return false;
}

/* Something that others wait for, or that it waits for; timers and descriptors are its own affair. */
static bool is_busy(tr_host_t *host, const tr_agent_t *agent) {
    const tr_agent_more_t *more = agent->more;
    bool in_hand = more && (more->kept || (more->saved && more->saved->kept) || more->waiting ||
                               (more->conversations && more->conversations->count));
    return in_hand || tr_durable_waits(host, agent) || is_asking(host, agent);
}

bool tr_agent_is_quiet(tr_agent_t *agent) {
    return agent->status == TR_AGENT_RUNNING && !is_busy(agent->hosted->host, agent);
}

static bool may_rest(const tr_saved_t *s) {
    const tr_agent_t *agent = s->agent;
    const tr_agent_more_t *more = agent->more;
    return agent->status == TR_AGENT_RUNNING && !s->prev && !s->leases_n && !s->kept && !more->waiting &&
           !more->under_way && !(more->conversations && more->conversations->count);
}

static void look(tr_agent_t *agent, void *state, void *arg) {
    tr_host_t *host = arg;
    int64_t now = tr_clock_ms();
    (void)agent;
    (void)state;
    host->passive_timer = NULL;
    for (int n = 0; n < LOOKS_AT_ONCE && host->awake && host->awake->called_ms + host->passive_ms <= now;
         n++) {
        tr_saved_t *s = host->awake;
        if (may_rest(s))
            tr_agent_rest(s->agent);
        else
            tr_passive_called(host, s);
    }
    if (host->awake && !host->passive_timer)
        look_at(host, host->awake->called_ms + host->passive_ms);
}

void tr_passive_count(tr_hosted_t *hosted, bool more) {
    hosted->passive = more ? hosted->passive + 1 : hosted->passive - 1;
    tr_link_passive(hosted->host->link, hosted->registration, hosted->passive);
}

void tr_passive_wake(tr_agent_t *agent) {
    tr_host_t *host = agent->hosted->host;
    tr_passive_count(agent->hosted, false);
    host->waking = true;
    int r = tr_agent_begin(agent);
    host->waking = false;
    if (r < 0)
        tr_agent_failed(agent, r);
}
