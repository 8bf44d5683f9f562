/*
 * tasks: through the real coordinator with its file on the disk, to agents that answer at once. A task is done when the client
 * has heard of its end, which is told after it is on the disk.
 *
 * With a database in place of the file (--conninfo) the tasks of earlier runs are there: those of each run have a mark in their ids.
 *
 *   tasks         as fast as it goes, many submitted together
 *   p50, p99      of the assignment, a thousand tasks a second: from the submission of one until its client knows that an agent has it
 */
#include "lib/base/clock.h"
#include "tools/bench/broker.h"
#include "tools/bench/client.h"
#include "tools/bench/coordinator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_MS   300000
#define TOGETHER 500  /* tasks of one submission */
#define PACED    5000 /* tasks */
#define PACE_NS  INT64_C(1000000)
#define SERVICE  "svc:tasks"

typedef struct client {
    tr_host_t *host;
    tr_agent_t *agent;
    int64_t *submitted_ns; /* by number */
    uint32_t *assigned_ns; /* how long it took; 0 = not known */
    char mark[24];         /* what the ids begin with */
    uint64_t count, done, failed, refused;
    int64_t heard_ms; /* when it has heard of one of them last */
} client_t;

/* "b5f-17" -> 17; what is no number of ours -> count */
static uint64_t number_of(const client_t *c, tr_value_t task) {
    char id[48], *end;
    size_t len = strlen(c->mark);
    if (tr_value_copy(tr_value_get(task, "task"), id, sizeof id) < 0 || strncmp(id, c->mark, len) != 0)
        return c->count;
    uint64_t n = strtoull(id + len, &end, 10);
    return *end || n >= c->count ? c->count : n;
}

static int on_told(tr_agent_t *self, void *state, const tr_message_t *message) {
    client_t *c = *(client_t **)state;
    tr_value_t task = tr_message_value(message), status = tr_value_get(task, "state");
    (void)self;
    uint64_t n = tr_message_type(message) == TR_MESSAGE_EVENT ? number_of(c, task) : c->count;
    if (n == c->count)
        return 0;
    c->heard_ms = tr_clock_ms();
    if (!c->assigned_ns[n] && tr_value_equals(status, "assigned"))
        c->assigned_ns[n] = (uint32_t)(tr_clock_ns() - c->submitted_ns[n]);
    c->done += tr_value_equals(status, "completed");
    c->failed += tr_value_equals(status, "failed");
    return 0;
}

static void on_submitted(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    client_t *c = arg;
    (void)self, (void)state;
    c->refused += !answer || tr_message_performative(answer) != TR_INFORM;
}

static void write_task(tr_content_writer_t *w, const char *mark, uint64_t n) {
    char id[48];
    snprintf(id, sizeof id, "%s%llu", mark, (unsigned long long)n);
    tr_write_map(w, 3);
    tr_write_kv(w, "id", id);
    tr_write_kv_uint(w, "input", n);
    tr_write_str(w, "skills");
    tr_write_array(w, 1);
    tr_write_str(w, "work");
}

/* The tasks from..to-1. 0, or what tr_request says. */
static int submit(client_t *c, uint64_t from, uint64_t to) {
    const char *tasks = SERVICE;
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&tasks, 1}, .protocol = "fipa-request"};
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv(&w, "action", "submit");
    tr_write_str(&w, "tasks");
    tr_write_array(&w, to - from);
    for (uint64_t n = from; n < to; n++) {
        write_task(&w, c->mark, n);
        c->submitted_ns[n] = tr_clock_ns();
    }
    int r = tr_content_writer_take(&w, &acl.content, &acl.content_len);
    if (r == 0)
        r = tr_request(c->agent, &acl, RUN_MS, on_submitted, c);
    tr_content_writer_finish(&w);
    return r;
}

static int begin(client_t *c, const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {
        .abi = TR_BEHAVIOUR_ABI, .name = "client", .state_size = sizeof(client_t *), .receive = on_told};
    c->count = task->count;
    snprintf(c->mark, sizeof c->mark, "b%llx-", (unsigned long long)tr_clock_wall_ns());
    c->submitted_ns = calloc(c->count, sizeof *c->submitted_ns);
    c->assigned_ns = calloc(c->count, sizeof *c->assigned_ns);
    if (!c->submitted_ns || !c->assigned_ns)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int r = tr_bench_client(task, "client", &behaviour, &c->host, &c->agent, error);
    if (r < 0)
        return r;
    *(client_t **)tr_agent_state(c->agent) = c;
    r = tr_subscribe(c->agent, "task.*.state");
    return r < 0 ? tr_error_set(error, r, "cannot subscribe to task.*.state") : 0;
}

