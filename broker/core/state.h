/*
 * The state of the core: who is connected, who is registered, what waits for whom. Shared by the core's own
 * files only.
 *
 *   session   one connected process             slot + generation  -> route
 *   entry     one agent or a range of agents    belongs to a session; has the mailbox's account
 *   outbox    what waits to go to a session     chunks; each becomes one bundle
 *   service   a queue with providers            leases
 *   topic     a sequence, its subscribers, its bundle for the stream
 */
#ifndef TR_BROKER_STATE_H
#define TR_BROKER_STATE_H

#include "broker/core/audience.h"
#include "broker/core/core.h"
#include "broker/core/life.h"
#include "lib/base/arena.h"
#include "lib/base/map.h"
#include "proto/acl.h"
#include "proto/aid.h"
#include "proto/bundle.h"
#include "proto/outbox.h"
#include "proto/topic.h"

typedef struct tr_session tr_session_t;
typedef struct tr_entry tr_entry_t;
typedef struct tr_service tr_service_t;
typedef struct tr_topic tr_topic_t;
typedef struct tr_late tr_late_t;
typedef struct tr_queue tr_queue_t; /* durable.h has these */
typedef struct tr_block tr_block_t;
typedef struct tr_durable tr_durable_t;
typedef struct tr_stream tr_stream_t;
typedef struct tr_neighbour tr_neighbour_t; /* neighbour.h */

typedef struct tr_waiting {
    uint64_t records, bytes; /* for their agent to come, or to have room */
    uint64_t leased;         /* in its hands */
    uint64_t on_disk;        /* of the records: not in memory */
} tr_waiting_t;

/* One registration: the agent NAME, or the agents NAME-0 .. NAME-(count-1). */
struct tr_entry {
    tr_session_t *session;
    char *name;
    size_t name_len;
    uint32_t first; /* agent number of the first one within the session */
    uint32_t count;
    tr_life_t life;  /* of all its agents ... */
    tr_map_t *apart; /* ... but these: agent -> tr_apart_t; NULL = none ever was (life.h) */
    char *behaviour;
    tr_account_t mailbox; /* queued in the session's outbox, or held */
    tr_outbox_t held;     /* while not active */
    tr_audience_t muted;  /* sessions that were told to stop */
    tr_audience_t told;   /* sessions that were told its route */
    struct tr_subscription *subscriptions;
    uint32_t subscriptions_n;
    uint32_t services_n;
    uint64_t received, sent;
    int64_t since_ms;     /* wall */
    uint64_t passive;     /* of its agents, as its process says (report.c) */
    tr_waiting_t waiting; /* in its durable mailboxes, when they were last summed up (waiting.c) */
    bool range;
    bool durable;     /* by its registration: every message to it is */
    bool supervisor;  /* of the fleet: what it is asked for are verbs too */
    bool quarantined; /* it, or an agent of the range: quarantine.h knows who */
    uint8_t conduct;  /* tr_conduct_policy_t: what it and its peers say is held against the protocols */
    bool ending;      /* nothing goes into its mailbox any more */
    bool told_all;    /* so many were told its route that they are not counted */
    bool moved;       /* it has come from another session (carry.c): what knows its old routes means it */
    /* A proxy: an agent or service of another platform. It has no mailbox here. */
    tr_neighbour_t *neighbour; /* whose it is; NULL = an agent of this platform */
    tr_route_t remote;         /* its route there, 0 = not known */
    tr_route_t
        spoke;       /* the one that it spoke by last, the key of its neighbour's senders; 0 = it never did */
    int64_t used_ms; /* mono: when something last went to it or came from it */
};

typedef enum tr_session_state {
    TR_SESSION_FREE,
    TR_SESSION_LIVE,
    TR_SESSION_LOST, /* the connection broke; it may resume for a while */
    TR_SESSION_CLOSING,
} tr_session_state_t;

