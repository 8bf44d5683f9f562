/*
 * HTTP requests, many at once, none of which blocks: libcurl's multi handle on the loop of lib/llm/loop.h.
 *
 * What libcurl asks for is kept: one thread for a multi handle, no signals, HTTP/1.1 (streams of events stall others on a
 * shared HTTP/2 connection), transfers are never paused. Its callbacks only put bytes aside; the callbacks here are called
 * after it has returned, so they may start and cancel transfers, their own too.
 *
 * libcurl resolves names in a thread per look-up. So that a thousand calls to one server do not become a thousand threads, one
 * transfer to each origin goes first, and the others wait until it has the address (transfer_origin.c).
 *
 * Redirects are not followed: they would carry the key to somebody else.
 */
#ifndef TR_LLM_TRANSFER_H
#define TR_LLM_TRANSFER_H

#include "lib/base/error.h"
#include "lib/llm/loop.h"

#include <stddef.h>
#include <sys/socket.h>

#define TR_LLM_KEPT_MAX 2048

typedef struct tr_llm_transfers tr_llm_transfers_t;
typedef struct tr_llm_transfer tr_llm_transfer_t;

/* How a transfer ended. What is above TR_LLM_END_WHOLE has no complete answer. */
typedef enum tr_llm_end {
    TR_LLM_END_WHOLE,       /* the answer is all there, as far as HTTP can tell; whatever its status */
    TR_LLM_END_UNREACHABLE, /* no such name, nobody listens, TLS failed */
    TR_LLM_END_CONNECT,     /* not connected in time */
    TR_LLM_END_FIRST_BYTE,  /* connected and asked, no byte of the answer's body in time */
    TR_LLM_END_IDLE,        /* too long nothing within the body */
    TR_LLM_END_TOTAL,       /* not done in time */
    TR_LLM_END_BROKEN,      /* the connection was lost, or is no HTTP */
    TR_LLM_END_TOO_LARGE,   /* more than body_max bytes */
    TR_LLM_END_STOPPED,     /* `data` returned false */
    TR_LLM_END_FORBIDDEN,   /* may_connect said no to each address */
    TR_LLM_END_FAILED,      /* here: no memory, no descriptor, a URL that is none */
} tr_llm_end_t;

typedef struct tr_llm_limits {
    int64_t connect_ms;    /* name, connection and TLS */
    int64_t first_byte_ms; /* from then to the first byte of the answer's body; its headers do not count */
    int64_t idle_ms;       /* between bytes of the body */
    int64_t total_ms;      /* from the start */
    size_t body_max;       /* bytes */
} tr_llm_limits_t;

typedef struct tr_llm_report {
    tr_llm_end_t end;
    int status;             /* of HTTP, 0 = none came */
    int64_t retry_after_ms; /* as the server asked, -1 = it did not */
    char content_type[64];
    char kept[TR_LLM_KEPT_MAX +
              1];     /* the header that was asked for; "" where there is none, or it is longer */
    char detail[256]; /* what went wrong, for people; "" where nothing did */
} tr_llm_report_t;

/* Not called after tr_llm_transfer_cancel, nor after done. The report is complete in `done`; before, it has status, content_type
 * and kept once the head is there. */
typedef struct tr_llm_transfer_ops {
    /* Bytes of the body, borrowed. False: enough, the connection is closed. */
    bool (*data)(void *arg, const tr_llm_report_t *report, const char *bytes, size_t len);
    void (*done)(void *arg, const tr_llm_report_t *report);
} tr_llm_transfer_ops_t;

/* One part of a multipart/form-data body. */
typedef struct tr_llm_part {
    const char *name;
    const void *data;
    size_t len;
    const char *file; /* name of the file, NULL = a plain field */
    const char *type; /* media type, NULL = none said */
} tr_llm_part_t;

typedef struct tr_llm_http {
    const char *method; /* NULL = POST; GET and DELETE have no body */
    const char *url;
    const char *const *headers; /* "Name: value", ended by NULL */
    const void *body;           /* borrowed until done or cancelled; NULL: parts */
    size_t body_len;
    const tr_llm_part_t *parts; /* copied */
    size_t parts_n;
    const char *ca_file;     /* NULL = the system's */
    const char *keep_header; /* constant: which header of the answer is wanted; NULL = none */
    /* Whether an address may be connected to, with the `arg` of the ops; no proxy is used then. NULL = each, and as the environment says. */
    bool (*may_connect)(void *arg, const struct sockaddr *address);
    tr_llm_limits_t limits;
} tr_llm_http_t;

/* The loop is borrowed and outlives it. 0 or negative, with a text. */
int tr_llm_transfers_new(tr_llm_loop_t *loop, tr_llm_transfers_t **ret_self, tr_error_t *error);
/* Cancels what runs. NULL-safe. */
void tr_llm_transfers_destroy(tr_llm_transfers_t **self);

/* Starts a request. What cannot be is told by `done`, soon; so this fails with -ENOMEM only. */
int tr_llm_transfer_start(tr_llm_transfers_t *self, const tr_llm_http_t *http,
    const tr_llm_transfer_ops_t *ops, void *arg, tr_llm_transfer_t **ret_transfer);
/* Ends it without a word. NULL-safe, nulls the reference. */
void tr_llm_transfer_cancel(tr_llm_transfer_t **transfer);

#endif
