/*
 * A world of virtual time: what is to happen in it, in order, and where its chance comes from.
 *
 * Events at the same time happen in the order in which they were planned, so the same seed gives the same world, whatever the machine
 * does. One thread.
 */
#ifndef TR_SIM_WORLD_H
#define TR_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_SIM_MS     INT64_C(1000000)
#define TR_SIM_SECOND INT64_C(1000000000)
#define TR_SIM_NEVER  INT64_MAX

typedef void (*tr_sim_fn)(void *owner, uint64_t arg);

typedef struct tr_sim_event {
    int64_t at_ns;
    uint64_t order;
    tr_sim_fn fn;
    void *owner;
    uint64_t arg;
} tr_sim_event_t;

typedef struct tr_sim_world {
    int64_t now_ns;
    uint64_t order, happened;
    tr_sim_event_t *heap;
    size_t count, room;
    uint64_t random; /* the state of its chance */
    uint64_t trace;  /* a hash of all that was sent, with its time */
    bool failed;     /* out of memory: it is not to be believed any more */
} tr_sim_world_t;

void tr_sim_world_init(tr_sim_world_t *self, uint64_t seed);
void tr_sim_world_finish(tr_sim_world_t *self);

/* Plans that fn is called; a time that is over means now. */
void tr_sim_at(tr_sim_world_t *self, int64_t at_ns, tr_sim_fn fn, void *owner, uint64_t arg);
/* The next event up to `until_ns` happens; false: there is none, and it is that time now. */
bool tr_sim_next(tr_sim_world_t *self, int64_t until_ns);

uint64_t tr_sim_random(tr_sim_world_t *self);
/* Adds what was sent to the trace. */
void tr_sim_trace(tr_sim_world_t *self, uint64_t from, const void *bytes, size_t len);

#endif
