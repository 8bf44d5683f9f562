/* What the keeper does when it wakes. Its thread is in keeper_thread.c. */
#include "lib/agent/host_private.h"

#include <unistd.h>

#define IDLE_TURN_MS 500
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

/* Tells of the callback that runs; false where none does. */
static bool tell(tr_host_t *host, tr_host_event_t event, int64_t busy_ms) {
    char name[TR_NAME_MAX + 1];
    if (!name_running(host, name))
        return false;
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
    } else if (!w->told && busy > host->hang_ms && tell(host, TR_HOST_HANGS, busy)) {
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
