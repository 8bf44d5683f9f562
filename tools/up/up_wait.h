/*
 * What `troupe up` waits for, behind one descriptor (epoll): signals, a time, the ready pipes of its
 * children, and the end of whoever started it. Before there is a broker it is waited for alone; later the
 * host's loop watches the descriptor among its own.
 */
#ifndef TR_TOOLS_UP_WAIT_H
#define TR_TOOLS_UP_WAIT_H

#include "lib/base/error.h"

#include <stdint.h>

typedef enum tr_up_event_kind {
    TR_UP_NOTHING,
    TR_UP_CHILD,  /* SIGCHLD */
    TR_UP_STOP,   /* SIGTERM, SIGINT, SIGHUP */
    TR_UP_TIME,   /* what was armed */
    TR_UP_PIPE,   /* a ready pipe has something, or has ended */
    TR_UP_CALLER, /* whoever started it has gone */
} tr_up_event_kind_t;

typedef struct tr_up_event {
    tr_up_event_kind_t kind;
    int signal;  /* of STOP */
    void *owner; /* of PIPE */
} tr_up_event_t;

typedef struct tr_up_wait {
    int fd; /* epoll: readable while there is an event */
    int signals, timer;
    int64_t armed_ms;
} tr_up_wait_t;

/* Blocks the signals in this thread: call it before others are started, and after a fork that the process
 * goes through (a signalfd in an epoll tells of the signals of the process that put it there). */
int tr_up_wait_init(tr_up_wait_t *self, tr_error_t *error);
void tr_up_wait_finish(tr_up_wait_t *self);

/* A pipe to read from. One that is closed is forgotten by itself. 0 or negative errno. */
int tr_up_wait_pipe(tr_up_wait_t *self, int fd, void *owner);
void tr_up_wait_forget(tr_up_wait_t *self, int fd);
/* The end to write to of a pipe whose reader is to be watched. 0 or negative errno. */
int tr_up_wait_caller(tr_up_wait_t *self, int fd);
/* The time (tr_clock_ms; INT64_MAX = none) at which there is a TIME event. */
void tr_up_wait_arm(tr_up_wait_t *self, int64_t at_ms);
/* The next event; waits for at most timeout_ms (-1 = for ever). NOTHING: none came. */
tr_up_event_t tr_up_wait_next(tr_up_wait_t *self, int timeout_ms);

#endif
