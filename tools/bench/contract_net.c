/*
 * contract-net: rounds of a call for proposals to so many agents, of which one is accepted and says that it did it. All of
 * the called live in one process, the caller in another one, and every message goes through the broker: a round of 100
 * is 302 messages and 100 conversations on either side.
 *
 *   rounds        as fast as it goes, some rounds at once
 *   p50, p99      of a whole round, ten of them a second
 *   conversation  memory of each side for a conversation that is open
 */
#include "lib/base/clock.h"
#include "tools/bench/broker.h"
#include "tools/bench/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_MS    300000
#define AT_ONCE   4
#define PACE_MS   100
#define PACED     100 /* rounds */
#define BATCH     512 /* conversations that are begun between two turns of the host */
#define PARTY_MAX 4096

typedef struct caller {
    tr_agent_t *agent;
    tr_host_t *host;
    const char *names[PARTY_MAX];
    char text[PARTY_MAX][32];
    size_t names_n;
    uint32_t *ns; /* of each round that is over */
    uint64_t begun, over, failed;
    int64_t heard_ms; /* when a round was last over, or the first was begun */
} caller_t;

typedef struct bench_round {
    caller_t *caller;
    int64_t begun_ns;
    bool done;
} bench_round_t;

static tr_decision_t choose(
    tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposals, size_t n, void *arg) {
    (void)self;
    (void)state;
    (void)arg;
    if (n) /* where it cannot be sent the round counts as failed */
        tr_call_accept(call, &proposals[n - 1], NULL, 0, NULL);
    return TR_DECIDED;
}

static void on_round_end(tr_agent_t *self, void *state, tr_call_t *call, void *arg) {
    bench_round_t *r = arg;
    caller_t *c = r->caller;
    (void)self;
    (void)state;
    bool complete = tr_call_ended(call, TR_OUTCOME_DONE) == 1 &&
                    tr_call_ended(call, TR_OUTCOME_REJECTED) == c->names_n - 1;
    c->failed += !complete;
    c->ns[c->over++] = (uint32_t)(tr_clock_ns() - r->begun_ns);
    c->heard_ms = tr_clock_ms();
    free(r);
}

static int begin_round(caller_t *c, tr_error_t *error) {
    bench_round_t *r = calloc(1, sizeof *r);
    if (!r)
        return tr_error_set(error, -ENOMEM, "out of memory");
    r->caller = c;
    r->begun_ns = tr_clock_ns();
    int code = tr_contract_net_start(c->agent,
        &(tr_contract_net_t){.participants = c->names,
            .participants_n = c->names_n,
            .content = "\xa4task",
            .content_len = 5,
            .on_proposals = choose,
            .on_end = on_round_end,
            .arg = r},
        NULL, error);
    if (code < 0)
        free(r);
    else
        c->begun++;
    return code;
}

static int caller_init(caller_t *c, const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI, .name = "caller"};
    c->names_n = task->agents < PARTY_MAX ? task->agents : PARTY_MAX;
    c->ns = calloc(task->warm + task->count, sizeof *c->ns);
    if (!c->ns)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < c->names_n; i++) {
        snprintf(c->text[i], sizeof c->text[i], "party-%zu", i);
        c->names[i] = c->text[i];
    }
    return tr_bench_client(task, "caller", &behaviour, &c->host, &c->agent, error);
}

/* Until so many rounds are over, with so many at once. The link's own timers end a step as well: a step in which nothing came is
 * not yet a silence. */
static int call_many(caller_t *c, uint64_t rounds, tr_error_t *error) {
    uint64_t at_end = c->over + rounds, limit = c->begun + rounds;
    int r = 0;
    c->heard_ms = tr_clock_ms();
    while (r == 0 && c->over < at_end) {
        while (r == 0 && c->begun < limit && c->begun - c->over < AT_ONCE)
            r = begin_round(c, error);
        if (r == 0 && tr_host_step(c->host, TR_BENCH_SILENT_MS) == 0 &&
            tr_clock_ms() - c->heard_ms > TR_BENCH_SILENT_MS)
            r = tr_error_set(error, -ETIMEDOUT, "a round was not over after %d s", TR_BENCH_SILENT_MS / 1000);
    }
    return r;
}

