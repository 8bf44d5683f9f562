#include "tests/sim/net.h"

#include "tests/sim/broker.h"
#include "tests/sim/ledger.h"
#include "tests/sim/proc.h"

#include <stdlib.h>
#include <string.h>

#define LATE_MS_MAX  1500 /* so long after its connection a frame may come */
#define CHOICE       16   /* of so many that have arrived one is the next */
#define PAUSE_MS_MAX 2000 /* between attempts to connect, as wire_zmq.c sets it */

sim_frame_t *sim_frame_new(const void *bytes, size_t len) {
    sim_frame_t *f = sim_alloc(sizeof *f + len);
    f->len = len;
    memcpy(f->bytes, bytes, len);
    return f;
}

void sim_queue_put(sim_queue_t *queue, sim_frame_t *frame) {
    if (!queue->head)
        queue->end = &queue->head;
    frame->next = NULL;
    *queue->end = frame;
    queue->end = &frame->next;
    queue->n++;
}

sim_frame_t *sim_queue_take(sim_queue_t *queue) {
    sim_frame_t *f = queue->head;
    if (f) {
        queue->head = f->next;
        queue->n--;
    }
    return f;
}

void sim_queue_lose(sim_world_t *world, sim_queue_t *queue, size_t n, const char *why) {
    sim_frame_t *f;
    while (n-- && (f = sim_queue_take(queue))) {
        sim_ledger_lost(world, f->bytes, f->len, why);
        free(f);
    }
}

/* The one behind `before`. */
static sim_frame_t *take_after(sim_queue_t *queue, sim_frame_t *before) {
    sim_frame_t *f = before->next;
    before->next = f->next;
    if (!f->next)
        queue->end = &before->next;
    queue->n--;
    return f;
}

static bool same_source(const sim_frame_t *a, const sim_frame_t *b) {
    return a->conn == b->conn && a->way == b->way;
}

sim_frame_t *sim_net_choose(sim_net_t *self, sim_queue_t *arrived) {
    if (!self->world->plan.reorders || arrived->n < 2)
        return sim_queue_take(arrived);
    const sim_frame_t *chosen = arrived->head;
    for (size_t i = sim_below(&self->order, arrived->n < CHOICE ? arrived->n : CHOICE); i; i--)
        chosen = chosen->next;
    sim_frame_t *before = NULL, *f = arrived->head;
    for (; !same_source(f, chosen); f = f->next)
        before = f;
    return before ? take_after(arrived, before) : sim_queue_take(arrived);
}

sim_net_t *sim_net_new(sim_world_t *world, sim_prng_t prng) {
    sim_net_t *n = sim_alloc(sizeof *n);
    n->world = world;
    n->prng = prng;
    n->order = (sim_prng_t){sim_mix(prng.state)};
    return n;
}

void sim_queue_free(sim_queue_t *queue) {
    sim_frame_t *f;
    while ((f = sim_queue_take(queue)))
        free(f);
}

void sim_net_destroy(sim_net_t **self) {
    if (!*self)
        return;
    for (sim_conn_t *c = (*self)->conns, *next; c; c = next) {
        next = c->next;
        sim_queue_free(&c->up);
        sim_queue_free(&c->down);
        sim_queue_free(&c->late);
        free(c);
    }
    for (sim_socket_t *s = (*self)->sockets, *next; s; s = next) {
        next = s->next;
        sim_queue_free(&s->out);
        sim_queue_free(&s->in);
        free(s);
    }
    free(*self);
    *self = NULL;
}

static int64_t delay(sim_net_t *net, const sim_proc_t *proc) {
    const sim_plan_t *p = &net->world->plan;
    return sim_between(&net->prng, p->delay_min_ns, p->delay_max_ns) +
           (proc->slow_ns ? sim_between(&net->prng, 0, proc->slow_ns) : 0);
}

static void try_connect(void *owner, uint64_t arg);

static void connect_later(sim_socket_t *s, int64_t after_ns) {
    sim_at(s->world, s->world->now_ns + after_ns, try_connect, s, 0);
}

static void arrive_up(void *owner, uint64_t arg);
static void arrive_down(void *owner, uint64_t arg);

static void plan_up(sim_conn_t *c) {
    if (c->up.head)
        sim_at(c->world, c->up.head->due_ns, arrive_up, c, 0);
}

static void plan_down(sim_conn_t *c) {
    if (c->down.head)
        sim_at(c->world, c->down.head->due_ns, arrive_down, c, 0);
}

