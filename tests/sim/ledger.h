/*
 * The ledger: every message that an agent sent, and what became of it. A message is known by the number in its
 * content (and, when it comes back as NACK, in its conversation-id), so whoever gets it can say so here. At the
 * end every one must have had an outcome, and no two that exclude each other: a message may vanish only where
 * the network, or a death, is known to have taken it.
 */
#ifndef TR_SIM_LEDGER_H
#define TR_SIM_LEDGER_H

#include "lib/base/map.h"
#include "proto/record.h"
#include "tests/sim/world.h"
#include "troupe/message.h"

#define SIM_CONTENT_MIN 8u      /* bytes of a content: a magic number and the letter's */
#define SIM_NOBODY      0xffffu /* the receiver of what is sent to a service or topic */

typedef enum sim_kind {
    SIM_DIRECT,  /* one way */
    SIM_REQUEST, /* by tr_request */
    SIM_ANSWER,  /* to one */
    SIM_EVENT,   /* a publication */
    SIM_TALK,    /* the first act of a conversation */
    SIM_ECHO,    /* to and fro until its hops are used up */
    SIM_DURABLE, /* by tr_send_durable */
} sim_kind_t;

typedef struct sim_letter {
    uint8_t kind;
    bool unsent;       /* tr_send did not take it */
    bool refused;      /* it came back */
    bool lost;         /* the network or a death took it, or may have */
    bool leased;       /* to a service: it may be delivered more than once, flagged */
    bool timed_out;    /* a request: nothing came in time */
    bool explained;    /* ... and it is known why */
    bool roll_call;    /* of the last round: it must get through */
    uint8_t topic;     /* of a publication */
    uint8_t lane;      /* of a durable one: priority and queue, within which order is kept */
    uint8_t synced;    /* a bit for each broker on whose disk it is, or was */
    bool stored;       /* the broker has said so */
    bool acknowledged; /* ... and its sender was told */
    bool finished;     /* whoever got it has dealt with it */
    bool dead;         /* it is in the journal as a dead letter */
    bool dropped;      /* ... and somebody has ordered to drop it ... */
    bool forged;       /* it went out as another's (forge.h) */
    bool requeued;     /* ... or to send it again, behind what was sent after it */
    bool barred;       /* its sender was in quarantine when the broker got it */
    bool forbidden;    /* its sender's certificate does not allow it */
    uint8_t hops;      /* that it had left when it came */
    uint8_t outcomes;  /* of a request or conversation: how often its end was told */
    uint16_t from, to; /* actors */
    uint32_t life;     /* of the sender */
    uint32_t about;    /* what it answers */
    uint32_t root;     /* the first one of its conversation */
    uint32_t deliveries;
    uint32_t unflagged; /* of them, of a durable one: nothing says that it may have come before */
    uint32_t attempts;  /* a bit for each that came */
    const char *why;    /* lost or refused: why first */
    int64_t sent_ns;
} sim_letter_t;

/* An agent's behaviour from init to fini. */
typedef struct sim_life {
    uint16_t actor;
    bool over;
} sim_life_t;

/* Where a letter stands in the journal of a broker. */
typedef struct sim_place {
    uint64_t broker, queue, lane, number; /* queue 0 = in no queue */
} sim_place_t;

/* A letter on its way to the disk, in a batch. */
typedef struct sim_writing {
    uint32_t letter;
    const sim_broker_t *broker;
    uint64_t batch;
    int64_t at_ns;
    sim_place_t place;
} sim_writing_t;

/* In guarded worlds: whether an actor is in quarantine, and since when, or since when not. */
typedef struct sim_guarded {
    bool held;
    int64_t changed_ns; /* 0 = it never was */
} sim_guarded_t;

/* What a process has sent in its session. */
typedef struct sim_guarded_rate {
    uint32_t slot;
    uint16_t generation;
    unsigned start; /* of the broker */
    int64_t since_ns;
    uint64_t sent, since_n;
} sim_guarded_rate_t;

