/* What `troupe trace` shows: the spans of one trace as a tree. Pure: JSON values in, rows out. */
#ifndef TR_TOOLS_TRACE_ROWS_H
#define TR_TOOLS_TRACE_ROWS_H

#include "tools/cli/output.h"

#include <jansson.h>

#define TR_TRACE_COLUMNS 5
extern const tr_column_t tr_trace_columns[TR_TRACE_COLUMNS];
/* A row for each span, children behind their parents and in the order of their beginnings; a span whose parent is not
 * there stands at the left. 0 or -ENOMEM. */
int tr_trace_put_tree(const json_t *spans, tr_output_t *output);
/* "12.4 ms, 9 spans of 3 agents, 1 failed": of the whole, into out, which is returned. */
const char *tr_trace_sum_up(const json_t *spans, char *out, size_t size);
/* "850us", "12.4ms", "3.20s" */
void tr_print_us(int64_t us, char *out, size_t size);

#endif
