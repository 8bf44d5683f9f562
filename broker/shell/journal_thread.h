/*
 * The journal thread: the one thread of a broker that waits for the journal's disk, so that the core never
 * does.
 *
 * The shell hands it numbered batches and numbered scans; the thread takes all that wait, merges the batches
 * into one write, with one sync if any of them asks for it, and answers with completions. Jobs are done in
 * the order in which they were handed over: a scan sees the batches before it and none after it. The shell is
 * woken by an eventfd.
 *
 * The first write that fails ends it: it posts one TR_JOURNAL_FAILED, and from then on nothing, whatever is
 * handed over (the memory of it is freed as ever). The broker then logs, and exits: see lib/store/journal.h
 * for why.
 *
 * Threads: all functions are for the shell's thread, but the numbers of tr_journal_thread_stats, which any
 * thread may read.
 */
#ifndef TR_BROKER_JOURNAL_THREAD_H
#define TR_BROKER_JOURNAL_THREAD_H

#include "lib/base/metrics.h"
#include "lib/store/journal.h"

typedef struct tr_journal_thread tr_journal_thread_t;

/* Starts the thread and consumes the journal (nulls the reference), also on failure. Recovery may have
 * scanned it before. */
int tr_journal_thread_new(tr_journal_t **journal, tr_journal_thread_t **ret_thread, tr_error_t *error);
/* Stops, after everything that was handed over is done (or has failed), and closes the journal. Completions
 * that were not taken are freed. It blocks for as long as the disk takes. NULL-safe, nulls the reference. */
void tr_journal_thread_destroy(tr_journal_thread_t **self);

/* A serialized batch (lib/store/journal_batch.h). */
typedef struct tr_journal_batch {
    uint64_t number; /* greater than that of the batch before */
    const void *bytes;
    size_t len;
    bool sync; /* somebody waits for it to be on disk */
    void (*release)(
        void *); /* called by any thread when the bytes are not needed any more; NULL: they live longer */
    void *owner; /* its argument: the block, or what holds it */
} tr_journal_batch_t;
/* 0; -ENOMEM (released). A batch without ops and with sync is the wish that everything before it be on disk.
 */
int tr_journal_thread_write(tr_journal_thread_t *self, const tr_journal_batch_t *batch);

/* Scans a range (copied), up to about limit_bytes of keys and values (0 is refused: -EINVAL). `number` comes
 * back with the result; it has nothing to do with those of batches. 0, -EINVAL, -ENOMEM. */
int tr_journal_thread_read(
    tr_journal_thread_t *self, uint64_t number, const tr_journal_range_t *range, size_t limit_bytes);

typedef enum tr_journal_done_type {
    TR_JOURNAL_WRITTEN = 1, /* all batches up to `number` are written; a crash may lose some of them */
    TR_JOURNAL_SYNCED, /* all batches up to `number` are on disk: what was promised may be acknowledged */
    TR_JOURNAL_READ,   /* scan `number` has its result */
    TR_JOURNAL_READ_FAILED, /* scan `number` has none: code and text say why; the thread goes on */
    TR_JOURNAL_FAILED,      /* a write failed: code and text say why; nothing comes after it */
} tr_journal_done_type_t;

typedef struct tr_journal_done {
    tr_journal_done_type_t type;
    uint64_t number;
    void *bytes; /* READ: the pairs as a serialized batch, one block for the caller to free(); NULL when there
                    are none */
    size_t len;
    bool more;  /* READ: the limit was reached before the range's end */
    int code;   /* a negative errno */
    char *text; /* FAILED, READ_FAILED: for the log, for the caller to free() */
} tr_journal_done_t;

/* Readable (poll) while there may be completions. Owned by the thread. */
int tr_journal_thread_fd(const tr_journal_thread_t *self);
/* The next completion, in the order of the jobs; false when there is none, and then the descriptor is quiet
 * until one comes. */
bool tr_journal_thread_next(tr_journal_thread_t *self, tr_journal_done_t *ret_done);
/*
 * How long to stay awake for the next completion: waking a thread that sleeps takes a good part of what a fast disk takes for a sync.
 * 0 = sleep: nothing is owed, or the last sync took longer than that is worth.
 */
int64_t tr_journal_thread_soon_ns(const tr_journal_thread_t *self);
/* Frees what a completion holds; for who does not keep it. */
void tr_journal_done_finish(tr_journal_done_t *done);

/* For the metrics registry: `sync` in nanoseconds. */
typedef struct tr_journal_thread_stats {
    tr_counter_t batches; /* handed over and written; several make one write */
    tr_counter_t writes, syncs, reads;
    tr_counter_t written_bytes, read_bytes;
    tr_gauge_t bytes, keys; /* of the store, about; looked at every few seconds */
    tr_gauge_t free_bytes;  /* that its disk has left; -1 = not known */
    tr_gauge_t queued;      /* jobs that wait or are being done */
    tr_gauge_t queued_bytes;
    tr_gauge_t sync_max_ns;
    tr_gauge_t sync_last_ns; /* 0 = there was none yet */
    tr_histogram_t sync;     /* how long a write with sync took */
} tr_journal_thread_stats_t;
const tr_journal_thread_stats_t *tr_journal_thread_stats(const tr_journal_thread_t *self);
/* "RocksDB", "PostgreSQL". */
const char *tr_journal_thread_store(const tr_journal_thread_t *self);

#endif
