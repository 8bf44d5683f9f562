/*
 * Durable messages: what the core keeps in the journal, and how much of it in memory.
 *
 * A queue is the durable side of a service (or of an agent's mailbox, which is a service with one provider).
 * It has a lane for each priority; messages of a lane are numbered 1, 2, 3 ... Those that are taken in one
 * turn make a block: one value in the journal. A block is written as part of a batch, and only when the batch
 * is on disk is its producer told STORED, and do its messages enter the service's queue. Settling marks a
 * message in its block; the block is deleted with its last one.
 *
 *   taken -> block of the open batch -> (on disk) -> STORED, queued -> leased -> settled -> block deleted
 *                                             \-> too much is in memory: only on disk, read when there is room
 *
 * Batches go out one behind the other, at most two at once: what is taken meanwhile makes the next one larger,
 * so that a slow disk is used in few syncs. The core never waits.
 *
 * Delivered or not: a message that a dead broker may have delivered must come again marked. So a lane writes
 * ahead a number, `reserved`, below which messages may have been delivered, and no message above it leaves.
 *
 * Invariants: STORED implies on disk; a message is in exactly one of: an unsynced block, the service's queue, a
 * provider's hands, on disk only; a block is in the journal as long as one of its messages is unsettled.
 */
#ifndef TR_BROKER_DURABLE_H
#define TR_BROKER_DURABLE_H

#include "broker/core/durable/dedup.h"
#include "broker/core/durable/journal_code.h"
#include "broker/core/state.h"

typedef struct tr_lane tr_lane_t;
typedef struct tr_durable_sub tr_durable_sub_t; /* durable_sub.c */

struct tr_block {
    tr_queue_t *queue;
    tr_block_t *next;                 /* in its batch */
    tr_block_t *next_dirty;           /* what became of its messages is to be written */
    tr_block_t *all_next, **all_prev; /* of its queue's blocks in memory */
    tr_lease_list_t leases;           /* until it is on disk */
    tr_buffer_t value;                /* until it is handed over */
    uint64_t first;                   /* number of its first message */
    uint64_t taken_bytes;             /* of records */
    uint32_t count;
    uint32_t left;     /* unsettled */
    uint8_t *settled;  /* a bit each; NULL while none is */
    uint8_t *attempts; /* one each; NULL while all are 0 */
    uint8_t lane;
    bool resident; /* its messages are in memory as well */
    bool dirty;
    bool state_written; /* there is a STATE beside it in the journal */
};

struct tr_lane {
    uint64_t tail;      /* the next message's number */
    uint64_t synced;    /* all below are on disk */
    uint64_t loaded;    /* all below were read, or never left memory; up to tail they are on disk only */
    uint64_t reserved;  /* below it they may have been delivered: on disk */
    uint64_t reserving; /* the same, as it is being written */
    uint64_t seen;      /* below it they may have been delivered before this broker began */
    uint64_t kept;      /* below it no number is given to another message by a broker after this one */
    tr_block_t *open;   /* of the open batch */
    uint64_t unsynced, unsynced_bytes; /* messages on their way to the disk */
    uint64_t away, away_bytes;         /* on disk only */
    bool reading;                      /* a piece of it is asked for ... */
    uint64_t reading_to;               /* ... up to here */
    tr_block_t *oldest; /* in memory, with the lowest number that is not settled; NULL = not known */
};

/* What a recovered block's state says, until the block is read. */
typedef struct tr_old_state {
    struct tr_old_state *next;
    uint64_t first;
    unsigned lane;
    uint32_t count;
    bool attempts;
    uint8_t bytes[]; /* as in the journal: settled bits, then attempts if it has any */
} tr_old_state_t;

/* Who has had queues and producers made, so that one cannot take the room of all (maker.c). */
#define TR_MAKER_MAX                                                                                         \
    (TR_NAME_MAX + 1u) /* bytes of its name: a certificate's, or @PLATFORM of another broker */

typedef enum tr_made { TR_MADE_QUEUE, TR_MADE_PRODUCER, TR_MADE } tr_made_t;

typedef struct tr_maker {
    char *name;
    uint32_t made[TR_MADE];
    bool told[TR_MADE]; /* that it may have no more: in the audit */
} tr_maker_t;

/* What there is of dead letters of one name (letter_box.c). */
typedef struct tr_letter_box {
    uint64_t records, bytes;
    bool full; /* at its limit */
} tr_letter_box_t;

