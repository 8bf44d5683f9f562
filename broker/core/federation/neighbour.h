/*
 * Federation: the brokers of other platforms that this one is linked to. ("Peer" for users; here a neighbour,
 * since the core calls any connection a peer.) Pure, as all of the core.
 *
 * A link between two brokers is a session on both sides, with the same records, bundles and credits as a
 * process's: each is to the other what a process with many agents is. One of them dials and says PEER, the
 * other answers PEER_OK; from then on both are alike. The certificate says for which platforms its holder may
 * speak (`platforms`). A link that there is stands; where both dial at one moment, the one
 * that the lower platform name has dialled. A new life of a broker (another `instance`) takes the place of the old
 * one at once.
 *
 * An agent of another platform is an entry of that session, its name the full AID: a proxy. It is made when
 * somebody here writes to it, or it to somebody here, and has a route like every agent, so that from the
 * second message on a look-up in a table leads from here to there. It has no mailbox: what is for it lies in the
 * outbox of the link, which all proxies of a platform share, with one limit: who writes to a slow platform
 * hears BUSY, and nobody else does. On the wire `dst` is the receiver's number (0 = look the name up; RESOLVED
 * tells it), and `src` the sender's. The receiving side turns `src` into its own proxy, which must be of the
 * platform that speaks, and of the name that the envelope says.
 *
 *     agent a -> A: route of the proxy b@B -> link -> B: route of b; src -> route of the proxy a@A -> agent b
 *
 * Nothing goes in circles: what came from a neighbour goes to agents of this platform only, never on to another one
 * (every broker is linked to every other), and `hops` falls at each broker.
 *
 * Links are not resumed. When one breaks, or is silent for a lease, what waited for it comes back to its senders
 * (peer-down), its proxies end (GONE tells who asked), and all begins anew with the next one.
 */
#ifndef TR_BROKER_NEIGHBOUR_H
#define TR_BROKER_NEIGHBOUR_H

#include "broker/core/state.h"

#define TR_NEIGHBOURS_MAX 1024u

/* An item of INTEREST (interest.h): of a service its capacity and route, of a pattern 1 and 0. */
typedef struct tr_offer {
    uint32_t capacity; /* 0 = there is none */
    tr_route_t route;
    bool left_out; /* there was no room: known so that the sum fits, and nothing becomes of it here */
} tr_offer_t;

struct tr_neighbour {
    char platform[TR_PLATFORM_MAX + 1];
    size_t platform_len;
    char software[32]; /* its version */
    uint64_t instance;
    tr_session_t *session; /* NULL = the link is down */
    bool dialled;          /* by us */
    uint32_t max_record;
    bool journal;          /* it takes durable messages */
    uint32_t lease_ms;     /* when it is silent for longer it is dead */
    tr_map_t senders;      /* their route (8 bytes) -> the proxy */
    tr_route_t last_route; /* of the sender before: they come in runs ... */
    tr_entry_t *last;      /* ... and its proxy; NULL = none */
    tr_account_t queue;    /* in the link's outbox */
    tr_audience_t muted;   /* who was told to stop sending there */
    int64_t pinged_ms;
    int64_t rtt_ms;   /* of the last ping; -1 = not known */
    int64_t since_ms; /* wall: of the last change */
    tr_map_t offers;  /* what it has told: key as in interest.c -> tr_offer_t */
    uint64_t offers_hash;
    uint32_t services, patterns, quarantined; /* of them */
    uint32_t left_out;                        /* more of them, that there was no room for */
    bool held_more;  /* it has told of agents in quarantine, and what these have sent is not stopped yet */
    tr_map_t topics; /* their slot (4 bytes) -> foreign_topic.c */
    struct {
        uint64_t queue, epoch, number;
    } origin;                         /* of the leased durable message that is being handled */
    uint64_t sent, received, dropped; /* data records of all its links; what was refused, or came back */
    uint64_t ups;
    int64_t asked_ms;        /* when it was last asked to tell all again */
    int64_t let_in_ms;       /* when what was left out was last looked through */
    uint32_t services_freed; /* of the core, when it was last looked for room */
    bool has_left;           /* something that had room has left, so that what is left out may have it */
    bool overflows;          /* it has told more than can even be counted, since it began to tell all */
    bool told_left_out;      /* that something is left out is an event already */
};

