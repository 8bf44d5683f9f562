#include "tests/sim/broker.h"

#include "broker/state.h"
#include "tests/sim/check.h"
#include "tests/sim/credit.h"
#include "tests/sim/describe.h"
#include "tests/sim/ledger.h"
#include "tests/sim/proc.h"

#include <stdlib.h>

/* As in broker/shell.c. */
#define BATCH_BUNDLES 64
#define TICK_MS       200
#define PAUSE_MS      1000
#define DRAIN_MS      3000
#define WALL_0_MS     1700000000000ll

static int64_t clock_ms(const sim_broker_t *b) {
    return (b->world->now_ns - b->lost_ns) / SIM_MS + 1000;
}

tr_core_now_t sim_broker_now(const sim_broker_t *self) {
    return (tr_core_now_t){
        .mono_ms = clock_ms(self), .wall_ms = WALL_0_MS + self->world->now_ns / SIM_MS + self->wall_ms};
}

static void turn(void *owner, uint64_t start);

static void plan_turn(sim_broker_t *b, int64_t at_ns) {
    sim_at(b->world, at_ns, turn, b, b->starts);
}

/* Something is there to do. */
static void wake(sim_broker_t *b) {
    if (!b->up || b->paused || b->turn_planned)
        return;
    b->turn_planned = true;
    plan_turn(b, b->world->now_ns + sim_between(&b->prng, 0, b->world->plan.turn_max_ns));
}

void sim_broker_arrived(sim_broker_t *self, sim_frame_t *frame) {
    sim_queue_put(&self->inbox, frame);
    wake(self);
}

void sim_broker_broken(sim_broker_t *self, sim_conn_t *conn) {
    self->broken = sim_grow(self->broken, (self->broken_n + 1) * sizeof(sim_conn_t *));
    self->broken[self->broken_n++] = conn;
    wake(self);
}

static bool says_hello(const sim_frame_t *f) {
    return f->len >= TR_BUNDLE_HEADER + TR_RECORD_HEADER && f->bytes[TR_BUNDLE_HEADER + 4] == TR_KIND_HELLO;
}

static void take_frame(sim_broker_t *b, sim_frame_t *f, tr_core_now_t now) {
    sim_conn_t *c = f->conn;
    sim_check_fence(b, c);
    if (!says_hello(f) && !tr_session_of_peer(b->core, c->peer))
        sim_ledger_lost(b->world, f->bytes, f->len, "from a connection without a session");
    sim_credit_taken(c, f->bytes, f->len);
    char what[320];
    sim_say(b->world, "%s < %s peer %u: %zu bytes: %s", b->platform, c->proc->name, c->peer, f->len,
        sim_describe(f->bytes, f->len, what, sizeof what));
    uint64_t refused = tr_core_stats(b->core)->refused[TR_REASON_FORGED_SENDER];
    tr_core_bundle(b->core, c->peer, f->bytes, f->len, now);
    if (tr_core_stats(b->core)->refused[TR_REASON_FORGED_SENDER] != refused)
        sim_ledger_lost(b->world, f->bytes, f->len, "its sender is not registered any more");
    sim_check_core(b);
    free(f);
}

static void take_frames(sim_broker_t *b, tr_core_now_t now) {
    for (unsigned n = 0; n < BATCH_BUNDLES && b->inbox.head; n++)
        take_frame(b, sim_queue_take(&b->inbox), now);
}

/* The shell probes the peers whose connections broke, and is told that they are gone. */
static void take_broken(sim_broker_t *b, tr_core_now_t now) {
    for (size_t i = 0; i < b->broken_n; i++) {
        sim_say(b->world, "%s sees that peer %u is gone", b->platform, b->broken[i]->peer);
        tr_core_peer_lost(b->core, b->broken[i]->peer, now);
        sim_check_core(b);
    }
    b->broken_n = 0;
}

static void tick(sim_broker_t *b, tr_core_now_t now) {
    if (b->tick_ms && now.mono_ms - b->tick_ms > PAUSE_MS)
        tr_core_paused(b->core, now.mono_ms - b->tick_ms, now);
    b->tick_ms = now.mono_ms;
    tr_core_tick(b->core, now);
    sim_check_core(b);
}

static void send_out(sim_broker_t *b, const tr_core_out_t *out, tr_core_now_t now) {
    sim_conn_t *c = sim_net_conn(b->world->net, b, (uint32_t)out->peer);
    if (!c)
        sim_fail(b->world, "the broker sends to peer %u, which never was", (unsigned)out->peer);
    sim_credit_sent(c, out->buf->data, out->buf->len);
    char what[320];
    sim_say(b->world, "%s > %s peer %u: %u bytes %08x: %s", b->platform, c->proc->name, (unsigned)out->peer,
        out->buf->len, (unsigned)sim_hash(out->buf->data, out->buf->len),
        sim_describe(out->buf->data, out->buf->len, what, sizeof what));
    if (!sim_net_send(b->world->net, b, (uint32_t)out->peer, out->buf->data, out->buf->len))
        tr_core_peer_lost(b->core, out->peer, now);
}

static bool carry_out(sim_broker_t *b, tr_core_now_t now) {
    static const char *const events[] = {"joined", "left", "lost", "refused", "dead letter"};
    tr_core_out_t out;
    bool any = false;
    while (tr_core_next(b->core, &out)) {
        any = true;
        switch (out.type) {
        case TR_OUT_SEND: send_out(b, &out, now); break;
        case TR_OUT_STREAM: sim_stream_check(b, out.text, out.buf); break;
        case TR_OUT_EVENT:
            if (out.event == TR_EVENT_LOST)
                sim_ledger_outcast(b->world, out.text);
            sim_say(b->world, "%s: %s %s: %s", b->platform, events[out.event], out.text,
                out.text + strlen(out.text) + 1);
            break;
        case TR_OUT_WRITE:
        case TR_OUT_READ: sim_fail(b->world, "the core writes to a journal that it does not have");
        case TR_OUT_CUT:
            sim_fail(b->world, "the core cuts off peer %u, and nobody revoked its key", (unsigned)out.peer);
        case TR_OUT_DIALLED: sim_fail(b->world, "the core answers a dial that nobody made");
        case TR_OUT_NONE: break;
        }
        tr_buf_release(out.buf);
        free(out.detail);
    }
    return any;
}

