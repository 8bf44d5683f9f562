/* The coordinator of a run, as it is installed. */
#ifndef TR_TOOLS_BENCH_COORDINATOR_H
#define TR_TOOLS_BENCH_COORDINATOR_H

#include "tools/bench/child.h"

/* With a file in the bench's directory, or bench->conninfo's database; until it is ready. 0 or negative with a text. */
int tr_bench_coordinator_start(
    tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint, tr_error_t *error);

#endif