/* Of one queue; 0 = as for all (config). */
typedef struct tr_queue_limits {
    uint64_t records, bytes;
    int64_t age_ms;
} tr_queue_limits_t;

struct tr_queue {
    uint64_t id;
    tr_service_t *service;
    tr_queue_limits_t limits;
    tr_lane_t lanes[TR_PRIORITIES];
    uint64_t records, bytes;                   /* all that is not settled */
    uint64_t resident_records, resident_bytes; /* of them in memory */
    tr_block_t *blocks;
    tr_old_state_t *old_states;
    tr_letter_box_t *box; /* of dead letters of its name; NULL = there are none */
    tr_maker_t *maker;    /* NULL = nobody who is counted */
    uint32_t subs;        /* durable subscriptions that fill it */
    int64_t since_ms;     /* wall */
    int64_t idle_ms;      /* mono: since when it has been of no use whenever it was looked at (queue_end.c) */
    uint64_t idle_requests; /* as they were then */
    bool idle;
    bool written; /* the journal knows it, or is about to */
    bool
        damaged; /* there are blocks in the journal that cannot be opened, maybe just now: only an order ends it */
};

/* What recovery is given. */
typedef struct tr_pair { /* of the journal */
    const uint8_t *key, *value;
    size_t key_len, value_len;
} tr_pair_t;

#define TR_PRODUCER_MAX 64u /* bytes of a producer's name; behind the certificate's it is two of them */

typedef struct tr_producer {
    char *name;
    uint64_t number; /* counts all that came to be known */
    uint64_t epoch;
    tr_dedup_t taken;
    tr_maker_t *maker;     /* NULL = nobody who is counted */
    tr_session_t *session; /* who spoke as it last; NULL */
    uint32_t sessions;     /* who may */
    int64_t seen_ms;       /* wall: for the broker after this one */
    int64_t heard_ms;      /* the same, monotonic */
    uint32_t unsynced;     /* messages in batches */
    bool dirty;
    struct tr_producer *next_dirty;
    /* Of a neighbour's queue. */
    uint64_t origin; /* its number there */
    uint8_t lane;
} tr_producer_t;

typedef struct tr_ack {
    tr_producer_t *producer;
    uint64_t epoch; /* of the producer when it was taken */
    uint64_t id;
} tr_ack_t;

typedef struct tr_reservation {
    struct tr_reservation *next;
    tr_queue_t *queue;
    unsigned lane;
    uint64_t upto;
} tr_reservation_t;

/* A dead letter on its way to the journal: its value. */
typedef struct tr_letter {
    struct tr_letter *next;
    uint64_t number;
    tr_buffer_t value;
} tr_letter_t;

/* An answer of the platform's agents that is told when the batch is on the disk. */
typedef struct tr_held_answer {
    struct tr_held_answer *next;
    uint8_t *request; /* as tr_answer_keep has it */
    tr_performative_t act;
    size_t len;
    uint8_t content[];
} tr_held_answer_t;

typedef struct tr_batch {
    struct tr_batch *next;
    uint64_t number;
    bool sync;      /* somebody waits for it to be on disk */
    bool wanted;    /* there is something in it */
    uint64_t bytes; /* of records in it */
    tr_block_t *blocks, **blocks_end;
    tr_ack_t *acks;
    size_t acks_n, acks_cap;
    tr_reservation_t *reservations;
    tr_letter_t *letters;
    tr_held_answer_t *answers, **answers_end;
    uint64_t *spent; /* letters whose end is in it */
    size_t spent_n, spent_cap;
    tr_buffer_t more; /* operations of its own, ready made: deletions of letters, of old producers */
} tr_batch_t;

struct tr_durable {
    tr_batch_t *open;           /* being filled; NULL */
    tr_batch_t *out, **out_end; /* handed over, oldest first */
    unsigned out_n;
    uint64_t next_batch, next_queue, next_read, next_letter, next_producer;
    int64_t forgot_ms;  /* when old producers were last looked for */
    tr_map_t producers; /* name -> tr_producer_t */
    tr_producer_t *dirty_producers;
    tr_map_t queues;   /* id (8 bytes) -> tr_queue_t */
    tr_map_t makers;   /* name -> tr_maker_t */
    tr_map_t boxes;    /* name of a queue -> tr_letter_box_t */
    bool boxes_full;   /* all together */
    char words[256];   /* why something was refused last, for the answer; "" = nothing was */
    char said[256];    /* those that were told last */
    int64_t looked_ms; /* when queues were last looked at that nobody may use any more */
    uint32_t looked;   /* up to this service */
    tr_map_t spent;    /* number (8 bytes) of a dead letter whose end is on its way to the disk */
    tr_block_t *dirty_blocks;
    struct tr_read *reads;     /* outstanding */
    tr_core_journal_t journal; /* as the shell told it last */
    bool versioned;            /* the journal says which version it is of */
    tr_buffer_t scratch;       /* a publication with its topic's name ... */
    uint64_t scratch_version;  /* ... which is another one with each number */
    tr_durable_sub_t *subs;
    uint32_t subs_n;
    uint64_t subs_version;
    tr_stream_t *streams; /* stream.h */
    uint64_t next_stream, streams_version;
    int64_t streams_synced_ms;
    bool streams_unsynced; /* something of them was handed over, and a crash of the machine may lose it */
};

