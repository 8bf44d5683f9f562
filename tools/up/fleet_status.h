/* How the supervisor of a fleet tells of it: what {"action": "status"} is answered with. Pure. */
#ifndef TR_TOOLS_FLEET_STATUS_H
#define TR_TOOLS_FLEET_STATUS_H

#include "tools/fleet/state.h"
#include "tools/up/roster.h"
#include "tools/up/supervise.h"

#include <jansson.h>

#define TR_FLEET_STATUS_MAX 1000 /* processes in one answer; "offset" gives the next ones */

typedef struct tr_fleet_status {
    const tr_state_info_t *info;
    const tr_roster_t *roster;
    const tr_supervise_t *supervise;
    bool starting, ending;
    int64_t now_ms, wall_ms; /* the same moment, of the clock of the supervisor and Unix time */
    size_t offset;
} tr_fleet_status_t;

/*
 *   {"fleet": "digest", "state": "ready", "pid": 4711, "started_ms": ...,
 *    "listen", "stream", "http", "file", "directory", "total": 6,
 *    "processes": [{"name": "reader-1", "group": "reader", "state": "running", "pid": 4713, "restarts": 0,
 *                   "since_ms": ..., "agents": 1, "attached": false, "last_exit": "exited with 1",
 *                   "reason": "..."}, ...]}
 *
 * A process is starting (not yet registered), running, backoff, stopping, stopped or failed. NULL when
 * out of memory.
 */
json_t *tr_fleet_status_json(const tr_fleet_status_t *status);

/* starting, ready, degraded (a process has failed) or ending. */
const char *tr_fleet_state_word(const tr_fleet_status_t *status);
/* "starting" for a process that runs and is not registered, "moved" where another one has its agent, otherwise the supervisor's word. */
const char *tr_member_state_word(const tr_member_t *member, tr_child_state_t state);

#endif
