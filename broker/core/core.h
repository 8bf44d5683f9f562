/*
 * The broker's core: routes records between sessions, services and topics. Pure: no sockets, no clock, no
 * files.
 *
 * The caller feeds it events with the time they happened at, calls tr_core_flush when it has nothing more to
 * feed, and carries out the outputs. The same events with the same times and seed give the same outputs,
 * which is what the simulator relies on. One thread.
 *
 *     tr_core_bundle / _peer_lost / _interest / _tick -> tr_core_flush -> tr_core_next until it gives none
 */
#ifndef TR_BROKER_CORE_H
#define TR_BROKER_CORE_H

#include "lib/base/pool.h"
#include "proto/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_core tr_core_t;
struct tr_cert_book; /* lib/cert/cert.h */

/* The shell's number for a connection; the core never looks into it. */
typedef uint64_t tr_peer_t;

typedef struct tr_core_config {
    const char *platform; /* name of this broker */
    const char *version;
    const char *stream_endpoint; /* told to processes in WELCOME */
    uint8_t secret[16];      /* makes session tokens that nobody can guess: from the system's random source */
    uint64_t seed;           /* for hashing: likewise, or a test's */
    uint32_t max_record;     /* bytes */
    uint32_t window_records; /* what a process may send ahead of a CREDIT */
    uint64_t window_bytes;
    uint32_t mailbox_records; /* limit of one mailbox, kept in the broker */
    uint64_t mailbox_bytes;
    uint32_t service_records; /* limit of one service's queue */
    uint64_t service_bytes;
    uint32_t service_wait_ms; /* how long a queued request outlives the last provider */
    uint32_t tries_max;       /* deliveries of one service request */
    uint32_t poison_max;      /* failures of its receivers, as they say, before it fails */
    uint32_t heartbeat_ms;
    uint32_t lease_ms; /* a session that is silent for longer is dead */
    uint32_t grace_ms; /* a session whose connection broke may resume within this */
    uint32_t sessions_max;
    uint32_t topics_max;
    uint32_t subscriptions_max; /* of this platform's agents */
    uint32_t services_max;
    uint32_t mandates_max;     /* paths that are remembered (mandate.h) */
    size_t trace_bytes;        /* of spans that are kept for `trace` */
    bool tell_messages;        /* TR_EVENT_MESSAGE, of each: for a log of all that goes through */
    uint32_t trace_per_second; /* of the broker's own spans, at most; 0 = no bound */
    int64_t (*wall_ns)(
        void); /* for the broker's own spans, of messages that are traced; NULL: the time of the step is all there is */
    uint32_t told_max; /* sessions that an entry remembers to have told its route; beyond it all are told */
    /* Durable messages. */
    bool journal;              /* TR_OUT_WRITE and _READ are carried out */
    uint32_t message_lease_ms; /* a delivered message that is not settled nor extended by then comes again */
    uint32_t queue_in_hand;    /* unsettled messages of a mailbox at its agent, at most */
    uint64_t queue_records;    /* limit of one queue, on disk */
    uint64_t queue_bytes;
    int64_t queue_age_ms;          /* what waits for longer becomes a dead letter; 0 = no limit */
    uint64_t queue_resident_bytes; /* of one queue in memory: the rest is read when it is wanted */
    uint64_t unsynced_bytes;       /* on their way to the disk, of all queues */
    uint32_t producers_max;
    uint32_t queues_each,
        producers_each; /* that one certificate's holder, or one other broker, may have made; 0 = no limit */
    uint64_t letters_records,
        letters_bytes; /* dead letters that are kept before those who have some get no more (letter_box.c) */
    uint64_t letters_each_records, letters_each_bytes; /* of one mailbox or queue */
    int64_t queue_idle_ms; /* a queue that is of no use for so long is given up (queue_end.c) */
    int64_t dedup_ms;      /* how long a silent producer's numbers are remembered */
    /* Links to other brokers. */
    bool open_links;       /* the guard asks brokers only, not processes */
    uint32_t peer_records; /* limit of what waits for one of them */
    uint64_t peer_bytes;
    uint32_t peer_offers; /* services and patterns that one of them may offer and want here */
    uint32_t proxies_max; /* agents of other platforms that are known at once */
} tr_core_config_t;

/* Defaults for everything but the strings and the seed. */
void tr_core_config_defaults(tr_core_config_t *config);

typedef struct tr_core_now {
    int64_t mono_ms; /* monotonic */
    int64_t wall_ms; /* Unix time, for deadlines */
} tr_core_now_t;

