/*
 * A watcher of the broker's topic stream: a plain ZeroMQ SUB socket, and what libzmq's monitor tells of
 * its connection.
 *
 * One thread. What is received is borrowed until the next call.
 */
#ifndef TR_TOOLS_STREAM_H
#define TR_TOOLS_STREAM_H

#include "lib/base/error.h"
#include "proto/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_stream tr_stream_t;

typedef enum tr_stream_event {
    TR_STREAM_NOTHING,
    TR_STREAM_CONNECTED,
    TR_STREAM_LOST, /* libzmq tries to connect again by itself */
} tr_stream_event_t;

typedef struct tr_stream_message {
    const char *topic; /* not NUL-terminated */
    size_t topic_len;
    tr_record_t record;
} tr_stream_message_t;

/* `cert`: the secret part of a certificate to prove oneself with; NULL or "" = none. 0; -EINVAL: no endpoint;
 * -ENOMEM; of the certificate, as tr_secret_load. Returns before it is connected. */
int tr_stream_new(const char *endpoint, const char *cert, tr_stream_t **ret_self, tr_error_t *error);
void tr_stream_destroy(tr_stream_t **self);
/* Leaves the endpoint for another one. */
int tr_stream_move(tr_stream_t *self, const char *endpoint, tr_error_t *error);
const char *tr_stream_endpoint(const tr_stream_t *self);
/* Connects to it no more, until it is resumed. Both idempotent. */
void tr_stream_pause(tr_stream_t *self);
void tr_stream_resume(tr_stream_t *self);

/* 0, or -ENAMETOOLONG (libzmq 4.3.4 corrupts connections on long ones, so they never reach it). */
int tr_stream_subscribe(tr_stream_t *self, const char *prefix, size_t len);

/* Waits until there may be something, at most timeout_ms (-1 = for ever), or until interrupt_fd (-1 = none)
 * can be read: -EINTR. */
int tr_stream_wait(tr_stream_t *self, int64_t timeout_ms, int interrupt_fd);
tr_stream_event_t tr_stream_next_event(tr_stream_t *self);
/* The next record: 1, 0 = none now, -EBADMSG = something that is no message of the stream was skipped. */
int tr_stream_next(tr_stream_t *self, tr_stream_message_t *ret_message);

#endif