/* How long its messages wait at most; 0 = for ever. */
static inline int64_t tr_queue_age_ms(const tr_core_t *core, const tr_queue_t *queue) {
    return queue->limits.age_ms ? queue->limits.age_ms : core->config.queue_age_ms;
}

/* queue.c */
/* The queue of the service; made, and told to the journal, where it has none. NULL when out of memory, or when he on whose behalf it is
 * made has as many as he may: then there are words for it. `by` NULL: on nobody's. */
tr_queue_t *tr_queue_of(tr_core_t *core, tr_service_t *service, const tr_session_t *by);
/* The service that is an agent's durable mailbox: the agent is its provider while it is there. NULL where
 * there is none (and create is false), or no room for it. */
tr_service_t *tr_mailbox_service(tr_core_t *core, const char *agent, bool create);
bool tr_service_is_mailbox(const tr_service_t *service, const char **ret_agent);
/* Whether a queue's name is that of this agent's mailbox. */
bool tr_queue_name_is_mailbox(const char *queue, size_t queue_len, const char *agent, size_t agent_len);
/* That all that comes to it is durable, or no longer is: remembered in the journal. False as tr_queue_of. */
bool tr_queue_policy(tr_core_t *core, tr_service_t *service, bool durable, const tr_session_t *by);
/* A durable message, from its producer, under his number for it (NULL: the policy makes it durable, nobody waits for STORED). */
tr_reason_t tr_queue_push(
    tr_core_t *core, tr_queue_t *queue, const tr_record_t *record, tr_producer_t *producer, uint64_t id);
void tr_queue_free(tr_queue_t *queue);
void tr_block_free(tr_block_t *block);
void tr_block_dirty(tr_core_t *core, tr_block_t *block);
/* That one of its messages is settled. */
void tr_block_mark(tr_block_t *block, uint32_t at);
static inline bool tr_block_is_settled(const tr_block_t *block, uint32_t at) {
    return block->settled && block->settled[at / 8] >> at % 8 & 1;
}
/* Whether another broker may take it now: it is so near to its lane's lowest number that is not settled that he still knows that one from
 * those that he took (foreign_durable.c). What is not in the journal has no number: true. */
bool tr_queue_is_near(const tr_lease_t *lease);
/* Its batch is on disk. */
void tr_block_synced(tr_core_t *core, tr_block_t *block);
/* What waits in memory stays on disk only: at shutdown. */
void tr_queue_park(tr_service_t *service);
void tr_block_link(tr_queue_t *queue, tr_block_t *block);

/* queue_end.c: the end of queues */
/* Forgets a queue that has no provider, with all that is in it; frees it. BUSY: it has one, or something of it is on its way to the disk.
 * LIMIT: out of memory. */
tr_reason_t tr_queue_drop(tr_core_t *core, tr_queue_t *queue);
/* Those that are empty, and that nobody has had a use for since the deduplication window began. */
void tr_queues_tick(tr_core_t *core);

/* maker.c */
/* Who something is made for. Without a name he is not counted. */
typedef struct tr_made_for {
    const char *name;
    size_t len;
    const tr_session_t
        *by; /* who asks for it; NULL = nobody does, it is in the journal: then there is no limit */
} tr_made_for_t;
/* "" for a session that has no certificate. Returns its length. */
size_t tr_maker_name(const tr_session_t *by, char out[TR_MAKER_MAX + 1]);
/* One more is made for him; NULL in ret_maker where he is not counted. False: he has as many as he may, which is told in the audit, and there
 * are words for it; or out of memory. */
