/*
 * A simulated world: one seed, one virtual time, the events that are to come, and everybody in it. The same
 * seed gives the same run: whatever happens is said (sim_say), and what is said is hashed.
 */
#ifndef TR_SIM_WORLD_H
#define TR_SIM_WORLD_H

#include "tests/sim/plan.h"

#include <stddef.h>
#include <stdio.h>

typedef struct sim_world sim_world_t;
typedef struct sim_proc sim_proc_t;
typedef struct sim_broker sim_broker_t;
typedef struct sim_net sim_net_t;
typedef struct sim_ledger sim_ledger_t;
typedef struct sim_roads sim_roads_t;

/* An event calls fn(owner, arg) at its time. Nothing is cancelled: who changes its mind ignores the call, by
 * arg or by its own state; so owners live as long as the world. */
typedef void (*sim_event_fn)(void *owner, uint64_t arg);

typedef struct sim_event {
    int64_t at_ns;
    uint64_t order; /* those of the same time happen in the order they were planned in */
    sim_event_fn fn;
    void *owner;
    uint64_t arg;
} sim_event_t;

struct sim_world {
    uint64_t seed;
    sim_plan_t plan;
    sim_prng_t prng; /* of what belongs to nobody else */
    int64_t now_ns;
    sim_event_t *heap;
    size_t heap_n, heap_cap;
    uint64_t order;
    uint64_t hash, said, events;
    FILE *trace;    /* NULL = nothing is printed */
    bool roll_call; /* the last round has begun */
    sim_net_t *net;
    sim_roads_t *roads; /* between brokers */
    sim_broker_t *brokers[SIM_BROKERS_MAX];
    unsigned brokers_n;
    sim_proc_t *procs[SIM_PROCS_MAX];
    sim_ledger_t *ledger;
};

/* Everything starts; the world runs to its end, which is not before `seconds` of its time; everything is
 * checked. Where an invariant does not hold, the program ends with 1 and a line on stderr that says which, when
 * and with which seed. */
void sim_world_run(uint64_t seed, sim_family_t family, int64_t seconds, FILE *trace, uint64_t *ret_hash);
/* The broker of a process. */
sim_broker_t *sim_home(const sim_world_t *self, const sim_proc_t *proc);

void sim_at(sim_world_t *self, int64_t at_ns, sim_event_fn fn, void *owner, uint64_t arg);
void sim_run_until(sim_world_t *self, int64_t ns);

/* What happened, for the hash and the trace. */
void sim_say(sim_world_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An invariant does not hold: ends the run, and the program. */
void sim_fail(sim_world_t *self, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/* A hash of bytes, for what is said about them. */
uint64_t sim_hash(const void *bytes, size_t len);

/* Memory for the simulator itself; ends the program when out of it. */
void *sim_alloc(size_t size);
void *sim_grow(void *array, size_t size);

#endif
