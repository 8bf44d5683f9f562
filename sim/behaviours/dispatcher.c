/*
 * dispatcher: gives work to a service.
 *
 *   args: {"service": "work", "rate": 10, "timeout": 60000}
 *
 * At each step it requests `rate` pieces of work from svc:`service`, each to be answered within `timeout` milliseconds. Measures: submitted, done,
 * failed (the worker says so), unanswered. Sample: latency (milliseconds).
 */
#include "sim/behaviours/table.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

typedef struct dispatcher_args {
    char service[TR_NAME_MAX + 1];
    int64_t rate, timeout;
} dispatcher_args_t;

typedef struct dispatcher {
    tr_part_t part;
    int64_t rate, timeout;
    char to[TR_NAME_MAX + 8];
    uint64_t submitted, done;
} dispatcher_t;

static const tr_arg_t known[] = {
    {"service", TR_ARG_TEXT, offsetof(dispatcher_args_t, service), TR_NAME_MAX + 1,
        .check = tr_arg_is_service, .expected = "the name of a service"},
    {"rate", TR_ARG_WHOLE, offsetof(dispatcher_args_t, rate), .min = 1, .max = 1000000},
    {"timeout", TR_ARG_WHOLE, offsetof(dispatcher_args_t, timeout), .min = 1, .max = 86400000},
    TR_PART_ARG,
};

static int read_args(tr_value_t args, dispatcher_args_t *ret, tr_problem_t *problem) {
    *ret = (dispatcher_args_t){.service = "work", .rate = 10, .timeout = 60000};
    return tr_args_read(known, sizeof known / sizeof *known, args, ret, problem);
}

int tr_dispatcher_check(tr_value_t args, tr_problem_t *problem) {
    return read_args(args, &(dispatcher_args_t){0}, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    dispatcher_t *d = state;
    dispatcher_args_t read;
    int rc = read_args(args, &read, NULL);
    d->rate = read.rate;
    d->timeout = read.timeout;
    snprintf(d->to, sizeof d->to, "svc:%s", read.service);
    return rc == 0 ? tr_part_init(&d->part, self, args) : rc;
}

/* arg: when it was asked, in milliseconds. */
static void answered(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    dispatcher_t *d = state;
    if (!answer || tr_message_type(answer) == TR_MESSAGE_FAILED) {
        tr_part_measure(self, "unanswered", 1);
        return;
    }
    bool done = tr_message_performative(answer) == TR_INFORM;
    tr_part_measure(self, done ? "done" : "failed", 1);
    if (!done)
        return;
    d->done++;
    tr_part_sample(self, "latency", (double)(tr_clock_ms() - (int64_t)(intptr_t)arg));
}

static int step(tr_agent_t *self, dispatcher_t *d) {
    const char *to = d->to;
    int rc = 0;
    for (int64_t i = 0; i < d->rate && rc == 0; i++) {
        rc = tr_request(self,
            &(tr_acl_t){.performative = TR_REQUEST,
                .protocol = "fipa-request",
                .receivers = {.items = &to, .count = 1},
                .content = "\x01",
                .content_len = 1},
            d->timeout, answered, (void *)(intptr_t)tr_clock_ms());
        d->submitted += rc == 0;
    }
    tr_part_measure(self, "submitted", (double)d->rate);
    return rc == -EAGAIN ? 0 : rc;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    dispatcher_t *d = state;
    tr_part_news_t news = tr_part_news(message, NULL);
    if (news == TR_PART_STEP)
        return step(self, d);
    if (news != TR_PART_END)
        return 0;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv_uint(&w, "submitted", d->submitted);
    tr_write_kv_uint(&w, "done", d->done);
    return tr_publish_content(self, "sim.state", &w);
}

const tr_behaviour_t tr_sim_dispatcher = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "dispatcher",
    .summary = "gives work to a service, and measures what becomes of it",
    .state_size = sizeof(dispatcher_t),
    .init = init,
    .receive = receive,
};
