/*
 * churn: a process's life in short: connect, register, deregister, say goodbye. Cycles per second, and what
 * the broker's memory has grown by each after a first quarter of them.
 */
#include "tools/bench/client.h"
#include "tools/bench/flood.h"
#include "tools/bench/raw.h"

#include "lib/base/clock.h"

#include <stdio.h>
#include <unistd.h>

#define RUN_MS 120000

static int cycle(const tr_bench_task_t *task, const tr_behaviour_t *quiet, uint64_t i, tr_error_t *error) {
    char name[48];
    tr_host_t *host;
    tr_agent_t *agent;
    snprintf(name, sizeof name, "churn-%llu", (unsigned long long)i);
    int r = tr_bench_client(task, name, quiet, &host, &agent, error);
    if (r < 0)
        return r;
    r = tr_host_remove(host, name);
    tr_host_destroy(&host);
    return r < 0 ? tr_error_set(error, r, "%s cannot be deregistered", name) : 0;
}

static int churn(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t quiet = {.abi = TR_BEHAVIOUR_ABI, .name = "churn"};
    uint64_t i = 0;
    int r = 0;
    for (; i < task->warm && r == 0; i++)
        r = cycle(task, &quiet, i, error);
    tr_bench_say_ready(task, NULL, 0);
    while (!atomic_load(&task->shared->go))
        usleep(100);
    int64_t begun = tr_clock_ns();
    for (; i < task->warm + task->count && r == 0; i++)
        r = cycle(task, &quiet, i, error);
    if (r < 0)
        return r;
    tr_bench_say_flood(task, task->count, 0, begun, tr_clock_ns());
    tr_bench_rest();
}

static int run(tr_bench_t *bench, const tr_bench_case_t *c, pid_t broker, const tr_bench_task_t *task,
    tr_bench_role_fn role, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_process_memory_t before, after;
    tr_bench_child_t *child;
    tr_bench_note_t note;
    int r = tr_bench_fork(bench, c, "the churn", role, task, &child, error);
    if (r == 0)
        r = tr_bench_hear(bench, child, TR_BENCH_READY, RUN_MS, NULL, error);
    if (r == 0)
        r = tr_bench_memory(broker, &before, error);
    atomic_store(&bench->shared->go, true);
    if (r == 0)
        r = tr_bench_hear(bench, child, TR_BENCH_DONE, RUN_MS, &note, error);
    if (r == 0)
        r = tr_bench_memory(broker, &after, error);
    if (r < 0)
        return r;
    double seconds = (double)(note.last_ns - note.first_ns) / 1e9;
    double grown = (double)after.rss_bytes - (double)before.rss_bytes;
    *ret = (tr_bench_sample_t){.values = {(double)note.count / seconds, grown / (double)note.count}};
    return 0;
}

/* Memory takes longer than speed to become what it stays. */
static tr_bench_task_t churn_task(tr_bench_t *bench, const tr_bench_case_t *c, uint64_t count) {
    tr_bench_task_t task = tr_bench_task(bench, c, count);
    task.warm = count / 4;
    bench->work = task.warm + count;
    return task;
}

int tr_bench_churn(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = churn_task(bench, c, c->count);
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    snprintf(task.endpoint, sizeof task.endpoint, "%s", broker.endpoint);
    return run(bench, c, broker.child->pid, &task, churn, ret, error);
}

int tr_bench_churn_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = churn_task(bench, c, c->raw_count);
    int r = tr_bench_forwarder_start(bench, c, &task, error);
    if (r < 0)
        return r;
    return run(bench, c, bench->children[bench->children_n - 1]->pid, &task, tr_raw_churn, ret, error);
}
