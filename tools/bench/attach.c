/*
 * attach: a new process, from its fork until somebody who heard of it has its first answer: program start, handshake with
 * the broker, registration, the news of it on $sys.agent.joined, a request and its answer. One after the other.
 */
#include "tools/bench/broker.h"
#include "tools/bench/client.h"
#include "tools/bench/content.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEWCOMER "new-" /* and a number */

typedef struct host_state {
    const tr_bench_task_t *task;
    void *content;
    bool ready;
} host_state_t;

/* In shared memory, read by the bench: how many have answered, and when the last one did. */
static void on_answer(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    const host_state_t *s = *(host_state_t **)state;
    int64_t now = tr_clock_ns();
    (void)self;
    (void)arg;
    if (!answer || tr_message_type(answer) != TR_MESSAGE_DIRECT)
        return; /* the bench's time for it ends */
    atomic_store(&s->task->shared->seen[1].count, (uint64_t)now);
    atomic_fetch_add(&s->task->shared->seen[0].count, 1);
}

static int on_event(tr_agent_t *self, void *state, const tr_message_t *message) {
    const host_state_t *s = *(host_state_t **)state;
    char name[64];
    const char *to = name;
    if (tr_message_type(message) != TR_MESSAGE_EVENT ||
        tr_value_copy(tr_value_get(tr_message_value(message), "agent"), name, sizeof name) < 0 ||
        strncmp(name, NEWCOMER, strlen(NEWCOMER)) != 0)
        return 0;
    tr_acl_t request = {.performative = TR_REQUEST,
        .receivers = {&to, 1},
        .content = s->content,
        .content_len = TR_BENCH_CONTENT};
    return tr_request(self, &request, TR_BENCH_SILENT_MS, on_answer, NULL);
}

/* What the broker answers now it does after it has taken the subscription. */
static void on_subscribed(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    (void)self;
    (void)arg;
    (*(host_state_t **)state)->ready = answer != NULL;
}

static int watch(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {
        .abi = TR_BEHAVIOUR_ABI, .name = "asker", .state_size = sizeof(host_state_t *), .receive = on_event};
    host_state_t s = {.task = task, .content = tr_bench_content(TR_BENCH_CONTENT)};
    const char *ams = "ams";
    tr_acl_t question = {.performative = TR_REQUEST, .receivers = {&ams, 1}};
    tr_host_t *host;
    tr_agent_t *agent;
    int r = s.content ? tr_bench_client(task, "asker", &behaviour, &host, &agent, error) : -ENOMEM;
    if (r < 0)
        return r;
    *(host_state_t **)tr_agent_state(agent) = &s;
    r = tr_subscribe(agent, "$sys.agent.joined");
    if (r == 0)
        r = tr_request(agent, &question, TR_BENCH_SILENT_MS, on_subscribed, NULL);
    while (r == 0 && !s.ready)
        r = tr_host_step(host, -1) < 0 ? -EIO : 0;
    if (r < 0)
        return tr_error_set(error, r, "cannot subscribe: %s", strerror(-r));
    tr_bench_say_ready(task, NULL, 0);
    tr_bench_client_rest(host);
}

static int attach_one(tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint, uint32_t i,
    double *ret_us, tr_error_t *error) {
    char name[32];
    tr_bench_child_t *child;
    snprintf(name, sizeof name, NEWCOMER "%u", i);
    const char *argv[] = {
        "troupe-agentd", "--connect", endpoint, "--name", name, "--behaviour", "echo", NULL};
    int64_t begun = tr_clock_ns();
    int r = tr_bench_exec(bench, c, bench->programs.agentd, argv, false, &child, error);
    while (r == 0 && atomic_load(&bench->shared->seen[0].count) <= i) {
        r = tr_bench_pause(bench, 1, error);
        if (r == 0 && tr_clock_ns() - begun > TR_BENCH_SILENT_MS * 1000000LL)
            return tr_error_set(error, -ETIMEDOUT, "%s has not answered within 10 s", name);
    }
    if (r == 0)
        *ret_us = (double)((int64_t)atomic_load(&bench->shared->seen[1].count) - begun) / 1e3;
    return r;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int tr_bench_attach(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = {.agents = c->agents};
    double *us = calloc(c->agents, sizeof *us);
    tr_bench_child_t *asker;
    tr_bench_broker_t broker;
    int r = us ? tr_bench_broker_start(bench, c, &broker, error) : -ENOMEM;
    if (r == 0) {
        memcpy(task.endpoint, broker.endpoint, sizeof task.endpoint);
        r = tr_bench_fork(bench, c, "the asker", watch, &task, &asker, error);
    }
    if (r == 0)
        r = tr_bench_hear(bench, asker, TR_BENCH_READY, TR_BENCH_SILENT_MS, NULL, error);
    for (uint32_t i = 0; i < c->agents && r == 0; i++)
        r = attach_one(bench, c, broker.endpoint, i, &us[i], error);
    if (r == 0) {
        qsort(us, c->agents, sizeof *us, compare);
        *ret = (tr_bench_sample_t){.values = {us[c->agents / 2], us[c->agents - 1]}};
    }
    free(us);
    return r;
}
