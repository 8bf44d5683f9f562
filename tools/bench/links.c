/*
 * Idle links: what each costs the broker's process. Clients hold thousands of links each, registered and
 * alive (they answer heartbeats); the broker's memory is read before the first and after all have been held
 * for longer than a lease.
 */
#include "tools/bench/flood.h"
#include "tools/bench/raw.h"
#include "tools/bench/wire.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PER_PROCESS 3000 /* links: a link takes two descriptors of its client */
#define OPEN_MS     120000
#define HOLD_MS     4000 /* longer than a lease */
#define LOOK_MS     100

/* Takes what came, and says that the link is alive. Negative when it is lost. */
static int look_after(tr_bench_wire_t *w, zmq_msg_t *frame, int64_t now) {
    int r;
    while ((r = tr_bench_wire_receive(w, frame, ZMQ_DONTWAIT)) >= 0)
        ;
    tr_bench_wire_heartbeat(w, now);
    return r != -EAGAIN ? r : w->refused ? -ECONNRESET : 0;
}

static int look_after_all(tr_bench_wire_t *links, uint32_t n, zmq_msg_t *frame, tr_error_t *error) {
    int64_t now = tr_clock_ms();
    for (uint32_t i = 0; i < n; i++)
        if (look_after(&links[i], frame, now) < 0)
            return tr_error_set(error, -ECONNRESET, "link %u is lost: %s", i, links[i].refusal);
    return 0;
}

static int hold_links(const tr_bench_task_t *task, tr_error_t *error) {
    void *context = zmq_ctx_new();
    tr_bench_wire_t *links = calloc(task->agents, sizeof *links);
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    if (!links || tr_process_need_files(task->agents * 2 + 64, NULL, error) < 0)
        return links ? -EPERM : -ENOMEM;
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, (int)task->agents + 8);
    int64_t looked = tr_clock_ms();
    for (uint32_t i = 0; i < task->agents; i++) {
        char name[48];
        snprintf(name, sizeof name, "link-%u-%u", task->index, i);
        int r = tr_bench_wire_open(&links[i], context, task->endpoint, name, error);
        if (r == 0 && tr_clock_ms() - looked >= LOOK_MS) {
            r = look_after_all(links, i + 1, &frame, error);
            looked = tr_clock_ms();
        }
        if (r < 0)
            return r;
    }
    tr_bench_say_ready(task, NULL, task->agents);
    for (;;) {
        int r = look_after_all(links, task->agents, &frame, error);
        if (r < 0)
            return r;
        usleep(LOOK_MS * 1000);
    }
}

/* The holders, each with its part of the links. */
static int hold_all(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_task_t *task, tr_bench_role_fn role,
    tr_error_t *error) {
    uint32_t holders = (c->agents + PER_PROCESS - 1) / PER_PROCESS;
    tr_bench_child_t **children = calloc(holders, sizeof(*children));
    int r = children ? 0 : -ENOMEM;
    for (uint32_t i = 0; i < holders && r == 0; i++) {
        task->index = i;
        task->agents = c->agents / holders + (i < c->agents % holders);
        r = tr_bench_fork(bench, c, "a holder of links", role, task, &children[i], error);
    }
    for (uint32_t i = 0; i < holders && r == 0; i++)
        r = tr_bench_hear(bench, children[i], TR_BENCH_READY, OPEN_MS, NULL, error);
    free(children);
    return r < 0 ? r : tr_bench_pause(bench, HOLD_MS, error);
}

static int growth(tr_bench_t *bench, const tr_bench_case_t *c, pid_t pid, tr_bench_task_t *task,
    tr_bench_role_fn role, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_process_memory_t before, after;
    int64_t begun = tr_clock_ns();
    int r = tr_bench_memory(pid, &before, error);
    if (r == 0)
        r = hold_all(bench, c, task, role, error);
    if (r == 0)
        r = tr_bench_memory(pid, &after, error);
    if (r < 0)
        return r;
    *ret = (tr_bench_sample_t){.values = {((double)after.rss_bytes - (double)before.rss_bytes) / c->agents,
                                   (double)c->agents, (double)(tr_clock_ns() - begun) / 1e9 - HOLD_MS / 1e3}};
    return 0;
}

int tr_bench_links(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = {0};
    tr_bench_broker_t broker;
    int r = tr_process_need_files(c->agents + 256, NULL, error);
    if (r == 0)
        r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    memcpy(task.endpoint, broker.endpoint, sizeof task.endpoint);
    return growth(bench, c, broker.child->pid, &task, hold_links, ret, error);
}

int tr_bench_links_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = {0};
    int r = tr_process_need_files(c->agents + 256, NULL, error);
    if (r == 0)
        r = tr_bench_forwarder_start(bench, c, &task, error);
    if (r < 0)
        return r;
    pid_t forwarder = bench->children[bench->children_n - 1]->pid;
    return growth(bench, c, forwarder, &task, tr_raw_links, ret, error);
}
