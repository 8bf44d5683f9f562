/*
 * What the journal thread does, without the thread: batches and scans as jobs in a list, done in their order, neighbouring batches as
 * one write. The thread (journal_thread.c) adds the waiting and the waking; the simulator drives the same work on a virtual clock.
 *
 * A job's node becomes its completion, so that nothing has to be allocated for an answer: once a batch is on disk, saying so cannot
 * fail.
 */
#ifndef TR_BROKER_JOURNAL_WORK_H
#define TR_BROKER_JOURNAL_WORK_H

#include "broker/shell/journal_thread.h"

typedef struct tr_journal_job tr_journal_job_t;

typedef struct tr_journal_jobs {
    tr_journal_job_t *first, **end;
    size_t n, bytes; /* bytes: of batches */
} tr_journal_jobs_t;

void tr_journal_jobs_init(tr_journal_jobs_t *self);
/* Consumes the job. */
void tr_journal_jobs_push(tr_journal_jobs_t *self, tr_journal_job_t *job);
/* NULL when there is none. */
tr_journal_job_t *tr_journal_jobs_pop(tr_journal_jobs_t *self);
void tr_journal_jobs_move(tr_journal_jobs_t *self, tr_journal_jobs_t *from);
/* Releases all that is in it: none of it is done. */
void tr_journal_jobs_free(tr_journal_jobs_t *self);

/* As tr_journal_thread_write and _read. */
int tr_journal_job_write(const tr_journal_batch_t *batch, tr_journal_job_t **ret_job);
int tr_journal_job_read(
    uint64_t number, const tr_journal_range_t *range, size_t limit_bytes, tr_journal_job_t **ret_job);
/* Of a job that is done. */
const tr_journal_done_t *tr_journal_job_done(const tr_journal_job_t *job);
/* Frees a job that is done; what it holds is the caller's now (tr_journal_done_finish). */
tr_journal_done_t tr_journal_job_take(tr_journal_job_t *job);

typedef struct tr_journal_work {
    tr_journal_t *journal; /* borrowed */
    tr_journal_op_t *ops;  /* of one write */
    size_t ops_n, ops_cap;
    bool failed;                      /* a write has: nothing more is done */
    bool changed;                     /* something was written since somebody looked */
    tr_journal_thread_stats_t *stats; /* borrowed: counters of what is done */
} tr_journal_work_t;

/* Does what is at the head of the list, which is not empty: one scan, or as many batches as make one write. Gives the job that
 * answers for it; ret_n, ret_bytes: how much left the list. Not after it has failed. */
tr_journal_job_t *tr_journal_work_step(
    tr_journal_work_t *self, tr_journal_jobs_t *jobs, size_t *ret_n, size_t *ret_bytes);
/* Whether the write at the head of the list, where it is one, will be with sync. */
bool tr_journal_work_syncs(const tr_journal_jobs_t *jobs);
void tr_journal_work_finish(tr_journal_work_t *self);

#endif
