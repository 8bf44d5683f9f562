/*
 * What daemons have in common that are one agent which serves (the coordinator, the knowledge base): their options, log and signals, the
 * link to the broker, the name and the services, and how they end.
 *
 * The order: start, whatever needs no broker, connect, join, then tell that it is ready; finish in any case. A signal ends it at each of
 * these steps.
 *
 * One thread, but for the log. Negative errno with a text; -EINTR: a signal came, and it is to end with TR_RESIDENT_OK.
 */
#ifndef TR_RESIDENT_RESIDENT_H
#define TR_RESIDENT_RESIDENT_H

#include "lib/base/alive.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/options.h"
#include "lib/resident/port.h"
#include "troupe/host.h"

#include <pthread.h>

typedef enum tr_resident_exit {
    TR_RESIDENT_GO = -1, /* no exit code: the process goes on */
    TR_RESIDENT_OK = 0,
    TR_RESIDENT_USAGE = 1,
    TR_RESIDENT_UNREACHABLE = 2,
    TR_RESIDENT_REFUSED = 3, /* by the broker, or something that it was given is not valid */
    TR_RESIDENT_DISK = 5,    /* what was acknowledged can no longer be promised */
} tr_resident_exit_t;

/* Stands first in a daemon's own options, which own the strings. */
typedef struct tr_resident_options {
    const char *connect;
    const char *cert; /* NULL: as TROUPE_CERT says */
    const char *name;
    const char *data; /* directory */
    int64_t connect_ms;
    int64_t ready_fd; /* -1 = none */
    int64_t die_with; /* pid, 0 = none */
    int log_level, log_format;
    tr_port_options_t port;
} tr_resident_options_t;

/* Their rows in the table of options: those that a user thinks of first, and those at the end. */
#define TR_RESIDENT_LINK_OPTIONS(NAME)                                                                       \
    {"connect", 'c', "ENDPOINT", TR_STRING(tr_resident_options_t, connect), "tcp://127.0.0.1:5570",          \
        "The broker: tcp://HOST:PORT or ipc://PATH."},                                                       \
        {"cert", 0, "FILE", TR_STRING(tr_resident_options_t, cert), NULL,                                    \
            "The secret part of this process's certificate, for a broker that wants one. TROUPE_CERT says "  \
            "the same for all of Troupe's programs."},                                                       \
    {                                                                                                        \
        "name", 'n', "NAME", TR_STRING(tr_resident_options_t, name), NAME, "The agent's name."               \
    }
#define TR_RESIDENT_OPTIONS(NAME, DATA, DATA_HELP)                                                           \
    TR_RESIDENT_LINK_OPTIONS(NAME), {                                                                        \
        "data", 'd', "DIR", TR_STRING(tr_resident_options_t, data), DATA, DATA_HELP                          \
    }
#define TR_RESIDENT_MORE_OPTIONS                                                                             \
    {"connect-time", 0, "TIME", TR_DURATION(tr_resident_options_t, connect_ms), "10s",                       \
        "Give up when the broker was not reached in this time.", .min = 1, .max = 86400000},                 \
        {"ready-fd", 0, "FD", TR_INT(tr_resident_options_t, ready_fd), "-1",                                 \
            "Write the line READY to this file descriptor, and close it, when requests are taken.",          \
            .min = -1, .max = 1 << 20, .flags = TR_OPTION_FLAG_ONLY},                                        \
        {"die-with", 0, "PID", TR_INT(tr_resident_options_t, die_with), "0",                                 \
            "Stop when this parent process ends.", .min = 0, .max = INT32_MAX,                               \
            .flags = TR_OPTION_FLAG_ONLY},                                                                   \
        TR_PORT_OPTIONS(tr_resident_options_t, port), TR_LOG_OPTIONS(tr_resident_options_t)

/* What is wrong with them, NULL = nothing. */
const char *tr_resident_options_wrong(const tr_resident_options_t *options);

/* Which daemon it is. All constant. */
typedef struct tr_resident_kind {
    const char *process;   /* "troupe-kbd" */
    const char *component; /* of the log: "kbd" */
    const tr_event_t *stopping, *stopped, *connected, *disconnected, *refused, *cannot_start;
    const tr_event_t *message; /* that it gets, of level debug; NULL: they are not told */
    tr_port_more_fn *measure;  /* adds what it counts; gets the owner; may be NULL */
    bool
        port_later; /* the daemon opens its port itself (tr_resident_open_port), when it has what is counted */
} tr_resident_kind_t;

typedef struct tr_resident {
    const tr_resident_kind_t *kind;
    const tr_resident_options_t *options; /* borrowed */
    tr_log_t log;
    tr_alive_t *alive; /* NULL: nobody looks for it */
    tr_host_t *host;
    pthread_t thread; /* the host's */
    tr_agent_t *agent;
    _Atomic bool ready;         /* it has said so */
    void (*known)(void *owner); /* while tr_resident_when_known waits */
    tr_port_t port;
    _Atomic unsigned sessions; /* with the broker, begun by now: from the link's thread */
    uint64_t window_bytes; /* that the broker may send ahead, set between start and connect; 0 = as usual */
    int signal_fd;
    int code; /* of the exit */
} tr_resident_t;

int tr_resident_start(tr_resident_t *self, const tr_resident_kind_t *kind,
    const tr_resident_options_t *options, tr_error_t *error);
int tr_resident_connect(tr_resident_t *self, tr_error_t *error);
/* The agent, whose state is one pointer: to `owner`. services ends with NULL. -EEXIST: the name is taken. */
int tr_resident_join(tr_resident_t *self, const tr_behaviour_t *behaviour, void *owner,
    const char *const *services, tr_error_t *error);
/* The port of its options, with what the kind's `measure` adds; the join does it, unless the kind says `port_later`. */
int tr_resident_open_port(tr_resident_t *self, void *owner, tr_error_t *error);
/* known(owner) once, from the host's loop: when the DF has all that the agent offers, or after ten seconds; at once where it cannot be asked. Who is told
 * earlier that the process is ready may ask for a service that nobody knows yet. */
void tr_resident_when_known(tr_resident_t *self, void (*known)(void *owner), void *owner);
/* Tells who started the process, where there is one. */
void tr_resident_ready(tr_resident_t *self);
/* The same with a line of its own, which ends with a newline. */
void tr_resident_ready_line(tr_resident_t *self, const char *line);
/* Why it could not start, in the log; the exit code for that. */
int tr_resident_failed(tr_resident_t *self, int rc, const tr_error_t *error);
/* The host's loop ends soon, and the process with this code. */
void tr_resident_stop(tr_resident_t *self, tr_resident_exit_t code);
/* Ends the link, without a word to the agent's owner, who may be half gone. What was allocated for conversations can be let go after it. */
void tr_resident_leave(tr_resident_t *self);
/* After all else: the last line of the log. */
void tr_resident_finish(tr_resident_t *self);

#endif
