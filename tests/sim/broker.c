#include "tests/sim/broker.h"

#include "broker/core/state.h"
#include "tests/sim/check.h"
#include "tests/sim/credit.h"
#include "tests/sim/describe.h"
#include "tests/sim/durable.h"
#include "tests/sim/federation.h"
#include "tests/sim/guarded.h"
#include "tests/sim/ledger.h"
#include "tests/sim/proc.h"
#include "tests/sim/road.h"

#include <errno.h>
#include <stdlib.h>

/* As in broker/shell/shell.c. */
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

void sim_broker_wake(sim_broker_t *self) {
    sim_broker_t *b = self;
    if (!b->up || b->paused || b->turn_planned)
        return;
    b->turn_planned = true;
    plan_turn(b, b->world->now_ns + sim_between(&b->prng, 0, b->world->plan.turn_max_ns));
}

void sim_broker_arrived(sim_broker_t *self, sim_frame_t *frame) {
    sim_queue_put(&self->inbox, frame);
    sim_broker_wake(self);
}

void sim_broker_broken(sim_broker_t *self, tr_peer_t peer) {
    self->broken = sim_grow(self->broken, (self->broken_n + 1) * sizeof *self->broken);
    self->broken[self->broken_n++] = peer;
    sim_broker_wake(self);
}

static bool says_hello(const sim_frame_t *f) {
    return f->len >= TR_BUNDLE_HEADER + TR_RECORD_HEADER && f->bytes[TR_BUNDLE_HEADER + 4] == TR_KIND_HELLO;
}

static bool is_guarded(const sim_broker_t *b) {
    return b->world->plan.family == SIM_GUARDED;
}

static void give(sim_broker_t *b, const sim_conn_t *c, const sim_frame_t *f, tr_core_now_t now) {
    uint8_t key[32];
    if (!is_guarded(b)) {
        tr_core_bundle(b->core, c->peer, f->bytes, f->len, now);
        return;
    }
    sim_guarded_takes(b, c, f->bytes, f->len);
    sim_guarded_key(c->proc, key);
    tr_core_bundle_by(b->core, c->peer, key, f->bytes, f->len, now);
    sim_guarded_taken(b, c);
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
    give(b, c, f, now);
    if (tr_core_stats(b->core)->refused[TR_REASON_FORGED_SENDER] != refused)
        sim_ledger_lost(b->world, f->bytes, f->len, "its sender is not registered any more");
    sim_check_stray(b, c);
    free(f);
}

static void take_frames(sim_broker_t *b, tr_core_now_t now) {
    for (unsigned n = 0; n < BATCH_BUNDLES && b->inbox.head; n++) {
        sim_frame_t *f = sim_net_choose(b->world->net, &b->inbox);
        if (f->conn)
            take_frame(b, f, now);
        else
            sim_road_deliver(b, f, now);
        sim_check_core(b);
    }
}

/* The shell probes the peers whose connections broke, and is told that they are gone. */
static void take_broken(sim_broker_t *b, tr_core_now_t now) {
    for (size_t i = 0; i < b->broken_n; i++) {
        tr_peer_t peer = b->broken[i];
        if (!sim_is_road(peer)) {
            sim_say(b->world, "%s sees that peer %u is gone", b->platform, (unsigned)peer);
            tr_core_peer_lost(b->core, peer, now);
        } else {
            sim_road_lost(b, peer, now);
        }
        sim_check_core(b);
    }
    b->broken_n = 0;
}

static void tick(sim_broker_t *b, tr_core_now_t now) {
    if (b->tick_ms && now.mono_ms - b->tick_ms > PAUSE_MS)
        tr_core_paused(b->core, now.mono_ms - b->tick_ms, now);
    b->tick_ms = now.mono_ms;
    tr_core_tick(b->core, now);
    sim_road_tick(b, now);
    sim_check_core(b);
}

static void send_abroad(sim_broker_t *b, const tr_core_out_t *out, tr_core_now_t now) {
    sim_federation_says(b, out);
    if (!sim_road_send(b, out->peer, out->buf->data, out->buf->len))
        tr_core_peer_lost(b->core, out->peer, now);
}