/* In order, so never before the one in front of it. */
static void put_up(sim_conn_t *c, sim_frame_t *f) {
    int64_t due = c->world->now_ns + delay(c->world->net, c->proc);
    f->due_ns = c->up_ns = due > c->up_ns ? due : c->up_ns;
    f->conn = c;
    sim_queue_put(&c->up, f);
    if (c->up.n == 1)
        plan_up(c);
}

static sim_conn_t *conn_new(sim_net_t *net, sim_broker_t *broker, sim_proc_t *proc, sim_socket_t *socket) {
    sim_conn_t *c = sim_alloc(sizeof *c);
    c->world = net->world;
    c->proc = proc;
    c->start = proc->starts;
    c->socket = socket;
    c->broker = broker;
    c->broker_start = broker->starts;
    c->number = ++net->conns_n;
    c->peer = broker->next_peer++;
    c->open_here = c->open_there = true;
    c->next = net->conns;
    net->conns = c;
    return c;
}

/* What the socket held back goes first. */
static void try_connect(void *owner, uint64_t arg) {
    sim_socket_t *s = owner;
    sim_world_t *w = s->world;
    sim_broker_t *broker = sim_home(w, s->proc);
    (void)arg;
    if (s->closed || s->conn)
        return;
    if (!broker->up || s->proc->cut) {
        connect_later(s, s->pause_ms * SIM_MS);
        s->pause_ms = s->pause_ms * 2 < PAUSE_MS_MAX ? s->pause_ms * 2 : PAUSE_MS_MAX;
        return;
    }
    s->conn = conn_new(w->net, broker, s->proc, s);
    s->pause_ms = sim_between(&w->net->prng, 50, 200);
    sim_say(w, "%s connects: peer %u", s->proc->name, s->conn->peer);
    sim_frame_t *f;
    while ((f = sim_queue_take(&s->out)))
        put_up(s->conn, f);
}

sim_socket_t *sim_socket_open(sim_net_t *self, sim_proc_t *proc) {
    sim_socket_t *s = sim_alloc(sizeof *s);
    s->world = self->world;
    s->proc = proc;
    s->pause_ms = sim_between(&self->prng, 50, 200);
    s->next = self->sockets;
    self->sockets = s;
    connect_later(s, delay(self, proc));
    return s;
}

static void tell_here(void *owner, uint64_t arg);
static void tell_there(void *owner, uint64_t arg);

static void tell_here_at(sim_conn_t *c, int64_t at_ns) {
    if (c->telling_here || !c->open_here)
        return;
    c->telling_here = true;
    sim_at(c->world, at_ns, tell_here, c, 0);
}

static void tell_there_at(sim_conn_t *c, int64_t at_ns) {
    if (c->telling_there || !c->open_there)
        return;
    c->telling_there = true;
    sim_at(c->world, at_ns, tell_there, c, 0);
}

static void arrive_late(void *owner, uint64_t arg);

static void plan_late(sim_conn_t *c) {
    if (c->late.head)
        sim_at(c->world, c->late.head->due_ns, arrive_late, c, 0);
}

/* To a broker that lives, whatever it knows of the connection. */
static void arrive_late(void *owner, uint64_t arg) {
    sim_conn_t *c = owner;
    sim_world_t *w = c->world;
    (void)arg;
    if (!c->broker->up || c->broker->starts != c->broker_start)
        sim_queue_lose(w, &c->late, c->late.n, "to a broker that is gone");
    else if (c->late.head)
        sim_broker_arrived(c->broker, sim_queue_take(&c->late));
    plan_late(c);
}

/* Of the first `n` in flight, which are lost to the process, the network may bring some nevertheless, later: the first ones of those that
 * were on their way when it broke the connection. */
static void lose_or_bring(sim_conn_t *c, size_t n) {
    sim_net_t *net = c->world->net;
    size_t late = 0;
    if (c->world->plan.reorders)
        late = sim_below(&net->order, (c->before < n ? c->before : n) + 1);
    int64_t due = c->world->now_ns;
    for (size_t i = 0; i < late; i++) {
        sim_frame_t *f = sim_queue_take(&c->up);
        f->due_ns = due += sim_between(&net->order, 0, LATE_MS_MAX * SIM_MS / (int64_t)late);
        sim_queue_put(&c->late, f);
    }
    if (late)
        sim_say(c->world, "%zu frames of peer %u come after its end", late, c->peer);
    plan_late(c);
    sim_queue_lose(c->world, &c->up, n - late, "in flight to the broker");
}