static void end(sim_broker_t *b, bool in_order);

static void farewell(sim_broker_t *b, tr_core_now_t now) {
    tr_core_farewell(b->core);
    tr_core_flush(b->core);
    carry_out(b, now);
    sim_say(b->world, "%s ends in good order", b->platform);
    end(b, true);
}

static void turn(void *owner, uint64_t start) {
    sim_broker_t *b = owner;
    if (!b->up || b->paused || start != b->starts)
        return;
    b->turn_planned = false;
    tr_core_now_t now = sim_broker_now(b);
    take_frames(b, now);
    take_broken(b, now);
    if (now.mono_ms - b->tick_ms >= TICK_MS)
        tick(b, now);
    tr_core_flush(b->core);
    bool any = carry_out(b, now);
    sim_check_core(b);
    if (b->draining && (tr_core_drained(b->core) || now.mono_ms >= b->drain_ms))
        farewell(b, now);
    else if (any || b->inbox.head)
        wake(b);
}

static void tick_event(void *owner, uint64_t start) {
    sim_broker_t *b = owner;
    if (!b->up || start != b->starts)
        return;
    wake(b);
    sim_at(b->world, b->world->now_ns + TICK_MS * SIM_MS, tick_event, b, start);
}

static void start_event(void *owner, uint64_t start) {
    sim_broker_t *b = owner;
    if (!b->up && b->starts == start)
        sim_broker_start(b);
}

/* Its memory is gone, with all that waited in it. */
static void end(sim_broker_t *b, bool in_order) {
    sim_frame_t *f;
    sim_ledger_broker_died(b->world);
    sim_net_broker_gone(b->world->net, b, in_order);
    while ((f = sim_queue_take(&b->inbox)))
        free(f);
    tr_core_destroy(&b->core);
    tr_pool_finish(&b->pool);
    sim_stream_destroy(&b->stream);
    b->up = b->draining = b->paused = b->turn_planned = false;
    b->broken_n = 0;
    b->disturbed_ns = SIM_NEVER;
    if (b->restart_ns != SIM_NEVER)
        sim_at(b->world, b->restart_ns, start_event, b, b->starts);
}

void sim_broker_start(sim_broker_t *self) {
    tr_core_config_t c = self->world->plan.core;
    c.platform = self->platform;
    c.version = "simulated";
    c.stream_endpoint = "sim://stream";
    c.seed = sim_random(&self->prng);
    for (size_t i = 0; i < sizeof c.secret; i++)
        c.secret[i] = (uint8_t)sim_random(&self->prng);
    self->starts++;
    tr_pool_init(&self->pool, 16);
    self->core = tr_core_new(&c, &self->pool);
    self->stream = sim_stream_new();
    self->next_peer = (uint32_t)sim_random(&self->prng) | 1;
    self->up = true;
    self->tick_ms = 0;
    self->disturbed_ns = self->world->now_ns;
    tr_core_interest(self->core, "t.", 2, true);
    sim_say(self->world, "%s starts, life %u", self->platform, self->starts);
    tick_event(self, self->starts);
}

void sim_broker_crash(sim_broker_t *self, int64_t restart_ns) {
    if (!self->up)
        return;
    sim_say(self->world, "%s dies", self->platform);
    self->restart_ns = restart_ns;
    end(self, false);
}

void sim_broker_stop(sim_broker_t *self, int64_t restart_ns) {
    if (!self->up || self->draining || self->paused)
        return;
    sim_say(self->world, "%s is told to end", self->platform);
    self->restart_ns = restart_ns;
    self->draining = true;
    self->drain_ms = clock_ms(self) + DRAIN_MS;
    tr_core_shutdown(self->core);
    wake(self);
}

static void go_on(void *owner, uint64_t start) {
    sim_broker_t *b = owner;
    if (!b->up || b->starts != start)
        return;
    sim_say(b->world, "%s goes on", b->platform);
    b->paused = b->turn_planned = false;
    b->disturbed_ns = b->world->now_ns;
    wake(b);
}

void sim_broker_pause(sim_broker_t *self, int64_t ms, bool frozen) {
    if (!self->up || self->paused)
        return;
    sim_say(self->world, "%s stands still for %lld ms%s", self->platform, (long long)ms,
        frozen ? ", and so does its clock" : "");
    self->paused = true;
    self->disturbed_ns = SIM_NEVER;
    if (frozen)
        self->lost_ns += ms * SIM_MS;
    sim_at(self->world, self->world->now_ns + ms * SIM_MS, go_on, self, self->starts);
}

sim_broker_t *sim_broker_new(sim_world_t *world, unsigned index, sim_prng_t prng) {
    sim_broker_t *b = sim_alloc(sizeof *b);
    b->world = world;
    b->index = index;
    b->prng = prng;
    snprintf(b->platform, sizeof b->platform, "sim");
    return b;
}

void sim_broker_destroy(sim_broker_t **self) {
    sim_broker_t *b = *self;
    if (!b)
        return;
    b->restart_ns = SIM_NEVER;
    if (b->up)
        end(b, false);
    free(b->broken);
    free(b);
    *self = NULL;
}
