/* Measures as pictures, by gnuplot. */
#ifndef TR_SIM_PLOT_H
#define TR_SIM_PLOT_H

#include "sim/results.h"
#include "sim/scenario.h"

/* Writes plot-1.svg and plot-1.png ... for each plot of the scenario, out of measures.csv, which must be there. A measure that no agent told
 * is left out, and named in `error` with the return value 1; a plot of nothing is not made. 0; -ENOENT: gnuplot is not installed; -EIO: it
 * failed. */
int tr_sim_plot(
    const tr_sim_scenario_t *scenario, const tr_sim_results_t *results, size_t *ret_count, tr_error_t *error);

#endif
