/*
 * The world's broker: the real core, behind a shell that does with virtual wires what broker/shell/shell.c does with ZeroMQ.
 */
#ifndef TR_SIM_HUB_H
#define TR_SIM_HUB_H

#include "broker/core/core.h"
#include "sim/process.h"

typedef void (*tr_sim_told_fn)(void *arg, tr_core_event_t event, const char *text, const char *detail);

typedef struct tr_sim_hub {
    tr_sim_world_t *world;
    tr_pool_t pool;
    tr_core_t *core;
    tr_sim_process_t **peers; /* by number, from 1 on; NULL = gone */
    uint32_t peer_count, peer_room;
    tr_sim_queue_t in;
    bool turn_planned;
    tr_sim_told_fn told; /* what the core has to tell; may be NULL */
    void *told_arg;
} tr_sim_hub_t;

/* -ENOMEM. */
int tr_sim_hub_init(tr_sim_hub_t *self, tr_sim_world_t *world, const char *platform);
void tr_sim_hub_finish(tr_sim_hub_t *self);

/* The process's wire is connected anew, as another peer. */
void tr_sim_hub_connect(tr_sim_hub_t *self, tr_sim_process_t *process);
void tr_sim_hub_send(tr_sim_hub_t *self, tr_sim_process_t *process, const void *bytes, size_t len);
/* Its end of the wire is gone; the broker learns of it as by a closed connection. */
void tr_sim_hub_forget(tr_sim_hub_t *self, tr_sim_process_t *process);

const tr_core_stats_t *tr_sim_hub_stats(const tr_sim_hub_t *self);

#endif
