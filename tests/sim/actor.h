/*
 * An actor: one agent, whose behaviour does what its roles say, by real timers, requests, services,
 * subscriptions and conversations of libtroupe, and notes in the ledger what it sees. It lives in a process
 * and keeps its name over the process's lives; each time its behaviour begins is a life of its own.
 */
#ifndef TR_SIM_ACTOR_H
#define TR_SIM_ACTOR_H

#include "proto/route.h"
#include "tests/sim/ledger.h"
#include "tests/sim/proc.h"

/* A message that is dealt with later. */
typedef struct sim_kept {
    struct sim_kept *next;
    sim_actor_t *actor;
    tr_message_t *message;
    uint32_t number;
    unsigned tries; /* to answer it */
} sim_kept_t;

/* What a subscriber has heard of one topic. */
typedef struct sim_heard {
    tr_route_t route;
    uint64_t sequence, epoch;
    int64_t at_ns;  /* when */
    unsigned start; /* of the broker: another life of it may give the same route by chance */
} sim_heard_t;

/* How far it has read the stream. */
typedef struct sim_reader {
    uint64_t given;  /* all below was shown to it, in whatever life */
    uint64_t commit; /* to be said, 0 = nothing */
    bool declared, asked;
    bool caught_up; /* in the last round */
} sim_reader_t;

/* What the last round has seen to get through. */
typedef struct sim_roll {
    uint32_t number; /* of the last attempt */
    bool done;
} sim_roll_t;

struct sim_actor {
    sim_world_t *world;
    sim_proc_t *proc;
    unsigned index;
    char name[16];
    const sim_actor_plan_t *plan;
    sim_prng_t prng;
    tr_agent_t *agent;
    uint32_t life; /* 0 between lives */
    sim_kept_t *kept;
    sim_heard_t heard[SIM_TOPICS];
    uint64_t missed;        /* told by GAP, and not seen in a sequence yet */
    unsigned conversations; /* open, that it began */
    sim_reader_t stream;
    bool ordered;     /* an order that it gave is not answered yet */
    uint64_t letter;  /* a dead letter that it looks into, 0 = none */
    bool withdrawn;   /* it does not offer its service for now */
    uint32_t in_hand; /* a durable letter that it deals with at once, 0 = none */
    sim_roll_t roll_message, roll_service, roll_durable, roll_topics[SIM_TOPICS];
    bool roll_heard[SIM_TOPICS];
};

sim_actor_t *sim_actor_new(sim_proc_t *proc, unsigned index, const sim_actor_plan_t *plan, sim_prng_t prng);
void sim_actor_destroy(sim_actor_t **self);
sim_actor_t *sim_actor(const sim_world_t *world, unsigned index);
/* "a3"; "a service or topic" for SIM_NOBODY. */
const char *sim_actor_name(const sim_world_t *world, unsigned index);
sim_proc_t *sim_actor_proc(const sim_world_t *world, unsigned index);
/* By what name this one writes to another: with the platform where it is far, or where asked for. */
void sim_actor_address(const sim_actor_t *self, unsigned to, bool whole, char out[64]);
bool sim_is_far(const sim_actor_t *self, unsigned other);

/* In the process's task. */
int sim_actor_add(sim_actor_t *self, tr_host_t *host, tr_error_t *error);
/* The process's link has news. */
void sim_actors_event(sim_proc_t *proc, tr_host_event_t event, const char *detail);
void sim_actors_ended(sim_proc_t *proc);

/* actor_send.c: messages, requests and their answers, echoes. */
void sim_send_direct(sim_actor_t *self);
void sim_send_request(sim_actor_t *self);
void sim_send_echo(sim_actor_t *self);
int sim_receive_direct(sim_actor_t *self, const tr_message_t *message);
void sim_receive_failed(sim_actor_t *self, const tr_message_t *message);
void sim_kept_drop(sim_actor_t *self);
/* A letter to that actor (or, with SIM_NOBODY, to the receiver by name): its number, 0 where it was not taken. */
uint32_t sim_send_letter(sim_actor_t *self, sim_kind_t kind, unsigned to, const char *receiver, size_t size);
void *sim_content(sim_actor_t *self, uint32_t number, size_t *len);
size_t sim_size(sim_actor_t *self);
uint64_t sim_next_record(const sim_actor_t *self);

/* actor_store.c: durable messages. `to` SIM_NOBODY: to the service. The letter's number, 0 where it was not taken. */
uint32_t sim_store_letter(sim_actor_t *self, unsigned to, unsigned service, unsigned priority, size_t size);
void sim_send_durable(sim_actor_t *self);
void sim_receive_returned(sim_actor_t *self, const tr_message_t *message);

/* actor_stream.c */
bool sim_reads(const sim_actor_t *self);
void sim_read_stream(sim_actor_t *self);

/* actor_order.c: in guarded worlds. */
void sim_order(sim_actor_t *self);
/* Whoever is in quarantine is let go. */
void sim_order_release(sim_actor_t *self);

/* actor_topic.c */
bool sim_publishes(const sim_actor_t *self, unsigned topic);
bool sim_subscribes(const sim_actor_t *self, unsigned topic);
uint32_t sim_publish(sim_actor_t *self, unsigned topic);
void sim_receive_event(sim_actor_t *self, const tr_message_t *message);
void sim_receive_gap(sim_actor_t *self, const tr_message_t *message);
void sim_subscribe(sim_actor_t *self);

/* actor_talk.c */
void sim_talk(sim_actor_t *self);
void sim_participate(sim_actor_t *self);

/* roll_call.c: the last round. */
void sim_roll_call(sim_actor_t *self);
/* Why it is not complete, "" where it is. */
const char *sim_roll_call_missing(const sim_world_t *world, char *out, size_t size);

#endif