struct tr_session {
    tr_session_state_t state;
    uint32_t slot;
    uint16_t generation;
    bool dirty;   /* in core->dirty */
    bool resumed; /* its last HELLO did */
    tr_peer_t peer;
    uint64_t epoch;
    uint8_t token[16];
    int64_t heard_ms;
    int64_t lost_ms;
    uint64_t in_records, in_bytes;             /* data taken from it */
    uint64_t credited_records, credited_bytes; /* as of the last CREDIT that went to it */
    uint64_t window_records, window_bytes;     /* what it lets us send ahead */
    uint64_t acked_records, acked_bytes;       /* data it has taken, by its CREDITs */
    uint64_t sent_records, sent_bytes;
    tr_outbox_t data;           /* waits for credit */
    tr_outbox_t control;        /* does not */
    tr_account_t nacks;         /* queued in data */
    tr_late_t *late, *late_end; /* GONE records that wait behind some of data */
    tr_entry_t **entries;       /* by first agent number */
    uint32_t entries_n;
    uint32_t next_agent;
    tr_session_t *next_dirty;
    char *process;
    char *host;
    uint32_t pid;
    int64_t since_ms;
    tr_route_t hung;              /* of its agent whose callback does not come back, as it says; 0 = none */
    int64_t hung_ms;              /* mono: since when */
    int64_t hung_told;            /* mono: when it was last told as an event */
    struct tr_producer *producer; /* that its durable messages are of; NULL */
    uint64_t producer_epoch;      /* ... in this life of it */
    struct tr_guest *guest;       /* NULL = nobody asks what it may do (guard.h) */
    tr_neighbour_t *neighbour;    /* NULL = a process; otherwise the link to that broker */
};

#define TR_REASON_TEXT_MAX 199 /* bytes of why somebody did something to an agent, for people */
#define TR_PRIORITIES      (TR_PRIORITY_MAX + 1u) /* the highest first */

typedef struct tr_lease {
    struct tr_lease *next; /* in its provider's list, or in the queue */
    uint64_t number;
    int64_t taken_ms;  /* wall: since when it waits */
    int64_t until_ms;  /* in hand: of a durable one, the end of its time */
    tr_block_t *block; /* where it is in the journal; NULL = only in memory */
    uint32_t at;       /* in the block */
    uint32_t len;
    uint8_t attempt;
    uint8_t failures; /* of its receivers, as they said */
    bool seen;        /* a broker before this one may have delivered it */
    bool given;       /* this one has */
    bool unsent; /* in hand, but its copy has come back from a mailbox that it never left: no try is lost */
    uint8_t record[]; /* as the sender sent it, hops already taken off */
} tr_lease_t;

typedef struct tr_lease_list {
    tr_lease_t *head, *tail;
    uint32_t count;
} tr_lease_list_t;

typedef struct tr_provider {
    tr_entry_t *entry;
    uint32_t agent;
    uint32_t capacity; /* unsettled requests at most */
    tr_lease_list_t leases;
} tr_provider_t;

struct tr_service {
    char *name;
    uint32_t slot;
    uint16_t generation;
    tr_provider_t *providers;
    uint32_t providers_n;
    uint32_t turn; /* where the search for the least loaded begins: ties go round */
    uint64_t next_number;
    tr_lease_list_t queue[TR_PRIORITIES];
    tr_lease_list_t resting; /* given back by the only provider that had room: tried again at the next tick */
    uint32_t queued;         /* of both */
    uint64_t queue_bytes;
    int64_t orphaned_ms; /* since when there has been no provider */
    tr_queue_t *durable; /* NULL = nothing of it is in the journal */
    bool durable_policy; /* all that comes to it is durable: as its provider said last, who may be away */
    tr_audience_t muted;
    uint64_t requests, settled;
};

/* One agent's subscription to a pattern. */
typedef struct tr_subscription {
    tr_entry_t *entry;
    struct tr_subscription *next, **prev; /* of the same entry */
    uint32_t agent;
    uint32_t at;  /* in core->subscriptions */
    uint64_t gap; /* publications dropped since the last GAP notice */
    tr_route_t gap_topic;
    uint32_t pattern_len;
    char pattern[TR_TOPIC_MAX + 1];
} tr_subscription_t;

