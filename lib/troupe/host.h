/*
 * A host: one link to a broker, and the agents that live behind it.
 *
 *     tr_host_t *host;
 *     tr_host_new(&(tr_host_options_t){.endpoint = "tcp://127.0.0.1:5570"}, &host, &error);
 *     tr_host_add(host, "echo-1", &echo_behaviour, NULL, &agent, &error);
 *     tr_host_run(host);
 *     tr_host_destroy(&host);
 *
 * Threads: a host belongs to the thread that calls its functions; only tr_host_stop and tr_host_post may come
 * from others (and tr_host_stop from a signal handler). The library starts one thread of its own, which keeps
 * the link alive while a behaviour is busy, and ZeroMQ's. Nothing is shared between hosts.
 */
#ifndef TROUPE_HOST_H
#define TROUPE_HOST_H

#include "lib/base/error.h"
#include "troupe/agent.h"
#include "troupe/state.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_host tr_host_t;

typedef enum tr_host_event {
    TR_HOST_CONNECTED,    /* detail: the platform */
    TR_HOST_RESUMED,      /* the session outlived a lost connection */
    TR_HOST_DISCONNECTED, /* detail: why; it connects again by itself */
    TR_HOST_REFUSED,      /* the broker refused something: detail */
    TR_HOST_RESTARTED,    /* an agent's behaviour failed and was started again: detail */
    TR_HOST_GAVE_UP,      /* an agent failed too often; the host stops with TR_HOST_EXIT_GAVE_UP */
    TR_HOST_HANGS,   /* a callback has been running for longer than hang_ms: detail is the agent (from the
                        keeper's thread) */
    TR_HOST_DROPPED, /* a message could not be handed to an agent: detail */
    TR_HOST_HUNG,    /* as TR_HOST_HANGS, for longer than hung_ms: it will not return, and only the process's
                        end helps */
    TR_HOST_UNSAVED, /* the state of agents could not be saved, or restored: detail. What they did since is undone */
    TR_HOST_MOVED, /* an agent is another process's now (`troupe move`): detail is its name */
    TR_HOST_TAKEN_AGAIN, /* one that was moved here before the process was started is here again: detail is its name */
    TR_HOST_NOT_TAKEN, /* one is not: detail is its name and why */
    TR_HOST_WARNED, /* an agent says what its operator should know (tr_agent_warn): detail is its name and that */
    TR_HOST_MESSAGE, /* an agent is about to get a message: detail is its performative and its sender. Only with tell_messages */
} tr_host_event_t;

typedef struct tr_host_options {
    const char *endpoint;    /* of the broker: tcp://host:port or ipc://path */
    const char *certificate; /* file with the secret part of one (`troupe cert new`), which also says who the
                                broker is; read again for each connection. NULL: not encrypted */
    const char *process;     /* what this process is, for people; NULL = "libtroupe" */
    uint32_t window_records; /* what the broker may send ahead; 0 = 32768 */
    uint64_t window_bytes;   /* 0 = 8 MiB */
    uint64_t queue_bytes;    /* outgoing queue, and durable messages not stored yet; 0 = 8 MiB */
    bool
        durable; /* mailboxes, services and subscriptions of its agents are durable: the broker must keep a journal */
    const char *
        producer; /* whose durable messages these are: a name of 1 to 64 bytes that no other process uses; NULL = a
                             random one. One that is used again needs a greater epoch each time. */
    uint64_t producer_epoch;
    tr_states_t
        *states; /* where the state of its agents is kept; NULL = nowhere. Borrowed for the host's life */
    int64_t
        passive_ms; /* an agent whose state is kept, and which is idle for so long, is freed until its next message comes; 0 = never */
    uint32_t
        trace_one_in; /* of the messages that its agents send of themselves, one in so many begins a trace
                              (troupe/trace.h); 0 = none */
    uint32_t
        trace_per_second; /* such traces that begin in a second at most; 0 = 1000, TR_HOST_TRACE_ALL = as many as come */
    int64_t connect_ms;         /* give up the first connection after so long; 0 = 10 s, -1 = never */
    int64_t hang_ms;            /* 0 = 30 s */
    int64_t hung_ms;            /* at least hang_ms; 0 = TR_HOST_HUNG is never told */
    uint32_t restart_intensity; /* failures of one agent within restart_period_ms that are tolerated before
                                       the host gives up; 0 = 5, TR_HOST_RESTART_NEVER = none */
    int64_t restart_period_ms;  /* 0 = 30 s */
    int64_t restart_backoff_ms; /* first pause, doubled each time; 0 = 100 ms */
    int64_t restart_max_backoff_ms; /* the longest pause; 0 = 10 s */
    bool tell_messages;             /* for a log of all that agents get */
    void (*on_event)(void *arg, tr_host_event_t event, const char *detail); /* may be NULL */
    void *arg;
} tr_host_options_t;

#define TR_HOST_EXIT_GAVE_UP  70
#define TR_HOST_EXIT_MOVED    72 /* of troupe-agentd: its agent is another process's (`troupe move`) */
#define TR_HOST_RESTART_NEVER UINT32_MAX
#define TR_HOST_TRACE_ALL     UINT32_MAX

