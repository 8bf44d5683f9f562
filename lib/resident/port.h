/*
 * The HTTP port of a daemon around a host: /metrics of it and of its process, /healthz, which a thread of its own answers so that a busy agent
 * is no dead one, and /readyz, which is 503 while there is no link to the broker or the daemon does not serve yet.
 *
 * With a directory, the port's address is in DIRECTORY/NAME.json as Prometheus reads it (file_sd_configs with every .json of a directory), from when it
 * listens until it is closed: processes may then have ports of the kernel's choice.
 */
#ifndef TR_RESIDENT_PORT_H
#define TR_RESIDENT_PORT_H

#include "lib/base/http.h"
#include "lib/base/http_file.h"
#include "lib/base/metrics.h"
#include "troupe/host.h"

/* What each daemon's options have for it. */
typedef struct tr_port_options {
    const char *http; /* ADDRESS:PORT; NULL or "none" = no port */
    const char *directory;
} tr_port_options_t;

#define TR_PORT_OPTIONS(S, MEMBER)                                                                           \
    {"http", 0, "ADDRESS", TR_STRING(S, MEMBER.http), "none",                                                \
        "HOST:PORT of /metrics, /healthz and /readyz; port 0: one of the kernel's choice; `none` for no "    \
        "such port."},                                                                                       \
    {                                                                                                        \
        "http-file", 0, "DIR", TR_STRING(S, MEMBER.directory), NULL, TR_HTTP_FILE_HELP                       \
    }

typedef struct tr_port {
    tr_metrics_t *metrics;
    tr_http_t *http; /* NULL: there is none */
    tr_host_t *host;
    _Atomic bool serves;
} tr_port_t;

typedef int tr_port_more_fn(void *arg, tr_metrics_t *metrics, tr_error_t *error);

/* Of `host`, by the host's thread. `name` and `job` ("kbd") are told in the file. `more` adds what the daemon counts itself; may be NULL. Without an
 * address nothing is done. 0, or a negative errno with a text; close it in both cases. */
int tr_port_open(tr_port_t *self, const tr_port_options_t *options, const char *name, const char *job,
    tr_host_t *host, tr_port_more_fn *more, void *arg, tr_error_t *error);
/* From now on /readyz may be 200. */
void tr_port_serves(tr_port_t *self, bool serves);
/* Before the host ends. Idempotent. */
void tr_port_close(tr_port_t *self);

#endif
