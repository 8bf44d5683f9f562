/*
 * A process of the world: a real host of libtroupe with its agents, and its end of the wire.
 *
 * It runs when something has come for it, or when one of its timers is due; in between it costs nothing. What it does at that moment takes
 * no virtual time. While it connects and registers its agents, which wait for the broker's answers, the rest of the world goes on.
 *
 * A process that dies is cut off at once. To give its memory back it still ends in its usual way, but nobody sees that: it is a ghost, whose
 * clock runs as fast as it waits.
 */
#ifndef TR_SIM_PROCESS_H
#define TR_SIM_PROCESS_H

#include "lib/base/error.h"
#include "sim/world.h"
#include "troupe/host.h"

struct tr_sim_hub;

typedef struct tr_sim_frame {
    struct tr_sim_frame *next;
    uint32_t peer; /* the number of the connection that it goes over */
    size_t len;
    uint8_t bytes[];
} tr_sim_frame_t;

typedef struct tr_sim_queue {
    tr_sim_frame_t *head, *last;
} tr_sim_queue_t;

typedef struct tr_sim_process {
    tr_sim_world_t *world;
    struct tr_sim_hub *hub;
    const char *name; /* borrowed */
    uint32_t index;   /* of it in the world: which machine it says that it is */
    uint32_t lives;
    uint32_t peer; /* of its connection; 0 = none */
    int64_t delay_ns, jitter_ns;
    tr_host_t *host; /* NULL while it is not connected */
    tr_sim_queue_t in;
    int64_t up_ns, down_ns; /* when the last frame of each way is due: they stay in order */
    bool stepping, ghost;
    int64_t ghost_ns; /* what a ghost has waited */
    int64_t wake_ns;  /* when it runs next */
    uint64_t wake;    /* the number of that plan: older ones are void */
    int64_t next_ns;  /* out of a step: when its next timer is due */
    tr_error_t error; /* the last thing that its host had to tell */
} tr_sim_process_t;

/* Connects, and adds the agents NAME-0 ... (or NAME, where count is 0). What it is given is borrowed for its life. Negative errno. */
typedef struct tr_sim_crew {
    const char *name;
    uint32_t count; /* 0 = one agent of just that name */
    const tr_behaviour_t *behaviour;
    const char *args; /* JSON; NULL = none */
} tr_sim_crew_t;
int tr_sim_process_start(tr_sim_process_t *self, const tr_sim_crew_t *crews, size_t count, tr_error_t *error);
/* It is gone from one moment to the next. Nothing to do where it is not there. */
void tr_sim_process_kill(tr_sim_process_t *self);

/* It runs at this time at the latest. */
void tr_sim_process_wake(tr_sim_process_t *self, int64_t at_ns);
/* Calls a function as the process: for what is said in the name of one of its agents. */
void tr_sim_process_call(tr_sim_process_t *self, void (*fn)(void *arg), void *arg);

void tr_sim_queue_put(tr_sim_queue_t *queue, tr_sim_frame_t *frame);
tr_sim_frame_t *tr_sim_queue_take(tr_sim_queue_t *queue); /* the caller's; NULL = there is none */
void tr_sim_queue_drop(tr_sim_queue_t *queue);
tr_sim_frame_t *tr_sim_frame_new(const void *bytes, size_t len); /* NULL: out of memory */

#endif
