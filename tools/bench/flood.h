/* A sink and a sender that does not wait; the raw forwarder as the broker of raw sides. */
#ifndef TR_TOOLS_BENCH_FLOOD_H
#define TR_TOOLS_BENCH_FLOOD_H

#include "tools/bench/broker.h"

/* Starts the sink ("sink"), then the sender, and waits for the sink's count. values[0] is messages per
 * second, from the end of the warm-up to the last as the sink sees them; a lost message is an error. */
int tr_bench_flood(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_task_t *task,
    tr_bench_role_fn sink_role, tr_bench_role_fn send_role, tr_bench_sample_t *ret, tr_error_t *error);

/* Starts the raw forwarder and puts its endpoint into the task. The child is the last of the bench's. */
int tr_bench_forwarder_start(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_task_t *task, tr_error_t *error);

#endif
