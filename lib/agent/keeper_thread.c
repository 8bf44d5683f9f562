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

#define FIRST_TURN_MS 500
#define STACK_BYTES   (128u * 1024u)

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
    tr_keeper_watch_t watch = {.since_ms = tr_clock_ms()};
    int64_t ms = FIRST_TURN_MS;
    while (!sleep_for(host, ms))
        ms = tr_keeper_turn(host, &watch);
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
