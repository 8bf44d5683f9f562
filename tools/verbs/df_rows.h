/*
 * The rows of `troupe df search`: the descriptions that the DF found, with what the AMS says of
 * their agents. Pure.
 */
#ifndef TR_TOOLS_DF_ROWS_H
#define TR_TOOLS_DF_ROWS_H

#include "tools/cli/output.h"

#include <jansson.h>

#define TR_DF_COLUMNS 13

extern const tr_column_t tr_df_columns[TR_DF_COLUMNS];

/* A template that also asks for a service. Takes the reference of `template` (NULL = none) and returns a new
 * one; NULL where its "services" is there and is no list. */
json_t *tr_df_template(json_t *template, const char *service);

/* "digest (16), echo (1)", or NULL where there is none; the caller frees it. Services are objects with a name
 * and a capacity, or names alone. */
char *tr_df_services_text(const json_t *services);

/* What the AMS says of an agent (borrowed), NULL = nothing. An agent of a range, "citizen-7@p", is found in
 * the one entry that stands for all. */
const json_t *tr_df_agent(const json_t *agents, const char *aid);

/* Of two descriptions (json_t *const *, for qsort): by their likeness (df_like.h), the likest first, where they have it; then by name. */
int tr_df_compare(const void *a, const void *b);

/* Adds a row for each description, by name, or by their `likeness` (df_like.h) where they have it. `agents`: of the AMS. 0 or -ENOMEM. */
int tr_df_put(const json_t *found, const json_t *agents, tr_output_format_t format, tr_output_t *output);

/* Adds a row with the event before the columns of a description (of which the AMS says nothing). */
#define TR_DF_EVENT_COLUMNS (TR_DF_COLUMNS + 1)
void tr_df_event_columns(tr_column_t out[TR_DF_EVENT_COLUMNS]);
void tr_df_put_event(
    const char *event, const json_t *description, tr_output_format_t format, tr_output_t *output);

/* A row for each thing that one description says: of each service, each skill of its card ... */
extern const tr_column_t tr_df_lines[2];
void tr_df_put_lines(const json_t *description, tr_output_t *output);

#endif
