/*
 * What a simulation gives: measures by step, events, and the agents' last states, as files in one directory.
 *
 *     measures.csv, measures.json   a row for each step
 *     events.jsonl                  what agents told, and what failed: {"time": s, "step": n, "agent": ..., "event": {...}}
 *     states.jsonl                  {"agent": ..., "state": {...}}
 *
 * A measure is a sum of what agents add to it. A sampled one has three columns for each step: how many samples there were in it (NAME.n),
 * their mean (NAME.mean) and the largest one (NAME.max); the last two are empty where there were none.
 *
 * One thread.
 */
#ifndef TR_SIM_RESULTS_H
#define TR_SIM_RESULTS_H

#include "lib/base/error.h"
#include "lib/base/map.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TR_SIM_MEASURES_MAX 1000

typedef struct tr_sim_column {
    char *name;
    bool sampled;
    double sum, largest; /* sampled: of this step */
    uint64_t samples;
    double *rows; /* of a sampled one three for each row; NAN where there is nothing */
} tr_sim_column_t;

typedef struct tr_sim_results {
    char *directory;
    FILE *events, *states;
    tr_sim_column_t *columns;
    size_t column_count;
    tr_map_t by_name;
    double *times; /* seconds, of each row */
    size_t row_count, row_room;
    uint64_t event_count, state_count;
    int code; /* the first failure: a full disk, no memory */
} tr_sim_results_t;

/* Makes the directory. Negative errno. */
int tr_sim_results_open(tr_sim_results_t *self, const char *directory, tr_error_t *error);
void tr_sim_results_close(tr_sim_results_t *self);

/* Beyond TR_SIM_MEASURES_MAX names they are not taken: -ENOSPC. */
int tr_sim_results_add(tr_sim_results_t *self, const char *measure, double value);
int tr_sim_results_sample(tr_sim_results_t *self, const char *measure, double value);
/* event: stolen. agent: NULL = nobody's. */
void tr_sim_results_event(
    tr_sim_results_t *self, double time, uint64_t step, const char *agent, json_t *event);
void tr_sim_results_state(tr_sim_results_t *self, const char *agent, json_t *state);
/* A step is over. */
void tr_sim_results_row(tr_sim_results_t *self, double time);
/* Writes what is written at the end. Negative errno of this or of anything before. */
int tr_sim_results_write(tr_sim_results_t *self, tr_error_t *error);

/* The column of a plot or a summary: "price.mean", "informed"; the value of a row, NAN where there is none. */
const tr_sim_column_t *tr_sim_results_column(
    const tr_sim_results_t *self, const char *name, size_t *ret_part);
double tr_sim_column_value(const tr_sim_column_t *column, size_t part, size_t row);
/* How many values it has in a row, and what each is called: "", ".n", ".mean", ".max". */
size_t tr_sim_column_parts(const tr_sim_column_t *column);
const char *tr_sim_column_suffix(const tr_sim_column_t *column, size_t part);

#endif