typedef struct tr_federation {
    uint64_t instance; /* of this broker's life */
    tr_neighbour_t **neighbours;
    uint32_t neighbours_n;
    uint32_t proxies; /* of all of them */
    tr_map_t items;   /* interest.c: what is offered and wanted here */
    char **changed;   /* keys of those that are to be told */
    size_t changed_n;
    uint32_t told_n; /* of what was told */
    uint64_t told_hash;
    struct tr_search *searches; /* search.c: those that wait for other platforms */
    uint32_t searches_n;
    uint64_t searched;
    tr_map_t seen, seen_before; /* ids of searches */
    int64_t seen_ms;
    const tr_core_dial_t *dials; /* as the shell told last; borrowed */
    size_t dials_n;
} tr_federation_t;

/* neighbour.c */
tr_neighbour_t *tr_neighbour_find(const tr_core_t *core, const char *platform);
/* Its session ends: all that is known of it is forgotten. From tr_session_close. */
void tr_neighbour_down(tr_core_t *core, tr_session_t *session);
/* sys.c: `what` is up or down */
void tr_sys_peer(tr_core_t *core, const char *what, const tr_neighbour_t *neighbour, const char *detail);
void tr_neighbours_tick(tr_core_t *core);
void tr_federation_finish(tr_core_t *core);
/* The records of a link between brokers, as `handlers` in core.c are of a process's. NULL = unknown there. */
typedef void (*tr_link_handler_t)(tr_core_t *core, tr_session_t *session, const tr_record_t *record);
tr_link_handler_t tr_neighbour_handler(uint8_t kind, bool *ret_charged);

/* foreign_durable.c */
/* Which producer a leased durable message is of: the queue over there that it is in. */
tr_reason_t tr_foreign_producer(tr_core_t *core, tr_session_t *from, const tr_record_t *record,
    struct tr_producer **ret_producer, uint64_t *ret_id);
/* Takes what stands behind the content off. False where there is nothing of the kind. */
bool tr_foreign_origin(tr_neighbour_t *neighbour, tr_record_t *record);
void tr_foreign_stored(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
/* What waits for agents of a platform goes there, now that there is a link. */
void tr_foreign_mailboxes(tr_core_t *core, tr_neighbour_t *neighbour);

/* foreign_topic.c */
void tr_foreign_publish(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
void tr_foreign_gap(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
void tr_foreign_topic_named(tr_core_t *core, tr_neighbour_t *neighbour, const char *name, tr_route_t route);
void tr_foreign_topics_forget(tr_neighbour_t *neighbour);

/* interest.c */
uint64_t tr_offer_hash(const char *key, size_t len, const tr_offer_t *offer);

/* proxy.c */
/* By any name. NULL when there are too many, or no memory. */
tr_entry_t *tr_proxy_new(tr_core_t *core, tr_neighbour_t *neighbour, const char *name, size_t len);
/* Room in the link's outbox for so many bytes more. */
bool tr_proxy_has_room(const tr_core_t *core, const tr_entry_t *proxy, uint32_t length);
/* By an AID of another platform. NULL with the reason. */
tr_entry_t *tr_proxy_find(tr_core_t *core, const tr_aid_t *aid, tr_reason_t *ret_why);
/* Whose route over there this is, by the envelope's sender where it is not known yet. NULL with the reason. */
tr_entry_t *tr_proxy_of_sender(
    tr_core_t *core, tr_neighbour_t *neighbour, const tr_record_t *record, tr_reason_t *ret_why);
/* What tr_mailbox_push does for the agents of this platform. */
tr_reason_t tr_proxy_push(tr_core_t *core, tr_entry_t *to, const tr_record_t *record,
    const tr_record_header_t *header, tr_session_t *from);
/* The same for a durable message that is leased to the neighbour. */
tr_reason_t tr_proxy_forward(
    tr_core_t *core, tr_entry_t *to, const tr_lease_t *lease, const tr_record_header_t *header);
/* Whether a record of that length may go there at all. */
bool tr_proxy_takes(const tr_core_t *core, const tr_entry_t *proxy, uint32_t length);
/* The link's outbox may have room again. */
void tr_proxies_drained(tr_core_t *core, tr_neighbour_t *neighbour);
/* A proxy is about to end. */
void tr_proxy_forget(tr_core_t *core, tr_entry_t *proxy);

/* foreign.c: what the other broker says */
/* To the neighbour who has leased it to us: done, given back, or still in work. */
void tr_foreign_answer(tr_core_t *core, const tr_lease_t *lease, uint8_t flags);
/* The checks of route.c for a message from a neighbour; its src becomes the proxy's route. */
tr_reason_t tr_foreign_check(
    tr_core_t *core, tr_session_t *from, tr_record_t *record, tr_entry_t **ret_sender);
void tr_foreign_nack(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
void tr_foreign_resolved(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
void tr_foreign_gone(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
void tr_foreign_refused(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
void tr_foreign_pong(tr_core_t *core, tr_session_t *from, const tr_record_t *record);

#endif
