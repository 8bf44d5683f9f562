/*
 * tasks: through the real coordinator with its file on the disk, to agents that answer at once. A task is done when the client
 * has heard of its end, which is told after it is on the disk.
 *
 * With a database in place of the file (--conninfo) the tasks of earlier runs are there: those of each run have a mark in their ids.
 *
 *   tasks         as fast as it goes, many submitted together
 *   p50, p99      of the assignment, a thousand tasks a second: from the submission of one until its client knows that an agent has it
 *   killed        as fast as it goes, while agents, each a process, are ended by SIGKILL at random moments of the work; each task is done
 *                 once, or the run has failed
 */
#include "lib/base/clock.h"
#include "tools/bench/broker.h"
#include "tools/bench/client.h"
#include "tools/bench/coordinator.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RUN_MS     300000
#define TOGETHER   500  /* tasks of one submission */
#define PACED      5000 /* tasks */
#define PACE_NS    INT64_C(1000000)
#define SERVICE    "svc:tasks"
#define KILLED_MAX 800u /* agents: a fifth of them */

typedef struct client {
    tr_host_t *host;
    tr_agent_t *agent;
    int64_t *submitted_ns; /* by number */
    uint32_t *assigned_ns; /* how long it took; 0 = not known */
    char mark[24];         /* what the ids begin with */
    bool *ended;           /* by number */
    uint64_t count, done, failed, refused, doubled;
    int64_t heard_ms;          /* when it has heard of one of them last */
    tr_bench_shared_t *shared; /* seen[0]: how many are done */
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
    if (tr_value_equals(status, "completed")) {
        c->doubled += c->ended[n];
        c->ended[n] = true;
        atomic_store_explicit(&c->shared->seen[0].count, ++c->done, memory_order_relaxed);
    }
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
    c->shared = task->shared;
    snprintf(c->mark, sizeof c->mark, "b%llx-", (unsigned long long)tr_clock_wall_ns());
    c->submitted_ns = calloc(c->count, sizeof *c->submitted_ns);
    c->assigned_ns = calloc(c->count, sizeof *c->assigned_ns);
    c->ended = calloc(c->count, sizeof *c->ended);
    if (!c->submitted_ns || !c->assigned_ns || !c->ended)
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
    return c->failed || c->refused || c->doubled
               ? tr_error_set(error, -EIO,
                     "%llu tasks have failed, %llu were done twice, %llu submissions were refused",
                     (unsigned long long)c->failed, (unsigned long long)c->doubled,
                     (unsigned long long)c->refused)
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

/* `n` of them in one process. */
static int start_agents(tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint, const char *name,
    uint32_t n, tr_bench_child_t **ret_child, tr_error_t *error) {
    char count[16], fd[16];
    const char *argv[] = {"troupe-agentd", "--connect", endpoint, "--name", name, "--count", count,
        "--behaviour", "echo", "--service", "work=16", "--ready-fd", fd, NULL};
    snprintf(count, sizeof count, "%u", n);
    snprintf(fd, sizeof fd, "%d", TR_BENCH_READY_FD);
    int r = tr_bench_exec(bench, c, bench->programs.agentd, argv, true, ret_child, error);
    return r < 0 ? r : tr_bench_hear_line(bench, *ret_child, TR_BENCH_SILENT_MS, error);
}

/* Those who will be killed are a process each. */
static int start_all(tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint, uint32_t killed,
    tr_bench_child_t *victims[], tr_error_t *error) {
    tr_bench_child_t *child;
    char name[24];
    int r = start_agents(bench, c, endpoint, "worker", c->agents - killed, &child, error);
    for (uint32_t i = 0; i < killed && r == 0; i++) {
        snprintf(name, sizeof name, "victim-%u", i);
        r = start_agents(bench, c, endpoint, name, 1, &victims[i], error);
    }
    return r;
}

/* Begins the work: the client runs. */
static int begin_work(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_role_fn role, uint32_t killed,
    tr_bench_child_t *victims[], tr_bench_child_t **ret_client, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->count ? c->count : PACED);
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    bench->work = task.count;
    memcpy(task.endpoint, broker.endpoint, sizeof task.endpoint);
    r = start_all(bench, c, broker.endpoint, killed, victims, error);
    if (r == 0)
        r = tr_bench_coordinator_start(bench, c, broker.endpoint, error);
    return r < 0 ? r : tr_bench_fork(bench, c, "the client", role, &task, ret_client, error);
}

static int run(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_role_fn role, tr_bench_note_t *ret_note,
    tr_error_t *error) {
    tr_bench_child_t *client;
    int r = begin_work(bench, c, role, 0, NULL, &client, error);
    return r < 0 ? r : tr_bench_hear(bench, client, TR_BENCH_DONE, RUN_MS, ret_note, error);
}

/* A number of 0..n-1: when to kill is not the same in each run. */
static uint64_t below(uint64_t n) {
    uint64_t random = (uint64_t)tr_clock_ns();
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    return random % n;
}

/* Each when as many tasks are done as was drawn for it, in the first nine tenths of the work. */
static int kill_some(tr_bench_t *bench, tr_bench_child_t *victims[], uint32_t killed,
    const tr_bench_child_t *client, tr_error_t *error) {
    uint64_t when[KILLED_MAX];
    int64_t deadline = tr_clock_ms() + RUN_MS;
    uint32_t left = killed;
    int r = 0;
    for (uint32_t i = 0; i < killed; i++)
        when[i] = below(bench->work * 9 / 10);
    while (left && r == 0 && tr_clock_ms() < deadline) {
        uint64_t done = atomic_load_explicit(&bench->shared->seen[0].count, memory_order_relaxed);
        for (uint32_t i = 0; i < killed; i++)
            if (when[i] != UINT64_MAX && done >= when[i] && kill(victims[i]->pid, SIGKILL) == 0)
                when[i] = UINT64_MAX, left--;
        r = client->said[TR_BENCH_DONE] ? tr_error_set(error, -EIO, "%u were not killed in time", left)
                                        : tr_bench_pause(bench, 1, error);
    }
    return r;
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

int tr_bench_tasks_killed(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_child_t *victims[KILLED_MAX], *client;
    tr_bench_note_t note;
    uint32_t killed = c->agents / 5 < KILLED_MAX ? c->agents / 5 : KILLED_MAX;
    if (!killed)
        return tr_error_set(error, -EINVAL, "--agents: five at least, of whom one is killed");
    int r = begin_work(bench, c, run_fast, killed, victims, &client, error);
    if (r == 0)
        r = kill_some(bench, victims, killed, client, error);
    if (r == 0)
        r = tr_bench_hear(bench, client, TR_BENCH_DONE, RUN_MS, &note, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){
            .values = {(double)note.count * 1e9 / (double)(note.last_ns - note.first_ns)}};
    return r;
}
