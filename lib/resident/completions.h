/*
 * Completions: what threads have finished, on its way back to the host's thread, many in one go. In the order in which they were put.
 *
 * Put one as the first member of what comes back. Threads: tr_completions_put is any thread's, the others are the host's.
 */
#ifndef TR_RESIDENT_COMPLETIONS_H
#define TR_RESIDENT_COMPLETIONS_H

#include "troupe/host.h"

#include <pthread.h>

typedef struct tr_completion {
    struct tr_completion *next;
    void (*done)(struct tr_completion *self); /* in the host's thread; it is the callee's */
} tr_completion_t;

typedef struct tr_completions {
    tr_host_t *host; /* borrowed */
    pthread_mutex_t lock;
    tr_completion_t *first, **last; /* under lock, as the next two */
    bool told;                      /* the host has been asked to come */
    bool stopped;
} tr_completions_t;

/* It stays where it is until tr_completions_finish. */
void tr_completions_init(tr_completions_t *self, tr_host_t *host);
/* `done` is called soon; once stopped, by tr_completions_drain. */
void tr_completions_put(tr_completions_t *self, tr_completion_t *completion);
/* Before the threads are waited for, so that none of them waits for the host, and before the host is destroyed. */
void tr_completions_stop(tr_completions_t *self);
/* Calls `done` of all that is there. */
void tr_completions_drain(tr_completions_t *self);
/* After the threads, and the host. */
void tr_completions_finish(tr_completions_t *self);

#endif
