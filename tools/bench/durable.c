/*
 * durable: messages that are acknowledged when they are on disk. The raw limit is the disk's own: append and fdatasync, one at a time,
 * in the same directory.
 *
 *   acknowledged  so many in flight, to a mailbox whose agent is away
 *   delivered     the same with the agent there: each is stored, delivered, settled
 *   alone         one in flight
 */
#include "tools/bench/durable.h"
#include "tools/bench/curve.h"

#include "lib/base/clock.h"
#include "tools/bench/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#define RUN_MS     300000
#define NUMBER_AT  4 /* in the content: behind msgpack's head */
#define FLOOR_MAX  5000
#define FLOOR_SIZE 128 /* a message of 64 bytes with its header and envelope, about */

typedef struct producer {
    tr_agent_t *agent;
    tr_host_t *host;
    uint32_t *ns;      /* of each message, until it was acknowledged */
    int64_t *begun_ns; /* by number */
    uint64_t sent, stored, refused;
    tr_reason_t reason;
    int64_t last_ns;
} producer_t;

static producer_t *producer_of(tr_agent_t *agent) {
    return *(producer_t **)tr_agent_state(agent);
}

static void on_stored(tr_agent_t *self, void *state, const tr_message_t *failure, void *arg) {
    (void)state;
    producer_t *p = producer_of(self);
    uint64_t number = (uint64_t)(uintptr_t)arg;
    int64_t now = tr_clock_ns();
    p->ns[number] = (uint32_t)(now - p->begun_ns[number]);
    p->stored++;
    p->refused += failure != NULL;
    p->reason = failure ? tr_message_reason(failure) : TR_REASON_NONE;
    p->last_ns = now;
}

static int send_one(producer_t *p, const tr_acl_t *message, void *content) {
    memcpy((char *)content + NUMBER_AT, &(uint32_t){(uint32_t)p->sent}, sizeof(uint32_t));
    p->begun_ns[p->sent] = tr_clock_ns();
    int r = tr_send_durable(p->agent, message, on_stored, (void *)(uintptr_t)p->sent);
    p->sent += r == 0;
    return r;
}

static int produce_all(producer_t *p, const tr_bench_task_t *task, void *content, tr_error_t *error) {
    const char *to = task->to;
    tr_acl_t message = {
        .performative = TR_INFORM, .receivers = {&to, 1}, .content = content, .content_len = task->size};
    while (p->stored < task->count) {
        int r = 0;
        while (r == 0 && p->sent < task->count && p->sent - p->stored < task->agents)
            r = send_one(p, &message, content);
        if (r < 0 && r != -EAGAIN)
            return tr_error_set(
                error, r, "message %llu could not be sent: %s", (unsigned long long)p->sent, strerror(-r));
        if (p->refused)
            return tr_error_set(error, -EIO, "a message was refused: %s", tr_reason_name(p->reason));
        tr_host_step(p->host, TR_BENCH_SILENT_MS);
    }
    return 0;
}

int tr_bench_produce(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {
        .abi = TR_BEHAVIOUR_ABI, .name = "producer", .state_size = sizeof(producer_t *)};
    producer_t p = {
        .ns = calloc(task->count, sizeof *p.ns), .begun_ns = calloc(task->count, sizeof *p.begun_ns)};
    void *content = tr_bench_content(task->size);
    if (!p.ns || !p.begun_ns || !content)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int r = tr_bench_client(task, "producer", &behaviour, &p.host, &p.agent, error);
    if (r < 0)
        return r;
    *(producer_t **)tr_agent_state(p.agent) = &p;
    int64_t begun = tr_clock_ns();
    r = produce_all(&p, task, content, error);
    if (r < 0)
        return r;
    tr_bench_say_stored(task, p.ns, task->count, begun, p.last_ns);
    tr_bench_client_rest(p.host);
}

/* The number in the content of the n-th message has to be n. */
typedef struct consumer {
    uint64_t count, wrong;
    int64_t first_ns, last_ns;
} consumer_t;

static int consume_one(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    consumer_t *c = state;
    size_t len;
    uint32_t number = 0;
    const char *content = tr_message_content(message, &len);
    if (len >= TR_BENCH_CONTENT)
        memcpy(&number, content + NUMBER_AT, sizeof number);
    c->last_ns = tr_clock_ns();
    if (!c->count)
        c->first_ns = c->last_ns;
    c->wrong += number != (uint32_t)c->count;
    c->count++;
    return 0;
}

int tr_bench_consume(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI,
        .name = "consumer",
        .state_size = sizeof(consumer_t),
        .receive = consume_one};
    tr_host_options_t options = {.endpoint = task->endpoint,
        .process = "troupe bench",
        .durable = true,
        .certificate = tr_bench_curve_own()};
    tr_host_t *host;
    tr_agent_t *agent;
    int r = tr_host_new(&options, &host, error);
    if (r == 0)
        r = tr_host_add(host, task->to, &behaviour, NULL, &agent, error);
    if (r < 0)
        return r;
    const consumer_t *c =
        tr_agent_state(agent); /* some may have come already: the mailbox was full of them */
    tr_bench_say_ready(task, NULL, 0);
    int64_t heard_ms = tr_clock_ms();
    for (uint64_t before = 0; c->count < task->count && tr_clock_ms() - heard_ms < 3 * TR_BENCH_SILENT_MS;) {
        tr_host_step(host, 1000);
        if (c->count != before)
            heard_ms = tr_clock_ms();
        before = c->count;
    }
    tr_bench_say_flood(task, c->count, task->count - c->count + c->wrong, c->first_ns, c->last_ns);
    tr_bench_client_rest(host);
}