/* The process's end: the last frames may still be in ZeroMQ's pipe and go over the next connection. */
static void tell_here(void *owner, uint64_t arg) {
    sim_conn_t *c = owner;
    (void)arg;
    if (c->proc->cut)
        return; /* the news waits, too: sim_net_healed */
    if (!c->open_here)
        return;
    c->open_here = false;
    c->hole = true;
    if (!c->open_there)
        sim_queue_lose(c->world, &c->down, c->down.n, "in flight from a broker that is gone");
    sim_socket_t *s = c->socket;
    if (!s || s->closed || s->conn != c)
        return;
    sim_say(c->world, "%s loses peer %u", c->proc->name, c->peer);
    lose_or_bring(c, sim_below(&c->world->net->prng, c->up.n + 1));
    sim_frame_t *f;
    while ((f = sim_queue_take(&c->up)))
        sim_queue_put(&s->out, f);
    s->conn = NULL;
    connect_later(s, s->pause_ms * SIM_MS);
}

static void tell_there(void *owner, uint64_t arg) {
    sim_conn_t *c = owner;
    (void)arg;
    if (c->proc->cut)
        return;
    if (!c->open_there)
        return;
    c->open_there = false;
    c->hole = true;
    sim_queue_lose(c->world, &c->down, c->down.n, "in flight from the broker");
    if (!c->open_here)
        sim_queue_lose(c->world, &c->up, c->up.n, "in flight from who is gone");
    if (c->broker->up && c->broker->starts == c->broker_start)
        sim_broker_broken(c->broker, c->peer);
}

/* A frame for an end that is gone is answered by a reset. */
static void arrive_up(void *owner, uint64_t arg) {
    sim_conn_t *c = owner;
    sim_world_t *w = c->world;
    (void)arg;
    if (c->proc->cut)
        return; /* sim_net_healed plans it anew */
    while (!c->hole && c->up.head && c->up.head->due_ns <= w->now_ns) {
        if (!c->open_there || !c->broker->up || c->broker->starts != c->broker_start) {
            tell_here_at(c, w->now_ns + delay(w->net, c->proc));
            c->hole = true;
            return;
        }
        sim_broker_arrived(c->broker, sim_queue_take(&c->up));
    }
    if (!c->hole)
        plan_up(c);
}

static void arrive_down(void *owner, uint64_t arg) {
    sim_conn_t *c = owner;
    sim_world_t *w = c->world;
    (void)arg;
    if (c->proc->cut)
        return;
    while (!c->hole && c->down.head && c->down.head->due_ns <= w->now_ns) {
        sim_socket_t *s = c->socket;
        if (!c->open_here || !s || s->closed) {
            tell_there_at(c, w->now_ns + delay(w->net, c->proc));
            sim_queue_lose(w, &c->down, c->down.n, "to a connection that was closed");
            return;
        }
        sim_queue_put(&s->in, sim_queue_take(&c->down));
        if (s->asleep) {
            s->asleep = false;
            s->signal = true;
            sim_proc_wake(s->proc);
        }
    }
    if (!c->hole)
        plan_down(c);
}

void sim_socket_close(sim_socket_t *self, bool silent) {
    sim_conn_t *c = self->conn;
    sim_world_t *w = self->world;
    if (self->closed)
        return;
    self->closed = true;
    sim_queue_lose(w, &self->out, self->out.n, "in the pipe of a socket that was closed");
    sim_queue_lose(w, &self->in, self->in.n, "arrived at a socket that was closed");
    if (!c)
        return;
    self->conn = NULL;
    c->open_here = false;
    if (c->hole || silent) { /* a machine that is gone sends no more */
        c->hole = true;
        sim_queue_lose(w, &c->up, c->up.n, "in flight from who is gone");
        return;
    }
    size_t kept = sim_below(&w->net->prng, c->up.n + 1);
    sim_queue_t up = c->up;
    c->up = (sim_queue_t){0};
    while (kept--)
        sim_queue_put(&c->up, sim_queue_take(&up));
    sim_queue_lose(w, &up, up.n, "not written yet when the socket was closed");
    tell_there_at(c, (c->up_ns > w->now_ns ? c->up_ns : w->now_ns) + delay(w->net, c->proc));
}

/* A send may swallow the edge that announces what came meanwhile, as libzmq's does. */
void sim_socket_send(sim_socket_t *self, const void *bytes, size_t len) {
    self->signal = self->signal && sim_chance(&self->world->net->prng, 500);
    sim_frame_t *f = sim_frame_new(bytes, len);
    if (self->conn)
        put_up(self->conn, f);
    else
        sim_queue_put(&self->out, f);
}

