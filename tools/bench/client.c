#include "tools/bench/client.h"

#include "tools/bench/curve.h"

#include <string.h>

int tr_bench_client(const tr_bench_task_t *task, const char *name, const tr_behaviour_t *behaviour,
    tr_host_t **ret_host, tr_agent_t **ret_agent, tr_error_t *error) {
    tr_host_options_t options = {.endpoint = task->endpoint,
        .process = "troupe bench",
        .certificate = tr_bench_curve_own(),
        .trace_one_in = task->tracing.one_in,
        .trace_per_second = task->tracing.per_second};
    tr_host_t *host;
    int r = tr_host_new(&options, &host, error);
    if (r == 0)
        r = tr_host_add(host, name, behaviour, NULL, ret_agent, error);
    if (r == 0)
        *ret_host = host;
    return r;
}

void tr_bench_client_rest(tr_host_t *host) {
    for (;;)
        tr_host_step(host, 1000);
}

static int echo_receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)state;
    size_t len;
    const void *content = tr_message_content(message, &len);
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    return tr_reply(self, message, TR_INFORM, content, len);
}

int tr_bench_echo(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t echo = {.abi = TR_BEHAVIOUR_ABI, .name = "echo", .receive = echo_receive};
    tr_host_t *host;
    tr_agent_t *agent;
    int r = tr_bench_client(task, "echo", &echo, &host, &agent, error);
    if (r < 0)
        return r;
    tr_bench_say_ready(task, NULL, 0);
    tr_bench_client_rest(host);
}