bool tr_maker_charge(tr_core_t *core, const tr_made_for_t *whom, tr_made_t what, tr_maker_t **ret_maker);
/* One less. NULL-safe. */
void tr_maker_release(tr_core_t *core, tr_maker_t *maker, tr_made_t what);
void tr_makers_finish(tr_durable_t *durable);
/* The words of the last refusal, once; `otherwise` where it was something else that refused. */
const char *tr_durable_words(tr_core_t *core, const char *otherwise);

/* batch.c */
/* The open batch; NULL when out of memory. */
tr_batch_t *tr_batch_open(tr_core_t *core);
/* STORED goes to the producer when it is on disk. False when out of memory. */
bool tr_batch_ack(tr_batch_t *batch, tr_producer_t *producer, uint64_t id);
/* Takes the last one back. */
void tr_batch_unack(tr_batch_t *batch);
/* An operation of its own (tr_journal_op_type_t). False when out of memory: the batch is as it was. */
bool tr_batch_more(tr_batch_t *batch, uint8_t type, const tr_key_t *key, const void *value, size_t len);
/* Writes ahead that all below `upto` may have been delivered. */
void tr_batch_reserve(tr_core_t *core, tr_queue_t *queue, unsigned lane, uint64_t upto);
/* The queue itself. False when out of memory. */
bool tr_batch_queue(tr_core_t *core, tr_queue_t *queue);
/* Hands the open batch over where that may be. */
void tr_batch_flush(tr_core_t *core);
/* Also where two are on their way already, up to TR_BATCHES_OUT: what is read next must find it. */
#define TR_BATCHES_OUT 4u
void tr_batch_flush_now(tr_core_t *core);
/* Nothing is on its way to the disk, nor waits for it. */
bool tr_durable_quiet(const tr_core_t *core);
/* NULL when out of memory. */
tr_durable_t *tr_durable_new(tr_core_t *core);
void tr_durable_finish(tr_core_t *core);

/* recover.c: tr_core_recover, in core.h */

/* dead_letter.c */
/* In one batch: the letter leaves the journal, and its message enters its queue again. NOT_FOUND: its queue is gone; QUARANTINED: its sender
 * is held; BUSY, LIMIT: all is as it was. The letter is one that is not spent, as is that of a drop; `size` is its value's. */
tr_reason_t tr_letter_requeue(tr_core_t *core, uint64_t number, const tr_letter_info_t *letter, size_t size);
/* False when out of memory. */
bool tr_letter_drop(tr_core_t *core, uint64_t number, const tr_letter_info_t *letter, size_t size);
/* Whether it was sent again or dropped, although a read may still show it. */
bool tr_letter_spent(const tr_core_t *core, uint64_t number);
/* The batch is written: no read that was answered since shows what ended in it. */
void tr_letters_written(tr_core_t *core, tr_batch_t *batch);
/* Answers that waited for the batch to be on the disk are told (platform.c); or that the disk has failed; or nobody hears of them any more. */
void tr_answers_stored(tr_core_t *core, tr_batch_t *batch);
void tr_answers_failed(tr_core_t *core, tr_batch_t *batch);
void tr_answers_forget(tr_batch_t *batch);
void tr_letter_recover(tr_core_t *core, uint64_t number, const void *value, size_t len);

/* letter_box.c */
/* One more letter of a queue's name, which is not NUL-terminated ("" = not known), and of so many bytes in the journal; one less. */
void tr_letter_count(tr_core_t *core, const char *queue, size_t len, size_t size);
void tr_letter_uncount(tr_core_t *core, const char *queue, size_t len, size_t size);
/* Whether the queue may take new messages, though they might become letters. */
static inline bool tr_letters_have_room(const tr_core_t *core, const tr_queue_t *queue) {
    return !queue->box || !(queue->box->full || core->durable->boxes_full);
}
/* Why not, as the words of the refusal. */
void tr_letters_say(tr_core_t *core, const tr_queue_t *queue);
/* NULL where there is no letter of that name. */
tr_letter_box_t *tr_letter_box_find(const tr_core_t *core, const char *queue, size_t len);
void tr_letter_boxes_finish(tr_durable_t *durable);

/* producer.c */
/* By its whole name; made on this session's behalf where there is none. NULL with the reason. */
tr_producer_t *tr_producer_get(
    tr_core_t *core, const char *name, uint64_t epoch, const tr_session_t *by, tr_reason_t *ret_why);
