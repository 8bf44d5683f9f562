#include "lib/llm/loop.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_PER_TURN 256
#define TIMERS_PER_TURN 256

int tr_llm_loop_init(tr_llm_loop_t *self) {
    *self = (tr_llm_loop_t){.epoll_fd = -1, .timer_fd = -1, .armed_ms = INT64_MAX};
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    self->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (self->epoll_fd < 0 || self->timer_fd < 0)
        return -errno;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = self->timer_fd};
    return epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->timer_fd, &event) == 0 ? 0 : -errno;
}

void tr_llm_loop_finish(tr_llm_loop_t *self) {
    if (self->epoll_fd >= 0)
        close(self->epoll_fd);
    if (self->timer_fd >= 0)
        close(self->timer_fd);
    tr_timers_finish(&self->timers);
    free(self->watches);
    *self = (tr_llm_loop_t){.epoll_fd = -1, .timer_fd = -1, .armed_ms = INT64_MAX};
}

int tr_llm_loop_fd(const tr_llm_loop_t *self) {
    return self->epoll_fd;
}

/* ---- timers ---- */

/* The timerfd follows the first timer. */
static void arm(tr_llm_loop_t *self) {
    int64_t due = tr_timers_next(&self->timers);
    if (due == self->armed_ms)
        return;
    struct itimerspec when = {0};
    if (due != INT64_MAX) {
        int64_t ms = due > 0 ? due : 0;
        when.it_value = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 + 1};
    }
    if (timerfd_settime(self->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
        self->armed_ms = due;
}

static void fire(tr_agent_t *agent, void *state, void *arg) {
    tr_llm_timer_t *timer = arg;
    (void)agent, (void)state;
    timer->at = NULL;
    timer->fn(timer->arg);
}

int tr_llm_timer_at(tr_llm_loop_t *self, tr_llm_timer_t *timer, int64_t due_ms, tr_llm_due_fn fn, void *arg) {
    tr_timer_t *at = tr_timers_add(&self->timers, due_ms, NULL, fire, timer);
    if (!at)
        return -ENOMEM;
    if (timer->at)
        tr_timers_remove(&self->timers, timer->at);
    *timer = (tr_llm_timer_t){.at = at, .fn = fn, .arg = arg};
    arm(self);
    return 0;
}

void tr_llm_timer_stop(tr_llm_loop_t *self, tr_llm_timer_t *timer) {
    if (!timer->at)
        return;
    tr_timers_remove(&self->timers, timer->at);
    timer->at = NULL;
    arm(self);
}

static void run_timers(tr_llm_loop_t *self) {
    int64_t now = tr_clock_ms();
    for (int i = 0; i < TIMERS_PER_TURN; i++) {
        tr_timer_t *t = tr_timers_due(&self->timers, now);
        if (!t)
            break;
        tr_timer_fn fn = t->fn;
        void *arg = t->arg;
        free(t);
        fn(NULL, NULL, arg);
    }
}

/* ---- descriptors ---- */

static int reserve(tr_llm_loop_t *self, int fd) {
    if (fd < self->watches_cap)
        return 0;
    int cap = self->watches_cap ? self->watches_cap : 64;
    while (cap <= fd)
        cap *= 2;
    tr_llm_watch_t *grown = realloc(self->watches, (size_t)cap * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    for (int i = self->watches_cap; i < cap; i++)
        grown[i] = (tr_llm_watch_t){0};
    self->watches = grown;
    self->watches_cap = cap;
    return 0;
}

int tr_llm_loop_watch(tr_llm_loop_t *self, int fd, uint32_t events, tr_llm_ready_fn fn, void *arg) {
    if (reserve(self, fd) < 0)
        return -ENOMEM;
    bool is = self->watches[fd].fn != NULL;
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (!events) {
        if (is) /* it may be closed already, ignoring */
            epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, fd, &event);
        self->watches[fd] = (tr_llm_watch_t){0};
        return 0;
    }
    int r = epoll_ctl(self->epoll_fd, is ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    if (r < 0 && is && errno == ENOENT) /* closed behind our back, and its number came again */
        r = epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    if (r < 0)
        return -errno;
    self->watches[fd] = (tr_llm_watch_t){.fn = fn, .arg = arg};
    return 0;
}

/* So that it is no longer readable; while it is, epoll tells of it. */
static void read_timer(tr_llm_loop_t *self) {
    uint64_t expired;
    if (read(self->timer_fd, &expired, sizeof expired) == (ssize_t)sizeof expired)
        self->armed_ms = INT64_MAX;
}

/* What is called may end the watch of one that is still in the list. */
static void run_ready(tr_llm_loop_t *self, const struct epoll_event *events, int n) {
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;
        tr_llm_watch_t w = fd < self->watches_cap ? self->watches[fd] : (tr_llm_watch_t){0};
        if (fd == self->timer_fd)
            read_timer(self);
        else if (w.fn)
            w.fn(w.arg, fd, events[i].events);
    }
}

void tr_llm_loop_turn(tr_llm_loop_t *self) {
    struct epoll_event events[EVENTS_PER_TURN];
    int n = epoll_wait(self->epoll_fd, events, EVENTS_PER_TURN, 0);
    if (n > 0)
        run_ready(self, events, n);
    run_timers(self);
    arm(self);
}