sim_frame_t *sim_socket_receive(sim_socket_t *self) {
    sim_frame_t *f = sim_queue_take(&self->in);
    if (!f) {
        self->asleep = true;
        self->signal = false;
    }
    return f;
}

sim_conn_t *sim_net_conn(sim_net_t *self, const sim_broker_t *broker, uint32_t peer) {
    for (sim_conn_t *c = self->conns; c; c = c->next)
        if (c->peer == peer && c->broker == broker && c->broker_start == broker->starts)
            return c;
    return NULL;
}

bool sim_net_send(sim_net_t *self, sim_broker_t *broker, uint32_t peer, const void *bytes, size_t len) {
    sim_conn_t *c = sim_net_conn(self, broker, peer);
    if (!c || !c->open_there) {
        sim_ledger_lost(self->world, bytes, len, "to a peer that is gone");
        return false;
    }
    if (c->hole || !c->socket) {
        sim_ledger_lost(self->world, bytes, len, "into a broken connection");
        return true;
    }
    sim_frame_t *f = sim_frame_new(bytes, len);
    int64_t due = self->world->now_ns + delay(self, c->proc);
    f->due_ns = c->down_ns = due > c->down_ns ? due : c->down_ns;
    sim_queue_put(&c->down, f);
    if (c->down.n == 1)
        plan_down(c);
    return true;
}

/* What the broker had written arrives; ended in good order it lingers until all is written. */
void sim_net_broker_gone(sim_net_t *self, sim_broker_t *broker, bool in_order) {
    for (sim_conn_t *c = self->conns; c; c = c->next) {
        if (c->broker != broker || c->broker_start != broker->starts || !c->open_there)
            continue;
        c->open_there = false;
        size_t kept = c->hole ? 0 : in_order ? c->down.n : sim_below(&self->prng, c->down.n + 1);
        sim_queue_t down = c->down;
        c->down = (sim_queue_t){0};
        while (kept--)
            sim_queue_put(&c->down, sim_queue_take(&down));
        sim_queue_lose(self->world, &down, down.n, "not written yet when the broker died");
        int64_t last = c->down.n ? c->down_ns : self->world->now_ns;
        tell_here_at(c, (last > self->world->now_ns ? last : self->world->now_ns) + delay(self, c->proc));
    }
}

void sim_conn_break(sim_conn_t *self, bool here, bool there) {
    sim_world_t *w = self->world;
    sim_say(w, "connection of %s breaks: peer %u%s%s", self->proc->name, self->peer,
        here ? ", it is told" : "", there ? ", the broker is told" : "");
    self->hole = true;
    self->before = self->up.n;
    if (here)
        tell_here_at(self, w->now_ns + delay(w->net, self->proc));
    if (there)
        tell_there_at(self, w->now_ns + delay(w->net, self->proc));
}

/* News that waited behind the cut comes now. */
void sim_net_healed(sim_net_t *self, sim_proc_t *proc) {
    for (sim_conn_t *c = self->conns; c; c = c->next) {
        if (c->proc != proc)
            continue;
        if (c->telling_here && c->open_here)
            sim_at(self->world, self->world->now_ns + delay(self, proc), tell_here, c, 0);
        if (c->telling_there && c->open_there)
            sim_at(self->world, self->world->now_ns + delay(self, proc), tell_there, c, 0);
        if (c->hole)
            continue;
        plan_up(c);
        plan_down(c);
    }
}

void sim_net_tell_all(sim_net_t *self) {
    for (sim_conn_t *c = self->conns; c; c = c->next) {
        if (!c->hole)
            continue;
        tell_here_at(c, self->world->now_ns + delay(self, c->proc));
        tell_there_at(c, self->world->now_ns + delay(self, c->proc));
    }
}

void sim_net_lose_rest(sim_net_t *self) {
    for (sim_conn_t *c = self->conns; c; c = c->next) {
        if (!c->hole)
            continue;
        sim_queue_lose(self->world, &c->up, c->up.n, "in a connection that broke");
        sim_queue_lose(self->world, &c->down, c->down.n, "in a connection that broke");
        sim_queue_lose(self->world, &c->late, c->late.n, "in a connection that broke");
    }
}

void sim_net_stray(sim_net_t *self, sim_broker_t *broker, sim_proc_t *proc, const void *bytes, size_t len) {
    sim_conn_t *c = conn_new(self, broker, proc, NULL);
    sim_say(self->world, "a stray says a HELLO of %s again: peer %u", proc->name, c->peer);
    put_up(c, sim_frame_new(bytes, len));
    tell_there_at(c, self->world->now_ns + SIM_SECOND);
}
