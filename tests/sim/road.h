/*
 * The roads between brokers: what ZeroMQ and TCP do between the DEALER of one and the ROUTER of another, and what broker/shell/dial.c does
 * to have a connection there again. Like net.h, but each end is a broker, and nothing outlives a connection: each attempt is a new
 * socket, so what is on a connection that breaks is lost.
 *
 * A cut holds everything up in one direction, or both, without breaking anything. Where only one end learns of a break, or none, the other
 * one goes on believing in it until the core says that the link is dead.
 */
#ifndef TR_SIM_ROAD_H
#define TR_SIM_ROAD_H

#include "tests/sim/broker.h"

/* A connection. Its ends are 0, who dialled, and 1. */
typedef struct sim_way {
    struct sim_way *next;
    sim_world_t *world;
    sim_broker_t *ends[2];
    unsigned starts[2];   /* which lives of them; 0 = not met yet */
    tr_peer_t peers[2];   /* its number there */
    bool open[2];         /* that end believes in it */
    bool telling[2];      /* news of its end is on the way to that end, or waits behind a cut */
    bool hole;            /* nothing gets through any more */
    bool cutting;         /* who came in is about to be cut, and not heard any more */
    sim_queue_t queue[2]; /* on its way to that end ... */
    int64_t last_ns[2];   /* ... and when the last of it is due */
} sim_way_t;

/* As tr_dial_state_t. */
typedef enum sim_dial_state {
    SIM_DIAL_WAITS,
    SIM_DIAL_TRIES,
    SIM_DIAL_LINKED,
    SIM_DIAL_TWICE,
} sim_dial_state_t;

/* An address that a broker has of another one. */
typedef struct sim_dial {
    sim_dial_state_t state;
    sim_way_t *way;
    int64_t next_ms, pause_ms; /* by the broker's own clock */
} sim_dial_t;

/* From one broker to another. */
typedef struct sim_road {
    sim_dial_t dial;
    bool cut;
    int64_t slow_ns;      /* added to each delay, at most */
    int64_t disturbed_ns; /* when it last was cut, slow or broken; SIM_NEVER: it is */
} sim_road_t;

struct sim_roads {
    sim_world_t *world;
    sim_prng_t prng;
    sim_way_t *ways;
    uint32_t serial;
    sim_road_t between[SIM_BROKERS_MAX][SIM_BROKERS_MAX];
};

sim_roads_t *sim_roads_new(sim_world_t *world, sim_prng_t prng);
void sim_roads_destroy(sim_roads_t **self);

/* Whether a core's peer is another broker. */
static inline bool sim_is_road(tr_peer_t peer) {
    return peer >> 32 != 0;
}

/* What a broker's core says. False where the connection is gone. */
bool sim_road_send(sim_broker_t *from, tr_peer_t peer, const void *bytes, size_t len);
void sim_road_cut_off(sim_broker_t *from, tr_peer_t peer);
void sim_road_dialled(sim_broker_t *from, const tr_core_out_t *out);
/* A frame that has come over a way, for the core; frees it. */
void sim_road_deliver(sim_broker_t *to, sim_frame_t *frame, tr_core_now_t now);
/* The broker sees that a connection is gone. */
void sim_road_lost(sim_broker_t *self, tr_peer_t peer, tr_core_now_t now);
/* A few times a second: it dials. */
void sim_road_tick(sim_broker_t *self, tr_core_now_t now);
/* A broker begins, or is gone. `silent`: its machine is, so that nobody is told. */
void sim_road_begin(sim_broker_t *self);
void sim_road_gone(sim_broker_t *self, bool in_order, bool silent);

/* Faults. `to` cannot be reached by `from`, or takes long. */
void sim_road_cut(sim_roads_t *self, unsigned from, unsigned to, bool cut);
void sim_road_slow(sim_roads_t *self, unsigned from, unsigned to, int64_t ns);
/* The connection between the two, if there is one: the first one that stands. */
void sim_road_break(sim_roads_t *self, unsigned one, unsigned other, bool tell_one, bool tell_other);
void sim_roads_heal(sim_roads_t *self);

/* What is left in broken connections is lost. */
void sim_roads_lose_rest(sim_roads_t *self);
bool sim_roads_carry(const sim_roads_t *self, bool (*what)(const sim_queue_t *queue));

#endif
