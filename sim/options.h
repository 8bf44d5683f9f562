/* What troupe-sim was asked to do. */
#ifndef TR_SIM_OPTIONS_H
#define TR_SIM_OPTIONS_H

#include "lib/base/options.h"

typedef enum tr_sim_exit {
    TR_SIM_GO = -1, /* no exit code: the process goes on */
    TR_SIM_OK = 0,
    TR_SIM_USAGE = 1,
    TR_SIM_INVALID = 3, /* the scenario, or what it names */
    TR_SIM_DISK = 5,    /* results cannot be written */
    TR_SIM_STOPPED = 130,
} tr_sim_exit_t;

typedef enum tr_sim_output { TR_SIM_TABLE, TR_SIM_JSON } tr_sim_output_t;

typedef struct tr_sim_options {
    const char *scenario, *out;
    int64_t seed, steps; /* -1, 0: as the scenario says */
    bool no_plots, quiet, list;
    int output;          /* tr_sim_output_t */
    tr_options_t *flags; /* owns the strings above */
} tr_sim_options_t;

/* TR_SIM_GO; then tr_options_destroy(&flags). Or the exit code: what the user asked for, or what is wrong, was printed. */
int tr_sim_options_read(int argc, char *const *argv, tr_sim_options_t *ret_options);

#endif
