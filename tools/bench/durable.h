/* The two ends of the durable workloads, and a broker that keeps a journal. */
#ifndef TR_TOOLS_BENCH_DURABLE_H
#define TR_TOOLS_BENCH_DURABLE_H

#include "tools/bench/broker.h"
#include "tools/bench/client.h"

/* Roles. The producer sends task->count messages to task->to, task->agents of them unacknowledged at most, each with its number; DONE
 * has the time from the first to the last acknowledgement, and latencies. The consumer is task->to and counts what is not in order. */
int tr_bench_produce(const tr_bench_task_t *task, tr_error_t *error);
int tr_bench_consume(const tr_bench_task_t *task, tr_error_t *error);

/* A broker with a journal, and the mailbox "sink" with its agent there or away. The consumer's child, where it is there. */
int tr_bench_durable_start(tr_bench_t *bench, const tr_bench_case_t *c, bool there, tr_bench_task_t *ret_task,
    tr_bench_broker_t *ret_broker, tr_bench_child_t **ret_consumer, tr_error_t *error);

#endif