/* One every PACE_MS, whether those before are over or not. */
static int call_paced(caller_t *c, uint64_t rounds, tr_error_t *error) {
    int64_t next = tr_clock_ms();
    uint64_t limit = c->begun + rounds, at_end = c->over + rounds;
    int r = 0;
    while (r == 0 && c->over < at_end) {
        int64_t left = c->begun < limit ? next - tr_clock_ms() : TR_BENCH_SILENT_MS;
        if (left > 0) {
            tr_host_step(c->host, left);
            continue;
        }
        next += PACE_MS;
        r = begin_round(c, error);
    }
    return r;
}

static int call(const tr_bench_task_t *task, bool paced, tr_error_t *error) {
    caller_t *c = calloc(1, sizeof *c);
    if (!c)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int r = caller_init(c, task, error);
    if (r == 0)
        r = call_many(c, task->warm, error);
    uint64_t warm = c->over;
    int64_t begun = tr_clock_ns();
    if (r == 0)
        r = paced ? call_paced(c, task->count, error) : call_many(c, task->count, error);
    if (r == 0 && c->failed)
        r = tr_error_set(error, -EIO, "%llu rounds were not complete", (unsigned long long)c->failed);
    if (r < 0)
        return r;
    tr_bench_say_stored(task, c->ns + warm, task->count, begun, tr_clock_ns());
    tr_bench_client_rest(c->host);
}

static int call_fast(const tr_bench_task_t *task, tr_error_t *error) {
    return call(task, false, error);
}

static int call_slowly(const tr_bench_task_t *task, tr_error_t *error) {
    return call(task, true, error);
}

/* The other side. */
static int propose(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    (void)self;
    (void)state;
    (void)message;
    return tr_conversation_act(c, TR_PROPOSE, "\x07", 1, NULL);
}

static int accepted(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    (void)self;
    (void)state;
    (void)message;
    return tr_conversation_inform(c, "\xc3", 1);
}

static int keep(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    (void)self;
    (void)state;
    (void)c;
    (void)message;
    return 0;
}

static void ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)self;
    (void)state;
    (void)c;
    (void)outcome;
    (void)last;
    (void)arg;
}

static int take_part(tr_agent_t *self, void *state, tr_value_t args) {
    static const tr_participant_t bids = {
        .protocol = "fipa-contract-net", .on_request = propose, .on_act = accepted, .on_end = ended};
    static const tr_participant_t keeps = {.protocol = "fipa-request", .on_request = keep, .on_end = ended};
    static const tr_participant_t answers = {
        .protocol = "fipa-query", .on_request = accepted, .on_end = ended};
    (void)state;
    (void)args;
    int r = tr_participate(self, &bids);
    if (r == 0)
        r = tr_participate(self, &keeps);
    return r == 0 ? tr_participate(self, &answers) : r;
}

static int be_called(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI, .name = "party", .init = take_part};
    static const tr_behaviour_t quiet = {.abi = TR_BEHAVIOUR_ABI, .name = "quiet"};
    tr_host_t *host;
    tr_agent_t *agent;
    int r = tr_bench_client(task, "parties", &quiet, &host, &agent, error);
    if (r == 0)
        r = tr_host_add_range(host, "party", task->agents, &behaviour, NULL, error);
    if (r < 0)
        return r;
    tr_bench_say_ready(task, NULL, 0);
    tr_bench_client_rest(host);
}

static void on_answered(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)self;
    (void)state;
    (void)c;
    (void)outcome;
    (void)last;
    *(bool *)arg = true;
}

