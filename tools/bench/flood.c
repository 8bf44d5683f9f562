/* What oneway and route have in common, and their raw limit: a sink that counts and a sender that
 * does not wait. */
#include "tools/bench/flood.h"

#include "tools/bench/raw.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RUN_MS 120000

static int rate_of(const tr_bench_note_t *note, double *ret_rate, tr_error_t *error) {
    double seconds = (double)(note->last_ns - note->first_ns) / 1e9;
    if (note->missed)
        return tr_error_set(error, -EIO, "%llu of %llu messages were lost", (unsigned long long)note->missed,
            (unsigned long long)(note->count + note->missed));
    if (!note->count || seconds <= 0)
        return tr_error_set(error, -EINVAL, "so few messages cannot be measured; see --count");
    *ret_rate = (double)note->count / seconds;
    return 0;
}

int tr_bench_flood(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_task_t *task,
    tr_bench_role_fn sink_role, tr_bench_role_fn send_role, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_child_t *sink, *sender;
    tr_bench_note_t note;
    if (!*task->to)
        snprintf(task->to, sizeof task->to, "sink");
    int r = tr_bench_fork(bench, c, "the sink", sink_role, task, &sink, error);
    if (r == 0)
        r = tr_bench_hear(bench, sink, TR_BENCH_READY, TR_BENCH_SILENT_MS, &note, error);
    if (r == 0) {
        task->route = note.number;
        if (*task->from)
            memcpy(task->endpoint, task->from, sizeof task->endpoint);
        r = tr_bench_fork(bench, c, "the sender", send_role, task, &sender, error);
    }
    if (r == 0)
        r = tr_bench_hear(bench, sink, TR_BENCH_DONE, RUN_MS, &note, error);
    tr_bench_sample_t sample = {0};
    if (r == 0)
        r = rate_of(&note, &sample.values[0], error);
    if (r == 0)
        *ret = sample;
    return r;
}

int tr_bench_forwarder_start(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_task_t *task, tr_error_t *error) {
    tr_bench_child_t *forwarder;
    tr_bench_note_t note;
    tr_bench_endpoint(bench, c, task->endpoint, sizeof task->endpoint);
    int r = tr_bench_fork(bench, c, "the raw forwarder", tr_raw_forwarder, task, &forwarder, error);
    if (r == 0)
        r = tr_bench_hear(bench, forwarder, TR_BENCH_READY, TR_BENCH_SILENT_MS, &note, error);
    if (r == 0)
        snprintf(task->endpoint, sizeof task->endpoint, "%.191s", note.text);
    return r;
}

int tr_bench_flood_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->raw_count);
    int r = tr_bench_forwarder_start(bench, c, &task, error);
    return r < 0 ? r : tr_bench_flood(bench, c, &task, tr_raw_sink, tr_raw_send, ret, error);
}
