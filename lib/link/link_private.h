/* The inside of a link, shared by its own files. Everything is under `lock` but what never changes after
 * tr_link_new. */
#ifndef TR_LINK_PRIVATE_H
#define TR_LINK_PRIVATE_H

#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/link/link.h"
#include "lib/link/wire.h"
#include "proto/bundle.h"
#include "proto/outbox.h"
#include "proto/topic.h"

#include <pthread.h>
#include <stdatomic.h>

typedef enum tr_link_state {
    TR_LINK_HELLO, /* HELLO was sent, no WELCOME yet */
    TR_LINK_READY,
    TR_LINK_BYE,    /* BYE was sent */
    TR_LINK_CLOSED, /* BYE_OK came */
} tr_link_state_t;

struct tr_registration {
    struct tr_registration *next;
    char *name;
    char *behaviour;
    uint32_t count;
    tr_registration_status_t status;
    uint64_t id;          /* of the REGISTER or DEREGISTER that is out, 0 = none */
    uint64_t move;        /* that it claims it by, until it has it; 0 = it asks for a name */
    int64_t asked_ms;     /* when it was sent */
    bool forgotten;       /* by its owner: freed as soon as the broker knows that it is gone */
    tr_route_t route;     /* 0 while not registered */
    tr_route_t old_route; /* before the last new session: what was in hand then still finds its agent */
    void *owner;
    uint32_t passive; /* of its agents */
    bool report;      /* the broker is to be told of it (link_report.c) */
    char refusal[256];
    int refusal_code;
};

typedef struct tr_link_sub {
    struct tr_link_sub *next, **prev; /* of all */
    tr_registration_t *registration;
    uint32_t agent;
    char pattern[TR_TOPIC_MAX + 1];
} tr_link_sub_t;

/* Routes that asked us to hold back. */
typedef struct tr_muted {
    tr_route_t first;
    uint64_t count;
} tr_muted_t;

/* A durable message that the broker has not answered. */
typedef struct tr_kept {
    struct tr_kept *next; /* once it is stored and somebody waits to hear it */
    void *token;
    uint32_t length;
    bool answered; /* its NACK has come, and the host has yet to see it: it does not go again */
    uint8_t record[];
} tr_kept_t;

/* A durable message in hand: its lease is extended until it is settled. agent 0 = settled. */
typedef struct tr_held {
    tr_route_t agent;
    uint64_t number;
    int64_t since_ms;
} tr_held_t;

#define TR_LINK_PAST 4 /* epochs that a GONE may be of that waited in the broker */

struct tr_link {
    pthread_mutex_t lock;
    tr_pool_t pool;
    tr_wire_t *wire;
    char *endpoint, *process, *host;
    uint32_t pid;
    uint64_t window_records, window_bytes; /* that we grant */
    uint64_t queue_max;
    uint64_t seed;

    tr_link_state_t state;
    uint64_t epoch;
    uint64_t sessions; /* new ones, not resumed ones */
    uint64_t instance; /* of the broker's life; 0 before the first WELCOME */
    uint8_t token[64];
    size_t token_len;
    char platform[TR_PLATFORM_MAX + 1];
    char stream[256];
    char stream_refusal[256];
    uint32_t heartbeat_ms, lease_ms, max_record;
    int64_t heard_ms, said_ms, pinged_ms, hello_ms, backoff_ms;
    unsigned hellos; /* sent in vain */
    bool secure;
    int64_t refused_ms; /* since when the broker keeps it out; 0 = it does not */
    int64_t knock_ms;   /* when to try again */
    char trouble[256];

    tr_outbox_t control; /* goes first, free of credit */
    tr_outbox_t data;
    bool holds;                        /* data waits for what its host saves ... */
    uint64_t held_id, held_durable;    /* ... since these were the next numbers */
    tr_route_t discards, discards_old; /* whose records of then go away, while the queue is laid out anew */
    bool stale;                        /* data waits for the new routes of its senders (link_requeue.c) */
    tr_account_t queued;               /* data records that count */
    uint64_t sent_records, sent_bytes, acked_records, acked_bytes;
    uint64_t sent_before, welcomed_epoch; /* records sent in the epochs before this one */
    struct tr_link_past {
        uint64_t epoch, before;
    } past[TR_LINK_PAST]; /* epochs before this one, the latest first; epoch 0 = there were none */
    uint64_t grant_records, grant_bytes; /* windows that the broker grants */
    uint64_t taken_records, taken_bytes, credited_records, credited_bytes;
    int64_t owing_ms; /* since when there is something to be told of it */

    bool farewell;  /* the broker has said that it ends */
    unsigned batch; /* bundles to receive in one look */
    bool expects;   /* the next look waits (tr_link_expect) */
    bool came;      /* something did, in this turn of work */
    tr_inbound_t *inbox, **inbox_end;
    unsigned in_hand; /* taken out of it and not finished */
    tr_link_event_t *events, **events_end;
    atomic_bool news; /* there may be events: read without the lock */
    tr_registration_t *registrations;
    bool name_lost; /* one of them was refused when it was registered again */
    tr_link_sub_t *subs;
    tr_map_t sub_keys;     /* registration, agent and pattern -> its tr_link_sub_t */
    tr_map_t routes;       /* name -> route */
    tr_map_t topic_routes; /* topic -> route */
    tr_map_t topics;       /* topic route (8 bytes) -> heap string */
    tr_map_t old_topics;   /* of sessions before, as long as something of them may wait to be handed out */
    tr_muted_t *muted;
    size_t muted_n;
    uint64_t next_id;
    tr_host_stats_t stats;

