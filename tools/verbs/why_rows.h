/*
 * What `troupe why` shows: of one agent, what the AMS says (its action `why`, with what the agent's own process told
 * it) and what the fleet's supervisor says of its process. Pure: JSON values in, rows and one sentence out.
 */
#ifndef TR_TOOLS_WHY_ROWS_H
#define TR_TOOLS_WHY_ROWS_H

#include "tools/cli/output.h"

#include <jansson.h>

typedef struct tr_why {
    const char *name;         /* as it was asked for */
    const json_t *agent;      /* of the AMS; NULL = it is not registered */
    const json_t *supervisor; /* its process; NULL = no supervisor knows it */
    int64_t wall_ms;          /* now */
} tr_why_t;

/* The likeliest reason, as a sentence, into out, which is returned. */
const char *tr_why_because(const tr_why_t *self, char *out, size_t size);

#define TR_WHY_FIELDS 26
/* One object with all that is known: for -o json and yaml. */
extern const tr_column_t tr_why_columns[TR_WHY_FIELDS];
void tr_why_put_object(const tr_why_t *self, tr_output_t *output);

/* A row for each thing that can be said: for people. */
extern const tr_column_t tr_why_lines[2];
void tr_why_put_lines(const tr_why_t *self, tr_output_t *output);

#endif
