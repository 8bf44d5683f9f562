/*
 * idle: very many agents in one agentd. Bytes each are the private memory that this process has more than one
 * with a single agent, after each agent has answered a request; the time to register counts from its start.
 */
#include "tools/bench/broker.h"
#include "tools/bench/census.h"

#include "lib/base/clock.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MS 300000

static int start_agentd(tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint, const char *name,
    uint32_t count, tr_bench_child_t **ret_child, tr_error_t *error) {
    char number[16];
    snprintf(number, sizeof number, "%u", count);
    const char *argv[] = {"troupe-agentd", "--connect", endpoint, "--name", name, "--behaviour", "echo",
        "--count", number, "--ready-fd=3", NULL};
    int r = tr_bench_exec(bench, c, bench->programs.agentd, argv, true, ret_child, error);
    return r < 0 ? r : tr_bench_hear_line(bench, *ret_child, ANSWER_MS, error);
}

/* Has each agent answer; the seconds that it took. */
static int ask_each(tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint, double *ret_seconds,
    tr_error_t *error) {
    tr_bench_task_t task = {.agents = c->agents, .to = "idle"};
    tr_bench_child_t *census;
    tr_bench_note_t note;
    snprintf(task.endpoint, sizeof task.endpoint, "%s", endpoint);
    int r = tr_bench_fork(bench, c, "the census", tr_bench_census, &task, &census, error);
    if (r == 0)
        r = tr_bench_hear(bench, census, TR_BENCH_DONE, ANSWER_MS, &note, error);
    if (r == 0)
        *ret_seconds = (double)(note.last_ns - note.first_ns) / 1e9;
    return r;
}

int tr_bench_idle(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_process_memory_t one, many;
    tr_bench_child_t *child;
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r == 0)
        r = start_agentd(bench, c, broker.endpoint, "single", 1, &child, error);
    if (r == 0)
        r = tr_bench_memory(child->pid, &one, error);
    int64_t begun = tr_clock_ns(), registered = 0;
    if (r == 0)
        r = start_agentd(bench, c, broker.endpoint, "idle", c->agents, &child, error);
    registered = tr_clock_ns();
    double answered = 0;
    if (r == 0)
        r = ask_each(bench, c, broker.endpoint, &answered, error);
    if (r == 0)
        r = tr_bench_memory(child->pid, &many, error);
    if (r < 0)
        return r;
    double more = (double)many.anon_bytes - (double)one.anon_bytes;
    *ret = (tr_bench_sample_t){.values = {more / c->agents, (double)(registered - begun) / 1e9, answered}};
    return 0;
}
