/*
 * What `troupe up` runs for a fleet: one entry per process, the broker first. The one place that knows the
 * command lines of troupe-broker and troupe-agentd.
 *
 * The fleet and the programs must outlive the plan: it borrows their texts.
 */
#ifndef TR_TOOLS_PLAN_H
#define TR_TOOLS_PLAN_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "tools/fleet/fleet.h"
#include "tools/fleet/programs.h"
#include "tools/up/supervise.h"

#include <stddef.h>

#define TR_PLAN_ENDPOINT_MAX 255

typedef struct tr_plan_process {
    const char *name;              /* of the process: "broker", "reader-3", "reader" */
    const tr_fleet_agent_t *agent; /* NULL: the broker */
    int64_t agents;                /* that it hosts; 0: the broker */
    const char **argv;             /* ends with NULL */
} tr_plan_process_t;

typedef struct tr_plan {
    tr_plan_process_t *processes;
    size_t count;
    const tr_fleet_t *fleet;
    tr_arena_t arena;
} tr_plan_t;

/* Where the broker really is, once it listens. */
typedef struct tr_plan_at {
    char listen[TR_PLAN_ENDPOINT_MAX + 1];
    char stream[TR_PLAN_ENDPOINT_MAX + 1];
    char http[TR_PLAN_ENDPOINT_MAX + 1]; /* "" = none */
} tr_plan_at_t;

/* Reads what the broker writes to its ready pipe: a line of JSON with its endpoints. 0, or -EINVAL. */
int tr_plan_at_parse(const char *line, size_t len, tr_plan_at_t *ret_at, tr_error_t *error);

/*
 * `at` NULL: as the file says it, in which a port may be 0, "the kernel's choice". With `at`, agents connect
 * there, and the broker's command line asks for just these addresses: give it to tr_supervise_set_argv, so
 * that a broker that is started again comes back where its agents look for it.
 *
 * 0; -EINVAL (an ipc:// path too long for a socket), -ENOMEM.
 */
int tr_plan_make(const tr_fleet_t *fleet, const tr_programs_t *programs, const tr_plan_at_t *at,
    tr_plan_t **ret_plan, tr_error_t *error);
void tr_plan_destroy(tr_plan_t **self);

/* A process as the supervisor takes it; `log` is its log file (may be NULL). Agents stop before the broker.
 * Both say READY on their ready pipe: the broker when it listens, an agentd when its agents are
 * registered. */
tr_child_spec_t tr_plan_spec(const tr_plan_t *self, const tr_plan_process_t *process, const char *log);

/* The command line as a shell takes it, with what needs it in quotes; malloc'd, NULL when out of memory. */
char *tr_plan_command(const tr_plan_process_t *process);

#endif
