/*
 * The link: a process's one connection to its broker (docs/protocol.md, "The link").
 *
 * A link is a monitor: one lock, taken by each function here, so that whichever thread is on duty can drive
 * it. Usually that is the host's thread, which receives, runs behaviours and sends without a hand-off between
 * threads; while a behaviour keeps that thread busy, the host's keeper calls tr_link_work instead, so that
 * the socket is always drained, heartbeats are answered and what was queued goes out. libzmq allows a socket
 * to move between threads under such a lock.
 *
 * The link remembers registrations and subscriptions. A lost connection is resumed under the next epoch;
 * where the broker no longer knows the session, all is registered again, and agents keep their names under
 * new routes.
 */
#ifndef TR_LINK_LINK_H
#define TR_LINK_LINK_H

#include "lib/base/error.h"
#include "lib/base/pool.h"
#include "proto/acl.h"
#include "proto/aid.h"
#include "proto/topic.h"
#include "troupe/host.h"

#include <zmq.h>

typedef struct tr_link tr_link_t;

typedef enum tr_registration_status {
    TR_REGISTRATION_PENDING,
    TR_REGISTRATION_DONE,
    TR_REGISTRATION_REFUSED,
    TR_REGISTRATION_GONE, /* deregistered */
} tr_registration_status_t;

/* An agent or a range; owned by the link. Read its fields through the functions below only. */
typedef struct tr_registration tr_registration_t;

/* Agents that have ended: NAME, or of a range NAME-0 .. NAME-(count-1). What was sent to them up to this
 * position (tr_outgoing_t) was in their hands at most, and will not be answered. */
typedef struct tr_gone {
    uint64_t count;
    uint64_t position;
    char name[TR_AID_MAX + 1]; /* of another platform its AID */
} tr_gone_t;

/* A bundle with data records for the host's agents; or that others are gone, which comes in its place among
 * them. */
typedef struct tr_inbound {
    struct tr_inbound *next;
    uint64_t epoch;
    zmq_msg_t frame;
    tr_gone_t *gone; /* NULL = it is a bundle */
} tr_inbound_t;

typedef struct tr_link_event {
    struct tr_link_event *next;
    tr_host_event_t event;
    char detail[256];
} tr_link_event_t;

/* Where one record goes: by name (resolved through the cache), or straight to a route. */
typedef struct tr_outgoing {
    tr_registration_t *from;
    uint32_t agent;         /* index within the registration */
    uint8_t kind;           /* TR_KIND_MESSAGE or _PUBLISH */
    const char *name;       /* receiver or topic as written; the key of the route cache */
    tr_route_t route;       /* where known: name may then be NULL */
    const tr_acl_t *acl;    /* performative, hops, flags, priority, reply-by, envelope and content */
    uint64_t *ret_position; /* how many records have been sent by this link, this one included; may be NULL */
    void *token; /* of a durable message: given back by tr_link_stored or tr_link_refused; may be NULL */
} tr_outgoing_t;

/* With the one that says that the broker is to look into the envelope. A publication is nobody's errand. */
static inline uint8_t tr_outgoing_flags(const tr_outgoing_t *out) {
    const tr_acl_t *acl = out->acl;
    bool mandate = out->kind == TR_KIND_MESSAGE &&
                   (acl->delegation.count || acl->budget.of_tokens || acl->budget.of_money);
    return (uint8_t)((acl->flags & ~TR_FLAG_MANDATE) | (mandate ? TR_FLAG_MANDATE : 0));
}

int tr_link_new(const tr_host_options_t *options, tr_link_t **ret_link, tr_error_t *error);
/* Says BYE, waits for the answer at most wait_ms, frees. NULL-safe. Only when no other thread uses it any
 * more. */
void tr_link_destroy(tr_link_t **self, int64_t wait_ms);

/* Receives what is there, handles what concerns the link, sends what may go. True when anything came, for the
 * link or for agents (tr_link_take). ret_due_ms: when to call again at the latest. */
bool tr_link_work(tr_link_t *self, int64_t *ret_due_ms);
/* The next tr_link_work waits for up to TR_EXPECT_MS for what comes (lib/link/frame.h). */
void tr_link_expect(tr_link_t *self);
/* Becomes readable when tr_link_work is worth calling (edge-triggered: work first, then poll). */
int tr_link_fd(tr_link_t *self);
bool tr_link_has_data(tr_link_t *self);
/* The next one, NULL where there is none; give it back with tr_link_finished. ret_more: whether another one
 * waits behind it. */
tr_inbound_t *tr_link_take(tr_link_t *self, bool *ret_more);
/* The bundle has been dealt with: `records`/`bytes` of it count as taken now (kept messages report theirs
 * later). Frees it. */
void tr_link_finished(tr_link_t *self, tr_inbound_t *inbound, uint64_t records, uint64_t bytes);
/* A kept message of that epoch has been dealt with. */
void tr_link_taken(tr_link_t *self, uint64_t epoch, uint64_t records, uint64_t bytes);
/* Whether anything happened since tr_link_event last gave NULL (a new session tells of itself, too). Takes no
 * lock: for asking often. */
bool tr_link_has_news(tr_link_t *self);
/* What happened since; the caller frees it. NULL when nothing did. */
tr_link_event_t *tr_link_event(tr_link_t *self);

