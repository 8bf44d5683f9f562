/*
 * Running cases. The sides take turns, raw first. The value of a side is the median of its runs; the ratio is
 * the median of the ratios of neighbours: each run of ours to the raw run before it, and to the one after it.
 */
#ifndef TR_TOOLS_BENCH_RUNNER_H
#define TR_TOOLS_BENCH_RUNNER_H

#include "tools/bench/child.h"

#include <stdio.h>

/* One metric of one case. */
typedef struct tr_bench_row {
    const tr_bench_case_t *c;
    const tr_bench_metric_t *metric;
    int runs;
    bool has_value, has_raw; /* which sides were measured */
    double value, min, max;  /* the median, and the range */
    double raw, raw_min, raw_max;
    double cpu_us, raw_cpu_us; /* processor time for each message, 0 = unknown: medians */
    bool has_ratio;
    double ratio, ratio_min, ratio_max; /* of neighbours: the median, and the range */
    bool has_bound, pass;               /* pass: only with has_bound, and only when it could be judged */
    bool judged;
} tr_bench_row_t;

typedef struct tr_bench_result {
    tr_bench_row_t rows[TR_BENCH_METRICS];
    size_t rows_n;
    char note[200]; /* of the last run that had one */
} tr_bench_result_t;

/* Finds the programs, makes the directory for sockets and logs. 0 or negative with a text. */
int tr_bench_init(tr_bench_t *self, tr_error_t *error);
void tr_bench_finish(tr_bench_t *self);

/* The ratios of neighbours, in the order in which they were run: 2 * runs - 1 of them, or none where a raw value
 * is 0. `metric` is that of the case. Returns how many. */
int tr_bench_ratios(const tr_bench_sample_t *ours, const tr_bench_sample_t *raw, int runs, size_t metric,
    double out[2 * TR_BENCH_RUNS_MAX]);

/* Runs a case; each run is told on `progress`. 0 or negative with a text. */
int tr_bench_run(tr_bench_t *self, const tr_bench_case_t *c, bool raw_only, FILE *progress,
    tr_bench_result_t *ret_result, tr_error_t *error);

/* A value for people: "1.31 M/s", "93.5 us", "27.5 KiB". */
void tr_bench_print(tr_bench_unit_t unit, double value, char *out, size_t size);
/* ">= 4 x raw (5.00 M/s)"; "" where there is no bound. */
void tr_bench_print_target(const tr_bench_metric_t *metric, char *out, size_t size);
/* "/s", "us", "s", "B", "". */
const char *tr_bench_unit_name(tr_bench_unit_t unit);

#endif
