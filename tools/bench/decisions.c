/*
 * decisions: a question is put to a thousand agents, each of which answers with a ranking at once, and counted by Schulze's method: from the request
 * until who asked has heard what was decided, which is on the coordinator's disk with all ballots by then.
 */
#include "lib/base/clock.h"
#include "tools/bench/broker.h"
#include "tools/bench/client.h"
#include "tools/bench/coordinator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_MS  300000
#define OPTIONS 5

typedef struct asker {
    tr_host_t *host;
    tr_agent_t *agent;
    char id[48]; /* of the decision that goes on */
    bool decided, refused;
} asker_t;

static const char *const options[OPTIONS] = {"ash", "beech", "cedar", "elm", "fir"};

/* ---- the voters ---- */

/* They do not agree: each begins with another option. */
static int on_question(tr_agent_t *self, void *state, const tr_message_t *message) {
    char aid[TR_AID_MAX + 1];
    tr_content_writer_t w;
    (void)state;
    if (tr_message_performative(message) != TR_REQUEST)
        return 0;
    const char *number = strchr(tr_agent_aid(self, aid), '-');
    size_t first = number ? strtoul(number + 1, NULL, 10) : 0;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_str(&w, "ranking");
    tr_write_array(&w, OPTIONS);
    for (size_t i = 0; i < OPTIONS; i++)
        tr_write_str(&w, options[(first % 3 + i) % OPTIONS]);
    return tr_reply_content(self, message, TR_INFORM, &w);
}

static int run_voters(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {
        .abi = TR_BEHAVIOUR_ABI, .name = "voter", .receive = on_question};
    static const tr_behaviour_t usher = {.abi = TR_BEHAVIOUR_ABI, .name = "usher"};
    tr_host_t *host;
    tr_agent_t *agent;
    int r = tr_bench_client(task, "usher", &usher, &host, &agent, error);
    if (r == 0)
        r = tr_host_add_range(host, "seat", task->agents, &behaviour, NULL, error);
    if (r < 0)
        return r;
    tr_bench_say_ready(task, NULL, 0);
    tr_bench_client_rest(host);
}

/* ---- who asks ---- */

static int on_told(tr_agent_t *self, void *state, const tr_message_t *message) {
    asker_t *a = *(asker_t **)state;
    tr_value_t told = tr_message_value(message);
    (void)self;
    if (tr_message_type(message) == TR_MESSAGE_EVENT &&
        tr_value_equals(tr_value_get(told, "decision"), a->id))
        a->decided |= tr_value_equals(tr_value_get(told, "state"), "decided");
    return 0;
}

static void on_opened(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    asker_t *a = arg;
    (void)self, (void)state;
    a->refused |= !answer || tr_message_performative(answer) != TR_INFORM;
}

static void write_wish(tr_content_writer_t *w, const asker_t *a, uint32_t voters) {
    char name[32];
    tr_write_map(w, 7);
    tr_write_kv(w, "action", "decide");
    tr_write_kv(w, "id", a->id);
    tr_write_kv(w, "question", "Which tree?");
    tr_write_kv(w, "method", "schulze");
    tr_write_kv(w, "tie", "first");
    tr_write_str(w, "options");
    tr_write_array(w, OPTIONS);
    for (size_t i = 0; i < OPTIONS; i++)
        tr_write_str(w, options[i]);
    tr_write_str(w, "voters");
    tr_write_array(w, voters);
    for (uint32_t i = 0; i < voters; i++) {
        snprintf(name, sizeof name, "seat-%u", (unsigned)i);
        tr_write_str(w, name);
    }
}

static int ask(asker_t *a, uint32_t voters) {
    const char *decisions = "svc:decisions";
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&decisions, 1}, .protocol = "fipa-request"};
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    write_wish(&w, a, voters);
    int r = tr_content_writer_take(&w, &acl.content, &acl.content_len);
    if (r == 0)
        r = tr_request(a->agent, &acl, RUN_MS, on_opened, a);
    tr_content_writer_finish(&w);
    return r;
}

static int decide(asker_t *a, uint32_t voters, uint64_t number, tr_error_t *error) {
    int64_t until_ms = tr_clock_ms() + 6 * TR_BENCH_SILENT_MS;
    snprintf(a->id, sizeof a->id, "d%llx-%llu", (unsigned long long)tr_clock_wall_ns(),
        (unsigned long long)number);
    a->decided = false;
    int r = ask(a, voters);
    if (r < 0)
        return tr_error_set(error, r, "cannot ask for a decision: %s", strerror(-r));
    while (!a->decided && !a->refused && tr_clock_ms() < until_ms)
        tr_host_step(a->host, 1000);
    if (a->refused)
        return tr_error_set(error, -EIO, "a decision was refused");
    return a->decided ? 0 : tr_error_set(error, -ETIMEDOUT, "nothing was decided within 60 s");
}

static int run_asker(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {
        .abi = TR_BEHAVIOUR_ABI, .name = "asker", .state_size = sizeof(asker_t *), .receive = on_told};
    asker_t a = {0};
    uint32_t *took_ns = calloc(task->warm + task->count + 1, sizeof *took_ns);
    int r = took_ns ? tr_bench_client(task, "asker", &behaviour, &a.host, &a.agent, error)
                    : tr_error_set(error, -ENOMEM, "out of memory");
    if (r == 0) {
        *(asker_t **)tr_agent_state(a.agent) = &a;
        if ((r = tr_subscribe(a.agent, "decision.*.state")) < 0)
            tr_error_set(error, r, "cannot subscribe to decision.*.state");
    }
    int64_t begun = tr_clock_ns();
    for (uint64_t i = 0; i < task->warm + task->count && r == 0; i++) {
        int64_t asked = tr_clock_ns();
        begun = i == task->warm ? asked : begun;
        r = decide(&a, task->agents, i, error);
        took_ns[i] = (uint32_t)(tr_clock_ns() - asked < UINT32_MAX ? tr_clock_ns() - asked : UINT32_MAX);
    }
    if (r < 0)
        return r;
    tr_bench_say_stored(task, took_ns + task->warm, task->count, begun, tr_clock_ns());
    tr_bench_client_rest(a.host);
}

/* ---- the processes ---- */

int tr_bench_decisions(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->count);
    tr_bench_broker_t broker;
    tr_bench_child_t *voters, *asker;
    tr_bench_note_t note;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    bench->work = task.count;
    memcpy(task.endpoint, broker.endpoint, sizeof task.endpoint);
    r = tr_bench_fork(bench, c, "the voters", run_voters, &task, &voters, error);
    if (r == 0)
        r = tr_bench_hear(bench, voters, TR_BENCH_READY, TR_BENCH_SILENT_MS, &note, error);
    if (r == 0)
        r = tr_bench_coordinator_start(bench, c, broker.endpoint, error);
    if (r == 0)
        r = tr_bench_fork(bench, c, "who asks", run_asker, &task, &asker, error);
    if (r == 0)
        r = tr_bench_hear(bench, asker, TR_BENCH_DONE, RUN_MS, &note, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){.values = {note.p50_us, note.p99_us}};
    return r;
}
