/*
 * A thread that does one job after the other, for what takes longer than the web's thread may; a bounded number wait.
 */
#ifndef TR_GATEWAY_WORKER_H
#define TR_GATEWAY_WORKER_H

#include <stdbool.h>
#include <stddef.h>

/* The first member of what is to be done. */
typedef struct tr_job {
    struct tr_job *next; /* the worker's */
} tr_job_t;

typedef struct tr_worker tr_worker_t;

/* most: how many wait. run is called by the thread and takes the job; drop frees one that is not done any more. NULL: out of memory or threads. */
tr_worker_t *tr_worker_new(
    size_t most, void (*run)(void *arg, tr_job_t *job), void (*drop)(tr_job_t *job), void *arg);
/* Waits for the job that it is at, and drops those behind it. NULL-safe. */
void tr_worker_destroy(tr_worker_t **self);
/* Any thread: gives the job away. False: too many wait, and it is still the caller's. */
bool tr_worker_give(tr_worker_t *self, tr_job_t *job);

#endif
