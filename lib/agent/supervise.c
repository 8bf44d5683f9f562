/*
 * An agent's life: begin, fail, begin again after a pause that doubles, and give up when it fails too often.
 * What comes while an agent pauses waits for it; giving up stops the host, so that whoever started the
 * process decides.
 */
#include "lib/agent/spent.h"
#include "lib/agent/traced.h"

#include "troupe/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int participate(tr_agent_t *agent) {
    int r = 0;
    for (const tr_participant_t *p = agent->hosted->behaviour->participants; p && p->protocol && r == 0; p++)
        r = tr_participate(agent, p);
    return r;
}

/* Where `packed` is NULL, from the store. */
static int begin(tr_agent_t *agent, const void *packed, size_t len) {
    const tr_hosted_t *d = agent->hosted;
    agent->status = TR_AGENT_RUNNING;
    if (!d->behaviour->init && !d->saves && !d->behaviour->participants && !packed)
        return 0;
    bool before = tr_host_calls(d->host, agent);
    int r = participate(agent);
    if (r >= 0 && d->behaviour->init)
        r = d->behaviour->init(agent, tr_agent_state(agent), d->args_bytes ? &d->args.root : NULL);
    if (r >= 0 && packed)
        r = tr_saved_unpack(agent, packed, len);
    else if (r >= 0 && d->saves)
        r = tr_saved_load(agent);
    tr_host_called(d->host, before);
    if (d->saves)
        tr_saved_begun(agent, r >= 0);
    if (r < 0)
        agent->status = TR_AGENT_NEW;
    return r < 0 ? r : 0;
}

int tr_agent_begin(tr_agent_t *agent) {
    return begin(agent, NULL, 0);
}

int tr_agent_begin_from(tr_agent_t *agent, const void *packed, size_t len) {
    tr_host_t *host = agent->hosted->host;
    host->waking = true;
    int r = begin(agent, packed, len);
    host->waking = false;
    return r;
}

static void drop_waiting(tr_agent_more_t *more) {
    while (more->waiting) {
        tr_message_t *m = more->waiting;
        more->waiting = m->next;
        tr_message_release(&m);
    }
    more->waiting_end = &more->waiting;
}

static void fini(tr_agent_t *agent) {
    const tr_hosted_t *d = agent->hosted;
    tr_saved_ends(agent);
    if (d->behaviour->fini && agent->status == TR_AGENT_RUNNING) {
        bool before = tr_host_calls(d->host, agent);
        d->behaviour->fini(agent, tr_agent_state(agent));
        tr_host_called(d->host, before);
    }
    if (d->states)
        memset(tr_agent_state(agent), 0, d->behaviour->state_size);
}

void tr_agent_end(tr_agent_t *agent) {
    tr_host_t *host = agent->hosted->host;
    if (agent->status == TR_AGENT_RUNNING)
        fini(agent);
    agent->status = TR_AGENT_ENDED;
    tr_spent_forget(host, agent);
    tr_traced_forget(host, agent);
    if (!agent->more && !host->pending.count && !host->timers.count && !host->watched_n)
        return; /* a million idle agents end quickly */
    tr_conversations_forget(agent, "the agent has ended");
    tr_timers_forget(&host->timers, agent);
    tr_request_forget(host, agent);
    tr_durable_forget(host, agent);
    tr_watch_forget(host, agent);
    if (!agent->more)
        return;
    tr_saved_forget(agent);
    drop_waiting(agent->more);
    for (size_t i = 0; i < agent->more->services_n; i++)
        free(agent->more->services[i]);
    free(agent->more->services);
    free(agent->more->capacities);
    tr_restart_finish(&agent->more->history);
    free(agent->more->failed);
    free(agent->more->described);
    free(agent->more);
    agent->more = NULL;
}

/* What is told of it later, its services and its failures, stays. */
void tr_agent_rest(tr_agent_t *agent) {
    fini(agent);
    agent->status = TR_AGENT_PASSIVE;
    tr_passive_count(agent->hosted, true);
    tr_conversations_forget(agent, "the agent rests");
    tr_saved_forget(agent);
    tr_agent_more_t *more = agent->more;
    if (!more || more->services_n || more->described || more->failures)
        return;
    tr_restart_finish(&more->history);
    free(more->failed);
    free(more);
    agent->more = NULL;
}

void tr_agent_catch_up(tr_agent_t *agent) {
    tr_agent_more_t *more = agent->more;
    while (more && agent->status == TR_AGENT_RUNNING && more->waiting) {
        tr_message_t *m = more->waiting;
        more->waiting = m->next;
        if (!more->waiting)
            more->waiting_end = &more->waiting;
        tr_dispatch_message(m);
    }
}

static void begin_again(tr_agent_t *agent, void *state, void *arg) {
    (void)state;
    (void)arg;
    agent->more->begun_ms = tr_clock_ms();
    int r = tr_agent_begin(agent);
    if (r < 0)
        tr_agent_failed(agent, r);
    else
        tr_agent_catch_up(agent);
}