typedef struct tr_topic_sub {
    tr_subscription_t *subscription;
    bool announced; /* its session knows the topic's name for the route */
} tr_topic_sub_t;

struct tr_topic {
    char *name;
    uint32_t name_len;
    uint32_t slot;
    uint16_t generation;
    bool dirty;
    bool wanted;     /* somebody listens on the stream */
    bool restricted; /* never on the stream, nor on another platform */
    uint64_t sequence;
    uint64_t bytes;
    uint64_t subs_version; /* of core->subs_version when subs was computed */
    uint64_t subs_renewed; /* of core->subs_renewed, likewise */
    uint32_t subs_seen;    /* so many of core->subscriptions have been looked at for it */
    uint64_t interest_version;
    tr_topic_sub_t *subs;
    uint32_t subs_n;
    tr_buf_t *buf; /* the bundle for the stream */
    uint32_t buf_records;
    tr_topic_t *next_dirty;
    int64_t used_ms;               /* wall */
    uint64_t streams_version;      /* of core->durable, when in_streams was computed */
    uint64_t in_streams[4];        /* a bit for each stream that its publications go to */
    uint64_t durable_subs_version; /* of core->durable, when in_durable_subs was computed */
    bool in_durable_subs;
    uint64_t rate_base;    /* sequence a second ago */
    uint64_t announced_in; /* of core->announcements, when it was last named again */
    double rate;
};

typedef struct tr_interest {
    char *prefix;
    size_t len;
} tr_interest_t;

/* What an agent told the DF. */
typedef struct tr_df_entry {
    tr_entry_t *entry;
    uint32_t agent;
    char *aid;
    uint8_t *description; /* msgpack map */
    size_t description_len;
    int64_t lease_until_ms; /* wall, 0 = for ever */
} tr_df_entry_t;

struct tr_core {
    tr_core_config_t config;
    char platform[TR_PLATFORM_MAX + 1];
    size_t platform_len;
    char *stream_endpoint;
    char *version;
    tr_pool_t *pool;
    tr_core_now_t now;
    uint64_t random;
    uint64_t instance; /* of this life, for all to know */
    uint64_t tokens;   /* made so far */
    bool shutdown;
    tr_core_stats_t stats;
    tr_arena_t arena; /* for one record's envelope */

    tr_session_t **sessions; /* by slot */
    uint16_t *generations;   /* by slot, outlive the session */
    uint32_t sessions_n, sessions_cap;
    uint32_t *free_slots;
    uint32_t free_slots_n;
    tr_map_t peers;             /* peer number (4 bytes) -> slot */
    tr_session_t *last_session; /* of the peer that spoke last: bundles come in runs */
    tr_session_t *dirty;

    tr_map_t names;  /* name or range prefix -> entry */
    uint32_t ranges; /* how many of them are ranges */

    tr_service_t **services;
    uint32_t services_n;
    uint32_t services_taken; /* where the search for a free place goes on */
    uint32_t services_far;   /* that other brokers offer: of two, twice */
    uint32_t
        services_freed; /* rises with each that one of them does not offer any more: others may have its room */
    int64_t services_full_ms; /* when it last found none; 0 = it did not */
    tr_map_t service_names;

    tr_topic_t **topics; /* by slot, holes are NULL */
    uint16_t *topic_generations;
    uint32_t topics_n;
    tr_map_t topic_names;
    tr_topic_t *dirty_topics;
    tr_subscription_t **subscriptions;
    uint32_t subscriptions_n;
    uint32_t subscriptions_far; /* of them: other brokers' */
    tr_map_t subscription_keys; /* entry, agent and pattern -> tr_subscription_t */
    uint64_t subs_version;      /* rises with each change */
    uint64_t subs_renewed;      /* and with those that did not only add one */
    uint64_t announcements;     /* sessions to which topics were named again */
    uint32_t gaps_pending;      /* subscriptions with a GAP notice to come */
    int64_t topics_full_ms;     /* when a search for a free place last found none */
    tr_interest_t *interests;
    uint32_t interests_n;
    uint64_t interests_more; /* prefixes beyond the limit: while there are any, everything is wanted */
    uint64_t interest_version;
    bool tapped;