static void send_out(sim_broker_t *b, const tr_core_out_t *out, tr_core_now_t now) {
    sim_conn_t *c = sim_net_conn(b->world->net, b, (uint32_t)out->peer);
    if (!c)
        sim_fail(b->world, "the broker sends to peer %u, which never was", (unsigned)out->peer);
    sim_credit_sent(c, out->buf->data, out->buf->len);
    sim_durable_says(b, c, out->buf);
    if (is_guarded(b))
        sim_guarded_sends(b, out->buf);
    char what[320];
    sim_say(b->world, "%s > %s peer %u: %u bytes %08x: %s", b->platform, c->proc->name, (unsigned)out->peer,
        out->buf->len, (unsigned)sim_hash(out->buf->data, out->buf->len),
        sim_describe(out->buf->data, out->buf->len, what, sizeof what));
    if (!sim_net_send(b->world->net, b, (uint32_t)out->peer, out->buf->data, out->buf->len))
        tr_core_peer_lost(b->core, out->peer, now);
}

static void to_disk(sim_broker_t *b, tr_core_out_t *out) {
    if (!b->journal.thread)
        sim_fail(b->world, "the core writes to a journal that it does not have");
    sim_say(b->world, "%s %s %llu: %zu bytes %08x", b->platform,
        out->type == TR_OUT_WRITE ? "writes" : "reads", (unsigned long long)out->number, out->len,
        (unsigned)sim_hash(out->detail, out->len));
    if (out->type == TR_OUT_WRITE)
        sim_durable_written(b, out);
    if (tr_broker_journal_carry(&b->journal, out) < 0)
        abort();
}

static void tell(sim_broker_t *b, const tr_core_out_t *out) {
    static const char *const events[TR_EVENTS] = {
        [TR_EVENT_JOINED] = "joined",
        [TR_EVENT_LEFT] = "left",
        [TR_EVENT_LOST] = "lost",
        [TR_EVENT_REFUSED] = "refused",
        [TR_EVENT_DEAD_LETTER] = "dead letter",
        [TR_EVENT_CORRUPT] = "corrupt",
        [TR_EVENT_QUARANTINED] = "in quarantine:",
        [TR_EVENT_RELEASED] = "out of quarantine:",
        [TR_EVENT_PEER_UP] = "linked to",
        [TR_EVENT_PEER_DOWN] = "no longer linked to",
        [TR_EVENT_PEER_REFUSED] = "not linked to",
    };
    const char *detail = out->text + strlen(out->text) + 1;
    if (out->event == TR_EVENT_LOST)
        sim_ledger_outcast(b->world, out->text);
    if (out->event == TR_EVENT_PEER_DOWN)
        sim_ledger_parted(b, out->text);
    if (out->event == TR_EVENT_CORRUPT)
        sim_fail(b->world, "nothing was damaged, and %s: %s", out->text, detail);
    if (is_guarded(b))
        sim_guarded_tells(b, out->event, out->text, detail);
    sim_say(b->world, "%s: %s %s: %s", b->platform, events[out->event] ? events[out->event] : "audits",
        out->text, detail);
}

static bool carry_out(sim_broker_t *b, tr_core_now_t now) {
    tr_core_out_t out;
    bool any = false;
    while (tr_core_next(b->core, &out)) {
        any = true;
        switch (out.type) {
        case TR_OUT_SEND: (sim_is_road(out.peer) ? send_abroad : send_out)(b, &out, now); break;
        case TR_OUT_STREAM: sim_stream_check(b, out.text, out.buf); break;
        case TR_OUT_EVENT: tell(b, &out); break;
        case TR_OUT_WRITE:
        case TR_OUT_READ: to_disk(b, &out); break;
        case TR_OUT_CUT:
            if (!sim_is_road(out.peer))
                sim_fail(
                    b->world, "the core cuts off peer %u, and nobody revoked its key", (unsigned)out.peer);
            sim_road_cut_off(b, out.peer);
            break;
        case TR_OUT_DIALLED: sim_road_dialled(b, &out); break;
        case TR_OUT_NONE: break;
        }
        tr_buf_release(out.buf);
        free(out.detail);
    }
    return any;
}

