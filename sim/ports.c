/*
 * What libtroupe needs of a machine, in the simulation: the clock, chance, the wire, and the thread that keeps a link alive. They take the
 * places of lib/base/clock.c, lib/base/random.c, lib/link/wire_zmq.c and lib/agent/keeper_thread.c, which are not linked.
 *
 * The one static variable of Troupe is here, since neither a clock nor chance has an argument that could say whose they are.
 */
#include "sim/ports.h"

#include "lib/agent/host_private.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/link/wire.h"
#include "sim/hub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define WALL_0_MS INT64_C(1700000000000)
#define FD_FIRST  (1 << 24) /* above what the kernel gives */

struct tr_wire {
    tr_sim_process_t *process;
    bool open;
};

static tr_sim_process_t *current;

tr_sim_process_t *tr_sim_ports_enter(tr_sim_process_t *process) {
    tr_sim_process_t *before = current;
    current = process;
    return before;
}

int64_t tr_clock_ns(void) {
    return current ? current->world->now_ns + current->ghost_ns + TR_SIM_SECOND : 0;
}

int64_t tr_clock_wall_ms(void) {
    return WALL_0_MS + tr_clock_ns() / TR_SIM_MS;
}

int64_t tr_clock_wall_ns(void) {
    return tr_clock_wall_ms() * 1000000;
}

uint64_t tr_random_seed(void) {
    return current ? tr_sim_random(current->world) : 0;
}

int tr_wire_new(const char *endpoint, uint64_t seed, tr_wire_t **ret_wire) {
    (void)endpoint, (void)seed;
    tr_wire_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->process = current;
    *ret_wire = self;
    return 0;
}

void tr_wire_destroy(tr_wire_t **self) {
    free(*self);
    *self = NULL;
}

int tr_wire_open(tr_wire_t *self) {
    self->open = true;
    if (!self->process->ghost) /* nobody hears a ghost */
        tr_sim_hub_connect(self->process->hub, self->process);
    return 0;
}

bool tr_wire_is_open(const tr_wire_t *self) {
    return self->open;
}

int tr_wire_fd(const tr_wire_t *self) {
    return FD_FIRST + (int)self->process->index;
}

void tr_wire_send(tr_wire_t *self, tr_buf_t *buf) {
    if (!self->process->ghost)
        tr_sim_hub_send(self->process->hub, self->process, buf->data, buf->len);
    tr_buf_release(buf);
}

static void free_frame(void *data, void *hint) {
    (void)data;
    free(hint);
}

bool tr_wire_receive(tr_wire_t *self, bool expect, zmq_msg_t *frame) {
    (void)expect; /* it may wait, but need not */
    tr_sim_frame_t *f = self->process->ghost ? NULL : tr_sim_queue_take(&self->process->in);
    if (!f)
        return false;
    if (zmq_msg_init_data(frame, f->bytes, f->len, free_frame, f) == 0)
        return true;
    self->process->world->failed = true;
    free(f);
    return false;
}

/* In a step the process does not wait: it says until when it would. Elsewhere (it connects, or registers) the world goes on meanwhile. */
static void wait_in_world(tr_sim_process_t *p, int timeout_ms) {
    int64_t until = timeout_ms < 0 ? TR_SIM_NEVER : p->world->now_ns + timeout_ms * TR_SIM_MS;
    p->next_ns = until;
    if (p->ghost)
        p->ghost_ns += timeout_ms < 0 ? TR_SIM_SECOND : (timeout_ms + 1) * TR_SIM_MS;
    if (p->ghost || p->stepping)
        return;
    tr_sim_process_t *before = tr_sim_ports_enter(NULL);
    while (!p->in.head && tr_sim_next(p->world, until))
        ;
    tr_sim_ports_enter(before);
}

/* Only wires are watched: the kernel's descriptors are never ready here. */
int tr_wire_poll(struct pollfd *fds, nfds_t n, int timeout_ms) {
    tr_sim_process_t *p = current;
    int ready = 0;
    if (!p->in.head || p->ghost)
        wait_in_world(p, timeout_ms);
    for (nfds_t i = 0; i < n; i++) {
        fds[i].revents = fds[i].fd >= FD_FIRST && p->in.head && !p->ghost ? POLLIN : 0;
        ready += fds[i].revents != 0;
    }
    return ready;
}

int tr_wire_secure(tr_wire_t *self, const char *certificate) {
    (void)self, (void)certificate;
    return -ENOTSUP; /* there is nobody to hide from */
}

const char *tr_wire_refusal(tr_wire_t *self) {
    (void)self;
    return "";
}

const char *tr_wire_strerror(int code) {
    (void)code;
    return "a simulated wire does not fail";
}

void tr_wire_identity(char host[65], uint32_t *ret_pid) {
    snprintf(host, 65, "machine-%u", current->index);
    *ret_pid = current->index * 1000 + current->lives;
}

int tr_keeper_start(tr_host_t *host) {
    (void)host; /* a callback takes no virtual time: no link needs to be kept alive meanwhile */
    return 0;
}

void tr_keeper_stop(tr_host_t *host) {
    (void)host;
}
