/* What the keeper does when it wakes. Its thread is in keeper_thread.c. */
#include "lib/agent/host_private.h"

#include <stdio.h>
#include <unistd.h>

#define IDLE_TURN_MS 500
#define ARENA_LIMIT  (1u << 20)
#define AWAY_TURN_MS 50

static void wake_host(const tr_host_t *host) {
    uint64_t one = 1;
    ssize_t n = write(host->wake_fd, &one, sizeof one);
    (void)n; /* full means that it is awake */
}

/* Whose callback runs, by name; false where none does. An agent is freed under this lock. */
static bool name_running(tr_host_t *host, char out[TR_NAME_MAX + 1]) {
    pthread_mutex_lock(&host->keeper_lock);
    const tr_agent_t *agent = atomic_load(&host->running);
    if (agent)
        tr_agent_name(agent, out);
    pthread_mutex_unlock(&host->keeper_lock);
    return agent != NULL;
}

/* Into `hangs`, of which message the callback is. It cannot be left meanwhile: whoever leaves it waits for the lock, since looked_at has been set for a
 * turn by now. The message's own acl may be what the callback is at. */
static void name_message(tr_host_t *host) {
    tr_acl_t acl = {0};
    tr_arena_t arena;
    char trace[TR_TRACE_ID_SIZE];
    *host->hangs.trace = *host->hangs.conversation = '\0';
    tr_arena_init(&arena, ARENA_LIMIT);
    pthread_mutex_lock(&host->keeper_lock);
    const tr_message_t *m = atomic_load(&host->busy);
    if (m && tr_acl_read(&acl, &m->record, &arena) == 0) {
        const char *id = tr_traceparent_id(acl.traceparent, trace);
        snprintf(host->hangs.trace, sizeof host->hangs.trace, "%s", id ? id : "");
        snprintf(host->hangs.conversation, sizeof host->hangs.conversation, "%s",
            acl.conversation_id ? acl.conversation_id : "");
    }
    pthread_mutex_unlock(&host->keeper_lock);
    tr_arena_finish(&arena);
}

/* Who leaves a callback may free what it was called with. */
void tr_keeper_wait(tr_host_t *host) {
    pthread_mutex_lock(&host->keeper_lock);
    pthread_mutex_unlock(&host->keeper_lock);
}

/* From the turn after this one on: by then the host's thread has seen it. Whether it has been said before. */
static bool may_look(tr_host_t *host) {
    return atomic_exchange(&host->looked_at, true);
}

/* Tells of the callback that runs; false where none does. */
static bool tell(tr_host_t *host, tr_host_event_t event, int64_t busy_ms) {
    char name[TR_NAME_MAX + 1];
    if (!name_running(host, name))
        return false;
    name_message(host);
    tr_host_say(host, event, "%s has been busy with one message for %lld ms", name, (long long)busy_ms);
    return true;
}

static void report(tr_host_t *host, int64_t since_ms) {
    pthread_mutex_lock(&host->keeper_lock);
    const tr_agent_t *agent = atomic_load(&host->running);
    if (agent && agent->hosted->registration)
        tr_link_hangs(host->link, agent->hosted->registration, agent->index, since_ms);
    pthread_mutex_unlock(&host->keeper_lock);
}

/* One callback since the last looks, for so long? */
static void look_for_hang(tr_host_t *host, tr_keeper_watch_t *w) {
    uint64_t steps = atomic_load_explicit(&host->steps, memory_order_relaxed);
    int64_t now = tr_clock_ms(), busy = now - w->since_ms;
    if (steps != w->steps ||
        !atomic_load(&host->running)) { /* it has come back, and maybe nothing came behind it */
        if (w->told)
            tr_link_hangs(host->link, NULL, 0, 0);
        *w = (tr_keeper_watch_t){.steps = steps, .since_ms = now};
        atomic_store(&host->looked_at, false);
    } else if (!w->told && busy > host->hang_ms && may_look(host) && tell(host, TR_HOST_HANGS, busy)) {
        w->told = true;
        report(host, w->since_ms);
    }
    if (w->told && !w->hung && host->hung_ms && busy > host->hung_ms)
        w->hung = tell(host, TR_HOST_HUNG, busy);
}

int64_t tr_keeper_turn(tr_host_t *host, tr_keeper_watch_t *watch) {
    if (atomic_load(&host->waits) && !watch->told)
        return IDLE_TURN_MS;
    look_for_hang(host, watch);
    int64_t due;
    if (tr_link_work(host->link, &due))
        wake_host(host); /* it may be in poll by now, and the descriptor has announced already */
    return AWAY_TURN_MS;
}
