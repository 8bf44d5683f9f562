/* How many agents of a group hosts have: the part of tools/cluster/hosts.h that asks several. */
#ifndef TR_TOOLS_CLUSTER_HOSTS_SCALE_H
#define TR_TOOLS_CLUSTER_HOSTS_SCALE_H

#include "tools/cluster/apart.h"

/* The rows of `troupe ps` of all hosts; of those that failed it is told why. The worst error, as tr_hosts_ask_tell. */
int tr_hosts_rows(const tr_call_t *call, const tr_apart_t *self, json_t *rows);
/* How many of a group run there: the coordinator, or somebody there, may have changed it. As tr_ssh_end. */
int tr_hosts_count(const tr_apart_t *self, json_t *host, const char *group, int64_t *ret_count);
/* `count` further members; adds those that have begun to `rows`. An exit code. */
int tr_hosts_attach_more(const tr_call_t *call, const tr_apart_t *self, const char *group, int64_t count,
    int64_t timeout_ms, json_t *rows);
/* Those rows. An exit code. */
int tr_hosts_put_begun(const tr_call_t *call, const json_t *rows);

#endif
