/*
 * A broker: the real core behind a shell of the simulator's own, which does with the virtual network what
 * broker/shell/shell.c does with ZeroMQ: takes bundles up to a bound, ticks, flushes, carries out. After each call
 * into the core its invariants are checked (check.h).
 */
#ifndef TR_SIM_BROKER_H
#define TR_SIM_BROKER_H

#include "broker/shell/journal.h"
#include "tests/sim/disk.h"
#include "tests/sim/net.h"

typedef struct sim_stream sim_stream_t;
typedef struct sim_federation sim_federation_t;

/* How much, from then on. */
typedef struct sim_published {
    int64_t since_ns;
    uint64_t records, bytes;
} sim_published_t;

struct sim_broker {
    sim_world_t *world;
    unsigned index;
    char platform[16];
    sim_prng_t prng;
    unsigned starts;
    bool up, paused, draining;
    tr_pool_t pool;
    tr_core_t *core;
    sim_disk_t *disk;            /* outlives its lives */
    tr_broker_journal_t journal; /* where the plan has one */
    bool journal_failed;
    uint32_t next_peer;
    sim_queue_t inbox; /* arrived, in order */
    tr_peer_t *broken; /* told by the monitor */
    size_t broken_n;
    bool turn_planned;
    int64_t tick_ms;  /* when it last ticked, by its own clock */
    int64_t drain_ms; /* when it gives up draining */
    int64_t restart_ns;
    int64_t lost_ns, wall_ms;     /* as a process's */
    sim_stream_t *stream;         /* what a watcher of the topic stream sees */
    int64_t disturbed_ns;         /* since when it has been running undisturbed; SIM_NEVER: it is not */
    sim_published_t published[2]; /* into its stream: lately, and before */
    int64_t safe_ns; /* what was published by then must have outlived its machine; 0 = nothing need have */
    sim_federation_t *federation; /* what other brokers may know of it (federation.h); NULL: it has none */
};

sim_broker_t *sim_broker_new(sim_world_t *world, unsigned index, sim_prng_t prng);
void sim_broker_destroy(sim_broker_t **self);

void sim_broker_start(sim_broker_t *self);
void sim_broker_crash(sim_broker_t *self, sim_death_t how, int64_t restart_ns);
/* Something is there to do. */
void sim_broker_wake(sim_broker_t *self);
/* SIGTERM: it drains for a while, says goodbye and ends. */
void sim_broker_stop(sim_broker_t *self, int64_t restart_ns);
void sim_broker_pause(sim_broker_t *self, int64_t ms, bool frozen);

/* A frame has arrived; the broker owns it. */
void sim_broker_arrived(sim_broker_t *self, sim_frame_t *frame);
/* A connection of a peer broke, and this end knows. */
void sim_broker_broken(sim_broker_t *self, tr_peer_t peer);

tr_core_now_t sim_broker_now(const sim_broker_t *self);
/* By its name; it is there. */
sim_broker_t *sim_broker_of(const sim_world_t *world, const char *platform);
/* Its bit where what is on disk is noted. */
static inline uint8_t sim_broker_bit(const sim_broker_t *self) {
    return (uint8_t)(1u << self->index);
}

#endif