    char producer[65];
    uint64_t producer_epoch;
    bool durable; /* mailboxes are registered so */
    bool journal; /* the broker keeps one */
    uint32_t message_lease_ms;
    tr_kept_t **kept; /* a ring by number; NULL before the first */
    uint64_t kept_first, next_durable;
    uint64_t kept_bytes;
    bool resend;                     /* all that is kept goes out again, once the senders are registered */
    tr_kept_t *stored, **stored_end; /* with a token */
    tr_held_t *held;                 /* from held_first on */
    size_t held_first, held_n, held_cap;
    int64_t extended_ms;
    bool hangs;
    tr_registration_t *hung; /* whose agent it is; NULL = none hangs, or it is gone */
    uint32_t hung_agent;
    int64_t hung_ms; /* since when */
    bool reports;    /* some registration has `report` */
    int64_t reported_ms;
};

/* link_durable.c */
bool tr_link_keeps(const tr_link_t *l);
int tr_link_send_durable(tr_link_t *l, tr_record_header_t *h, const tr_acl_t *acl, void *token);
void tr_link_resend(tr_link_t *l);
/* A name is registered again: what is kept gets its sender's new route. */
void tr_link_kept_reroute(tr_link_t *l, const tr_registration_t *r);
void tr_link_stored_ranges(tr_link_t *l, const tr_record_t *record, int64_t now);
void tr_link_free_kept(tr_link_t *l);
void tr_link_hold(tr_link_t *l, const tr_bundle_reader_t *bundle, int64_t now);
void tr_link_unhold(tr_link_t *l, tr_route_t agent, uint64_t number);
void tr_link_extend_leases(tr_link_t *l, int64_t now);

/* One that will not go out after all: as tr_link_refused, but its token comes from tr_link_stored. */
const tr_kept_t *tr_link_kept(const tr_link_t *l, uint64_t id); /* NULL = not kept any more */
void tr_link_unkeep(tr_link_t *l, uint64_t id);
/* link_subscribe.c */
void tr_link_drop_subs(tr_link_t *l, const tr_registration_t *r); /* NULL = all */

/* link_send.c */
void tr_link_write_record(uint8_t *at, const tr_record_header_t *h, const tr_acl_t *acl);

/* link_register.c */
void tr_link_send_register(tr_link_t *l, tr_registration_t *r);
/* The answers to REGISTER and DEREGISTER; true where there was one that it belongs to. */
bool tr_link_registered(tr_link_t *l, uint64_t id, const char *name, uint32_t count, tr_route_t route);
bool tr_link_register_refused(tr_link_t *l, uint64_t id, tr_reason_t reason, const char *detail);
bool tr_link_deregistered(tr_link_t *l, uint64_t id);
/* An agent of this process is another one's now. */
void tr_link_moved(tr_link_t *l, const char *name, tr_route_t route);
/* All names again: in a new session, or (what may not have been answered) in a resumed one. */
void tr_link_register_all(tr_link_t *l);
void tr_link_register_rest(tr_link_t *l);
/* Names that were lost to somebody else while this process was cut off are asked for from time to time. */
void tr_link_regain(tr_link_t *l, int64_t now_ms);
void tr_registration_free(tr_registration_t *r);

/* link_report.c */
/* Tells the broker what has changed, once in a while. */
void tr_link_report(tr_link_t *l, int64_t now);
/* In a session that begins, or is resumed: all that is not as it always is. */
void tr_link_report_all(tr_link_t *l);

/* link_requeue.c */
void tr_link_unroute(tr_link_t *l);
/* Durable messages leave the queue: they are kept beside it, and sent again. */
void tr_link_strip(tr_link_t *l);
void tr_link_reroute(tr_link_t *l);

/* link_control.c */
void tr_link_control(tr_link_t *l, const tr_record_t *record, int64_t now_ms);
void tr_link_hello(tr_link_t *l, int64_t now_ms);
void tr_link_put(tr_link_t *l, const tr_record_header_t *h, const void *body, size_t len);
void tr_link_say(tr_link_t *l, tr_host_event_t event, const char *detail);
void tr_link_send_subscribe(tr_link_t *l, const tr_link_sub_t *s, uint8_t kind);
void tr_link_free_topics(tr_map_t *topics);

/* A control record that must not overtake the data before it (link_send.c). */
void tr_link_put_in_order(tr_link_t *l, tr_record_header_t *h, const void *body, size_t len);

/* link.c */
/* Puts it into the inbox, which then owns it. */
void tr_link_deliver(tr_link_t *l, tr_inbound_t *in);
/* Sends what may go; true when anything was sent. */
bool tr_link_flush_locked(tr_link_t *l);

#endif
