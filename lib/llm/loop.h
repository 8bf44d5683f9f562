/*
 * What the model client waits for, behind one descriptor: an epoll that holds its sockets and a timerfd that holds its timers.
 *
 * A host watches that one descriptor (tr_watch) and calls tr_llm_loop_turn when it is readable, so a thousand sockets cost the
 * host's poll as much as one. Nothing here blocks and nothing is called but from tr_llm_loop_turn. One thread.
 */
#ifndef TR_LLM_LOOP_H
#define TR_LLM_LOOP_H

#include "lib/agent/timer.h"

#include <stdbool.h>
#include <stdint.h>

/* events: EPOLLIN, EPOLLOUT ... Called too when there is nothing, rarely: read without blocking. */
typedef void (*tr_llm_ready_fn)(void *arg, int fd, uint32_t events);
typedef void (*tr_llm_due_fn)(void *arg);

typedef struct tr_llm_watch {
    tr_llm_ready_fn fn; /* NULL = not watched */
    void *arg;
} tr_llm_watch_t;

typedef struct tr_llm_timer {
    tr_timer_t *at; /* NULL = not running */
    tr_llm_due_fn fn;
    void *arg;
} tr_llm_timer_t;

typedef struct tr_llm_loop {
    int epoll_fd, timer_fd;
    tr_timers_t timers;
    int64_t armed_ms;        /* what timer_fd is set to; INT64_MAX = not set */
    tr_llm_watch_t *watches; /* by descriptor */
    int watches_cap;
} tr_llm_loop_t;

/* 0 or negative errno. tr_llm_loop_finish accepts what failed. */
int tr_llm_loop_init(tr_llm_loop_t *self);
void tr_llm_loop_finish(tr_llm_loop_t *self);

/* Readable whenever tr_llm_loop_turn has something to do. */
int tr_llm_loop_fd(const tr_llm_loop_t *self);
/* Does what is ready and due now, a bounded number of it. */
void tr_llm_loop_turn(tr_llm_loop_t *self);

/* events 0 ends it. 0 or negative errno. The descriptor stays the caller's; he ends the watch before he closes it. */
int tr_llm_loop_watch(tr_llm_loop_t *self, int fd, uint32_t events, tr_llm_ready_fn fn, void *arg);

/* Starts the timer, or sets it anew; it fires once, at due_ms of tr_clock_ms. The struct is the caller's and stays where it is
 * until it has fired or was stopped. 0 or -ENOMEM. */
int tr_llm_timer_at(tr_llm_loop_t *self, tr_llm_timer_t *timer, int64_t due_ms, tr_llm_due_fn fn, void *arg);
void tr_llm_timer_stop(tr_llm_loop_t *self, tr_llm_timer_t *timer);

#endif