    tr_df_entry_t *df;
    uint32_t df_n;
    struct tr_df_watches *df_watches; /* NULL = nobody has subscribed to a search yet (df_watch.h) */

    tr_durable_t *durable;              /* NULL = this broker keeps no journal */
    struct tr_guard *guard;             /* NULL = everybody may do everything (guard.h) */
    struct tr_spans *spans;             /* NULL = no process ever told any (spans.h) */
    struct tr_route_spans *route_spans; /* NULL = no message was traced yet (route_span.h) */
    struct tr_spending *spending;       /* NULL = no process ever told any (spending.h) */
    struct tr_quarantine *quarantine;   /* NULL = nobody ever was in it (quarantine.h) */
    struct tr_conduct *conduct;         /* NULL = no mailbox's conversations are checked (conduct.h) */
    struct tr_mandates *mandates;       /* NULL = there was none yet (mandate.h) */
    const uint8_t *speaker;             /* the key of the peer whose bundle is being handled; NULL = none */
    char **restricted;                  /* patterns of topics */
    uint32_t restricted_n;
    const tr_record_t
        *routed;      /* the message that is being routed: what is told meanwhile is about it; NULL: none */
    uint32_t named;   /* events whose message was read for its ids, since the last tick */
    uint32_t audits;  /* likewise */
    uint64_t skipped; /* audits, likewise */

    struct tr_question *questions; /* to agents, about themselves (why.h) */
    uint32_t questions_n;
    uint64_t questions_asked; /* so far */
    struct tr_move *moves;    /* agents that are on their way to another process (move.h) */
    uint64_t moves_made;      /* so far */

    bool foreign; /* what is being published has come from a neighbour, and goes to none */
    struct tr_federation *federation; /* neighbour.h; NULL until there is one */

    tr_core_out_t *outs;
    size_t outs_at, outs_n, outs_cap;
    int64_t stats_ms; /* when statistics were last published */
    tr_core_stats_t stats_then;
};

/* session.c */
tr_session_t *tr_session_of_peer(tr_core_t *core, tr_peer_t peer);
tr_session_t *tr_session_open(tr_core_t *core, tr_peer_t peer);
void tr_session_close(tr_core_t *core, tr_session_t *session, tr_reason_t reason);
void tr_session_bind(tr_core_t *core, tr_session_t *session, tr_peer_t peer);
void tr_session_unbind(tr_core_t *core, tr_session_t *session);
void tr_session_dirty(tr_core_t *core, tr_session_t *session);
void tr_session_flush(tr_core_t *core, tr_session_t *session);
void tr_session_credit(tr_core_t *core, tr_session_t *session);
void tr_session_credit_rest(tr_core_t *core, tr_session_t *session);
/* That an agent's route is of; NULL where it has ended. */
static inline tr_session_t *tr_session_of_route(const tr_core_t *core, tr_route_t route) {
    uint32_t slot = tr_route_slot(route);
    tr_session_t *s =
        tr_route_type(route) == TR_ROUTE_AGENT && slot < core->sessions_n ? core->sessions[slot] : NULL;
    return s && s->generation == tr_route_generation(route) ? s : NULL;
}
static inline tr_route_t tr_session_route(const tr_session_t *s, uint32_t agent) {
    return tr_route(TR_ROUTE_AGENT, s->slot, s->generation, agent);
}

/* control.c: records to a session that are about the link itself. False when out of memory (the session is
 * then closed soon). */
bool tr_control_send(
    tr_core_t *core, tr_session_t *to, const tr_record_header_t *h, const void *body, size_t len);
void tr_control_done(tr_core_t *core, tr_session_t *to, uint64_t id);
void tr_control_refuse(
    tr_core_t *core, tr_session_t *to, uint64_t id, tr_reason_t reason, const char *detail);