/* What happened, for the shell's log. From TR_EVENT_REFUSED on there are two texts more behind these: conversation and trace of the message that it
 * is about, "" where there is none. */
typedef enum tr_core_event {
    TR_EVENT_MESSAGE, /* sender, receiver or topic, then act, why it was refused, conversation, trace: "" where there is none */
    TR_EVENT_JOINED,  /* name, detail: a session's process */
    TR_EVENT_LEFT,    /* an agent deregistered */
    TR_EVENT_LOST,    /* an agent's process died or went silent */
    TR_EVENT_HANGS,   /* an agent's callback does not come back, says its process; detail: which one */
    TR_EVENT_GOES_ON, /* it has come back */
    TR_EVENT_REFUSED, /* detail: what and why */
    TR_EVENT_DEAD_LETTER,
    TR_EVENT_LETTERS_FULL, /* of a queue, or "all" */
    TR_EVENT_CORRUPT,      /* what the journal gave back is not what was written */
    /* The guard's, for the audit: text is what it is about, detail who and why. */
    TR_EVENT_CONNECTED,       /* somebody with a certificate */
    TR_EVENT_KEY_REFUSED,     /* somebody without a good one */
    TR_EVENT_NAME_REFUSED,    /* an agent's name */
    TR_EVENT_TOPIC_REFUSED,   /* to publish on, or a subscription */
    TR_EVENT_SERVICE_REFUSED, /* to offer, or to ask */
    TR_EVENT_VERB_REFUSED,    /* an action of the platform's agents */
    TR_EVENT_FORGED_SENDER,
    TR_EVENT_DELEGATION_REFUSED, /* a chain that was not given; text is the chain, as of the next two */
    TR_EVENT_CYCLE_REFUSED,
    TR_EVENT_BUDGET_REFUSED,
    TR_EVENT_LIMIT,       /* of a certificate */
    TR_EVENT_QUARANTINED, /* an agent; detail: for whose sake, by whom and why */
    TR_EVENT_RELEASED,    /* it, from quarantine */
    TR_EVENT_SUSPENDED,   /* an agent, by another process; detail: by whom and why */
    TR_EVENT_RESUMED,     /* likewise */
    TR_EVENT_MOVED,       /* an agent, to another process; detail: where to, and by whom */
    TR_EVENT_ILLEGAL_ACT, /* text: a conversation; detail: between whom, and what its protocol allows */
    TR_EVENT_REVOKED,     /* a session ended because its certificate did */
    TR_EVENT_SKIPPED,     /* there were more of these than are told */
    /* Of links to other brokers: text is the platform. */
    TR_EVENT_PEER_UP,
    TR_EVENT_PEER_DOWN,    /* detail: why */
    TR_EVENT_PEER_REFUSED, /* detail: why there is no link */
    TR_EVENTS,
} tr_core_event_t;

typedef enum tr_out_type {
    TR_OUT_NONE,
    TR_OUT_SEND,   /* buf to peer */
    TR_OUT_STREAM, /* buf to the topic stream under `text` */
    TR_OUT_EVENT,  /* event with `text` and `detail` */
    TR_OUT_WRITE, /* batch `number`, `len` bytes at `detail` (lib/store/journal_batch.h), to the journal: answered by
                      tr_core_written */
    TR_OUT_READ, /* the journal's keys from the first `from_len` bytes at `detail` up to those behind them (`len` in
                      all), up to about `limit` bytes: answered by tr_core_read with `number` */
    TR_OUT_CUT,     /* the peer's connection is to be cut, once what goes before has gone */
    TR_OUT_DIALLED, /* what became of a connection that was dialled: `number` is a tr_dialled_t, `text` the
                       platform that answered ("" = unknown) */
} tr_out_type_t;

/* How another broker, or this one itself, has answered. */
typedef enum tr_dialled {
    TR_DIALLED_LINKED,
    TR_DIALLED_TWICE, /* there is a link to that platform already: dial again when it is down */
    TR_DIALLED_SELF,
    TR_DIALLED_REFUSED,
    TR_DIALLED_LATER, /* it ends, and may be back soon */
} tr_dialled_t;

/*
 * The receiver of an output owns buf (tr_buf_release) and detail (free). `text` is the topic, borrowed until
 * the next call into the core; for an event it is the first of two strings in the block `detail`, with the
 * second behind its NUL.
 */
typedef struct tr_core_out {
    tr_out_type_t type;
    tr_core_event_t event;
    tr_peer_t peer;
    tr_buf_t *buf;
    const char *text;
    char *detail;
    uint64_t number;
    size_t len, from_len, limit;
    bool sync; /* somebody waits for the batch to be on disk */
} tr_core_out_t;

