/* oneway: typed messages through the public API, from tr_send to the behaviour that is called. */
#include "tools/bench/oneway.h"

#include "tools/bench/client.h"
#include "tools/bench/content.h"
#include "tools/bench/flood.h"

#include "lib/base/clock.h"

#include <errno.h>

/* The state of the sink's agent is a pointer, so that its role can look at it. */
typedef struct sink_state {
    tr_bench_tally_t *tally;
} sink_state_t;

static int sink_receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    tr_bench_tally_t *tally = ((sink_state_t *)state)->tally;
    size_t len;
    tr_message_content(message, &len);
    bool right = tr_message_performative(message) == TR_INFORM && len == tally->task->size;
    tr_bench_count(tally, right);
    return 0;
}

static void count_all(tr_host_t *host, const tr_bench_tally_t *tally) {
    uint64_t before = 0;
    int64_t heard_ms = tr_clock_ms();
    while (!tr_bench_all_seen(tally) && tr_clock_ms() - heard_ms < TR_BENCH_SILENT_MS) {
        tr_host_step(host, 1000);
        if (tally->seen != before)
            heard_ms = tr_clock_ms();
        before = tally->seen;
    }
}

static int sink(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {
        .abi = TR_BEHAVIOUR_ABI, .name = "sink", .state_size = sizeof(sink_state_t), .receive = sink_receive};
    tr_host_t *host;
    tr_agent_t *agent;
    tr_bench_tally_t tally = {.task = task};
    int r = tr_bench_client(task, "sink", &behaviour, &host, &agent, error);
    if (r < 0)
        return r;
    ((sink_state_t *)tr_agent_state(agent))->tally = &tally;
    tr_bench_say_ready(task, NULL, 0);
    count_all(host, &tally);
    tr_bench_say_tally(&tally);
    tr_bench_client_rest(host);
}

/* What comes back to the sender was not delivered. */
typedef struct sender_state {
    uint64_t returned;
    tr_reason_t reason; /* of the last one */
} sender_state_t;

static int sender_receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    sender_state_t *s = state;
    if (tr_message_type(message) != TR_MESSAGE_FAILED)
        return 0;
    s->returned++;
    s->reason = tr_message_reason(message);
    return 0;
}

static int sender(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI,
        .name = "sender",
        .state_size = sizeof(sender_state_t),
        .receive = sender_receive};
    tr_host_t *host;
    tr_agent_t *agent;
    int r = tr_bench_client(task, "sender", &behaviour, &host, &agent, error);
    void *content = tr_bench_content(task->size);
    if (r < 0 || !content)
        return r < 0 ? r : -ENOMEM;
    const char *to = task->to;
    tr_acl_t message = {
        .performative = TR_INFORM, .receivers = {&to, 1}, .content = content, .content_len = task->size};
    for (uint64_t i = 0; i < task->warm + task->count;) {
        r = tr_send(agent, &message);
        if (r == 0)
            i++;
        else if (r == -EAGAIN) /* told to hold back: until there is something to do */
            tr_host_step(host, 10);
        else
            return tr_error_set(error, r, "message %llu could not be sent", (unsigned long long)i);
    }
    const sender_state_t *state = tr_agent_state(agent);
    while (!state->returned)
        tr_host_step(host, 1000); /* until the bench ends this process */
    return tr_error_set(error, -EIO, "%llu messages came back undelivered: %s",
        (unsigned long long)state->returned, tr_reason_name(state->reason));
}

int tr_bench_oneway_at(tr_bench_t *bench, const tr_bench_case_t *c, const tr_bench_broker_t *broker,
    const tr_bench_tracing_t *tracing, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->count);
    task.tracing = *tracing;
    memcpy(task.endpoint, broker->endpoint, sizeof task.endpoint);
    return tr_bench_flood(bench, c, &task, sink, sender, ret, error);
}

int tr_bench_oneway(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    return r < 0 ? r : tr_bench_oneway_at(bench, c, &broker, &(tr_bench_tracing_t){0}, ret, error);
}