/* The same without an event: it has been told by another one. */
void tr_control_turn_down(
    tr_core_t *core, tr_session_t *to, uint64_t id, tr_reason_t reason, const char *detail);
void tr_control_resolved(tr_core_t *core, tr_session_t *to, const char *name, tr_route_t route);
/* To a peer without a session. */
void tr_control_refuse_peer(
    tr_core_t *core, tr_peer_t peer, uint64_t id, tr_reason_t reason, const char *detail);
/* The same without an event. */
void tr_control_turn_down_peer(
    tr_core_t *core, tr_peer_t peer, uint64_t id, tr_reason_t reason, const char *detail);

/* nack.c */
/* So many NACKs wait for the process that it gets no credit until it has taken some. */
bool tr_nacks_wait(const tr_session_t *session);
void tr_nack(
    tr_core_t *core, const tr_record_t *record, tr_reason_t reason, const char *detail, uint32_t retry_ms);

/* One that another broker has sent, about a message of this agent. */
void tr_nack_pass(tr_core_t *core, tr_entry_t *to, const tr_record_t *nack);

/* entry.c */
/* An entry for an agent of another platform (neighbour.h). NULL when out of memory. */
tr_entry_t *tr_entry_add_proxy(tr_core_t *core, tr_session_t *s, const char *aid, size_t len);
int tr_entry_add(tr_core_t *core, tr_session_t *s, const char *name, uint32_t count, tr_entry_t **ret_entry);
void tr_entry_remove(tr_core_t *core, tr_entry_t *entry, tr_reason_t reason);
tr_entry_t *tr_entry_of_route(tr_core_t *core, tr_route_t route);
tr_entry_t *tr_entry_in_session(const tr_session_t *session, uint32_t agent);
/* By a bare name; *ret_agent is the agent's number within the session. */
tr_entry_t *tr_entry_find(tr_core_t *core, const char *name, size_t len, uint32_t *ret_agent);
/* By its whole name, a range's too, or by that of one agent of a range: its agents, `count` from `agent` on. */
/* Whether a name may be of a range's member, `RANGE-7`: how long the range's is, and the number. */
bool tr_entry_split_member(const char *name, size_t len, size_t *ret_prefix, uint32_t *ret_index);
tr_entry_t *tr_entry_named(tr_core_t *core, const char *name, uint32_t *ret_agent, uint32_t *ret_count);
/* Prints an agent's bare name, of a proxy its AID; `out` has TR_AID_MAX + 1 bytes. */
size_t tr_entry_agent_name(const tr_entry_t *entry, uint32_t agent, char *out);
/* That of one, or of all; likewise. */
size_t tr_members_name(const tr_members_t *who, char *out);
/* It is of another session from now on, under that number there, if it is free, or a new one (NULL). False when out of memory, or of numbers: nothing has changed. */
bool tr_entry_rehouse(tr_entry_t *entry, tr_session_t *to, const uint32_t *number);
/* Gives it other numbers in its session: what knows the old ones does not mean it any more. False: there are none. */
bool tr_entry_renumber(tr_entry_t *entry);
bool tr_entry_is_sender(
    const tr_core_t *core, const tr_entry_t *entry, uint32_t agent, const char *aid, size_t len);

/* carry.c */
/*
 * A single agent, which is in transit, goes to another session with all that is its: what waits for it, its services, subscriptions,
 * DF entry and who knows its route; back to one, under the number that it had there. False when out of memory: it is where it was.
 * What a provider has in hand goes back to its queue.
 */
bool tr_entry_carry(tr_core_t *core, tr_entry_t *entry, tr_session_t *to, const uint32_t *number);
/* Of a proxy: what was sent by it so far, and comes back, does not mean it any more. */
void tr_entry_renew(tr_core_t *core, tr_entry_t *entry);

/* mailbox.c */
tr_reason_t tr_mailbox_push(tr_core_t *core, tr_entry_t *to, const tr_record_t *record,
    const tr_record_header_t *header, tr_session_t *from);
