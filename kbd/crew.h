/*
 * The threads that compute: some that search by vectors, and one behind them that builds and reads segments, with others that are
 * FAISS's.
 *
 * Queries on the same view that wait together go to FAISS in one call. What is ready comes back in the host's thread, many in one go. Each of
 * those that search has FAISS use it alone (omp = 1).
 */
#ifndef TR_KBD_CREW_H
#define TR_KBD_CREW_H

#include "kbd/index.h"
#include "lib/resident/completions.h"

typedef struct tr_crew tr_crew_t;

/* One search; the caller's until it is submitted, and again in `done`. */
typedef struct tr_crew_query {
    tr_completion_t back; /* first; the crew's own, as is `next` */
    struct tr_crew_query *next;
    tr_view_t *view; /* owned */
    size_t delta;
    const float *vector;  /* borrowed, until done */
    size_t k;             /* 1 or more */
    const int64_t *among; /* NULL: all; else these, rising, borrowed until done */
    size_t among_count;
    int64_t *chunks; /* room for k, borrowed until done; so is scores. Chunk -1 behind the last */
    float *scores;
    int rc;
    void (*done)(
        struct tr_crew_query *self); /* in the host's thread, or in that of tr_crew_stop with rc -ECANCELED */
} tr_crew_query_t;

/* Work for the one thread, one at a time. */
typedef struct tr_crew_task {
    tr_completion_t back; /* first; the crew's own, as is `next` */
    struct tr_crew_task *next;
    void (*run)(struct tr_crew_task *self); /* there */
    void (*done)(struct tr_crew_task
            *self); /* in the host's thread, or in that of tr_crew_stop, where run may not have been called */
    bool ran;
} tr_crew_task_t;

/* threads: that search; 0 = as many as there are processors, less one. builders: with how many threads one segment is built; 0 = as many as there are
 * processors. */
int tr_crew_new(tr_host_t *host, size_t threads, size_t builders, tr_crew_t **ret_self, tr_error_t *error);
/* Ends the threads and calls `done` of all that is left: before the host is destroyed. NULL-safe, idempotent. */
void tr_crew_stop(tr_crew_t *self);
/* After the host. NULL-safe. */
void tr_crew_destroy(tr_crew_t **self);
/* Any thread: long work looks at it now and then. */
bool tr_crew_stopping(tr_crew_t *self);

void tr_crew_search(tr_crew_t *self, tr_crew_query_t *query);
/* The same in the host's own thread, at once: for what is quick and waits for nobody, since a thread that is woken costs more than the search. `done` is called
 * from within. */
void tr_crew_search_here(tr_crew_query_t *query);
void tr_crew_run(tr_crew_t *self, tr_crew_task_t *task);

#endif
