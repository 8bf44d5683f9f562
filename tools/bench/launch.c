/*
 * launch: so many agentd processes, from the first fork until all are registered and each has answered. And
 * sizes: what the smallest agentd and an idle broker take.
 */
#include "tools/bench/broker.h"
#include "tools/bench/census.h"

#include "lib/base/clock.h"

#include <stdio.h>
#include <string.h>

#define LAUNCH_MS 180000
#define SETTLE_MS 1500 /* first allocations, heartbeats and statistics are over */

static int start_agent(tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint, const char *name,
    bool ready, tr_bench_child_t **ret_child, tr_error_t *error) {
    const char *argv[] = {"troupe-agentd", "--connect", endpoint, "--name", name, "--behaviour", "echo",
        ready ? "--ready-fd=3" : NULL, NULL};
    return tr_bench_exec(bench, c, bench->programs.agentd, argv, ready, ret_child, error);
}

static int start_agents(
    tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint, tr_error_t *error) {
    int r = 0;
    for (uint32_t i = 0; i < c->agents && r == 0; i++) {
        char name[32];
        tr_bench_child_t *child;
        snprintf(name, sizeof name, "bench-%u", i);
        r = start_agent(bench, c, endpoint, name, false, &child, error);
        if (r == 0 && i % 32 == 31)
            r = tr_bench_pause(bench, 0, error); /* has the user interrupted? */
    }
    return r;
}

int tr_bench_launch(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = {.agents = c->agents, .to = "bench"};
    tr_bench_child_t *census;
    tr_bench_note_t ready, done;
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    memcpy(task.endpoint, broker.endpoint, sizeof task.endpoint);
    r = tr_bench_fork(bench, c, "the census", tr_bench_census, &task, &census, error);
    int64_t begun = tr_clock_ns();
    if (r == 0)
        r = start_agents(bench, c, broker.endpoint, error);
    if (r == 0)
        r = tr_bench_hear(bench, census, TR_BENCH_READY, LAUNCH_MS, &ready, error);
    if (r == 0)
        r = tr_bench_hear(bench, census, TR_BENCH_DONE, LAUNCH_MS, &done, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){
            .values = {(double)(done.last_ns - begun) / 1e9, (double)((int64_t)ready.number - begun) / 1e9}};
    return r;
}

int tr_bench_sizes(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_process_memory_t of_broker, of_agentd;
    tr_bench_child_t *agent;
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r == 0)
        r = tr_bench_pause(bench, SETTLE_MS, error);
    if (r == 0)
        r = tr_bench_memory(broker.child->pid, &of_broker, error);
    if (r == 0)
        r = start_agent(bench, c, broker.endpoint, "bench-0", true, &agent, error);
    if (r == 0)
        r = tr_bench_hear_line(bench, agent, TR_BENCH_SILENT_MS, error);
    if (r == 0)
        r = tr_bench_pause(bench, SETTLE_MS, error);
    if (r == 0)
        r = tr_bench_memory(agent->pid, &of_agentd, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){.values = {(double)of_agentd.rss_bytes, (double)of_agentd.anon_bytes,
                                       (double)of_broker.rss_bytes, (double)of_broker.anon_bytes}};
    return r;
}