static void end(sim_broker_t *b, sim_death_t how);

static void farewell(sim_broker_t *b, tr_core_now_t now) {
    if (b->journal_failed)
        tr_core_journal_failed(b->core, now);
    tr_core_farewell(b->core);
    tr_core_flush(b->core);
    carry_out(b, now);
    sim_say(b->world, "%s ends%s", b->platform,
        b->journal_failed ? ": its journal has failed" : " in good order");
    if (b->journal_failed && !b->draining) /* whoever runs it starts it again */
        b->restart_ns = b->world->now_ns + sim_between(&b->prng, 20, 3000) * SIM_MS;
    end(b, SIM_DEATH_EXIT);
}

static void take_journal(sim_broker_t *b, tr_core_now_t now) {
    tr_error_t error = {0};
    if (!b->journal.thread || b->journal_failed)
        return;
    b->journal_failed = tr_broker_journal_take(&b->journal, b->core, NULL, now, &error) < 0;
    sim_check_core(b);
    if (b->journal_failed)
        sim_say(b->world, "%s: %s", b->platform, error.text);
}

static void turn(void *owner, uint64_t start) {
    sim_broker_t *b = owner;
    if (!b->up || b->paused || start != b->starts)
        return;
    b->turn_planned = false;
    tr_core_now_t now = sim_broker_now(b);
    if (is_guarded(b))
        sim_guarded_look(b);
    take_frames(b, now);
    take_broken(b, now);
    take_journal(b, now);
    if (now.mono_ms - b->tick_ms >= TICK_MS)
        tick(b, now);
    tr_core_flush(b->core);
    bool any = carry_out(b, now);
    sim_check_core(b);
    if (b->journal_failed || (b->draining && (tr_core_drained(b->core) || now.mono_ms >= b->drain_ms)))
        farewell(b, now);
    else if (any || b->inbox.head)
        sim_broker_wake(b);
}

static void tick_event(void *owner, uint64_t start) {
    sim_broker_t *b = owner;
    if (!b->up || start != b->starts)
        return;
    sim_broker_wake(b);
    sim_at(b->world, b->world->now_ns + TICK_MS * SIM_MS, tick_event, b, start);
}

static void start_event(void *owner, uint64_t start) {
    sim_broker_t *b = owner;
    if (!b->up && b->starts == start)
        sim_broker_start(b);
}

/* Its memory is gone, with all that waited in it. */
static void end(sim_broker_t *b, sim_death_t how) {
    sim_frame_t *f;
    sim_ledger_broker_died(b);
    sim_net_broker_gone(b->world->net, b, how == SIM_DEATH_EXIT);
    sim_road_gone(b, how == SIM_DEATH_EXIT, how == SIM_DEATH_POWER);
    sim_durable_died(b, how);
    sim_disk_detach(b->disk, how);
    tr_broker_journal_close(&b->journal);
    while ((f = sim_queue_take(&b->inbox)))
        free(f);
    tr_core_destroy(&b->core);
    tr_pool_finish(&b->pool);
    sim_stream_destroy(&b->stream);
    b->up = b->draining = b->paused = b->turn_planned = b->journal_failed = false;
    b->broken_n = 0;
    b->disturbed_ns = SIM_NEVER;
    if (b->restart_ns != SIM_NEVER)
        sim_at(b->world, b->restart_ns, start_event, b, b->starts);
}