void tr_producer_speaks(tr_core_t *core, tr_producer_t *producer, tr_session_t *session);
void tr_producer_silent(tr_core_t *core, tr_session_t *session);
/* A neighbour's link has ended: none of its queues speaks. */
void tr_producers_silent(tr_core_t *core, const tr_session_t *session);
void tr_producer_dirty(tr_core_t *core, tr_producer_t *producer);
void tr_producer_write(tr_buffer_t *ops, const tr_producer_t *producer);
bool tr_producer_recover(tr_core_t *core, const char *name, const void *value, size_t len);
void tr_producers_stored(tr_core_t *core, tr_ack_t *acks, size_t n);
/* All of the journal's are there. */
void tr_producers_recovered(tr_core_t *core);
void tr_producer_tick(tr_core_t *core);

/* durable_sub.c */
/* From now on what is published on topics that match goes into the agent's mailbox, and it is remembered in the journal. NO_JOURNAL,
 * BAD_TOPIC, FORBIDDEN (a pattern that begins with $), LIMIT. */
tr_reason_t tr_durable_subscribe(
    tr_core_t *core, const tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len);
/* Whether there was one. */
bool tr_durable_unsubscribe(
    tr_core_t *core, const tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len);
/* Those of the session's agents that its rights do not cover any more end, for good, and that is told in the audit. Whether there were none. */
bool tr_durable_subs_judge(tr_core_t *core, tr_session_t *session);
/* Those whose certificate is revoked, or has no right to them any more, end likewise, wherever their agents are. */
void tr_durable_subs_review(tr_core_t *core);
/* Those of a queue that is removed; NULL: all, at the end. In memory only. */
void tr_durable_subs_forget(tr_core_t *core, const tr_queue_t *queue);
/* The at-th pattern of a queue, not NUL-terminated; NULL where there are no more. */
const char *tr_durable_sub_of(const tr_core_t *core, const tr_queue_t *queue, uint32_t at, size_t *ret_len);
/* Tells of all patterns (interest.h). */
void tr_durable_subs_interest(tr_core_t *core);
int tr_durable_sub_recover(tr_core_t *core, const tr_pair_t *pair);
bool tr_topic_in_durable_subs(const tr_core_t *core, tr_topic_t *topic);
/* `h`: with the topic's sequence number in it. */
void tr_durable_publish(
    tr_core_t *core, const tr_topic_t *topic, const tr_record_t *record, const tr_record_header_t *h);

/* durable.c */
/* Whether a message is durable, by its flag or by its receiver's policy. A request that a neighbour has leased to us without the flag is his
 * until it is settled, and comes again where it is lost. */
static inline bool tr_durable_wanted(
    const tr_core_t *core, const tr_entry_t *entry, const tr_service_t *service, const tr_record_t *record) {
    return (record->h.flags & TR_FLAG_DURABLE) ||
           (core->durable && !(record->h.flags & TR_FLAG_LEASED) &&
               (entry ? entry->durable : service && service->durable_policy));
}
/* Whether a message with flag DURABLE was taken before: then that is told again, whatever has become of its sender, its receiver or the
 * broker since. */
bool tr_durable_repeated(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
/* One that was not. */
tr_reason_t tr_durable_message(
    tr_core_t *core, tr_session_t *from, tr_entry_t *entry, tr_service_t *service, const tr_record_t *record);
/* An agent, or a range of them, is there: it provides its mailbox, where it has one. False when out of
 * memory. */
bool tr_durable_arrived(tr_core_t *core, tr_entry_t *entry);
void tr_durable_tick(tr_core_t *core);
/* Messages that are on disk only. */
uint64_t tr_durable_away(const tr_core_t *core);

/* queue_read.c is tr_queue_fill, in state.h. read.c: what the core asks the journal for. */
typedef struct tr_found {
    const void *pairs; /* a batch of PUTs (lib/store/journal_batch.h) */
    size_t len;
    bool more;   /* the limit was reached before the end */
    bool failed; /* the journal could not read it */
} tr_found_t;
typedef struct tr_read tr_read_t;
struct tr_read {
    tr_read_t *next;
    uint64_t number;
    void (*done)(tr_core_t *core, tr_read_t *read, const tr_found_t *found); /* frees nothing of read */
    void (*drop)(tr_read_t *read); /* frees what it owns, not read itself; NULL = nothing */
    uint64_t id;                   /* whatever the asker needs to know again */
    unsigned lane;
    void *owned;
};
/* Asks for the keys from `from` up to and without `to`. False when out of memory (nothing of `read` is kept). */
bool tr_read_ask(
    tr_core_t *core, const tr_read_t *read, const tr_key_t *from, const tr_key_t *to, size_t limit);
void tr_reads_drop(tr_core_t *core);

#endif
