/*
 * The supervisors of a fleet: who looks after whom, beyond each process's own `restart`.
 *
 *   supervisors:
 *     - name: pipeline             # required; unique among supervisors and agents
 *       strategy: rest-for-one     # or one-for-one (default), one-for-all
 *       children: [reader, editor] # required: entries of `agents`, the coordinator, other supervisors;
 *                                  # in their order they are started. Each has one supervisor at most
 *       intensity: 3               # restarts within `period` that are tolerated; one more and it gives up,
 *       period: 30s                # which is a failure for its own supervisor, or ends the fleet
 *       backoff: 200ms
 *       max-backoff: 10s
 *
 * What the words mean: lib/fleet/supervisor.h. Of an agent that has a supervisor only restart.policy counts.
 */
#ifndef TR_TOOLS_FLEET_SUPERVISORS_H
#define TR_TOOLS_FLEET_SUPERVISORS_H

#include "lib/fleet/supervisor.h"
#include "tools/fleet/fleet.h"

#define TR_FLEET_SUPERVISORS_MAX 1000

typedef struct tr_fleet_supervisor {
    const char *name;
    int strategy; /* tr_strategy_t */
    tr_texts_t children;
    tr_restart_t restart; /* always */
    int line;             /* in the file */
} tr_fleet_supervisor_t;

/* For tools/fleet/fleet.c. */
extern const tr_yaml_table_t tr_fleet_supervisor_table;
int tr_fleet_check_supervisors(const tr_fleet_t *fleet, tr_error_t *error);

static inline const tr_fleet_supervisor_t *tr_fleet_supervisors(const tr_fleet_t *fleet) {
    return fleet->supervisor_list.items;
}
/* The supervisor of this name, the one that has this child; NULL. */
const tr_fleet_supervisor_t *tr_fleet_supervisor(const tr_fleet_t *fleet, const char *name);
const tr_fleet_supervisor_t *tr_fleet_supervisor_of(const tr_fleet_t *fleet, const char *child);
/* The entry of `agents` of this name, or NULL. */
const tr_fleet_agent_t *tr_fleet_agent(const tr_fleet_t *fleet, const char *name);

#endif
