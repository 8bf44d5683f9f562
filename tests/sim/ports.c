#include "tests/sim/ports.h"
#include "tests/sim/forge.h"

#include "lib/agent/host_private.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/link/wire.h"
#include "tests/sim/ledger.h"
#include "tests/sim/proc.h"

#include <errno.h>
#include <stdlib.h>

#define FD_FIRST 1000000 /* above what the kernel gives */

struct tr_wire {
    sim_proc_t *proc;
    sim_socket_t *socket;
};

static sim_proc_t *current;

sim_proc_t *sim_current(void) {
    return current;
}

void sim_set_current(sim_proc_t *proc) {
    current = proc;
}

/* lib/base/clock.h */
int64_t tr_clock_ns(void) {
    return current ? sim_proc_clock_ns(current) : 0;
}

int64_t tr_clock_wall_ms(void) {
    return current ? sim_proc_wall_ms(current) : 0;
}

int64_t tr_clock_wall_ns(void) {
    return tr_clock_wall_ms() * 1000000;
}

/* lib/base/random.h */
uint64_t tr_random_seed(void) {
    return sim_random(&current->prng);
}

/* lib/link/wire.h */
int tr_wire_new(const char *endpoint, uint64_t seed, tr_wire_t **ret_wire) {
    (void)endpoint;
    (void)seed;
    tr_wire_t *w = sim_alloc(sizeof *w);
    w->proc = current;
    *ret_wire = w;
    return 0;
}

void tr_wire_destroy(tr_wire_t **self) {
    if (!*self)
        return;
    if ((*self)->socket)
        sim_socket_close((*self)->socket, false);
    (*self)->proc->socket = NULL;
    free(*self);
    *self = NULL;
}

int tr_wire_open(tr_wire_t *self) {
    if (self->socket)
        sim_socket_close(self->socket, false);
    self->socket = sim_socket_open(self->proc->world->net, self->proc);
    self->socket->closed = self->proc->ghost; /* nobody hears a ghost */
    self->proc->socket = self->socket;
    return 0;
}

bool tr_wire_is_open(const tr_wire_t *self) {
    return self->socket != NULL;
}

int tr_wire_fd(const tr_wire_t *self) {
    return FD_FIRST + (int)self->proc->index;
}

void tr_wire_send(tr_wire_t *self, tr_buf_t *buf) {
    if (!self->proc->ghost)
        sim_forge(self->proc, buf->data, buf->len);
    if (!self->proc->ghost)
        sim_proc_sends(self->proc, buf->data, buf->len);
    if (!self->socket->closed)
        sim_socket_send(self->socket, buf->data, buf->len);
    tr_buf_release(buf);
}

static void free_frame(void *data, void *hint) {
    (void)data;
    free(hint);
}

bool tr_wire_receive(tr_wire_t *self, bool expect, zmq_msg_t *frame) {
    (void)expect; /* it may wait, but need not */
    sim_frame_t *f = self->socket->closed ? NULL : sim_socket_receive(self->socket);
    return f && zmq_msg_init_data(frame, f->bytes, f->len, free_frame, f) == 0;
}

static bool is_wire(const struct pollfd *fd) {
    return fd->fd >= FD_FIRST;
}

/* Only wires are watched: the kernel's descriptors never are ready here, and what a host is told by its eventfd
 * it is told by sim_proc_wake. */
int tr_wire_poll(struct pollfd *fds, nfds_t n, int timeout_ms) {
    sim_proc_t *p = current;
    int ready = 0;
    int64_t until = timeout_ms < 0 ? SIM_NEVER : p->world->now_ns + timeout_ms * SIM_MS;
    if (p->ghost)
        p->ghost_ns += timeout_ms < 0 ? SIM_SECOND : (timeout_ms + 1) * SIM_MS;
    else if (!p->socket || !p->socket->signal)
        sim_proc_wait(p, until);
    for (nfds_t i = 0; i < n; i++) {
        fds[i].revents = is_wire(&fds[i]) && p->socket && p->socket->signal ? POLLIN : 0;
        ready += fds[i].revents != 0;
    }
    return ready;
}

int tr_wire_secure(tr_wire_t *self, const char *certificate) {
    (void)self;
    (void)certificate;
    return -ENOTSUP; /* the virtual network has nobody to hide from */
}

const char *tr_wire_refusal(tr_wire_t *self) {
    (void)self;
    return "";
}

const char *tr_wire_strerror(int code) {
    (void)code;
    return "the simulated wire does not fail";
}

void tr_wire_identity(char host[65], uint32_t *ret_pid) {
    snprintf(host, 65, "machine-%u", current->index);
    *ret_pid = current->index * 1000 + current->starts;
}

/* lib/agent/keeper_thread.c: the keeper looks only while a behaviour is busy (sim_busy). */
int tr_keeper_start(tr_host_t *host) {
    (void)host;
    return 0;
}

void tr_keeper_stop(tr_host_t *host) {
    (void)host;
}

void sim_busy(sim_proc_t *proc, int64_t ms) {
    int64_t end = proc->world->now_ns + ms * SIM_MS;
    int64_t next = proc->world->now_ns + sim_between(&proc->prng, 0, 500) * SIM_MS; /* of an idle keeper */
    tr_keeper_watch_t watch = {.since_ms = tr_clock_ms()};
    while (!proc->ghost && proc->world->now_ns < end) {
        sim_proc_wait(proc, next < end ? next : end);
        if (!proc->ghost && proc->host && proc->world->now_ns >= next)
            next = proc->world->now_ns + tr_keeper_turn(proc->host, &watch) * SIM_MS;
    }
}