/* Connects and waits for the broker's welcome. 0; -ETIMEDOUT, -EINVAL, -EPROTO, -EACCES (the broker does not
 * let the certificate in), -EPERM (others can read it), the errno of a certificate that cannot be read, with
 * a text. Copies the options' strings. */
int tr_host_new(const tr_host_options_t *options, tr_host_t **ret_host, tr_error_t *error);
/* Ends the agents, says goodbye to the broker (everything sent before is taken), frees. NULL-safe. */
void tr_host_destroy(tr_host_t **self);

/* Registers one agent and calls init. The behaviour is borrowed for the host's life. `args`: a JSON object or
 * NULL. ret_agent may be NULL. It waits for the broker, and others are called meanwhile; so it is not for an
 * agent's callback, which posts a function that adds (tr_host_post). -EEXIST: the name is taken; -EINVAL;
 * -ETIMEDOUT; -EDEADLK: from within a callback; -EREMOTE: by the store it was moved away from here; what init returned. */
int tr_host_add(tr_host_t *self, const char *name, const tr_behaviour_t *behaviour, const char *args,
    tr_agent_t **ret_agent, tr_error_t *error);
/* The agents NAME-0 .. NAME-(count-1) as one registration. */
int tr_host_add_range(tr_host_t *self, const char *name, uint32_t count, const tr_behaviour_t *behaviour,
    const char *args, tr_error_t *error);
/* The i-th agent of the range (or of the single agent) `name`; NULL where there is none. */
tr_agent_t *tr_host_agent(tr_host_t *self, const char *name, uint32_t index);
/* Ends and deregisters the agents that were added under this name. 0, -ENOENT, -EDEADLK as above. */
int tr_host_remove(tr_host_t *self, const char *name);

/*
 * Takes an agent that is being moved here, with its state: `order` is the content of the request that the AMS makes of a station, an
 * agent that offers the service `station` (docs/protocol.md, section 15: move). `find` gives the behaviour of that name, NULL where there is
 * none. Not from within a callback, as tr_host_add. It has a name, services and subscriptions then, and gets nothing until the
 * station has answered the AMS by inform. Negative errno with a text: it stays where it was; answer by failure.
 */
typedef const tr_behaviour_t *(*tr_find_behaviour_fn)(void *arg, const char *name);
int tr_host_take(tr_host_t *self, tr_value_t order, tr_find_behaviour_fn find, void *arg, tr_error_t *error);

/*
 * Takes those again that were here when the process ended, by the list in the host's store; nobody where it has none. Each has its name,
 * services, subscriptions and state as tr_host_add would have given it them. One that cannot be taken is told as TR_HOST_NOT_TAKEN, and stays on
 * the list, but for one whose name somebody else has: that is the agent now. -EDEADLK as above, -ENOMEM, or what the store says, which
 * is told likewise.
 */
int tr_host_take_again(tr_host_t *self, tr_find_behaviour_fn find, void *arg);
/* Whether it hosts nobody (any more). */
bool tr_host_is_empty(const tr_host_t *self);

/* Runs until tr_host_stop. Returns its code. */
int tr_host_run(tr_host_t *self);
/* One turn of the loop: waits at most timeout_ms (-1 = for ever) for something to do and does it. 1 =
 * something was done, 0 = timed out, -EDEADLK as above. */
int tr_host_step(tr_host_t *self, int64_t timeout_ms);
/* Any thread, signal handlers too. */
void tr_host_stop(tr_host_t *self, int code);
bool tr_host_stopping(const tr_host_t *self);
/* Calls fn in the host's thread soon. Any thread. 0 or -ENOMEM. */
int tr_host_post(tr_host_t *self, void (*fn)(tr_host_t *host, void *arg), void *arg);

/* For on_event, of TR_HOST_RESTARTED, TR_HOST_GAVE_UP, TR_HOST_MESSAGE and TR_HOST_WARNED, which come in the host's thread: the message that it is
 * about, good until it returns. NULL: it was none (a timer), or its behaviour has kept it. */
const tr_message_t *tr_host_event_message(const tr_host_t *self);
/* What a behaviour is called with now, good until it returns; in the host's thread alone. NULL: with none. */
const tr_message_t *tr_host_message(const tr_host_t *self);
/* For TR_HOST_HANGS and TR_HOST_HUNG, in on_event: trace and conversation of the message that is in work, good until it returns; NULL: it has none. */
void tr_host_busy_with(const tr_host_t *self, const char **ret_trace, const char **ret_conversation);

const char *tr_host_platform(const tr_host_t *self);
/* Endpoint of the broker's topic stream. */
const char *tr_host_stream(const tr_host_t *self);
/* Why one more watcher of it with this process's certificate would be cut off, when the link came up last; "" where it would not. */
const char *tr_host_stream_refusal(const tr_host_t *self);
/* Whether the link is up now. */
bool tr_host_connected(const tr_host_t *self);

typedef struct tr_host_stats {
    uint64_t received, sent, published; /* records */
    uint64_t bytes_in, bytes_out;
    uint64_t bundles_in, bundles_out;
    uint64_t dropped; /* received for nobody */
    uint64_t reconnects, restarts;
    uint64_t queued_bytes; /* outgoing, now */
} tr_host_stats_t;
void tr_host_stats(tr_host_t *self, tr_host_stats_t *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
