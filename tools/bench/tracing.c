/*
 * tracing: `oneway` with one message in a hundred traced. How many were is not what was asked for, but counted afterwards: the
 * broker says how many spans have come, and a traced message has three (send, route, receive).
 */
#include "tools/bench/client.h"
#include "tools/bench/oneway.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ONE_IN     100
#define SPANS_EACH 3.0
#define QUIET_MS   500 /* none came for so long: processes tell theirs ten times a second */
#define ASK_MS     100

typedef struct count {
    int64_t spans, dropped; /* as was last heard; -1 = not yet */
    bool asked;
} count_t;

static void on_traces(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    (void)self, (void)state;
    count_t *c = arg;
    c->asked = false;
    if (!answer || tr_message_type(answer) != TR_MESSAGE_DIRECT)
        return;
    tr_value_t told = tr_message_value(answer);
    c->spans = tr_value_int(tr_value_get(told, "kept"), 0) + tr_value_int(tr_value_get(told, "forgotten"), 0);
    c->dropped = tr_value_int(tr_value_get(told, "dropped"), 0);
}

static int ask(tr_agent_t *agent, count_t *c) {
    tr_content_writer_t w;
    const char *to = "ams";
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv(&w, "action", "traces");
    tr_write_kv_int(&w, "max-results", 1);
    int r = tr_content_writer_take(&w, &bytes, &len);
    tr_acl_t message = {
        .performative = TR_REQUEST, .receivers = {&to, 1}, .content = bytes, .content_len = len};
    if (r == 0)
        r = tr_request(agent, &message, TR_BENCH_SILENT_MS, on_traces, c);
    tr_content_writer_finish(&w);
    c->asked = r == 0;
    return r == -EAGAIN ? 0 : r;
}

static int count_until_quiet(tr_host_t *host, tr_agent_t *agent, count_t *c) {
    int64_t before = -1, since = tr_clock_ms(), next = since;
    for (int64_t now = since; now - since < QUIET_MS || c->spans < 0; now = tr_clock_ms()) {
        int r = 0;
        if (!c->asked && now >= next) {
            r = ask(agent, c);
            next = now + ASK_MS;
        }
        if (r < 0)
            return r;
        tr_host_step(host, ASK_MS);
        if (c->spans != before)
            since = tr_clock_ms();
        before = c->spans;
    }
    return 0;
}

static int counter(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI, .name = "counter"};
    tr_host_t *host;
    tr_agent_t *agent;
    count_t c = {.spans = -1};
    int r = tr_bench_client(task, "counter", &behaviour, &host, &agent, error);
    if (r == 0)
        r = count_until_quiet(host, agent, &c);
    if (r < 0)
        return r;
    tr_bench_say_flood(task, (uint64_t)c.spans, (uint64_t)c.dropped, 0, 0);
    tr_bench_client_rest(host);
}

static int count_spans(tr_bench_t *bench, const tr_bench_case_t *c, const tr_bench_broker_t *broker,
    tr_bench_note_t *ret_note, tr_error_t *error) {
    tr_bench_task_t task = {0};
    tr_bench_child_t *child;
    memcpy(task.endpoint, broker->endpoint, sizeof task.endpoint);
    int r = tr_bench_fork(bench, c, "the counter of spans", counter, &task, &child, error);
    return r < 0 ? r : tr_bench_hear(bench, child, TR_BENCH_DONE, TR_BENCH_SILENT_MS, ret_note, error);
}

static int measure(tr_bench_t *bench, const tr_bench_case_t *c, const tr_bench_broker_t *broker,
    uint32_t per_second, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_note_t note;
    double messages = (double)(c->count + c->count / 10);
    int r = tr_bench_oneway_at(
        bench, c, broker, &(tr_bench_tracing_t){.one_in = ONE_IN, .per_second = per_second}, ret, error);
    if (r == 0)
        r = count_spans(bench, c, broker, &note, error);
    if (r < 0)
        return r;
    ret->values[1] = (double)note.count / SPANS_EACH / messages;
    snprintf(ret->note, sizeof ret->note, "%.2f %% traced: %llu spans came, %llu were dropped",
        100 * ret->values[1], (unsigned long long)note.count, (unsigned long long)note.missed);
    return 0;
}

int tr_bench_tracing(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_broker_t broker;
    int r = tr_bench_broker_traces(bench, c, &broker, error);
    return r < 0 ? r : measure(bench, c, &broker, TR_HOST_TRACE_ALL, ret, error);
}

int tr_bench_tracing_capped(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    return r < 0 ? r : measure(bench, c, &broker, 0, ret, error);
}
