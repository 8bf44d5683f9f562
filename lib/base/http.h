/*
 * The small HTTP port of a daemon: GET (and HEAD) of /metrics, /healthz and /readyz; anything else is 404, or
 * 405 for other methods.
 *
 * It has a thread of its own (256 KiB of stack), so that a busy or stuck main loop still answers probes.
 * Every reply closes its connection. Bounds, so that no client can hold memory: 8 KiB of request line and
 * headers (431), no bodies (413), 64 connections at once (further ones are closed at once), and 5 s for a
 * connection from accept to last byte, however slowly the client sends or reads: it is cut.
 *
 * There is no TLS and no login: bind it to loopback or to a network of the operators'.
 */
#ifndef TR_BASE_HTTP_H
#define TR_BASE_HTTP_H

#include "lib/base/buffer.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What the daemon answers. All are called in the HTTP thread, one at a time, while the daemon's own threads
 * run: they read atomics or take a short lock, and never block. Each may be NULL: no metrics (404), always
 * healthy, always ready.
 */
typedef struct tr_http_ops {
    /* /metrics: appends the text of TR_METRICS_CONTENT_TYPE. A failed buffer is answered with 500. */
    void (*metrics)(void *context, tr_buffer_t *body);
    /* /healthz: true = 200: the process works, restart it if not. May append a reason, one line. */
    bool (*healthy)(void *context, tr_buffer_t *reason);
    /* /readyz: true = 200, false = 503: traffic may be sent to it. May append a reason, one line. */
    bool (*ready)(void *context, tr_buffer_t *reason);
} tr_http_ops_t;

typedef struct tr_http_config {
    const char *listen;       /* "127.0.0.1:9100", "[::1]:9100", "0.0.0.0:9100", ":9100" (all addresses),
                                 "localhost:0"; port 0 = the kernel's choice */
    const tr_http_ops_t *ops; /* borrowed, with its context, until destroy */
    void *context;
    const char *
        told_in; /* a directory: where the port is stands in TOLD_IN/TOLD_AS.json while it is open, as Prometheus
                            reads it (file_sd_configs); NULL = it is told nowhere */
    const char *told_as,
        *job; /* the process, "reader-1", and what it is, "troupe-agentd": without quotes and backslashes */
    int64_t timeout_ms;      /* of a whole connection; 0 = 5000 */
    size_t most_connections; /* 0 = 64 */
} tr_http_config_t;

typedef struct tr_http tr_http_t;

/* Binds, and starts the thread; on return the port answers. -EINVAL (listen cannot be read), -EADDRINUSE
 * ("127.0.0.1:9100 is in use: ..."), -EADDRNOTAVAIL, -EACCES, -EAI_* as -EINVAL, -ENOMEM, each with a text
 * that says the cure. */
int tr_http_new(const tr_http_config_t *config, tr_http_t **ret_http, tr_error_t *error);
/* Stops the thread, cuts what is open, closes the port. Not from the ops. */
void tr_http_destroy(tr_http_t **self);

/* The address that it is bound to, with the real port: "127.0.0.1:38211". */
const char *tr_http_address(const tr_http_t *self);
uint16_t tr_http_port(const tr_http_t *self);

#endif
