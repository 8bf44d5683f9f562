/* A table in the columns of a terminal. Pure. */
#ifndef TR_TOOLS_OUTPUT_FIT_H
#define TR_TOOLS_OUTPUT_FIT_H

#include "tools/cli/output.h"

#define TR_OUTPUT_GAP 3 /* spaces between columns, where there is room */

typedef struct tr_output_column_fit {
    size_t width;  /* in: of its widest cell, 0 = empty; out: that it gets. Without its header */
    size_t header; /* columns of that */
    bool hidden;   /* in and out: it is not shown */
} tr_output_column_fit_t;

/* Columns of the table where nothing is cut, with gaps that are still easy to read. */
size_t tr_output_wanted(const tr_column_t *columns, const tr_output_column_fit_t *fits, size_t count);
/*
 * Chooses widths so that the table has `most` columns at most: with narrower gaps, then without columns in which nothing stands, then with texts cut, the
 * longest first, though to no less than their headers and eight; at last the first one, too, by which a row is known, though to no less than 24. Numbers, states and
 * times are never cut. Where it cannot be done nothing is changed, and its lines are longer than `most`. The gap.
 */
size_t tr_output_fit(const tr_column_t *columns, size_t count, size_t most, tr_output_column_fit_t *fits);

#endif
