/*
 * A process: a real host of libtroupe with real agents, in a task of its own. It starts, connects, adds its
 * agents and runs until it is told to stop or dies; then it starts again, with the same names.
 *
 * A process that dies (kill -9) must give its memory back all the same. So it becomes a ghost: it is cut off
 * from the world at once, its clock runs as fast as it waits, and it ends in its usual way while nobody sees.
 */
#ifndef TR_SIM_PROC_H
#define TR_SIM_PROC_H

#include "tests/sim/net.h"
#include "tests/sim/task.h"
#include "troupe/host.h"

typedef struct sim_actor sim_actor_t;

struct sim_proc {
    sim_world_t *world;
    unsigned index;
    char name[16];
    unsigned starts;         /* which life of it this is */
    sim_prng_t prng, forger; /* the second one is forge.h's */
    sim_task_t *task;
    tr_host_t *host; /* NULL until it is connected */
    sim_socket_t *socket;
    bool ghost;
    bool running;  /* neither dead nor ended */
    bool stopping; /* it was told to end */
    bool paused, woken;
    bool cut;
    bool added;           /* all its agents are there */
    uint64_t wake;        /* number of the wait that a wake-up belongs to */
    int64_t slow_ns;      /* added to each delay */
    int64_t lost_ns;      /* of the monotonic clock: suspended for so long in all */
    int64_t ghost_ns;     /* what a ghost has waited */
    int64_t wall_ms;      /* the wall clock is ahead by */
    int64_t restart_ns;   /* when it starts again after it has ended; SIM_NEVER: not */
    unsigned disconnects; /* of this life */
    sim_actor_t *actors[SIM_ACTORS_MAX];
    unsigned actors_n;
    tr_route_t route;           /* of the agent that has said something last */
    sim_frame_t *hello;         /* the last one that it sent */
    const sim_conn_t *welcomed; /* the connection that the broker last welcomed it on ... */
    uint8_t token[16];          /* ... and the session's */
    uint64_t epoch;             /* ... and that WELCOME's */
    int64_t uncut_ns;           /* when it was last reached again */
};

sim_proc_t *sim_proc_new(sim_world_t *world, unsigned index, sim_prng_t prng);
void sim_proc_destroy(sim_proc_t **self);

void sim_proc_start(sim_proc_t *self);
/* Something came, or its time has: it runs as soon as it can. */
void sim_proc_wake(sim_proc_t *self);
/* Waits within the process's task: until `until_ns` of the world's time or a wake-up. */
void sim_proc_wait(sim_proc_t *self, int64_t until_ns);

void sim_proc_crash(sim_proc_t *self, bool silent, int64_t restart_ns);
void sim_proc_stop(sim_proc_t *self, int64_t restart_ns);
/* frozen: its monotonic clock stands still, too. */
void sim_proc_pause(sim_proc_t *self, int64_t ms, bool frozen);
void sim_proc_cut(sim_proc_t *self, bool cut);

/* What it sends, seen before the network gets it. */
void sim_proc_sends(sim_proc_t *self, const void *bytes, size_t len);

int64_t sim_proc_clock_ns(const sim_proc_t *self);
int64_t sim_proc_wall_ms(const sim_proc_t *self);

#endif
