#include "agentd/signals.h"

#include "agentd/events.h"
#include "agentd/options.h"
#include "lib/base/clock.h"
#include "lib/base/process.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct tr_signals {
    tr_log_t *log;
    int64_t stop_ms;
    int fd;   /* signalfd */
    int quit; /* eventfd: the process ends in good order */
    bool started;
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    tr_host_t *host;
    bool asked;
};

static void ask(tr_signals_t *self, int number) {
    tr_log(self->log, &tr_agentd_events[TR_EVENT_STOPPING], "signal=%s", sigabbrev_np(number));
    pthread_mutex_lock(&self->lock);
    self->asked = true;
    /* Still looking for its broker: there is nothing to finish, and nobody to tell. */
    if (!self->host)
        _exit(TR_AGENTD_OK);
    tr_host_stop(self->host, TR_AGENTD_OK);
    pthread_mutex_unlock(&self->lock);
}

static void give_up(tr_signals_t *self, const char *why) {
    tr_log(self->log, &tr_agentd_events[TR_EVENT_STUCK], "why=%s", why);
    _exit(TR_AGENTD_STUCK);
}

/* How long poll may wait: for ever before the first signal. */
static int patience(int64_t due_ms) {
    if (due_ms == 0)
        return -1;
    int64_t left = due_ms - tr_clock_ms();
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Ctrl-C reaches a whole group, and a supervisor in it passes it on: both mean one request. */
#define SAME_REQUEST_MS 1000

static void *watch(void *arg) {
    tr_signals_t *self = arg;
    int64_t first_ms = 0, due_ms = 0;
    for (;;) {
        struct pollfd fds[] = {{self->fd, POLLIN, 0}, {self->quit, POLLIN, 0}};
        int n = poll(fds, 2, patience(due_ms));
        if (n < 0 && errno != EINTR)
            return NULL;
        if (n > 0 && fds[1].revents)
            return NULL;
        if (n == 0)
            give_up(self, "the message in work took too long");
        int number = n > 0 ? tr_process_next_signal(self->fd) : 0;
        if (number <= 0)
            continue;
        int64_t now = tr_clock_ms();
        if (due_ms && now - first_ms >= SAME_REQUEST_MS)
            give_up(self, "asked to stop a second time");
        if (due_ms)
            continue;
        first_ms = now;
        due_ms = now + self->stop_ms;
        ask(self, number);
    }
}

/* The thread writes a log line at most: 64 KiB of stack are plenty, and cost address space only. */
#define STACK_BYTES ((size_t)64 * 1024)

static int start(tr_signals_t *self) {
    pthread_attr_t attr;
    int rc = pthread_attr_init(&attr);
    if (rc != 0)
        return -rc;
    rc = pthread_attr_setstacksize(
        &attr, STACK_BYTES < (size_t)PTHREAD_STACK_MIN ? (size_t)PTHREAD_STACK_MIN : STACK_BYTES);
    if (rc == 0)
        rc = pthread_create(&self->thread, &attr, watch, self);
    pthread_attr_destroy(&attr);
    self->started = rc == 0;
    return -rc;
}

int tr_signals_new(tr_log_t *log, int64_t stop_ms, tr_signals_t **ret_signals, tr_error_t *error) {
    tr_signals_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    *self = (tr_signals_t){.log = log, .stop_ms = stop_ms, .fd = -1, .quit = -1};
    pthread_mutex_init(&self->lock, NULL);
    int rc = tr_process_signals(&self->fd, error);
    if (rc == 0) {
        self->quit = eventfd(0, EFD_CLOEXEC);
        rc = self->quit < 0 ? -errno : start(self);
        if (rc < 0)
            tr_error_set(error, rc, "cannot wait for signals: %s", strerror(-rc));
    }
    if (rc < 0) {
        tr_signals_destroy(&self);
        return rc;
    }
    *ret_signals = self;
    return 0;
}

void tr_signals_set_host(tr_signals_t *self, tr_host_t *host) {
    pthread_mutex_lock(&self->lock);
    self->host = host;
    pthread_mutex_unlock(&self->lock);
}

bool tr_signals_asked(tr_signals_t *self) {
    if (!self)
        return false;
    pthread_mutex_lock(&self->lock);
    bool asked = self->asked;
    pthread_mutex_unlock(&self->lock);
    return asked;
}

void tr_signals_destroy(tr_signals_t **self_p) {
    if (!self_p || !*self_p)
        return;
    tr_signals_t *self = *self_p;
    if (self->started) {
        eventfd_write(self->quit, 1);
        pthread_join(self->thread, NULL);
    }
    if (self->fd >= 0)
        close(self->fd);
    if (self->quit >= 0)
        close(self->quit);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}