/* False where its disk fails: whoever runs it tries again. */
static bool open_journal(sim_broker_t *b) {
    tr_error_t error = {0};
    if (!b->world->plan.core.journal)
        return true;
    b->journal = (tr_broker_journal_t){0};
    int r = sim_disk_open(b->disk, &b->journal.store, &error);
    if (r == 0)
        r = tr_broker_journal_recover(&b->journal, b->core, NULL, sim_broker_now(b), &error);
    if (r < 0 && r != -EIO && r != -ENOSPC)
        sim_fail(b->world, "%s cannot recover: %s", b->platform, error.text);
    if (r < 0) {
        sim_say(b->world, "%s cannot start: %s", b->platform, error.text);
        b->restart_ns = b->world->now_ns + sim_between(&b->prng, 20, 3000) * SIM_MS;
        return false;
    }
    sim_disk_attach(b->disk, b->journal.thread);
    sim_durable_recovered(b);
    sim_say(b->world, "%s recovers %llu messages", b->platform, (unsigned long long)b->journal.recovered);
    return true;
}

void sim_broker_start(sim_broker_t *self) {
    tr_core_config_t c = self->world->plan.core;
    c.platform = self->platform;
    c.version = "simulated";
    c.stream_endpoint = "sim://stream";
    c.open_links = self->federation != NULL;
    c.seed = sim_random(&self->prng);
    for (size_t i = 0; i < sizeof c.secret; i++)
        c.secret[i] = (uint8_t)sim_random(&self->prng);
    self->starts++;
    tr_pool_init(&self->pool, 16);
    self->core = tr_core_new(&c, &self->pool);
    self->stream = sim_stream_new();
    self->next_peer = (uint32_t)sim_random(&self->prng) | 1;
    self->up = true;
    self->lost_ns = 0; /* its life before may have ended while its clock stood still */
    self->tick_ms = 0;
    self->disturbed_ns = self->world->now_ns;
    if (!open_journal(self)) {
        end(self, SIM_DEATH_EXIT);
        return;
    }
    if (self->federation)
        sim_federation_begin(self);
    if (is_guarded(self))
        sim_guarded_begin(self);
    if (self->world->plan.watched[self->index])
        tr_core_interest(self->core, "t.", 2, true);
    sim_say(self->world, "%s starts, life %u", self->platform, self->starts);
    tick_event(self, self->starts);
}

void sim_broker_crash(sim_broker_t *self, sim_death_t how, int64_t restart_ns) {
    if (!self->up)
        return;
    sim_say(self->world, "%s dies%s", self->platform, how == SIM_DEATH_POWER ? ", its machine too" : "");
    self->restart_ns = restart_ns;
    end(self, how);
}

void sim_broker_stop(sim_broker_t *self, int64_t restart_ns) {
    if (!self->up || self->draining || self->paused)
        return;
    sim_say(self->world, "%s is told to end", self->platform);
    self->restart_ns = restart_ns;
    self->draining = true;
    self->drain_ms = clock_ms(self) + DRAIN_MS;
    tr_core_shutdown(self->core);
    sim_broker_wake(self);
}

static void go_on(void *owner, uint64_t start) {
    sim_broker_t *b = owner;
    if (!b->up || b->starts != start)
        return;
    sim_say(b->world, "%s goes on", b->platform);
    b->paused = b->turn_planned = false;
    b->disturbed_ns = b->world->now_ns;
    sim_broker_wake(b);
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
    snprintf(b->platform, sizeof b->platform, index ? "sim%u" : "sim", index);
    b->disk = sim_disk_new(b, sim_fork(&b->prng));
    return b;
}

sim_broker_t *sim_home(const sim_world_t *self, const sim_proc_t *proc) {
    return self->brokers[self->plan.home[proc->index]];
}

sim_broker_t *sim_broker_of(const sim_world_t *world, const char *platform) {
    for (unsigned i = 0; i < world->brokers_n; i++)
        if (!strcmp(world->brokers[i]->platform, platform))
            return world->brokers[i];
    sim_fail((sim_world_t *)(uintptr_t)world, "there is no platform %s", platform);
}

void sim_broker_destroy(sim_broker_t **self) {
    sim_broker_t *b = *self;
    if (!b)
        return;
    b->restart_ns = SIM_NEVER;
    if (b->up)
        end(b, SIM_DEATH_KILLED);
    sim_disk_destroy(&b->disk);
    sim_federation_destroy(&b->federation);
    free(b->broken);
    free(b);
    *self = NULL;
}
