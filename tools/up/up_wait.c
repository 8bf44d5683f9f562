#include "tools/up/up_wait.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Told apart by address: whatever is none of these is the owner of a ready pipe. */
static const char signals_mark, timer_mark, caller_mark;

static void handled_signals(sigset_t *set) {
    static const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(set, numbers[i]);
}

static int watch(tr_up_wait_t *self, int fd, uint32_t events, const void *mark) {
    struct epoll_event event = {.events = events, .data.ptr = (void *)(uintptr_t)mark};
    if (epoll_ctl(self->fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    if (errno == EEXIST && epoll_ctl(self->fd, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    return -errno;
}

static int open_all(tr_up_wait_t *self) {
    sigset_t set;
    handled_signals(&set);
    int rc = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (rc != 0)
        return -rc;
    self->fd = epoll_create1(EPOLL_CLOEXEC);
    self->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    self->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (self->fd < 0 || self->signals < 0 || self->timer < 0)
        return -errno;
    rc = watch(self, self->signals, EPOLLIN, &signals_mark);
    return rc < 0 ? rc : watch(self, self->timer, EPOLLIN, &timer_mark);
}

int tr_up_wait_init(tr_up_wait_t *self, tr_error_t *error) {
    *self = (tr_up_wait_t){.fd = -1, .signals = -1, .timer = -1, .armed_ms = INT64_MAX};
    int rc = open_all(self);
    if (rc < 0) {
        tr_up_wait_finish(self);
        return tr_error_set(error, rc, "cannot wait for signals and children: %s", strerror(-rc));
    }
    return 0;
}

void tr_up_wait_finish(tr_up_wait_t *self) {
    int *fds[] = {&self->timer, &self->signals, &self->fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

int tr_up_wait_pipe(tr_up_wait_t *self, int fd, void *owner) {
    return watch(self, fd, EPOLLIN, owner);
}

void tr_up_wait_forget(tr_up_wait_t *self, int fd) {
    epoll_ctl(self->fd, EPOLL_CTL_DEL, fd, NULL); /* it may be gone already, ignoring */
}

int tr_up_wait_caller(tr_up_wait_t *self, int fd) {
    return watch(self, fd, 0, &caller_mark); /* EPOLLERR comes unasked when the reader is gone */
}

void tr_up_wait_arm(tr_up_wait_t *self, int64_t at_ms) {
    if (at_ms == self->armed_ms)
        return;
    self->armed_ms = at_ms;
    struct itimerspec when = {0};
    if (at_ms != INT64_MAX) {
        int64_t at = at_ms > 0 ? at_ms : 1; /* 0 would disarm it */
        when.it_value = (struct timespec){.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
    }
    timerfd_settime(self->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static tr_up_event_t next_signal(tr_up_wait_t *self) {
    struct signalfd_siginfo info;
    if (read(self->signals, &info, sizeof info) != sizeof info)
        return (tr_up_event_t){.kind = TR_UP_NOTHING};
    if (info.ssi_signo == SIGCHLD)
        return (tr_up_event_t){.kind = TR_UP_CHILD};
    return (tr_up_event_t){.kind = TR_UP_STOP, .signal = (int)info.ssi_signo};
}

static tr_up_event_t on_time(tr_up_wait_t *self) {
    uint64_t times;
    ssize_t n = read(self->timer, &times, sizeof times);
    (void)n;
    self->armed_ms = INT64_MAX;
    return (tr_up_event_t){.kind = TR_UP_TIME};
}

/* One at a time: what handles it may end another's owner. */
tr_up_event_t tr_up_wait_next(tr_up_wait_t *self, int timeout_ms) {
    struct epoll_event event;
    if (epoll_wait(self->fd, &event, 1, timeout_ms) != 1)
        return (tr_up_event_t){.kind = TR_UP_NOTHING};
    if (event.data.ptr == &signals_mark)
        return next_signal(self);
    if (event.data.ptr == &timer_mark)
        return on_time(self);
    if (event.data.ptr == &caller_mark)
        return (tr_up_event_t){.kind = TR_UP_CALLER};
    return (tr_up_event_t){.kind = TR_UP_PIPE, .owner = event.data.ptr};
}
