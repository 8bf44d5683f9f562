/* A role that asks the platform: waits until so many agents are registered, and until each has answered. */
#ifndef TR_TOOLS_BENCH_CENSUS_H
#define TR_TOOLS_BENCH_CENSUS_H

#include "tools/bench/child.h"

/* READY when the AMS knows task->agents agents beside the role's own (number: when, in nanoseconds of the
 * monotonic clock); DONE when each of TO-0 to TO-(agents-1) has answered one request (last_ns: when). Whoever
 * does not answer is an error. */
int tr_bench_census(const tr_bench_task_t *task, tr_error_t *error);

#endif
