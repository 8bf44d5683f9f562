/*
 * durable, a long backlog: so many messages wait in a mailbox when the broker is killed. How fast another one recovers them, how fast
 * they are drained in order, and what its memory grows to meanwhile.
 */
#include "tools/bench/durable.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILL_MS   900000
#define DRAIN_MS  900000
#define SAMPLE_MS 200

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

/* Of the broker, while it is drained. */
typedef struct memory {
    uint64_t before, least, most; /* private bytes */
    unsigned samples;
} memory_t;

static int look(const tr_bench_broker_t *broker, memory_t *memory, tr_error_t *error) {
    tr_process_memory_t now;
    int r = tr_bench_memory(broker->child->pid, &now, error);
    if (r < 0)
        return r;
    if (!memory->samples++)
        memory->before = memory->least = now.anon_bytes;
    memory->least = now.anon_bytes < memory->least ? now.anon_bytes : memory->least;
    memory->most = now.anon_bytes > memory->most ? now.anon_bytes : memory->most;
    return 0;
}

static int drain(tr_bench_t *bench, const tr_bench_case_t *c, const tr_bench_broker_t *broker,
    tr_bench_note_t *ret_note, memory_t *memory, tr_error_t *error) {
    tr_bench_task_t task = {.size = c->size, .count = c->count, .to = "sink"};
    tr_bench_child_t *consumer;
    memcpy(task.endpoint, broker->endpoint, sizeof task.endpoint);
    int64_t deadline_ms = tr_clock_ms() + DRAIN_MS;
    int r = tr_bench_fork(bench, c, "the consumer", tr_bench_consume, &task, &consumer, error);
    while (r == 0 && !tr_bench_has_said(consumer, TR_BENCH_DONE) && tr_clock_ms() < deadline_ms) {
        r = look(broker, memory, error);
        if (r == 0)
            r = tr_bench_pause(bench, SAMPLE_MS, error);
    }
    if (r == 0)
        r = tr_bench_hear(bench, consumer, TR_BENCH_DONE, 0, ret_note, error);
    if (r == 0 && ret_note->missed)
        r = tr_error_set(
            error, -EIO, "%llu messages were lost or out of order", (unsigned long long)ret_note->missed);
    return r == 0 ? look(broker, memory, error) : r;
}

/* It is recovered twice, as by a broker that was killed once more before anybody took anything; the slower time counts. */
int tr_bench_backlog(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_broker_t broker;
    tr_bench_note_t note = {0};
    memory_t memory = {0};
    double seconds[2] = {0};
    int r = fill(bench, c, &broker, error);
    for (int i = 0; i < 2 && r == 0; i++) {
        char journal[sizeof broker.journal];
        memcpy(journal, broker.journal, sizeof journal);
        r = restart(bench, c, journal, &broker, &seconds[i], error);
    }
    if (r == 0)
        r = look(&broker, &memory, error);
    if (r == 0)
        r = drain(bench, c, &broker, &note, &memory, error);
    if (r < 0)
        return r;
    double slower = seconds[0] > seconds[1] ? seconds[0] : seconds[1];
    *ret = (tr_bench_sample_t){
        .values = {(double)c->count / slower, (double)c->count * 1e9 / (double)(note.last_ns - note.first_ns),
            (double)memory.most}};
    snprintf(ret->note, sizeof ret->note,
        "recovered twice (%.2f and %.2f s), then drained whole and in order; the broker's memory was %.0f MB "
        "before, and %.0f to %.0f MB in %u looks",
        seconds[0], seconds[1], (double)memory.before / 1e6, (double)memory.least / 1e6,
        (double)memory.most / 1e6, memory.samples);
    return 0;
}
