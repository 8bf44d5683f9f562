/*
 * durable, a long backlog: so many messages wait in a mailbox when the broker is killed. How fast another one recovers them, how fast
 * they are drained in order, and what its memory grows to meanwhile.
 */
#include "tools/bench/durable.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILL_MS  900000
#define DRAIN_MS 900000

static int fill(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_broker_t *broker, tr_error_t *error) {
    tr_bench_task_t task;
    tr_bench_child_t *away, *producer;
    int r = tr_bench_durable_start(bench, c, false, &task, broker, &away, error);
    if (r == 0)
        r = tr_bench_fork(bench, c, "the producer", tr_bench_produce, &task, &producer, error);
    if (r == 0)
        r = tr_bench_hear(bench, producer, TR_BENCH_DONE, FILL_MS, NULL, error);
    return r;
}

/* Seconds until it is ready; with an empty journal that is what a start takes. */
static int restart(tr_bench_t *bench, const tr_bench_case_t *c, const char *journal, tr_bench_broker_t *ret,
    double *ret_seconds, tr_error_t *error) {
    tr_bench_stop_all(bench);
    int64_t begun = tr_clock_ns();
    int r = tr_bench_broker_journal(bench, c, journal, ret, error);
    *ret_seconds = (double)(tr_clock_ns() - begun) / 1e9;
    return r;
}

static int drain(tr_bench_t *bench, const tr_bench_case_t *c, const tr_bench_broker_t *broker,
    tr_bench_note_t *ret_note, tr_error_t *error) {
    tr_bench_task_t task = {.size = c->size, .count = c->count, .to = "sink"};
    tr_bench_child_t *consumer;
    memcpy(task.endpoint, broker->endpoint, sizeof task.endpoint);
    int r = tr_bench_fork(bench, c, "the consumer", tr_bench_consume, &task, &consumer, error);
    if (r == 0)
        r = tr_bench_hear(bench, consumer, TR_BENCH_DONE, DRAIN_MS, ret_note, error);
    if (r == 0 && ret_note->missed)
        r = tr_error_set(
            error, -EIO, "%llu messages were lost or out of order", (unsigned long long)ret_note->missed);
    return r;
}

int tr_bench_backlog(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_broker_t broker;
    tr_bench_note_t note = {0};
    tr_process_memory_t recovered, drained;
    double seconds = 0;
    int r = fill(bench, c, &broker, error);
    char journal[sizeof broker.journal];
    if (r == 0) {
        memcpy(journal, broker.journal, sizeof journal);
        r = restart(bench, c, journal, &broker, &seconds, error);
    }
    if (r == 0)
        r = tr_bench_memory(broker.child->pid, &recovered, error);
    if (r == 0)
        r = drain(bench, c, &broker, &note, error);
    if (r == 0)
        r = tr_bench_memory(broker.child->pid, &drained, error);
    if (r < 0)
        return r;
    double most =
        (double)(drained.anon_bytes > recovered.anon_bytes ? drained.anon_bytes : recovered.anon_bytes);
    *ret = (tr_bench_sample_t){.values = {(double)c->count / seconds,
                                   (double)c->count * 1e9 / (double)(note.last_ns - note.first_ns), most}};
    return 0;
}
