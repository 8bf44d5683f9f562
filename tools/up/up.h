/*
 * The supervisor of a fleet: what `troupe up` becomes. It owns the fleet's state directory, its processes,
 * and, once the broker is up, an agent of its own on it, fleet@PLATFORM, through which `troupe attach` and
 * the like ask it to change the fleet (tools/fleet/fleet_request.h).
 *
 *   BROKER -- the broker says where it listens -> AGENTS -- all are registered --> RUNNING
 *      \                cannot start                |      asked to end, a signal     |
 *       \                                           v                                 v
 *        \--------------------------------------> ENDING (agents end) --> CLOSING (the broker ends) --> ENDED
 *
 * One thread runs all of it. No process of the fleet outlives the supervisor: the kernel tells its
 * children when it dies.
 */
#ifndef TR_TOOLS_UP_H
#define TR_TOOLS_UP_H

#include "lib/base/error.h"
#include "tools/cli/cli.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct tr_up tr_up_t;

typedef struct tr_up_config {
    const tr_call_t *call; /* results and progress go to its out and err */
    const char *path;      /* of the fleet file */
    const char *state;     /* --state, NULL */
    tr_output_format_t output;
    int64_t timeout_ms; /* to be ready */
    int64_t grace_ms;   /* for an agent that is asked to end */
} tr_up_config_t;

/* Reads the fleet, finds the programs, claims the fleet's state and checks what can be known of it
 * (tools/fleet/fleet_check.h). TR_EXIT_OK, or the exit code after having
 * said what is wrong. Starts nothing. */
int tr_up_new(const tr_up_config_t *config, tr_up_t **ret_up);
/* Brings the fleet up, serves until it is asked to end, and ends it. `report`: a pipe's end to which a byte,
 * the exit code of the start, is written once the fleet is ready or cannot start; from then on nothing is
 * written to the terminal. -1: stays in the foreground. Returns the exit code. */
int tr_up_run(tr_up_t *self, int report);
/* Gives the state back. NULL-safe. */
void tr_up_destroy(tr_up_t **self);
/* The same in the parent of the process that runs it, which keeps the state. */
void tr_up_leave(tr_up_t **self);

#endif