/* Queues a record; it leaves with the next work or flush, or at once when a bundle is full. Errors as tr_send
 * in troupe/agent.h. */
int tr_link_send(tr_link_t *self, const tr_outgoing_t *out);
void tr_link_flush(tr_link_t *self);
/* While it holds, what is sent and settled stays in the queue; the link itself goes on. */
void tr_link_hold_data(tr_link_t *self, bool holds);
/* Takes back what this agent has sent since it holds; not what it settled, nor what it subscribed to. Positions of what others sent
 * meanwhile are higher than they need be then. */
void tr_link_discard(tr_link_t *self, const tr_registration_t *r, uint32_t agent);
/* How much of what was sent (tr_outgoing_t) the broker has taken, or has been lost with a connection. */
uint64_t tr_link_position_taken(tr_link_t *self);
/* The token of a durable message that is on the broker's disk, or (when its sender has ended) will not be;
 * NULL where there is none. */
void *tr_link_stored(tr_link_t *self);
/* A durable message came back: it is not kept any more. Its token, or NULL. */
void *tr_link_refused(tr_link_t *self, uint64_t id);
/* Waits until all durable messages are answered, as long as there is a broker and at most wait_ms. */
void tr_link_drain(tr_link_t *self, int64_t wait_ms);
/* A callback of this agent has not come back since then: what is in hand may be somebody else's when its lease ends, and the broker is told.
 * NULL: it has. */
void tr_link_hangs(tr_link_t *self, tr_registration_t *r, uint32_t agent, int64_t since_ms);
/* So many of its agents rest until their next message: told to the broker. */
void tr_link_passive(tr_link_t *self, tr_registration_t *r, uint32_t count);
typedef enum tr_settle {
    TR_SETTLE_DONE,
    TR_SETTLE_RELEASE, /* somebody else may have it */
    TR_SETTLE_FAILED,  /* the same, of what its receiver failed with */
} tr_settle_t;

/* Settles a leased message, in order with what was sent before. */
void tr_link_settle(tr_link_t *self, tr_route_t agent, uint64_t number, tr_settle_t how);

/* Registration; the answer comes by tr_registration_status. NULL when out of memory. */
tr_registration_t *tr_link_register(tr_link_t *self, const char *name, uint32_t count, const char *behaviour);
/* The same of an agent that is being moved here, by the move's number. */
tr_registration_t *tr_link_claim(tr_link_t *self, const char *name, const char *behaviour, uint64_t move);
tr_registration_status_t tr_link_status(tr_link_t *self, const tr_registration_t *r, tr_error_t *error);
void tr_link_deregister(tr_link_t *self, tr_registration_t *r);
/* Forgets it and frees it; it must be gone or refused. */
void tr_link_forget(tr_link_t *self, tr_registration_t *r);
/* Counts up with each new session of the link: what was told to the platform by message must be
 * told again. */
uint64_t tr_link_session(tr_link_t *self);
/* Of the life of the broker that it was welcomed by last: delivery numbers are of one. 0 = not known. */
uint64_t tr_link_instance(tr_link_t *self);
/* Counts the connections: a route that came under another epoch may be somebody else's by now. */
uint64_t tr_link_epoch(tr_link_t *self);
/* The registration that a route belongs to and the index within; NULL where none does. Host's thread. */
tr_registration_t *tr_link_owner(tr_link_t *self, tr_route_t route, uint32_t *ret_index);
void tr_registration_set_owner(tr_registration_t *r, void *owner);
void *tr_registration_owner(const tr_registration_t *r);
int tr_link_subscribe(tr_link_t *self, tr_registration_t *r, uint32_t agent, const char *pattern);
/* Whether there is that subscription. */
bool tr_link_subscribes(tr_link_t *self, const tr_registration_t *r, uint32_t agent, const char *pattern);
/* The at-th pattern that this agent subscribes to, copied; false where there are no more. */
bool tr_link_subscription(
    tr_link_t *self, const tr_registration_t *r, uint32_t agent, size_t at, char out[TR_TOPIC_MAX + 1]);
int tr_link_unsubscribe(tr_link_t *self, tr_registration_t *r, uint32_t agent, const char *pattern);

/* Borrowed, valid once welcomed. */
const char *tr_link_platform(const tr_link_t *self);
const char *tr_link_stream(const tr_link_t *self);
const char *tr_link_stream_refusal(const tr_link_t *self);
/* The name of a topic's route, copied to out (TR_TOPIC_MAX + 1 bytes); "" where it was not announced. */
void tr_link_topic(tr_link_t *self, tr_route_t route, char *out);
/* A publication came back because the broker has forgotten the topic: the next one names it again. */
void tr_link_forget_topic(tr_link_t *self, tr_route_t route);
bool tr_link_ready(tr_link_t *self);
uint32_t tr_link_max_record(const tr_link_t *self);
void tr_link_stats(tr_link_t *self, tr_host_stats_t *ret_stats);
/* How long the broker's guard has kept it out, without a break; 0 = it does not. */
int64_t tr_link_kept_out(tr_link_t *self);
/* Why the first connection has not come about yet. */
void tr_link_trouble(tr_link_t *self, tr_error_t *error);

#endif