/* Many open conversations of two agents. */
static int open_many(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI, .name = "caller"};
    tr_host_t *host;
    tr_agent_t *agent;
    int r = tr_bench_client(task, "caller", &behaviour, &host, &agent, error);
    tr_bench_say_ready(task, NULL, 0);
    for (uint64_t i = 0; i < task->count && r == 0;) {
        r = tr_conversation_start(agent,
            &(tr_initiator_t){.protocol = "fipa-request", .receiver = "party-0", .timeout_ms = 3600000}, NULL,
            error);
        i += r == 0;
        if (r == -EAGAIN || i % BATCH == 0) {
            tr_host_step(host, r == -EAGAIN ? 1000 : 0);
            r = r == -EAGAIN ? 0 : r;
        }
    }
    /* what was sent before this one is there when it is answered */
    bool answered = false;
    if (r == 0)
        r = tr_conversation_start(agent,
            &(tr_initiator_t){.protocol = "fipa-query",
                .performative = TR_QUERY_IF,
                .receiver = "party-0",
                .on_end = on_answered,
                .arg = &answered},
            NULL, error);
    while (r == 0 && !answered)
        tr_host_step(host, TR_BENCH_SILENT_MS);
    if (r < 0)
        return r;
    tr_bench_say_flood(task, tr_conversation_count(agent), 0, 0, 1);
    tr_bench_client_rest(host);
}

static int start(tr_bench_t *bench, const tr_bench_case_t *c, uint32_t agents, tr_bench_task_t *ret_task,
    tr_bench_child_t **ret_called, tr_error_t *error) {
    tr_bench_broker_t broker;
    *ret_task = tr_bench_task(bench, c, c->count);
    ret_task->agents = agents;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    memcpy(ret_task->endpoint, broker.endpoint, sizeof ret_task->endpoint);
    r = tr_bench_fork(bench, c, "the called", be_called, ret_task, ret_called, error);
    return r < 0 ? r : tr_bench_hear(bench, *ret_called, TR_BENCH_READY, TR_BENCH_SILENT_MS, NULL, error);
}

static int run(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_role_fn role, tr_bench_note_t *ret_note,
    tr_error_t *error) {
    tr_bench_task_t task;
    tr_bench_child_t *called, *caller;
    int r = start(bench, c, c->agents, &task, &called, error);
    if (!c->count) { /* a fixed number, paced */
        task.count = PACED;
        task.warm = PACED / 10;
        bench->work = task.count + task.warm;
    }
    if (r == 0)
        r = tr_bench_fork(bench, c, "the caller", role, &task, &caller, error);
    return r < 0 ? r : tr_bench_hear(bench, caller, TR_BENCH_DONE, RUN_MS, ret_note, error);
}

int tr_bench_contract_net(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_note_t note;
    int r = run(bench, c, call_fast, &note, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){
            .values = {(double)note.count * 1e9 / (double)(note.last_ns - note.first_ns),
                (double)note.count * c->agents * 1e9 / (double)(note.last_ns - note.first_ns)}};
    return r;
}

int tr_bench_contract_net_paced(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_note_t note;
    int r = run(bench, c, call_slowly, &note, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){.values = {note.p50_us, note.p99_us}};
    return r;
}

int tr_bench_conversations(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_process_memory_t before[2], after[2];
    tr_bench_task_t task;
    tr_bench_child_t *called, *caller;
    tr_bench_note_t note = {0};
    int r = start(bench, c, 2, &task, &called, error); /* a range has two at least */
    task.count = c->agents;
    bench->work = 0; /* processor time for each means nothing here */
    if (r == 0)
        r = tr_bench_memory(called->pid, &before[1], error);
    if (r == 0)
        r = tr_bench_fork(bench, c, "the caller", open_many, &task, &caller, error);
    if (r == 0)
        r = tr_bench_hear(bench, caller, TR_BENCH_READY, TR_BENCH_SILENT_MS, NULL, error);
    if (r == 0)
        r = tr_bench_memory(caller->pid, &before[0], error);
    if (r == 0)
        r = tr_bench_hear(bench, caller, TR_BENCH_DONE, RUN_MS, &note, error);
    if (r == 0)
        r = tr_bench_memory(caller->pid, &after[0], error);
    if (r == 0)
        r = tr_bench_memory(called->pid, &after[1], error);
    if (r < 0)
        return r;
    *ret = (tr_bench_sample_t){
        .values = {((double)after[0].anon_bytes - (double)before[0].anon_bytes) / (double)note.count,
            ((double)after[1].anon_bytes - (double)before[1].anon_bytes) / (double)note.count,
            (double)note.count}};
    return 0;
}
