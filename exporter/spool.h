/*
 * A queue of batches on the disk, between who makes them and the thread that sends them: it outlives both and the process. Each batch is a file
 * DIRECTORY/NUMBER.batch, written whole. The queue is bounded in bytes: what is oldest makes room, and is counted.
 *
 * One putter; one taker at a time, which keeps the first batch until it says that it is done with it. Any threads.
 */
#ifndef TR_EXPORTER_SPOOL_H
#define TR_EXPORTER_SPOOL_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_spool tr_spool_t;

typedef struct tr_spool_stats {
    size_t batches; /* that wait */
    uint64_t bytes;
    uint64_t dropped, dropped_bytes; /* that made room, since it was opened */
} tr_spool_stats_t;

typedef struct tr_spooled {
    uint64_t number;
    char *bytes; /* the taker frees it */
    size_t len;
} tr_spooled_t;

/* What is in the directory waits again. Negative errno with a text. */
int tr_spool_open(const char *directory, uint64_t most_bytes, tr_spool_t **ret_spool, tr_error_t *error);
/* What waits stays on the disk. NULL-safe; nobody may wait in it. */
void tr_spool_close(tr_spool_t **self);

/* 0; -EMSGSIZE (more than the queue may hold), -ENOSPC and other errors of the disk: it is dropped, and counted. */
int tr_spool_put(tr_spool_t *self, const void *bytes, size_t len);
/* The first one, waiting for it. False: the queue was told to end. A file that cannot be read is dropped, and counted. */
bool tr_spool_take(tr_spool_t *self, tr_spooled_t *ret_batch);
/* It was sent, or never can be. */
void tr_spool_done(tr_spool_t *self, uint64_t number);
/* Waits so long, or until the end: false then. */
bool tr_spool_pause(tr_spool_t *self, int64_t ms);
/* Whoever waits goes on, with false. */
void tr_spool_end(tr_spool_t *self);
void tr_spool_stats(tr_spool_t *self, tr_spool_stats_t *ret_stats);

#endif
