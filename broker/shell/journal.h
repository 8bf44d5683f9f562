/*
 * The broker's journal as the shell sees it: opened and recovered into the core at start, then the core's writes and reads go to its
 * thread and come back as completions (broker/shell/journal_thread.h).
 */
#ifndef TR_BROKER_JOURNAL_H
#define TR_BROKER_JOURNAL_H

#include "broker/core/core.h"
#include "broker/shell/journal_thread.h"
#include "broker/shell/options.h"
#include "lib/base/log.h"

typedef struct tr_broker_journal {
    tr_journal_t *store; /* until the thread has it */
    tr_journal_thread_t *thread;
    char *where;        /* for people: a directory, a table */
    uint64_t recovered; /* messages that were there at the start */
    int64_t recovery_ms;
    int64_t minute_ms, minute_bytes; /* when the last minute began, and how large it was then */
    int64_t grown_bytes;             /* in the minute before */
} tr_broker_journal_t;

/* Whether the options ask for one. */
bool tr_broker_journal_wanted(const tr_broker_options_t *options);
/* Opens the store. 0 or a negative error (lib/store/journal.h). */
int tr_broker_journal_open(tr_broker_journal_t *self, const tr_broker_options_t *options, tr_error_t *error);
/* Gives all that is in it to the core, and starts the thread. Logs how far it is every few seconds. */
int tr_broker_journal_recover(
    tr_broker_journal_t *self, tr_core_t *core, tr_log_t *log, tr_core_now_t now, tr_error_t *error);
/* Carries out a TR_OUT_WRITE or _READ; takes over `detail`. 0 or -ENOMEM: then it never happens. */
int tr_broker_journal_carry(tr_broker_journal_t *self, tr_core_out_t *out);
/* Hands what is done to the core. 0, or a negative error with a text: nothing more will be written. */
int tr_broker_journal_take(
    tr_broker_journal_t *self, tr_core_t *core, tr_log_t *log, tr_core_now_t now, tr_error_t *error);
/* Tells the core how large it is, and how fast its disk. */
void tr_broker_journal_tell(tr_broker_journal_t *self, tr_core_t *core, int64_t now_ms);
/* For the metrics; NULL without a journal. */
const tr_journal_thread_stats_t *tr_broker_journal_stats(const tr_broker_journal_t *self);
/* -1 without a journal. */
int tr_broker_journal_fd(const tr_broker_journal_t *self);
/* As tr_journal_thread_soon_ns(); 0 without a journal. */
int64_t tr_broker_journal_soon_ns(const tr_broker_journal_t *self);
void tr_broker_journal_close(tr_broker_journal_t *self);

#endif
