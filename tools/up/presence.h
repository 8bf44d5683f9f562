/*
 * How an agent's process is, from what two know of it: the supervisor, who sees that it runs, and the AMS, who
 * hears of it. A process that is stopped (SIGSTOP) or cut off from its broker runs on for the one and is gone
 * for the other. Pure: JSON in, words out.
 */
#ifndef TR_TOOLS_PRESENCE_H
#define TR_TOOLS_PRESENCE_H

#include <jansson.h>
#include <stdbool.h>

/* It runs, and the broker has given it up: it was silent for longer than the lease, or its connection broke
 * and did not come back. */
#define TR_PRESENCE_LOST "lost"
/* The broker still waits for a sign of it. */
#define TR_PRESENCE_UNREACHABLE "unreachable"
/* Its process is there, and says that a callback of it, or of another agent of that process, does not come back. */
#define TR_PRESENCE_HANGS "hangs"
/* It rests until its next message (troupe-agentd --passive-after); of a range, all of them. */
#define TR_PRESENCE_PASSIVE "passive"
/* It was moved to another process (troupe move); its supervisor has none for it. */
#define TR_PRESENCE_MOVED "moved"
/* The broker takes nothing from it, and gives it nothing (troupe quarantine). */
#define TR_PRESENCE_QUARANTINED "quarantined"

/* The items of a list by their name without its platform: a new object, which shares them. NULL when out of
 * memory. */
json_t *tr_presence_by_name(const json_t *list);

/*
 * The state as people are shown it. `process`: of the supervisor's status (tools/up/fleet_status.h); `agent`: of
 * the AMS's answer to a search, of the same name. One of the two may be NULL.
 */
const char *tr_presence_state(const json_t *process, const json_t *agent);
/* Whether someone should look at an agent in this state. */
bool tr_presence_is_trouble(const char *state);

#endif
