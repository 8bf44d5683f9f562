/*
 * A destination: a queue of batches on the disk (spool.h), and a thread that posts them to an HTTP server one after the other, in order. What a
 * server refuses for good is dropped and counted (what is too large for it, or has an answer that is too long, is cut in halves first); what fails otherwise is tried again with
 * pauses that double (1 s to 60 s, or what Retry-After says), for as long as the queue holds it; where answers cannot be read, five times. Nobody else ever waits for it.
 *
 * The thread is the one that the destination's own curl handle belongs to. Numbers may be read by any thread.
 */
#ifndef TR_EXPORTER_SENDER_H
#define TR_EXPORTER_SENDER_H

#include "exporter/spool.h"
#include "lib/base/error.h"
#include "lib/base/metrics.h"

#include <stddef.h>

/* What a server's answer says of the batch. */
typedef enum tr_sent {
    TR_SENT,         /* it has it */
    TR_SENT_IN_PART, /* it has refused some of it for good */
    TR_SENT_AGAIN,   /* it may take it later */
    TR_SENT_NEVER,   /* it will not take it */
    TR_SENT_UNREAD,  /* it has answered well, but with what cannot be read: of a judge alone */
} tr_sent_t;

typedef struct tr_verdict {
    tr_sent_t sent;
    size_t refused; /* of its items, TR_SENT_IN_PART */
    char why[160];  /* "" = the beginning of the answer says it */
} tr_verdict_t;

/* Of a status and the body of the answer, where the status alone does not say it; NULL: 2xx is TR_SENT, 408, 429 and 5xx are TR_SENT_AGAIN, and all
 * others TR_SENT_NEVER. */
typedef void tr_sent_fn(long status, const char *body, size_t len, tr_verdict_t *ret_verdict);

/* A batch as two, in the same order: what is too large for a server (413), or whose answer is for us, is sent in halves. Both are malloc'd; -ENOMEM, or -ENOTSUP where it is
 * one item. */
typedef int tr_halve_fn(const char *bytes, size_t len, tr_spooled_t ret_halves[2]);

typedef enum tr_sender_news {
    TR_SENDER_FAILS,   /* the first failure in a row; detail says why */
    TR_SENDER_WORKS,   /* again */
    TR_SENDER_REFUSED, /* a batch or a part of it, for good; detail says why */
} tr_sender_news_t;

typedef struct tr_sender_options {
    const char *name; /* "otlp"; a static text */
    const char *url;
    const char *content_type;
    const char *headers; /* lines NAME: VALUE, which may be secret; NULL = none */
    const char *directory;
    uint64_t most_bytes;
    int64_t timeout_ms;
    tr_sent_fn *judge;
    tr_halve_fn *halve; /* NULL: a batch cannot be cut */
    /* In the sender's thread. */
    void (*news)(void *arg, const char *name, tr_sender_news_t what, const char *detail);
    void *arg;
} tr_sender_options_t;

typedef struct tr_sender {
    tr_sender_options_t options;
    tr_spool_t *spool;
    tr_counter_t batches[3]; /* sent, refused, failed attempts: of the sender's thread */
    tr_counter_t refused;    /* items of batches that were sent */
    tr_counter_t bytes;
    struct tr_sender_thread *thread;
} tr_sender_t;

/* Opens the queue and starts the thread; strings are copied but for `name`. 0, or a negative errno with a text; finish it in both cases. */
int tr_sender_init(tr_sender_t *self, const tr_sender_options_t *options, tr_error_t *error);
/* Ends the thread, also within a request; what waits stays on the disk. */
void tr_sender_finish(tr_sender_t *self);
/* Puts a batch into its queue; the caller does not wait for the network. As tr_spool_put. */
int tr_sender_put(tr_sender_t *self, const void *bytes, size_t len);

#endif