bool tr_mailbox_has_room(const tr_core_t *core, const tr_entry_t *entry, uint32_t agent, uint32_t length);
/* Takes everything for this entry out of the outbox and fails it. */
void tr_mailbox_fail_all(tr_core_t *core, tr_entry_t *entry, tr_reason_t reason);
/* The same for `count` agents of an entry from `agent` on, but for the NACKs that they wait for. */
void tr_mailbox_fail_agents(
    tr_core_t *core, tr_entry_t *entry, uint32_t agent, uint32_t count, tr_reason_t reason);
/* Everything that waits for any agent of the session. */
void tr_mailbox_fail_session(tr_core_t *core, tr_session_t *session, tr_reason_t reason, bool nacks_too);
/* What those have sent who are in quarantine now, wherever it waits to leave; looks at each message that waits. */
void tr_mailbox_fail_quarantined(tr_core_t *core);
/* Copies of leased requests leave the session's outbox, or those that are for one entry. */
void tr_mailbox_return_leased(tr_core_t *core, tr_session_t *session);
void tr_mailbox_return_hands(tr_core_t *core, tr_entry_t *entry);
/* Those for one agent of the entry, with these delivery numbers. */
void tr_mailbox_return_numbers(
    tr_core_t *core, tr_entry_t *entry, uint32_t agent, uint64_t first, uint64_t last);
/* Likewise NACKs of durable messages that were not taken: the session's process has resumed, and sends those again. */
void tr_mailbox_drop_refusals(tr_core_t *core, tr_session_t *session);
/* Whether the copy of a leased request, by its delivery number, still waits to leave for this agent of the entry. */
bool tr_mailbox_waits(const tr_entry_t *entry, uint32_t agent, uint64_t number);
/* After the state of `count` agents of an entry from `agent` on has changed: what waits to leave for one that is not active
 * waits aside, and leaves when it is; what is leased to it goes back to its service. */
void tr_mailbox_rearrange(tr_core_t *core, tr_entry_t *entry, uint32_t agent, uint32_t count);
/* What waits for some agents, counted record by record. */
typedef struct tr_mailbox_load {
    uint64_t records, bytes;
    int64_t
        oldest_ms; /* wall: since when; of several that share a mailbox, at the earliest. 0 = nothing waits */
} tr_mailbox_load_t;
tr_mailbox_load_t tr_mailbox_load(const tr_members_t *who);
/* What is in this box, which is no entry's any more, goes to where it belongs. */
void tr_mailbox_empty_into(tr_core_t *core, tr_entry_t *entry, tr_outbox_t *box);
/* The routes that a MUTE or UNMUTE is about: `count` of them from `first` on. */
typedef struct tr_scope {
    tr_route_t first;
    uint32_t count;
} tr_scope_t;
static inline tr_scope_t tr_entry_scope(const tr_entry_t *e) {
    return (tr_scope_t){tr_session_route(e->session, e->first), e->count};
}
/* What waits in the session that it was in, under the route of then, and what it holds itself, goes with it (carry.c). */
void tr_mailbox_carry(tr_core_t *core, tr_entry_t *entry, tr_session_t *from, tr_route_t old);
void tr_mute(tr_core_t *core, tr_audience_t *muted, tr_session_t *sender, tr_scope_t about);
void tr_unmute_all(tr_core_t *core, tr_audience_t *muted, tr_scope_t about);
void tr_mailbox_drained(tr_core_t *core, tr_entry_t *entry);

/* report.c */
/* The agent of the session that hangs, with its AID, and for how long; false where none does. */
bool tr_session_hangs(
    tr_core_t *core, const tr_session_t *session, char out[2 * TR_AID_MAX], int64_t *ret_ms);

/* gone.c: who was told the route of an entry is told its end */
void tr_gone_learn(tr_core_t *core, tr_entry_t *entry, const tr_session_t *session);
void tr_gone_tell(tr_core_t *core, tr_entry_t *entry);
/* Those whose turn has come become control records. */
void tr_gone_release(tr_core_t *core, tr_session_t *session);
/* After the session's counting has begun anew. */
void tr_gone_recount(tr_session_t *session);
void tr_gone_drop(tr_session_t *session);

