/* Agents of this machine on a broker that no supervisor here looks after: `troupe attach --connect`. */
#ifndef TR_TOOLS_ATTACH_REMOTE_H
#define TR_TOOLS_ATTACH_REMOTE_H

#include "tools/cli/cli.h"
#include "tools/fleet/fleet.h"

typedef struct tr_attach_remote {
    const tr_call_t *call;
    const char *endpoint;
    const char *state;             /* --state, NULL */
    const tr_fleet_agent_t *agent; /* with count members: NAME, or NAME-1 to NAME-N */
    int64_t timeout_ms;
    json_t *rows; /* an array, gets {"name", "pid", "log"} for each */
} tr_attach_remote_t;

/* Starts them in the background and waits until each is registered. The exit code, after having said what is
 * wrong; those that came before one that did not are left. */
int tr_attach_remote(const tr_attach_remote_t *self);

/* Ends one, and waits until it has finished its message. TR_EXIT_OK, TR_EXIT_TIMEOUT ...; *ret_found false
 * where there is none of that name, and nothing was said. */
int tr_detach_remote(const tr_call_t *call, const char *state, const char *name, int64_t timeout_ms,
    bool kill, bool *ret_found);

#endif
