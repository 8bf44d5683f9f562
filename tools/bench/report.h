/* Results and the list of cases, in the form that the user asked for. */
#ifndef TR_TOOLS_BENCH_REPORT_H
#define TR_TOOLS_BENCH_REPORT_H

#include "tools/bench/runner.h"
#include "tools/cli/output.h"

/* Rows are written as they come, except in a table. 0 or -ENOMEM. */
int tr_bench_report_new(FILE *out, tr_output_format_t format, tr_output_t **ret_output);
void tr_bench_report_add(tr_output_t *output, tr_output_format_t format, const tr_bench_result_t *result);

/* What there is to measure, with its targets. */
int tr_bench_report_cases(FILE *out, tr_output_format_t format, tr_output_t **ret_output);

#endif
