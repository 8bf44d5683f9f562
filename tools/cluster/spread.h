/*
 * One fleet file as several, one for each host: fleets FLEET-0, FLEET-1 ... whose brokers are linked with each other.
 *
 *   an entry with a count     its agents are spread evenly over the hosts, and so is one that grows (`autoscale`): each host knows it, and may have none
 *   any other, and daemons    on the first host
 *   shards of the knowledge base    one on each host, where there are no more of them than hosts; else all on the first
 *   placement: {nodes: {host: H1}}    wholly there: H1 as it was given, its address, or its number from 0
 *
 * Agents find those of other hosts by their services; by name an agent of another one is NAME@FLEET-N. Pure.
 */
#ifndef TR_TOOLS_CLUSTER_SPREAD_H
#define TR_TOOLS_CLUSTER_SPREAD_H

#include "tools/fleet/fleet.h"

#include <jansson.h>

#define TR_SPREAD_HOSTS_MAX 100

typedef struct tr_spread_host {
    char at[256];      /* as ssh takes it: [USER@]HOST, ssh://[USER@]HOST[:PORT] */
    char address[256]; /* by which the other hosts reach it */
} tr_spread_host_t;

/* "DESTINATION[=ADDRESS]". -EINVAL. */
int tr_spread_host(const char *text, tr_spread_host_t *ret_host, tr_error_t *error);

/*
 * `port`: where the broker of each host is reached by those of the others.
 * An array of {"at", "address", "fleet": NAME, "groups": {GROUP: COUNT}, "file": OBJECT, "peers": [NAME ...]}, and "scales": true where one says how
 * many there are on all. The file's relative paths are as they
 * were, but for those of `state`, which are STATE_FILES beside it. -EINVAL with the place and the cure; -ENOMEM.
 */
int tr_spread(const tr_fleet_t *fleet, const tr_spread_host_t *hosts, size_t count, uint16_t port,
    json_t **ret_fleets, tr_error_t *error);

/* How many of `count` agents run on host i of n. */
int64_t tr_spread_share(int64_t count, size_t i, size_t n);
/* "peer.NAME": the certificate that a broker of that name has at the others. */
#define TR_SPREAD_PEER     "peer."
#define TR_SPREAD_POSTGRES "postgres"
#define TR_SPREAD_REDIS    "redis"
#define TR_SPREAD_CONFIG   "broker.yaml" /* of options that are lists */

#endif
