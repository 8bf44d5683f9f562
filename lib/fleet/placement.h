/*
 * Where the processes of an entry of a fleet file run in a cluster, and how many of them: two sections of it.
 *
 *   placement:                   # for `troupe up --on kubernetes`; what a machine alone cannot give is not asked of it
 *     nodes: {disk: ssd}         # labels that a node must have; host: H1 of `troupe up --on ssh` (tools/cluster/spread.h)
 *     cpu: 250m                  # asked for: cores, or thousandths of one; default 100m
 *     memory: 128Mi              # asked for: bytes; default 64Mi
 *     cpu-limit: 2               # at most; default none
 *     memory-limit: 1Gi          # at most; default 256Mi, or what is asked for where that is more
 *     storage: 10Gi              # of whoever keeps something; default 1Gi
 *     replicas: 3                # of the broker and the gateway: how many; default 1
 *   autoscale:                   # of an entry of agents: by what waits for its services, which the fleet's coordinator sees to; on Kubernetes
 *                                # by what waits in the whole platform, and by the processor
 *     min: 0                     # agents; 0 is taken as 1 where the entry is not durable, as its messages would wait nowhere, and on Kubernetes
 *     max: 8                     # required
 *     backlog: 10                # unfinished messages for each agent that are well; more start further ones
 *     cooldown: 60s              # since the last change, before agents are ended
 *     by: coordinator@office-0   # in the part of a fleet that a host has: who says how many there are here, and not this fleet's own coordinator; and
 *     begin: 2                   # how many that is until then
 *
 * Quantities are those of Kubernetes. Pure.
 */
#ifndef TR_FLEET_PLACEMENT_H
#define TR_FLEET_PLACEMENT_H

#include "lib/yaml/yaml_table.h"

#define TR_PLACEMENT_REPLICAS_MAX 100
/* What the file does not say: for an initialiser. */
#define TR_PLACEMENT_DEFAULT                                                                                 \
    { .cpu = "100m", .memory = "64Mi", .storage = "1Gi", .replicas = 1 }

typedef struct tr_placement {
    tr_pairs_t nodes;
    const char *cpu, *memory;             /* constant defaults where the file says none */
    const char *cpu_limit, *memory_limit; /* NULL: the file says none; none is below what is asked for */
    const char *storage;
    int64_t replicas;
} tr_placement_t;

typedef struct tr_autoscale {
    int64_t min, max; /* max 0: the entry has none */
    int64_t backlog;
    int64_t cooldown_ms;
    const char *by; /* NULL: the fleet's own coordinator */
    int64_t begin;  /* -1: what the entry's count says, or `min` */
} tr_autoscale_t;

extern const tr_yaml_table_t tr_placement_table;
/* What the file says, or the default. */
const char *tr_placement_memory_limit(const tr_placement_t *self);
extern const tr_yaml_table_t tr_autoscale_table;

#endif
