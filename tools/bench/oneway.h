/* Typed messages through the public API, at a broker of the caller's. */
#ifndef TR_TOOLS_BENCH_ONEWAY_H
#define TR_TOOLS_BENCH_ONEWAY_H

#include "tools/bench/broker.h"

/* As tr_bench_oneway; the sender traces as it is told. */
int tr_bench_oneway_at(tr_bench_t *bench, const tr_bench_case_t *c, const tr_bench_broker_t *broker,
    const tr_bench_tracing_t *tracing, tr_bench_sample_t *ret, tr_error_t *error);

#endif