/* Registers the mailbox and leaves, so that messages to it wait. */
static int be_away(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI, .name = "away"};
    tr_host_options_t options = {.endpoint = task->endpoint,
        .process = "troupe bench",
        .durable = true,
        .certificate = tr_bench_curve_own()};
    tr_host_t *host;
    int r = tr_host_new(&options, &host, error);
    if (r == 0)
        r = tr_host_add(host, task->to, &behaviour, NULL, NULL, error);
    if (r == 0)
        r = tr_host_remove(host, task->to);
    if (r < 0)
        return r;
    tr_host_destroy(&host);
    tr_bench_say_ready(task, NULL, 0);
    tr_bench_rest();
}

int tr_bench_durable_start(tr_bench_t *bench, const tr_bench_case_t *c, bool there, tr_bench_task_t *ret_task,
    tr_bench_broker_t *ret_broker, tr_bench_child_t **ret_consumer, tr_error_t *error) {
    *ret_task = (tr_bench_task_t){.size = c->size, .count = c->count, .agents = c->agents, .to = "sink"};
    int r = tr_bench_broker_journal(bench, c, NULL, ret_broker, error);
    if (r < 0)
        return r;
    memcpy(ret_task->endpoint, ret_broker->endpoint, sizeof ret_task->endpoint);
    r = tr_bench_fork(
        bench, c, "the consumer", there ? tr_bench_consume : be_away, ret_task, ret_consumer, error);
    return r < 0 ? r : tr_bench_hear(bench, *ret_consumer, TR_BENCH_READY, TR_BENCH_SILENT_MS, NULL, error);
}

static double per_second(const tr_bench_note_t *note) {
    return (double)note->count * 1e9 / (double)(note->last_ns - note->first_ns);
}

/* A sync costs nothing there, so neither value says anything about a disk. */
static void note_memory(const tr_bench_t *bench, char *note, size_t size) {
    struct statfs fs;
    if (statfs(bench->directory, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
        snprintf(note, size, "%.100s is in memory (tmpfs), not on a disk: set TMPDIR to a directory on one",
            bench->directory);
}

static int run(
    tr_bench_t *bench, const tr_bench_case_t *c, bool there, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task;
    tr_bench_broker_t broker;
    tr_bench_child_t *consumer, *producer;
    tr_bench_note_t stored, delivered;
    int r = tr_bench_durable_start(bench, c, there, &task, &broker, &consumer, error);
    if (r == 0)
        r = tr_bench_fork(bench, c, "the producer", tr_bench_produce, &task, &producer, error);
    if (r == 0)
        r = tr_bench_hear(bench, producer, TR_BENCH_DONE, RUN_MS, &stored, error);
    if (r == 0 && there)
        r = tr_bench_hear(bench, consumer, TR_BENCH_DONE, RUN_MS, &delivered, error);
    if (r < 0)
        return r;
    if (there && delivered.missed)
        return tr_error_set(
            error, -EIO, "%llu messages were lost or out of order", (unsigned long long)delivered.missed);
    *ret = (tr_bench_sample_t){
        .values = {per_second(there ? &delivered : &stored), stored.p50_us, stored.p99_us}};
    note_memory(bench, ret->note, sizeof ret->note);
    return 0;
}

int tr_bench_durable(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    return run(bench, c, false, ret, error);
}

int tr_bench_durable_delivered(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    return run(bench, c, true, ret, error);
}

static int sync_floor(int fd, uint64_t count, uint32_t *ns, tr_error_t *error) {
    char bytes[FLOOR_SIZE] = {0};
    for (uint64_t i = 0; i < count; i++) {
        int64_t begun = tr_clock_ns();
        if (write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes || fdatasync(fd) < 0)
            return tr_error_set(error, -errno, "the disk's own rate cannot be measured: %s", strerror(errno));
        ns[i] = (uint32_t)(tr_clock_ns() - begun);
    }
    return 0;
}

static int disk(const tr_bench_task_t *task, tr_error_t *error) {
    uint32_t *ns = calloc(task->count, sizeof *ns);
    int fd = open(task->to, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (!ns || fd < 0)
        return tr_error_set(error, fd < 0 ? -errno : -ENOMEM, "%s: %s", task->to, strerror(errno));
    int64_t begun = tr_clock_ns();
    int r = sync_floor(fd, task->count, ns, error);
    int64_t ended = tr_clock_ns();
    close(fd);
    unlink(task->to);
    if (r < 0)
        return r;
    tr_bench_say_stored(task, ns, task->count, begun, ended);
    tr_bench_rest();
}

int tr_bench_durable_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = {.count = c->raw_count < FLOOR_MAX ? c->raw_count : FLOOR_MAX};
    tr_bench_child_t *child;
    tr_bench_note_t note;
    _Static_assert(
        sizeof task.to >= sizeof bench->directory + sizeof "/floor", "a path that is cut is another one");
    snprintf(task.to, sizeof task.to, "%s/floor", bench->directory);
    int r = tr_bench_fork(bench, c, "the disk's floor", disk, &task, &child, error);
    if (r == 0)
        r = tr_bench_hear(bench, child, TR_BENCH_DONE, RUN_MS, &note, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){.values = {per_second(&note), note.p50_us, note.p99_us}};
    return r;
}
