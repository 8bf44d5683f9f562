#include "broker/shell/doze.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define RARE_MAX 16

int tr_doze_add(tr_doze_t *self, int fd, tr_doze_why_t why, tr_error_t *error) {
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = why};
    if (fd < 0 || epoll_ctl(self->rare_fd, EPOLL_CTL_ADD, fd, &e) == 0)
        return 0;
    return tr_error_set(error, -errno, "cannot wait for a descriptor: %s", strerror(errno));
}

void tr_doze_remove(tr_doze_t *self, int fd) {
    if (fd >= 0)
        epoll_ctl(self->rare_fd, EPOLL_CTL_DEL, fd, NULL);
}

static int start_timer(const tr_doze_t *self, int64_t tick_ms) {
    struct timespec every = {.tv_sec = tick_ms / 1000, .tv_nsec = tick_ms % 1000 * 1000000};
    struct itimerspec t = {.it_interval = every, .it_value = every};
    return timerfd_settime(self->timer_fd, 0, &t, NULL);
}

int tr_doze_init(tr_doze_t *self, int64_t tick_ms, tr_error_t *error) {
    self->rare_fd = epoll_create1(EPOLL_CLOEXEC);
    self->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (self->rare_fd < 0 || self->timer_fd < 0 || start_timer(self, tick_ms) < 0)
        return tr_error_set(error, -errno, "cannot make a timer: %s", strerror(errno));
    return tr_doze_add(self, self->timer_fd, TR_DOZE_TICK, error);
}

void tr_doze_finish(tr_doze_t *self) {
    if (self->rare_fd >= 0)
        close(self->rare_fd);
    if (self->timer_fd >= 0)
        close(self->timer_fd);
    *self = TR_DOZE_NONE;
}

static unsigned what_is_rare(const tr_doze_t *self) {
    struct epoll_event events[RARE_MAX];
    int n = epoll_wait(self->rare_fd, events, RARE_MAX, 0);
    unsigned why = 0;
    for (int i = 0; i < n; i++)
        why |= events[i].data.u32;
    uint64_t ticks;
    if (why & TR_DOZE_TICK && read(self->timer_fd, &ticks, sizeof ticks) < 0)
        why &= ~(unsigned)TR_DOZE_TICK; /* the clock was set: it is still to come */
    return why;
}

/* As poll(2) for ever, but awake at first. */
static int stay_awake(struct pollfd *fds, nfds_t n, int64_t awake_ns) {
    int64_t until_ns = tr_clock_ns() + awake_ns;
    int ready;
    while ((ready = poll(fds, n, 0)) == 0 && tr_clock_ns() < until_ns)
        sched_yield();
    return ready ? ready : poll(fds, n, -1);
}

unsigned tr_doze(tr_doze_t *self, int links_fd, bool wait, int64_t awake_ns) {
    struct pollfd fds[] = {{.fd = links_fd, .events = POLLIN}, {.fd = self->rare_fd, .events = POLLIN}};
    int ready = wait && awake_ns > 0 ? stay_awake(fds, 2, awake_ns) : poll(fds, 2, wait ? -1 : 0);
    return ready > 0 && fds[1].revents ? what_is_rare(self) : 0;
}