/* The link is full: it goes on when there is room. */
static int again(client_t *c, int r, tr_error_t *error) {
    if (r != -EAGAIN)
        return r < 0 ? tr_error_set(error, r, "cannot submit: %s", strerror(-r)) : 0;
    tr_host_step(c->host, 10);
    return 0;
}

static int submit_all(client_t *c, tr_error_t *error) {
    int r = 0;
    for (uint64_t n = 0; n < c->count && r == 0;) {
        uint64_t to = n + TOGETHER < c->count ? n + TOGETHER : c->count;
        int sent = submit(c, n, to);
        n = sent == 0 ? to : n;
        r = again(c, sent, error);
    }
    return r;
}

static int submit_paced(client_t *c, tr_error_t *error) {
    int64_t next = tr_clock_ns();
    int r = 0;
    for (uint64_t n = 0; n < c->count && r == 0;) {
        if (tr_clock_ns() < next) {
            tr_host_step(c->host, 1);
            continue;
        }
        int sent = submit(c, n, n + 1);
        n += sent == 0;
        next += sent == 0 ? PACE_NS : 0;
        r = again(c, sent, error);
    }
    return r;
}

static int wait_for_all(client_t *c, tr_error_t *error) {
    c->heard_ms = tr_clock_ms();
    while (c->done + c->failed < c->count && c->refused == 0) {
        /* The link's own timers end a step as well: that nothing came is not that nothing was heard for so long. */
        if (tr_host_step(c->host, TR_BENCH_SILENT_MS) == 0 &&
            tr_clock_ms() - c->heard_ms > TR_BENCH_SILENT_MS)
            return tr_error_set(error, -ETIMEDOUT,
                "%llu of %llu tasks were done, and then nothing was heard for %d s",
                (unsigned long long)c->done, (unsigned long long)c->count, TR_BENCH_SILENT_MS / 1000);
    }
    return c->failed || c->refused
               ? tr_error_set(error, -EIO, "%llu tasks have failed, %llu submissions were refused",
                     (unsigned long long)c->failed, (unsigned long long)c->refused)
               : 0;
}

static int run_client(
    const tr_bench_task_t *task, int (*send)(client_t *c, tr_error_t *error), tr_error_t *error) {
    client_t c = {0};
    int r = begin(&c, task, error);
    int64_t begun = tr_clock_ns();
    if (r == 0)
        r = send(&c, error);
    if (r == 0)
        r = wait_for_all(&c, error);
    if (r < 0)
        return r;
    tr_bench_say_stored(task, c.assigned_ns, c.count, begun, tr_clock_ns());
    tr_bench_client_rest(c.host);
}

static int run_fast(const tr_bench_task_t *task, tr_error_t *error) {
    return run_client(task, submit_all, error);
}

static int run_slowly(const tr_bench_task_t *task, tr_error_t *error) {
    return run_client(task, submit_paced, error);
}

/* ---- the processes ---- */

static int start_agents(
    tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint, tr_error_t *error) {
    char count[16], fd[16];
    const char *argv[] = {"troupe-agentd", "--connect", endpoint, "--name", "worker", "--count", count,
        "--behaviour", "echo", "--service", "work=16", "--ready-fd", fd, NULL};
    tr_bench_child_t *child;
    snprintf(count, sizeof count, "%u", c->agents);
    snprintf(fd, sizeof fd, "%d", TR_BENCH_READY_FD);
    int r = tr_bench_exec(bench, c, bench->programs.agentd, argv, true, &child, error);
    return r < 0 ? r : tr_bench_hear_line(bench, child, TR_BENCH_SILENT_MS, error);
}

static int run(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_role_fn role, tr_bench_note_t *ret_note,
    tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->count ? c->count : PACED);
    tr_bench_broker_t broker;
    tr_bench_child_t *client;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    bench->work = task.count;
    memcpy(task.endpoint, broker.endpoint, sizeof task.endpoint);
    r = start_agents(bench, c, broker.endpoint, error);
    if (r == 0)
        r = tr_bench_coordinator_start(bench, c, broker.endpoint, error);
    if (r == 0)
        r = tr_bench_fork(bench, c, "the client", role, &task, &client, error);
    return r < 0 ? r : tr_bench_hear(bench, client, TR_BENCH_DONE, RUN_MS, ret_note, error);
}

int tr_bench_tasks(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_note_t note;
    int r = run(bench, c, run_fast, &note, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){
            .values = {(double)note.count * 1e9 / (double)(note.last_ns - note.first_ns)}};
    return r;
}

int tr_bench_tasks_paced(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_note_t note;
    int r = run(bench, c, run_slowly, &note, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){.values = {note.p50_us, note.p99_us}};
    return r;
}
