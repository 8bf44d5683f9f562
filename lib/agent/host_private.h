/* The inside of a host, shared by the files of lib/agent. */
#ifndef TR_AGENT_HOST_PRIVATE_H
#define TR_AGENT_HOST_PRIVATE_H

#include "lib/agent/timer.h"
#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/fleet/restart.h"
#include "lib/link/link.h"
#include "proto/topic.h"
#include "proto/traceparent.h"
#include "troupe/host.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

typedef struct tr_hosted tr_hosted_t;
typedef struct tr_storing tr_storing_t; /* durable.c */
typedef struct tr_saved tr_saved_t;     /* saved.h */
typedef struct tr_tracing tr_tracing_t; /* traced.h */
typedef struct tr_meter tr_meter_t;     /* meter.h */
typedef struct tr_spent tr_spent_t;     /* spent.h */

typedef enum tr_agent_status {
    TR_AGENT_NEW, /* not begun */
    TR_AGENT_RUNNING,
    TR_AGENT_BACKOFF, /* its behaviour failed; it begins again soon, its messages wait */
    TR_AGENT_ENDED,
    TR_AGENT_PASSIVE, /* at rest: its state is in the store only, and its next message brings it back */
    TR_AGENT_AWAY,    /* its state is on its way to another process, or it has come back to here (leave.c) */
} tr_agent_status_t;

#define TR_FAILURES_KEPT 8u

typedef struct tr_failure {
    int code;      /* negative errno */
    int64_t at_ms; /* wall */
} tr_failure_t;

/* What only some agents have, so that an idle one is small. */
typedef struct tr_agent_more {
    tr_message_t *waiting, **waiting_end; /* messages that came during a backoff */
    char **services;
    uint32_t *capacities;
    size_t services_n;
    void *described; /* beside them, by tr_describe; NULL = nothing */
    size_t described_len;
    uint64_t provided_in; /* the session in which the DF was told */
    tr_timer_t *tick;
    int64_t tick_ms;
    tr_restart_history_t history; /* of its restarts */
    int64_t begun_ms;             /* since its last failure, 0 = it never failed */
    uint32_t failures;            /* in all */
    struct tr_failure *failed;    /* the last TR_FAILURES_KEPT, by their number; NULL = it never failed */
    struct tr_conversations *conversations; /* NULL where it takes part in no protocol */
    tr_saved_t *saved;                      /* NULL where its state is kept nowhere */
    uint32_t
        under_way; /* timers, descriptors, durable messages: of one whose state is kept, it does not rest */
    unsigned
        kept; /* messages that its behaviour has kept; counted where that could save its state, and nobody keeps it */
} tr_agent_more_t;

struct tr_agent {
    tr_hosted_t *hosted;
    tr_agent_more_t *more;
    uint32_t index;
    uint8_t status;
};

/* What was added under one name. */
struct tr_hosted {
    tr_hosted_t *next;
    tr_host_t *host;
    tr_registration_t *registration;
    const tr_behaviour_t *behaviour;
    char *name;
    size_t name_len;
    uint32_t count;
    uint32_t passive; /* of them */
    bool range;
    bool saves; /* the state of its agents is kept */
    bool
        stored; /* that is promised of them, here or where they came from: not only because this host has a store */
    bool moves;   /* it can be: its behaviour has save and restore */
    bool arrived; /* it came from another process, and nobody has heard anything of it since */
    tr_agent_t *agents;
    char *states; /* behaviour->state_size each, untouched pages cost nothing */
    void *args_bytes;
    size_t args_len;
    tr_content_t args;
};

struct tr_message {
    tr_host_t *host;
    tr_agent_t *agent;
    tr_record_t record;
    uint64_t epoch;
    tr_message_type_t type;
    bool kept;        /* this one is a copy of its own */
    bool claimed;     /* somebody keeps a copy: the view is not finished here */
    bool lease_taken; /* a conversation settles it */
    bool read;        /* acl is valid, or failed to be read */
    bool read_failed;
    bool valued; /* value was tried */
    bool has_value;
    bool counted;     /* left is valid */
    uint32_t life;    /* of a kept one: of its agent, whose state is kept; 0 = of no other */
    tr_budget_t left; /* to spend */
    uint64_t span;    /* of its handling; 0 = it is not traced */
    tr_traceparent_t parent;
    int64_t began_ns;
    int64_t received_ns; /* where the host is measured; else 0 */
    tr_acl_t acl;
    tr_arena_t arena;
    tr_content_t value;
    char topic[TR_TOPIC_MAX + 1];
    tr_message_t *next; /* in a list of those that wait */
    uint8_t bytes[];    /* of a kept one */
};