/* Counters. Every data record that was accepted is in exactly one of delivered, queued, leased, dead_letters,
 * returned or dropped. (A service request and the copy of it that goes to a provider are two records.) */
typedef struct tr_core_stats {
    uint64_t bundles_in, records_in, bytes_in;
    uint64_t records_out, bytes_out; /* to sessions */
    uint64_t stream_out;             /* records put on the topic stream */
    uint64_t accepted;  /* direct and service messages, and one per subscriber of a publication */
    uint64_t delivered; /* handed to a session's connection (a service request: settled) */
    uint64_t queued;    /* in mailboxes and service queues now */
    uint64_t leased;    /* with a provider, not settled */
    uint64_t returned;  /* copies of leased requests, and NACKs, taken back before they left */
    uint64_t redelivered;
    uint64_t dead_letters;
    uint64_t dropped[TR_REASON_MAX]; /* accepted, then dropped, by reason */
    uint64_t refused[TR_REASON_MAX]; /* never accepted, by reason */
    uint64_t nacks, gaps, mutes;
    uint64_t illegal_acts;          /* of mailboxes that are checked (conduct.h) */
    uint64_t broken;                /* connections that broke, or were cut, under a session */
    uint64_t stored;                /* durable messages that are, or were, on disk and told so */
    uint64_t duplicates;            /* sent again, and taken once */
    uint64_t letters, letter_bytes; /* dead ones, in the journal now */
    uint64_t letters_full;      /* mailboxes and queues at their limit of them; and one more where all are */
    uint64_t unsynced_bytes;    /* durable messages on their way to the disk now */
    uint64_t queues, producers; /* in the journal, now */
    uint64_t sessions, agents, topics, services, subscriptions; /* now */
    uint64_t queued_bytes;
    uint64_t peers,
        proxies; /* links to other brokers, and agents and services of there that are known, now */
    uint64_t peer_sent, peer_received,
        peer_dropped; /* data records over them; refused, because a queue was full */
} tr_core_stats_t;

/* NULL when out of memory or the platform's name is not valid. Borrows pool for its life; copies
 * the strings. */
tr_core_t *tr_core_new(const tr_core_config_t *config, tr_pool_t *pool);
void tr_core_destroy(tr_core_t **self);

/* A ZeroMQ frame from a peer. The bytes are only read during the call. */
void tr_core_bundle(tr_core_t *self, tr_peer_t peer, const void *bytes, size_t len, tr_core_now_t now);
/* The same of a peer that has proved to have this CURVE key (32 bytes); NULL: none. */
void tr_core_bundle_by(
    tr_core_t *self, tr_peer_t peer, const uint8_t *key, const void *bytes, size_t len, tr_core_now_t now);
/* From now on only who has a key of the book gets in, and may do what its certificate says; sessions that may
 * not go on are ended. False when out of memory: nothing has changed. The book is held, not taken over. */
bool tr_core_guard(tr_core_t *self, const struct tr_cert_book *book, tr_core_now_t now);
bool tr_core_is_guarded(const tr_core_t *self);
/* The holder of the certificate has so many watchers of the topic stream now. */
struct tr_cert;
void tr_core_watchers(tr_core_t *self, const struct tr_cert *cert, uint32_t count);
/* Topics that match are never on the topic stream, only over links. Before the first bundle. 0, -EINVAL,
 * -ENOMEM. */
int tr_core_restrict(tr_core_t *self, const char *pattern);
/* For what the caller itself has refused, or has to tell: onto the audit. */
void tr_core_audit(tr_core_t *self, tr_core_event_t kind, const char *certificate, const char *what,
    const char *detail, tr_core_now_t now);
/* A connection to another broker was dialled: the core says PEER on it, and TR_OUT_DIALLED what came of it. */
void tr_core_dial(tr_core_t *self, tr_peer_t peer, tr_core_now_t now);
/* A bundle of another broker, which has proved to have this key; on a connection that was dialled here, or
 * there. */
void tr_core_peer_bundle(tr_core_t *self, tr_peer_t peer, bool dialled, const uint8_t *key, const void *bytes,
    size_t len, tr_core_now_t now);
