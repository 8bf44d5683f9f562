/* New keys for all certificates of a fleet but its brokers', and the end of some of them, wherever it runs: on this machine, on Kubernetes, in podman, over ssh. */
#ifndef TR_TOOLS_CLUSTER_ROTATE_H
#define TR_TOOLS_CLUSTER_ROTATE_H

#include "tools/cli/cli.h"

#include <stdbool.h>

typedef struct tr_apart_rotate {
    const tr_cli_common_t *common; /* fleet, state, timeout_ms, output */
    int64_t grace_ms;              /* old keys are good for so long */
    bool finish;                   /* no new keys: the old ones are good no more */
} tr_apart_rotate_t;

/*
 * Makes the keys, brings the public parts to the brokers, waits until all of them have read these,
 * and brings the secret parts to their holders, who read them when they connect anew. What rotates already is brought again. An exit code; what was done is shown.
 */
int tr_apart_rotate(const tr_call_t *call, const tr_apart_rotate_t *how);

/*
 * Takes back the certificates that the call's arguments name, on each host that has them, and brings that to the brokers; none of them where one
 * is nowhere; and waits until all have read that (without the operator's own: says how long brokers may let them in yet). A second call brings it again. An exit code; what there is is shown.
 */
int tr_apart_revoke(const tr_call_t *call, const tr_cli_common_t *common);

#endif
