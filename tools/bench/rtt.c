/* rtt: a request and its answer between two processes, one in flight. */
#include "tools/bench/client.h"
#include "tools/bench/content.h"
#include "tools/bench/flood.h"
#include "tools/bench/raw.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define RUN_MS 120000

static void on_answer(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    (void)self;
    (void)state;
    bool good = answer && tr_message_type(answer) == TR_MESSAGE_DIRECT;
    *(int *)arg = good ? 1 : -1;
}

static int round_trip(tr_host_t *host, tr_agent_t *agent, const tr_acl_t *message) {
    int answered = 0, r = tr_request(agent, message, 5000, on_answer, &answered);
    while (r == 0 && !answered)
        tr_host_step(host, -1);
    return r < 0 ? r : answered < 0 ? -ETIMEDOUT : 0;
}

static int ping(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t quiet = {.abi = TR_BEHAVIOUR_ABI, .name = "ping"};
    tr_host_t *host;
    tr_agent_t *agent;
    int r = tr_bench_client(task, "ping", &quiet, &host, &agent, error);
    if (r < 0)
        return r;
    void *content = tr_bench_content(task->size);
    uint32_t *ns = calloc(task->count, sizeof *ns);
    const char *to = task->to;
    tr_acl_t message = {
        .performative = TR_REQUEST, .receivers = {&to, 1}, .content = content, .content_len = task->size};
    if (!content || !ns)
        return -ENOMEM;
    for (uint64_t i = 0; i < task->warm + task->count; i++) {
        int64_t begun = tr_clock_ns();
        if ((r = round_trip(host, agent, &message)) < 0)
            return tr_error_set(
                error, r, "round trip %llu was not answered: %s", (unsigned long long)i, strerror(-r));
        if (i >= task->warm)
            ns[i - task->warm] = (uint32_t)(tr_clock_ns() - begun);
    }
    tr_bench_say_latency(task, ns, task->count);
    tr_bench_client_rest(host);
}

/* Both sides: an echo, then a ping. */
static int run(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_task_t *task, tr_bench_role_fn echo_role,
    tr_bench_role_fn ping_role, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_child_t *echo, *pinger;
    tr_bench_note_t note;
    snprintf(task->to, sizeof task->to, "echo");
    int r = tr_bench_fork(bench, c, "the echo", echo_role, task, &echo, error);
    if (r == 0)
        r = tr_bench_hear(bench, echo, TR_BENCH_READY, TR_BENCH_SILENT_MS, NULL, error);
    if (r == 0)
        r = tr_bench_fork(bench, c, "the ping", ping_role, task, &pinger, error);
    if (r == 0)
        r = tr_bench_hear(bench, pinger, TR_BENCH_DONE, RUN_MS, &note, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){.values = {note.p50_us, note.p99_us}};
    return r;
}

int tr_bench_rtt(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->count);
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    memcpy(task.endpoint, broker.endpoint, sizeof task.endpoint);
    return run(bench, c, &task, tr_bench_echo, ping, ret, error);
}

int tr_bench_rtt_raw(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->raw_count);
    int r = tr_bench_forwarder_start(bench, c, &task, error);
    return r < 0 ? r : run(bench, c, &task, tr_raw_echo, tr_raw_ping, ret, error);
}
