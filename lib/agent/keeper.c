/*
 * The keeper: a thread that keeps the link alive while the host's thread is away: in a behaviour that takes
 * its time, or in the caller's own code between two steps. It sleeps nearly always: it wakes a few times a
 * second, sees that the host's thread is at its post, and sleeps again. It also tells a behaviour that hangs
 * from a link that is lost.
 */
#include "lib/agent/host_private.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#define IDLE_TURN_MS 500
#define AWAY_TURN_MS 50
#define STACK_BYTES  (128u * 1024u)

typedef struct watch {
    uint64_t steps; /* callbacks begun, as last seen */
    int64_t since_ms;
    bool told;
} watch_t;

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

/* One callback since the last looks, for so long? */
static void look_for_hang(tr_host_t *host, watch_t *w) {
    uint64_t steps = atomic_load_explicit(&host->steps, memory_order_relaxed);
    int64_t now = tr_clock_ms();
    char name[TR_NAME_MAX + 1];
    if (steps != w->steps) {
        *w = (watch_t){.steps = steps, .since_ms = now};
    } else if (!w->told && now - w->since_ms > host->hang_ms && name_running(host, name)) {
        tr_host_say(host, TR_HOST_HANGS, "%s has been busy with one message for %lld ms", name,
            (long long)(now - w->since_ms));
        w->told = true;
    }
}

static int sleep_for(tr_host_t *host, int64_t ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&host->keeper_lock);
    while (!host->keeper_end &&
           pthread_cond_timedwait(&host->keeper_wake, &host->keeper_lock, &until) != ETIMEDOUT)
        ;
    int end = host->keeper_end;
    pthread_mutex_unlock(&host->keeper_lock);
    return end;
}

static void *keeper_run(void *arg) {
    tr_host_t *host = arg;
    watch_t w = {.since_ms = tr_clock_ms()};
    bool away = false;
    while (!sleep_for(host, away ? AWAY_TURN_MS : IDLE_TURN_MS)) {
        away = !atomic_load(&host->waits);
        if (!away)
            continue;
        look_for_hang(host, &w);
        int64_t due;
        if (tr_link_work(host->link, &due))
            wake_host(host); /* it may be in poll by now, and the descriptor has announced already */
    }
    return NULL;
}

int tr_keeper_start(tr_host_t *host) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&host->keeper_wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(
        &attr, STACK_BYTES > PTHREAD_STACK_MIN ? STACK_BYTES : (size_t)PTHREAD_STACK_MIN);
    sigset_t all, before; /* signals are for the threads of whoever uses this library */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&host->keeper, &attr, keeper_run, host);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    host->keeper_runs = r == 0;
    return r;
}

void tr_keeper_stop(tr_host_t *host) {
    if (!host->keeper_runs)
        return;
    pthread_mutex_lock(&host->keeper_lock);
    host->keeper_end = true;
    pthread_cond_signal(&host->keeper_wake);
    pthread_mutex_unlock(&host->keeper_lock);
    pthread_join(host->keeper, NULL);
    host->keeper_runs = false;
    pthread_cond_destroy(&host->keeper_wake);
}
