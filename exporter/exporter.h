/*
 * The process: an agent that hears what the broker publishes of traces, and follows log files.
 *
 * The way of a span: the broker's $sys.spans -> a list (spans.c) -> a batch by OTLP (otlp.c) -> a queue on the disk (spool.c) -> its sender's
 * thread (sender.c). The way of a line: a log file (follow.c) -> a record without secrets (log_record.c) -> a batch for each store
 * (elastic.c, loki.c, sentry.c) -> queue -> thread. Only the threads wait for the network, each for its own destination.
 */
#ifndef TR_EXPORTER_EXPORTER_H
#define TR_EXPORTER_EXPORTER_H

#include "exporter/follow.h"
#include "exporter/options.h"
#include "exporter/sender.h"
#include "exporter/shippers.h"

typedef enum tr_destination {
    TR_TO_OTLP,
    TR_TO_ELASTIC,
    TR_TO_LOKI,
    TR_TO_SENTRY,
    TR_DESTINATIONS,
} tr_destination_t;

typedef struct tr_exporter {
    tr_exporter_options_t *options; /* borrowed */
    tr_resident_t resident;
    char host[128];
    tr_sender_t senders[TR_DESTINATIONS]; /* without a thread where it is not asked for */
    uint64_t dropped[TR_DESTINATIONS];    /* as it was told last */

    json_t *spans; /* an array: of the next batch */
    tr_counter_t spans_taken, spans_skipped, lines_taken, events_held;

    tr_follow_t **follows;           /* as many as options->logs */
    tr_log_record_t *records;        /* of the next batch */
    size_t records_n, records_bytes; /* bytes of their lines */
    json_t *files;                   /* an array: the names that records borrow */
    int64_t minute;                  /* of Sentry's limit, and how many since then */
    int64_t events_in_minute;
} tr_exporter_t;

/* 0, or the exit code after a line in the log. Destroy it in both cases. */
int tr_exporter_new(tr_exporter_options_t *options, tr_exporter_t **ret_self);
int tr_exporter_run(tr_exporter_t *self);
void tr_exporter_destroy(tr_exporter_t **self); /* NULL-safe */

/* ---- destinations.c ---- */

int tr_exporter_open_senders(tr_exporter_t *self, tr_error_t *error);
int tr_exporter_measure(void *owner, tr_metrics_t *metrics, tr_error_t *error);
bool tr_exporter_sends(const tr_exporter_t *self, tr_destination_t to);
/* Frees the bytes. What cannot be queued is counted there. */
void tr_exporter_put(tr_exporter_t *self, tr_destination_t to, char *bytes, size_t len);
/* Tells of what was dropped since the last time. */
void tr_exporter_tell_dropped(tr_exporter_t *self);

/* ---- spans.c ---- */

void tr_exporter_take_spans(tr_exporter_t *self, const tr_message_t *event);
void tr_exporter_flush_spans(tr_exporter_t *self);

/* ---- logs.c ---- */

/* Begins where the process was when it ended. */
int tr_exporter_open_logs(tr_exporter_t *self, tr_error_t *error);
void tr_exporter_read_logs(tr_exporter_t *self);
void tr_exporter_close_logs(tr_exporter_t *self);

#endif
