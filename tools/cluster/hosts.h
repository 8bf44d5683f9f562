/* Fleets on bare machines by ssh, for the verbs (tools/cluster/apart.h): what each does where `on` is TR_APART_SSH. */
#ifndef TR_TOOLS_CLUSTER_HOSTS_H
#define TR_TOOLS_CLUSTER_HOSTS_H

#include "tools/cluster/apart.h"
#include "tools/cluster/ssh.h"

tr_ssh_t tr_hosts_ssh(const tr_apart_t *self);

/* Exit codes. */
int tr_hosts_up(const tr_apart_up_t *up);
/* Evenly over the hosts that have the group. One that is away keeps none of the others; the same again is for those that are left. */
int tr_hosts_scale(
    const tr_call_t *call, tr_apart_t *self, const json_t *groups, bool wait, int64_t timeout_ms);
/* A new agent begins on the first host. Further members of a group begin where the fewest are, of those that can be reached: the others are told of. */
int tr_hosts_attach(
    const tr_call_t *call, const tr_apart_t *self, const json_t *agent, int64_t count, int64_t timeout_ms);
int tr_hosts_logs(
    const tr_call_t *call, const tr_apart_t *self, const char *group, int64_t lines, bool follow);
/* The rows of `troupe ps` of all hosts. */
int tr_hosts_ps(const tr_call_t *call, const tr_apart_t *self);

/* Negative errno. */
/* What has ended is known no more. `kill`: nor what cannot be reached. Each host that failed is told of on stderr. */
int tr_hosts_down(
    const tr_call_t *call, tr_apart_t *self, bool kill, bool purge, int64_t timeout_ms, tr_error_t *error);
/* What hosts do with keys that they alone have. */
typedef struct tr_hosts_rotate {
    int64_t grace_ms; /* old keys are good for so long */
    bool finish;      /* no new keys: the old ones are good no more */
} tr_hosts_rotate_t;

/* The keys of each host to it, as they are here now. `rotate`, or NULL: agents that were attached there get new ones, which the host makes.
 * Into `marks`: of each host its fleet -> the mark of what is there now (tools/cluster/known.h).
 * Each host that failed is told of on stderr; -EHOSTUNREACH: there were such, and the others have them. */
int tr_hosts_bring_keys(const tr_call_t *call, const tr_apart_t *self, const tr_hosts_rotate_t *rotate,
    json_t *marks, tr_error_t *error);
/* Each host that failed is told of on stderr; the others have ended it, and are asked no more. */
int tr_hosts_detach(const tr_call_t *call, const tr_apart_t *self, const char *name, tr_error_t *error);
/* How many hosts have a group, and whether this one has. One that grows may have no agents there. */
size_t tr_hosts_with(const tr_apart_t *self, const char *group);
bool tr_hosts_has(const json_t *host, const char *group);
/* -ENOENT */
int tr_hosts_no_group(const tr_apart_t *self, const char *group, tr_error_t *error);
int tr_hosts_reach(const tr_apart_t *self, char *out_endpoint, char *out_cert, tr_error_t *error);

#endif