/* Of a leased message: what it takes to settle it later, without the message. agent 0 = none. */
typedef struct tr_lease {
    tr_route_t agent;
    uint64_t number;
} tr_lease_t;

#define TR_ID_SIZE 28 /* of an id that tr_new_id makes, with its NUL */

typedef struct tr_pending {
    tr_agent_t *agent;
    tr_answer_fn on_answer;
    void *arg;
    tr_timer_t *timer;
    uint64_t position; /* of the link, when it was sent: TR_NOT_LOST = its receiver's end does not end it */
    uint8_t act;
    bool of_status; /* what it asks about is how things stand: what tells that is the answer */
    char reply_with[TR_ID_SIZE];
    char *conversation; /* in text, behind the receiver */
    char receiver[];
} tr_pending_t;

#define TR_NOT_LOST UINT64_MAX

typedef struct tr_watched {
    tr_agent_t *agent;
    tr_watch_fn fn;
    void *arg;
    int fd;
    short events;
} tr_watched_t;

typedef struct tr_posted {
    struct tr_posted *next;
    void (*fn)(tr_host_t *host, void *arg);
    void *arg;
} tr_posted_t;

/* For what is sent: the message that it is sent under. */
typedef struct tr_traced {
    tr_message_t *handled; /* traced or not; NULL = none */
    tr_message_t *message; /* NULL = none that is traced */
} tr_traced_t;

#define TR_BUSY_CONVERSATION 512 /* bytes of an id that the log is told, at most */

struct tr_host {
    tr_link_t *link;
    tr_hosted_t *hosted;
    tr_timers_t timers;
    tr_message_t *view;             /* the message that is being handed out */
    tr_storing_t *storing;          /* durable messages that somebody waits to see stored */
    tr_states_t *states;            /* NULL = the state of agents is kept nowhere */
    tr_saved_t *unsaved;            /* of agents that have something to save */
    tr_saved_t *awake, **awake_end; /* who was not called for longest comes first */
    int64_t passive_ms;             /* who is not called for so long rests; 0 = nobody does */
    tr_timer_t *passive_timer;
    tr_tracing_t *tracing;       /* NULL until something is traced */
    tr_meter_t *meter;           /* NULL: nobody measures */
    tr_spent_t *spent;           /* NULL: no model was used yet */
    tr_traced_t traced;          /* the message that is being handled */
    const tr_message_t *told_of; /* for on_event */
    bool tell_messages;          /* TR_HOST_MESSAGE */
    uint32_t trace_one_in;       /* of the messages that agents send of themselves begins a trace; 0 = none */
    uint32_t trace_per_second;   /* so many of these in a second at most; TR_HOST_TRACE_ALL = no bound */
    uint32_t trace_gap; /* so many of those before the next that does: drawn anew each time (traced.c) */
    struct tr_leaving *leaving; /* agents that are being moved to another process (leave.c) */
    struct tr_taken *taken;     /* agents that were moved here, by the store (taken.h) */
    bool taken_read;            /* that was read from it, ... */
    bool taken_changed;         /* ... it is another one since, ... */
    bool taken_due;             /* ... and is to be stored at the end of this turn, whatever else is */
    bool waking;                /* an agent that rested begins: what it subscribes to is there */
    tr_map_t pending;           /* reply-with -> tr_pending_t */
    struct tr_conversations *conversations; /* of all agents that have any */
    uint64_t unique, counter;               /* make conversation ids */
    uint64_t session;                       /* of the link, as last seen */
    tr_watched_t *watched;
    size_t watched_n;
    struct pollfd *polls;
    size_t polls_cap;
    int wake_fd;
    uint64_t dropped, restarts;
    uint32_t lives; /* of agents whose state is kept, so far */
    bool expects;   /* the turn before took bundles, so the next may be about to come */
    bool calling;   /* an agent's callback runs: the message that it has is the one in view */
    /* the owner of the last record, because records come in runs */
    tr_hosted_t *last_hosted;
    tr_route_t last_first;
    int64_t hang_ms, hung_ms; /* hung_ms 0 = never */
    bool durable;
    tr_restart_t restart; /* of each agent */
    void (*on_event)(void *arg, tr_host_event_t event, const char *detail);
    void *arg;