/* route.c */
void tr_route_message(tr_core_t *core, tr_session_t *from, const tr_record_t *record);

/* service.c, service_queue.c, service_hands.c */
tr_service_t *tr_service_get(tr_core_t *core, const char *name, size_t len, bool create);
tr_service_t *tr_service_of_route(tr_core_t *core, tr_route_t route);
tr_route_t tr_service_route(const tr_service_t *service);
tr_reason_t tr_service_push(
    tr_core_t *core, tr_service_t *service, const tr_record_t *record, tr_session_t *from);
int tr_service_provide(
    tr_core_t *core, tr_service_t *service, tr_entry_t *entry, uint32_t agent, uint32_t capacity);
void tr_service_withdraw(tr_core_t *core, tr_service_t *service, const tr_entry_t *entry, uint32_t agent);
void tr_service_withdraw_all(tr_core_t *core, const tr_entry_t *entry);
/* After its agent, which is the only one, got another number (carry.c). */
void tr_service_carry(tr_core_t *core, const tr_entry_t *entry);
/* What they have in their hands of any service goes to others, though they go on offering it. */
void tr_service_take_away(tr_core_t *core, const tr_entry_t *entry, uint32_t agent, uint32_t count);
/* Those whose copies have not left for them (tr_service_unsent) go to others, or wait in their queue. */
void tr_service_take_unsent(tr_core_t *core, const tr_entry_t *entry, uint32_t agent, uint32_t count);
/* The same, whoever they were for. */
void tr_service_take_all_unsent(tr_core_t *core);
/* A provider's process has resumed: what was on its way to it may be lost, so its leases go out once more. */
void tr_service_repeat(tr_core_t *core, tr_session_t *session);
/* Queued requests of every service that this entry provides, now that it is active. */
void tr_service_wake(tr_core_t *core, const tr_entry_t *entry);
void tr_service_settle(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
void tr_service_tick(tr_core_t *core);
/* Hands queued requests to providers as long as one has room. */
void tr_service_dispatch(tr_core_t *core, tr_service_t *service);
/* At the end of its priority's list. */
void tr_service_enqueue(tr_core_t *core, tr_service_t *service, tr_lease_t *lease);
/* A copy of the record; NULL when out of memory. */
tr_lease_t *tr_lease_new(const tr_record_t *record);
void tr_service_destroy(tr_core_t *core, tr_service_t *service);

/* queue.c, dead_letter.c: what becomes of a lease in the journal, where it is there. Both free it. */
void tr_queue_settle(tr_core_t *core, tr_lease_t *lease);
void tr_queue_bury(tr_core_t *core, tr_lease_t *lease, tr_reason_t why);
/* It will be delivered again. */
void tr_queue_again(tr_core_t *core, tr_lease_t *lease);
/* Whether it may be delivered now: that it may have been must be on disk before. */
bool tr_queue_may_go(tr_core_t *core, const tr_lease_t *lease);
/* Reads what is on disk only, when there is room in memory. */
void tr_queue_fill(tr_core_t *core, tr_queue_t *queue);

/* topic.c */
tr_topic_t *tr_topic_get(tr_core_t *core, const char *name, size_t len);
tr_topic_t *tr_topic_of_route(tr_core_t *core, tr_route_t route);
tr_route_t tr_topic_route(const tr_topic_t *topic);
void tr_topic_free(tr_core_t *core, tr_topic_t *topic);
bool tr_topic_wanted(tr_core_t *core, tr_topic_t *topic);
/* All topics that it matches are. */
bool tr_pattern_is_restricted(const tr_core_t *core, const char *pattern, size_t len);
void tr_topic_stream(
    tr_core_t *core, tr_topic_t *topic, const tr_record_t *record, const tr_record_header_t *h);
void tr_topic_flush(tr_core_t *core, tr_topic_t *topic);
void tr_topic_tick(tr_core_t *core, int64_t elapsed_ms);
bool tr_interest_matches(const tr_core_t *core, const char *topic, size_t len);

/* stream.c */
bool tr_topic_in_streams(const tr_core_t *core, tr_topic_t *topic);
/* Whether a topic of this name would be in one. */
bool tr_streams_match(const tr_core_t *core, const char *topic, size_t len);

/* publish.c */
void tr_route_publish(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
/* So many publications were lost on their way here. */
void tr_publish_skip(tr_core_t *core, tr_topic_t *topic, uint64_t n);
void tr_publish_record(tr_core_t *core, tr_topic_t *topic, const tr_record_t *record, tr_record_header_t h);
/* Names again the topics of what waits for the session's agents: their RESOLVED may be lost. */
void tr_publish_announce(tr_core_t *core, tr_session_t *session);
/* GAP notices to subscribers that have room again. */
void tr_publish_gaps(tr_core_t *core);
/* Whose message to whom it is: bare names, AIDs of other platforms. */
typedef struct tr_tap {
    char from[TR_AID_MAX + 1], to[TR_AID_MAX + 1];
} tr_tap_t;
void tr_tap(tr_core_t *core, const tr_tap_t *tap, const tr_record_t *record);
/* What an agent of here gets without having been sent it: a request to a service (published NULL), a publication; for streams alone. */
void tr_tap_delivery(tr_core_t *core, const tr_topic_t *published, const tr_record_t *record, const char *to);

/* subscription.c */
tr_reason_t tr_core_subscribe(
    tr_core_t *core, tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len);
bool tr_core_unsubscribe(
    tr_core_t *core, const tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len);
void tr_core_unsubscribe_all(tr_core_t *core, const tr_entry_t *entry);
/* After its agent, which had that number, got another one (carry.c). */
void tr_core_subscriptions_carry(tr_core_t *core, tr_entry_t *entry, uint32_t old);

/* sys.c: the platform's own publications and log events */
void tr_sys_agent(tr_core_t *core, const char *what, const tr_entry_t *entry, tr_reason_t reason);
/* They are in another state. */
void tr_sys_state(tr_core_t *core, const tr_members_t *who, const tr_wish_t *wish, tr_agent_state_t from);
void tr_sys_dead_letter(tr_core_t *core, const tr_record_t *record, tr_reason_t reason);
void tr_sys_stats(tr_core_t *core);
void tr_sys_df(tr_core_t *core, const char *what, const tr_df_entry_t *entry);
/* Of the message that is being routed, if any. */
void tr_event(tr_core_t *core, tr_core_event_t event, const char *text, const char *detail);
/* Of this one; NULL: of none. */
void tr_event_about(
    tr_core_t *core, tr_core_event_t event, const char *text, const char *detail, const tr_record_t *about);
/* TR_EVENT_MESSAGE of a record that has been routed; only with config.tell_messages. */
void tr_event_message(tr_core_t *core, const tr_record_t *record, tr_reason_t why);
/* A topic of the platform, where anybody listens to it; and a publication there. */
struct tr_content_writer;
tr_topic_t *tr_sys_topic(tr_core_t *core, const char *name);
void tr_sys_publish(tr_core_t *core, tr_topic_t *topic, const struct tr_content_writer *content);

/* platform.c: messages to the agents inside the broker */
enum { TR_PLATFORM_AMS = 1, TR_PLATFORM_DF = 2 };
tr_route_t tr_platform_find(const char *name, size_t len);
void tr_platform_message(tr_core_t *core, tr_session_t *from, const tr_record_t *record);

/* df.c */
void tr_df_remove_entry(tr_core_t *core, const tr_entry_t *entry);
/* After its agent, which is the only one, got another number (carry.c). */
void tr_df_carry(tr_core_t *core, const tr_entry_t *entry);
void tr_df_tick(tr_core_t *core);

/* core.c */
void tr_core_out(tr_core_t *core, const tr_core_out_t *out);
/* Room for one output, which then cannot be lost. False when out of memory. */
bool tr_core_out_room(tr_core_t *core);
uint64_t tr_core_random(tr_core_t *core);

#endif
