/*
 * The rows of `troupe ps`: the processes that the supervisor tells of, and the agents that the AMS tells of,
 * as one list. An agent belongs to the process of its name; agents without one (attached from elsewhere,
 * tools) have rows of their own, behind. A process that runs and that the broker does not hear of is lost or
 * unreachable (tools/up/presence.h). Pure: two JSON values in, rows out.
 */
#ifndef TR_TOOLS_PS_ROWS_H
#define TR_TOOLS_PS_ROWS_H

#include "tools/cli/output.h"

#include <jansson.h>
#include <stdint.h>

#define TR_PS_COLUMNS 20

/* The columns of durable mailboxes, and that of how many agents, are wide ones where none has any, or more than one.
 * `agents`: as below. */
void tr_ps_columns(const json_t *agents, tr_column_t out[TR_PS_COLUMNS]);

typedef struct tr_ps {
    json_t *processes; /* of the supervisor's status: an array, NULL = there is no supervisor */
    json_t *agents;    /* of the AMS: an array */
    const char *self;  /* AID that is left out; NULL = none */
    int64_t wall_ms;   /* now */
} tr_ps_t;

/* Adds all rows to an output with tr_ps_columns. 0, or -ENOMEM (none was added). */
int tr_ps_put(const tr_ps_t *self, tr_output_t *output, size_t *ret_rows);

#endif