    pthread_mutex_t post_lock;
    tr_posted_t *posted, **posted_end;
    atomic_bool has_posted; /* read without the lock */
    atomic_bool posts;      /* somebody ever did, or wants an end: that should not wait */

    /* Between the host's thread and others. */
    atomic_int stop;            /* 1 + code, 0 = run */
    atomic_uint_fast64_t steps; /* callbacks begun */
    atomic_bool waits;          /* the host's thread is at its post: in poll, ready for what comes */
    _Atomic(tr_agent_t *) running;
    _Atomic(const tr_message_t *) busy; /* what it is called with; NULL: with none */
    atomic_bool looked_at;              /* the keeper may read that: under its lock, which leaving it takes */
    struct {
        char trace[TR_TRACE_ID_SIZE], conversation[TR_BUSY_CONVERSATION + 1];
    } hangs; /* the keeper's own, of what it tells of; "": none */
    pthread_t keeper;
    pthread_mutex_t keeper_lock;
    pthread_cond_t keeper_wake;
    bool keeper_runs, keeper_end;
};

/* saved.c */
/* Something runs for an agent whose state is kept: it is saved at the end of this turn. */
void tr_saved_touch(tr_host_t *host, tr_agent_t *agent);
/* Saves whatever there is to save, and lets go what waits for that. */
void tr_saved_commit(tr_host_t *host);
/* The lease is settled once the state is saved; false: it is given back instead. */
bool tr_saved_settle(tr_agent_t *agent, tr_lease_t lease);
/* Whether the agent's state has this message in it already; then it is dealt with. */
bool tr_saved_knows(tr_message_t *message);
/* What is sent from now on is sent under this message; gives what tr_saved_under_again needs. */
uint64_t tr_saved_under(tr_agent_t *agent, const tr_message_t *message);
void tr_saved_under_again(tr_agent_t *agent, uint64_t before);
/* After init. 0 or a negative errno, which has been told. */
int tr_saved_load(tr_agent_t *agent);
/* init and that are over. What they did needs no saving: it would be done again. */
void tr_saved_begun(tr_agent_t *agent, bool well);
/* Its turn is undone: before anything is said of that. */
void tr_saved_undo(tr_agent_t *agent);
/* Before fini; and when the agent is to begin anew, or ends: what was not saved is lost, and its messages are given back. */
void tr_saved_ends(tr_agent_t *agent);
void tr_saved_forget(tr_agent_t *agent);
/* Its behaviour keeps a message, in the life that is given back; or has finished one that it kept in that life. */
uint32_t tr_saved_keep(tr_agent_t *agent);
void tr_saved_unkeep(tr_agent_t *agent, uint32_t life);
/* saved_pack.c */
/* What is known of it, with its behaviour's state, as one msgpack map; and the same read again: after init, in place of the store's. 0, what
 * save or restore returned, -EBADMSG, -ENOMEM. Read again, `moves` counts one more. */
int tr_saved_pack(tr_agent_t *agent, tr_content_writer_t *out);
int tr_saved_unpack(tr_agent_t *agent, const void *packed, size_t len);
/* How often it has been moved, by what is in the store; -1 where nothing is. */
int64_t tr_saved_moves(tr_agent_t *agent);
/* The store forgets it, and notes where it has gone; NULL = nowhere that this process has to know of. */
void tr_saved_erase(tr_agent_t *agent, const char *to);
/* Its behaviour keeps a message, or has finished one, where its state is kept nowhere. */
void tr_agent_kept(tr_agent_t *agent, bool kept);
/* tr_link_send, remembered where that is needed. */
int tr_send_out(tr_agent_t *self, tr_outgoing_t *out);

/* What counts the things that keep the agent from resting; NULL where it does not rest. */
static inline uint32_t *tr_under_way(const tr_agent_t *agent) {
    return agent->hosted->saves && agent->more ? &agent->more->under_way : NULL;
}

/* host.c */
/* Around an agent's callback: from within, the host does not turn, and agents neither come nor go. Gives what
 * tr_host_called needs. */
