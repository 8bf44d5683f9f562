/*
 * A host of a fleet that runs on several (`troupe up --on ssh`), from the host's side: what `troupe host` does there. It gets one request on
 * stdin, JSON:
 *
 *   {"action": "begin", "fleet": NAME, "files": {PATH: TEXT ...}, "timeout": MS, "plain": false}
 *                 writes the files below ROOT/NAME, each for its owner alone, and starts the fleet of fleet.yaml: as a unit of systemd, where that
 *                 runs here, else as plain processes (also where `plain` is true)
 *   {"action": "end", "fleet": NAME, "kill": false, "purge": false, "timeout": MS}
 *   {"action": "keys", "fleet": NAME, "files": {PATH: TEXT ...}, "rotate": [NAME ...], "grace": MS, "finish": false}
 *                 writes changed certificates (below certs/) of a fleet that was begun here, in their order: who runs reads them by itself;
 *                 and makes new keys for certificates that only this host has, or ends their old ones (`finish`)
 *
 * A certificate that is revoked here stays so, in `begin` and `keys`, unless the one that comes was made since then; its secret part is not
 * written. One here that cannot be read is an error: it may be revoked.
 *
 * and answers with an object, of begin: {"fleet", "by": "systemd"|"processes", "why", "endpoint", "stream"}, why: "" or why it is no unit; of keys:
 * {"fleet", "mark": what its broker goes by as soon as it has read them (tools/cluster/known.h)}.
 *
 * Paths are relative, of at most four names, none of them beginning with a dot.
 */
#ifndef TR_TOOLS_CLUSTER_HOST_H
#define TR_TOOLS_CLUSTER_HOST_H

#include "lib/base/error.h"
#include "tools/cli/cli.h"

#include <jansson.h>

#define TR_HOST_REQUEST_MAX ((size_t)64 << 20)

typedef struct tr_host_side {
    const tr_call_t *call; /* borrowed: what cannot be read is told on its err */
    const char *program;   /* of this process, absolute */
    const char *state;     /* --state, NULL */
} tr_host_side_t;

/* 0; -EINVAL (no such request), -EREMOTEIO (what was run says why) and others, with a text. The caller owns *ret_answer. */
int tr_host_side_take(
    const tr_host_side_t *self, const json_t *request, json_t **ret_answer, tr_error_t *error);

#endif