struct sim_ledger {
    sim_world_t *world;
    sim_letter_t *letters; /* by number; 0 is none */
    uint32_t letters_n, letters_cap;
    sim_life_t *lives; /* 0 is none */
    uint32_t lives_n, lives_cap;
    tr_map_t last;       /* life of the sender, receiver -> number of the last message that came */
    tr_map_t records;    /* actor, life of its process, number of a record -> letter */
    tr_map_t stored;     /* process, life of it, number of a durable record -> letter */
    tr_map_t shown;      /* number in the stream -> letter */
    tr_map_t placed;     /* of several brokers: sim_place_t -> the letter that is, or was, on disk there */
    bool stream_dropped; /* the core says that numbers are missing in it */
    uint64_t queue_stored
        [SIM_BROKERS_MAX]; /* the highest number of a queue of each broker that had something on disk */
    sim_writing_t *writing;
    size_t writing_n, writing_cap;
    sim_guarded_t guarded[SIM_ACTORS_MAX];
    sim_guarded_rate_t rates[SIM_PROCS_MAX];
};

sim_ledger_t *sim_ledger_new(sim_world_t *world);
void sim_ledger_destroy(sim_ledger_t **self);

uint32_t sim_life_begin(sim_ledger_t *self, unsigned actor);
void sim_life_end(sim_ledger_t *self, uint32_t life);

uint32_t sim_letter_new(sim_ledger_t *self, sim_kind_t kind, unsigned from, uint32_t life, unsigned to);
sim_letter_t *sim_letter(sim_ledger_t *self, uint32_t number);
/* Writes the number into a content of at least SIM_CONTENT_MIN bytes. */
void sim_letter_write(uint32_t number, void *content, size_t len);
/* The number in a content, or 0. */
uint32_t sim_letter_read(const void *content, size_t len);
/* The same of a record, behind whose content another broker may have put where it is in its journal. */
uint32_t sim_letter_of(const tr_record_t *record);
void sim_letter_id(uint32_t number, char out[24]);
/* The number in a conversation-id, or 0. */
uint32_t sim_letter_of_id(const char *conversation_id);

/* First in, first out within a lane: numbers rise. */
void sim_check_order(sim_ledger_t *self, uint32_t number, unsigned actor, uint32_t lane);
/* It came to the actor. */
void sim_letter_delivered(sim_ledger_t *self, uint32_t number, unsigned actor, const tr_message_t *message);
/* A publication came to a subscriber. */
void sim_letter_heard(sim_ledger_t *self, uint32_t number, unsigned actor);
/* It came back. */
void sim_letter_refused(sim_ledger_t *self, uint32_t number, tr_reason_t reason);
/* The link has taken it as this record; and which one a NACK of a record is about, 0 where it is none of these. */
void sim_letter_sent(sim_ledger_t *self, uint32_t number, uint64_t record);
uint32_t sim_letter_of_record(sim_ledger_t *self, unsigned actor, uint64_t record);
/* It went out as another's: it may be lost, and must not arrive. */
void sim_letter_forged(sim_ledger_t *self, uint32_t number);
/* It comes to somebody, who must not get what was not allowed. */
void sim_check_allowed(sim_ledger_t *self, uint32_t number, unsigned actor);
/* Nothing may come of it any more, for a reason that is known. */
void sim_letter_explained(sim_ledger_t *self, uint32_t number);

/* A frame is gone, with all that is in it. */
void sim_ledger_lost(sim_world_t *world, const void *frame, size_t len, const char *why);
/* A process is gone: with what it had not sent yet, and what it had not handed out yet. */
void sim_ledger_died(sim_world_t *world, const sim_proc_t *proc);
/* The broker has given an agent up: what comes back of its messages finds nobody. */
void sim_ledger_outcast(sim_world_t *world, const char *name);
/* A broker is gone, with all that waited in it. */
void sim_ledger_broker_died(const sim_broker_t *broker);
/* It has no link to that platform any more: what comes back of what came from there finds nobody. */
void sim_ledger_parted(const sim_broker_t *broker, const char *platform);
/* At the end: every letter has had its outcome. */
void sim_ledger_check(sim_ledger_t *self);

#endif