/* Nothing of what it was about is left, but for the messages that wait. */
static void clear(tr_agent_t *agent, tr_agent_status_t status, const char *why) {
    tr_host_t *host = agent->hosted->host;
    fini(agent);
    agent->status = (uint8_t)status;
    tr_conversations_forget(agent, why);
    tr_timers_forget(&host->timers, agent);
    tr_request_forget(host, agent);
    tr_durable_forget(host, agent);
    tr_watch_forget(host, agent);
    tr_saved_forget(agent);
    if (!agent->more)
        return;
    agent->more->tick = NULL;
    agent->more->tick_ms = 0;
    agent->more->kept = 0;
}

void tr_agent_away(tr_agent_t *agent) {
    if (agent->status == TR_AGENT_PASSIVE)
        tr_passive_count(agent->hosted, false);
    clear(agent, TR_AGENT_AWAY, "the agent goes to another process");
}

/* Whether it is started again, by the rule that all processes and agents are under; with *ret_due_ms. */
static bool may_begin_again(tr_host_t *host, tr_agent_more_t *more, int code, int64_t *ret_due_ms) {
    tr_restart_decision_t decision;
    int64_t now = tr_clock_ms();
    if (!more->failed && !(more->failed = calloc(TR_FAILURES_KEPT, sizeof *more->failed)))
        return false; /* out of memory: whoever started the process decides */
    more->failed[more->failures++ % TR_FAILURES_KEPT] =
        (tr_failure_t){.code = code, .at_ms = tr_clock_wall_ms()};
    if (tr_restart_decide(&host->restart, &more->history, true, more->begun_ms, now, 0, &decision) < 0)
        return false; /* likewise */
    *ret_due_ms = decision.due_ms;
    return decision.action == TR_RESTART_AGAIN;
}

void tr_agent_failed(tr_agent_t *agent, int code) {
    tr_host_t *host = agent->hosted->host;
    tr_agent_more_t *more = tr_agent_more(agent);
    char name[TR_NAME_MAX + 1];
    int64_t due_ms = 0;
    tr_agent_name(agent, name);
    clear(agent, TR_AGENT_BACKOFF, strerror(-code));
    if (!more || !may_begin_again(host, more, code, &due_ms)) {
        tr_host_say(host, TR_HOST_GAVE_UP, "%s failed %lld times within %lld s, last: %s", name,
            (long long)host->restart.intensity + 1, (long long)(host->restart.period_ms / 1000),
            strerror(-code));
        tr_host_stop(host, TR_HOST_EXIT_GAVE_UP);
        return;
    }
    host->restarts++;
    tr_host_say(host, TR_HOST_RESTARTED, "%s failed (%s); it begins again in %lld ms", name, strerror(-code),
        (long long)(due_ms - tr_clock_ms()));
    if (!tr_timers_add(&host->timers, due_ms, agent, begin_again, NULL))
        tr_host_stop(host, TR_HOST_EXIT_GAVE_UP);
}

void tr_agent_stop(tr_agent_t *self) {
    tr_host_t *host = self->hosted->host;
    char name[TR_NAME_MAX + 1];
    tr_agent_name(self, name);
    tr_host_say(host, TR_HOST_GAVE_UP, "%s was stopped by its behaviour", name);
    tr_host_stop(host, TR_HOST_EXIT_GAVE_UP);
}

/* Ticks: a timer that starts itself again. */
static void tick(tr_agent_t *agent, void *state, void *arg) {
    (void)arg;
    tr_agent_more_t *more = agent->more;
    more->tick = NULL;
    if (agent->hosted->behaviour->tick)
        agent->hosted->behaviour->tick(agent, state);
    if (agent->status == TR_AGENT_RUNNING && more->tick_ms && !more->tick)
        more->tick = tr_timer_start(agent, more->tick_ms, tick, NULL);
}

int tr_agent_tick_every(tr_agent_t *self, int64_t interval_ms) {
    tr_agent_more_t *more = tr_agent_more(self);
    if (!more)
        return -ENOMEM;
    tr_timer_cancel(&more->tick);
    more->tick_ms = interval_ms > 0 ? interval_ms : 0;
    if (more->tick_ms)
        more->tick = tr_timer_start(self, more->tick_ms, tick, NULL);
    return !more->tick_ms || more->tick ? 0 : -ENOMEM;
}

tr_timer_t *tr_timer_start(tr_agent_t *self, int64_t after_ms, tr_timer_fn fn, void *arg) {
    tr_timer_t *timer = tr_timers_add(
        &self->hosted->host->timers, tr_clock_ms() + (after_ms > 0 ? after_ms : 0), self, fn, arg);
    uint32_t *counter = timer ? tr_under_way(self) : NULL;
    if (counter) {
        timer->counter = counter;
        ++*counter;
    }
    return timer;
}

tr_timer_t *tr_timer_start_saved(tr_agent_t *self, tr_timer_fn fn, void *arg) {
    tr_timer_t *timer = tr_timer_start(self, 0, fn, arg);
    if (timer)
        timer->turn = self->hosted->host->timers.turn;
    return timer;
}

void tr_timer_cancel(tr_timer_t **timer) {
    if (!*timer)
        return;
    tr_host_t *host = (*timer)->agent->hosted->host;
    tr_timers_remove(&host->timers, *timer);
    *timer = NULL;
}