/* Whether there is a link to the broker of that platform. */
bool tr_core_is_linked(const tr_core_t *self, const char *platform);
/* What the shell knows of the addresses that it dials, for the AMS to tell. Must live until the next call. */
typedef struct tr_core_dial {
    const char *endpoint;
    const char *state;    /* a word */
    const char *platform; /* "" = it has not answered yet */
    const char *detail;   /* of the last failure; "" = none */
} tr_core_dial_t;
void tr_core_dials_are(tr_core_t *self, const tr_core_dial_t *dials, size_t n);
/* What it sent cannot be given to the core at all: counted, and the peer is told. */
void tr_core_refuse(tr_core_t *self, tr_peer_t peer, tr_reason_t reason, const char *detail);
/* Before tr_core_peer_lost: a bundle of TR_OUT_SEND that could not be given to the network. What of it comes again
 * counts as no delivery; what does not is lost with its link, as any that was on its way. */
void tr_core_unsent(tr_core_t *self, const void *bundle, size_t len);
/* The peer's connection is gone (it cannot be sent to). */
void tr_core_peer_lost(tr_core_t *self, tr_peer_t peer, tr_core_now_t now);
/* Somebody listens, or no longer does, on the topic stream for topics that begin with prefix. */
void tr_core_interest(tr_core_t *self, const char *prefix, size_t len, bool on);
/* Leases, deadlines, statistics: call about four times a second. */
void tr_core_tick(tr_core_t *self, tr_core_now_t now);
/*
 * With config.journal, before all else: each pair of the journal, in the order of keys, then
 * tr_core_recovered. 0; -EPROTO: it was written by another version; -EBADMSG: a pair that this version does
 * not write so; -ENOMEM.
 */
int tr_core_recover(tr_core_t *self, const void *key, size_t key_len, const void *value, size_t value_len);
int tr_core_recovered(tr_core_t *self, tr_core_now_t now);
/* All batches up to `number` are written and, with `synced`, on disk. When a write has failed, do not call
 * this any more, and end. */
void tr_core_written(tr_core_t *self, uint64_t number, bool synced, tr_core_now_t now);
/* The journal has failed, and this broker is about to end: who waits for an order to be on disk is told that it may not be. What the core
 * gives out after this goes out, and nothing more is given to it. */
void tr_core_journal_failed(tr_core_t *self, tr_core_now_t now);
/* What was asked for: pairs as a batch of PUTs. `more`: there may be more of it behind. `failed`: it could
 * not be read. */
void tr_core_read(tr_core_t *self, uint64_t number, const void *pairs, size_t len, bool more, bool failed,
    tr_core_now_t now);
/* What the shell knows of the journal, for the AMS to tell. The texts must live as long as the core. */
typedef struct tr_core_journal {
    const char *store, *where; /* "RocksDB", a directory */
    uint64_t bytes, keys;      /* about */
    uint64_t free_bytes;       /* that its disk has left; UINT64_MAX = not known */
    int64_t grown_bytes;       /* within the last whole minute; 0 in the first one */
    uint64_t writes, syncs;
    uint64_t sync_ns, sync_max_ns; /* time spent in syncs: in all, and in the longest */
} tr_core_journal_t;
void tr_core_journal_is(tr_core_t *self, const tr_core_journal_t *journal);
/* The caller itself has not run for so long (stopped, or short of time): no silence in that time means that
 * somebody is dead. */
void tr_core_paused(tr_core_t *self, int64_t ms, tr_core_now_t now);
/* No new sessions, agents, requests to services or publications from now on. What is queued goes out, and
 * agents may answer as long as a request is leased. */
void tr_core_shutdown(tr_core_t *self);
/* Tells every process that this broker ends: what they send from now on is not taken. */
void tr_core_farewell(tr_core_t *self);
/* Nothing is leased, nothing queued but on disk, and nothing on its way there. */
bool tr_core_drained(const tr_core_t *self);

/* Turns what is ready into outputs. */
void tr_core_flush(tr_core_t *self);
/* The next output; false where there is none. */
bool tr_core_next(tr_core_t *self, tr_core_out_t *ret_out);

const tr_core_stats_t *tr_core_stats(const tr_core_t *self);
/* What waits for a service. */
typedef struct tr_core_service {
    const char *name;
    uint64_t queued;    /* also on disk only */
    uint64_t leased;    /* in the hands of this platform's providers; what other brokers have, those count */
    uint64_t providers; /* of this platform */
    int64_t oldest_ms;  /* how long that has waited which waits for longest; 0: nothing waits */
} tr_core_service_t;
/* The next one from *cursor on, which begins with 0; mailboxes are left out. False: there are no more. The name is borrowed until the
 * next call into the core. */
bool tr_core_service_next(const tr_core_t *self, uint32_t *cursor, tr_core_service_t *ret);
/* Checks the conservation rules over all queues (tests and the simulator call it at every step). True when
 * they hold. */
bool tr_core_consistent(const tr_core_t *self);

#endif