static inline bool tr_host_calls(tr_host_t *host, tr_agent_t *agent) {
    bool before = host->calling;
    host->calling = true;
    if (agent && agent->hosted->saves)
        tr_saved_touch(host, agent);
    atomic_store_explicit(&host->running, agent, memory_order_relaxed);
    atomic_fetch_add_explicit(&host->steps, 1, memory_order_relaxed);
    return before;
}
static inline void tr_host_called(tr_host_t *host, bool before) {
    host->calling = before;
    if (!before)
        atomic_store_explicit(&host->running, NULL, memory_order_relaxed);
}
void tr_host_say(tr_host_t *host, tr_host_event_t event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
tr_agent_more_t *tr_agent_more(tr_agent_t *agent);
size_t tr_agent_name(const tr_agent_t *agent, char *out); /* TR_NAME_MAX + 1 bytes */

/* keeper.c: one look, from the keeper's thread; gives the milliseconds until the next one. */
typedef struct tr_keeper_watch {
    uint64_t steps; /* callbacks begun, as last seen */
    int64_t since_ms;
    bool told, hung; /* that it hangs; that it has hung for too long */
} tr_keeper_watch_t;
int64_t tr_keeper_turn(tr_host_t *host, tr_keeper_watch_t *watch);
/* Until it does not look at the message that is being left. */
void tr_keeper_wait(tr_host_t *host);

/* keeper_thread.c */
int tr_keeper_start(tr_host_t *host);
void tr_keeper_stop(tr_host_t *host);

/* hosted.c */
typedef struct tr_addition {
    const char *name;
    uint32_t count;
    bool range;
    const tr_behaviour_t *behaviour;
    const char *args;               /* JSON; or, of one that is moved: */
    const struct tr_parcel *parcel; /* arrive.c; NULL = it begins here */
} tr_addition_t;
int tr_hosted_add(tr_host_t *host, const tr_addition_t *what, tr_hosted_t **ret, tr_error_t *error);
tr_hosted_t *tr_hosted_find(tr_host_t *host, const char *name);
/* args_bytes are a copy of these. 0, -ENOMEM, -EBADMSG. */
int tr_hosted_set_args(tr_hosted_t *hosted, const void *bytes, size_t len);

/* leave.c: the AMS wants an agent to go to another process. Whether this is about that; then it is dealt with. */
bool tr_leave_asked(const tr_message_t *message);
/* At the end of a turn, while there are any. */
void tr_leave_look(tr_host_t *host);
/* It is another process's. */
void tr_leave_done(tr_host_t *host, const char *name);
void tr_leave_finish(tr_host_t *host);
/* The agent ends: it is not asked whether it is ready any more. */
void tr_leave_forget(tr_host_t *host, const tr_agent_t *agent);

/* arrive.c */
/* The move by which it is claimed. */
uint64_t tr_parcel_move(const struct tr_parcel *parcel);
/* Its name is here: it begins, from where it stood. 0 or a negative errno. */
int tr_parcel_unpack(tr_agent_t *agent, const struct tr_parcel *parcel);
int tr_parcel_args(tr_hosted_t *hosted, const struct tr_parcel *parcel);
/* One that was taken before, by what is stored of that (taken.h); its state is in its own record. As tr_hosted_add. */
int tr_parcel_take_again(
    tr_host_t *host, const char *name, tr_value_t stored, const tr_behaviour_t *behaviour, tr_error_t *error);
/* The broker has given the names of those that came and were not heard of to somebody else. */
void tr_arrive_check(tr_host_t *host);

/* passive.c: whether it has nothing in hand and waits for nothing but time and descriptors. */
bool tr_agent_is_quiet(tr_agent_t *agent);

/* supervise.c: an agent's life */
int tr_agent_begin(tr_agent_t *agent);
/* From what tr_saved_pack wrote, NULL: as tr_agent_begin; the subscriptions that it makes are there already. */
int tr_agent_begin_from(tr_agent_t *agent, const void *packed, size_t len);
/* Ends its behaviour, and all that is under way for it, but for what is told of it later. */
void tr_agent_away(tr_agent_t *agent);
/* Hands out what came while it was not running. */
void tr_agent_catch_up(tr_agent_t *agent);
void tr_agent_end(tr_agent_t *agent);
/* Ends its behaviour, and frees what it has; passive.c brings it back. */
void tr_agent_rest(tr_agent_t *agent);
void tr_passive_wake(tr_agent_t *agent);
/* Another one of them rests, or one fewer. */
void tr_passive_count(tr_hosted_t *hosted, bool more);
void tr_agent_failed(tr_agent_t *agent, int code);

/* status.c: the AMS asks what an agent does (docs/protocol.md, section 15). Whether this is that question; then it is
 * answered, whatever the agent's state. */
bool tr_status_answer(const tr_message_t *message);

/* dispatch.c */
void tr_dispatch_bundle(tr_host_t *host, tr_inbound_t *inbound);
void tr_dispatch_message(tr_message_t *message);
/* A NACK of the library's own. */
void tr_dispatch_failure(tr_agent_t *agent, const tr_record_t *record);

/* gone.c */
void tr_dispatch_gone(tr_host_t *host, tr_inbound_t *inbound);
/* Whether an AID, as it was written, is of those who are gone. */
bool tr_gone_is(const tr_gone_t *gone, const char *platform, const char *aid);
/* Tells its sender that what he sent (performative, receiver, reply-with, conversation-id) will not be answered. */
void tr_gone_fail(tr_agent_t *agent, tr_acl_t *sent);

/* send.c */
/* tr_send to one receiver; where it stands in what the link has sent. */
int tr_send_at(tr_agent_t *self, const tr_acl_t *message, uint64_t *ret_position);
/* Gives a conversation-id to what has a mandate and none. */
void tr_name_conversation(tr_host_t *host, tr_acl_t *acl, char room[TR_ID_SIZE]);

/* delegate.c: what an answer says of the mandate that it is given under; to be told when it has been sent. */
typedef struct tr_carried {
    const char *chain[TR_DELEGATION_MAX];
    size_t chain_n;
    char aid[TR_AID_MAX + 1];
} tr_carried_t;
void tr_carry_back(tr_agent_t *self, const tr_message_t *to, tr_acl_t *acl, tr_carried_t *room);
void tr_carried_back(const tr_message_t *to, const tr_acl_t *acl);

/* request.c */
bool tr_request_answer(tr_host_t *host, tr_message_t *message);
void tr_request_forget(tr_host_t *host, const tr_agent_t *agent);
void tr_request_gone(tr_host_t *host, const tr_gone_t *gone);
void tr_new_id(tr_host_t *host, char out[TR_ID_SIZE]);

/* durable.c */
/* Tells what was stored since; whether anything was. */
bool tr_durable_run(tr_host_t *host);
/* A durable message of its own came back: told to who waits for it; false where nobody does. */
bool tr_durable_refused(tr_message_t *failure);
/* Whether it waits to hear that something is stored. */
bool tr_durable_waits(const tr_host_t *host, const tr_agent_t *agent);
void tr_durable_forget(tr_host_t *host, const tr_agent_t *agent);
void tr_host_durable_finish(tr_host_t *host);

/* provide.c */
void tr_provide_again(tr_host_t *host);

/* watch.c */
/* Returns whether a callback was run. */
bool tr_watch_run(tr_host_t *host, size_t ready_from);
void tr_watch_forget(tr_host_t *host, const tr_agent_t *agent);
/* What there is to wait for, in host->polls; how many. */
nfds_t tr_watch_polls(tr_host_t *host);
/* Before the first tr_watch_polls. -ENOMEM. */
int tr_watch_init(tr_host_t *host);

/* message.c */
void tr_message_view(tr_message_t *view, tr_agent_t *agent, const tr_record_t *record, uint64_t epoch);
void tr_message_settle(const tr_message_t *message, tr_settle_t how);
/* From now on the message's lease is the caller's to settle; none where it is not leased or was
 * taken before. */
tr_lease_t tr_message_take_lease(const tr_message_t *message);
void tr_lease_settle(tr_host_t *host, tr_lease_t lease, bool release);

/* protocol/conversation.c: for an agent that has conversations or takes part in a protocol. Whether one of
 * them took the message, with what receive would return. */
bool tr_conversations_take(tr_agent_t *agent, const tr_message_t *message, int *ret_code);
/* For an agent that has no receive: who asks it for something else is told so. */
void tr_conversations_only(tr_agent_t *agent, const tr_message_t *message);
void tr_conversations_forget(tr_agent_t *agent, const char *why);
void tr_conversations_gone(tr_host_t *host, const tr_gone_t *gone);

#endif
