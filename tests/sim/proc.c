#include "tests/sim/proc.h"

#include "proto/bundle.h"

#include "tests/sim/actor.h"
#include "tests/sim/describe.h"
#include "tests/sim/ledger.h"
#include "tests/sim/ports.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 60000
#define WALL_0_MS  1700000000000ll

int64_t sim_proc_clock_ns(const sim_proc_t *self) {
    return self->world->now_ns - self->lost_ns + self->ghost_ns + SIM_SECOND;
}

int64_t sim_proc_wall_ms(const sim_proc_t *self) {
    return WALL_0_MS + (self->world->now_ns + self->ghost_ns) / SIM_MS + self->wall_ms;
}

static void resume(sim_proc_t *p) {
    sim_set_current(p);
    sim_task_resume(p->task);
    sim_set_current(NULL);
}

static void on_event(void *arg, tr_host_event_t event, const char *detail) {
    static const char *const names[] = {"connected", "resumed", "disconnected", "refused", "restarted",
        "gave up", "hangs", "dropped", "hung"};
    sim_proc_t *p = arg;
    if (p->ghost)
        return;
    sim_say(p->world, "%s: %s: %s", p->name, names[event], detail);
    p->disconnects += event == TR_HOST_DISCONNECTED;
    sim_actors_event(p, event, detail);
}

/* Agents are added one after the other; where a name is not to be had, the process ends, as agentd does. */
static int add_actors(sim_proc_t *p) {
    tr_error_t error = {0};
    for (unsigned i = 0; i < p->actors_n; i++) {
        int r = sim_actor_add(p->actors[i], p->host, &error);
        if (r < 0) {
            if (!p->ghost)
                sim_say(p->world, "%s cannot add %s: %s", p->name, p->actors[i]->name, error.text);
            return r;
        }
    }
    p->added = true;
    return 0;
}

static void live(void *arg) {
    sim_proc_t *p = arg;
    tr_error_t error = {0};
    tr_host_options_t options = {
        .endpoint = "sim://broker",
        .process = p->name,
        .window_records = p->world->plan.window_records,
        .window_bytes = p->world->plan.window_bytes,
        .queue_bytes = p->world->plan.queue_bytes,
        .durable = p->world->plan.durable[p->index],
        .producer = p->name,
        .producer_epoch = p->starts,
        .connect_ms = CONNECT_MS,
        .on_event = on_event,
        .arg = p,
    };
    int r = tr_host_new(&options, &p->host, &error);
    if (r == 0)
        r = add_actors(p);
    if (r == 0)
        r = tr_host_run(p->host);
    if (!p->ghost)
        sim_say(p->world, "%s ends: %d %s", p->name, r, error.text);
    tr_host_destroy(&p->host);
}

static void start_event(void *owner, uint64_t arg) {
    sim_proc_t *p = owner;
    if (arg == p->starts && !p->running)
        sim_proc_start(p);
}

/* Its life is over, and its memory is free. */
static void ended(sim_proc_t *p) {
    assert(sim_task_ended(p->task));
    sim_task_destroy(&p->task);
    p->running = p->stopping = p->added = false;
    p->host = NULL;
    sim_actors_ended(p);
    if (p->restart_ns != SIM_NEVER)
        sim_at(p->world, p->restart_ns, start_event, p, p->starts);
}

static void run(void *owner, uint64_t arg) {
    sim_proc_t *p = owner;
    (void)arg;
    p->woken = false;
    if (!p->running || p->paused)
        return;
    resume(p);
    if (sim_task_ended(p->task)) { /* of itself, or because it was told to */
        if (!p->stopping)
            p->restart_ns = p->world->now_ns + sim_between(&p->prng, 100, 1500) * SIM_MS;
        ended(p);
    }
}

void sim_proc_wake(sim_proc_t *self) {
    if (!self->running || self->woken)
        return;
    self->woken = true;
    if (!self->paused)
        sim_at(self->world, self->world->now_ns + sim_between(&self->prng, 0, self->world->plan.turn_max_ns),
            run, self, 0);
}

static void timed_out(void *owner, uint64_t wait) {
    sim_proc_t *p = owner;
    if (wait == p->wake)
        sim_proc_wake(p);
}

void sim_proc_wait(sim_proc_t *self, int64_t until_ns) {
    self->wake++;
    if (until_ns != SIM_NEVER)
        sim_at(self->world, until_ns, timed_out, self, self->wake);
    sim_task_yield(self->task);
    self->wake++;
}

void sim_proc_start(sim_proc_t *self) {
    self->starts++;
    self->running = true;
    self->ghost = self->stopping = self->woken = false;
    self->ghost_ns = self->lost_ns = 0;
    self->disconnects = 0;
    self->welcomed = NULL;
    sim_say(self->world, "%s starts, life %u", self->name, self->starts);
    self->task = sim_task_new(live, self);
    sim_proc_wake(self);
}

void sim_proc_crash(sim_proc_t *self, bool silent, int64_t restart_ns) {
    if (!self->running)
        return;
    sim_say(self->world, "%s dies%s", self->name, silent ? ", its machine too" : "");
    self->ghost = true;
    self->restart_ns = restart_ns;
    sim_ledger_died(self->world, self);
    if (self->socket)
        sim_socket_close(self->socket, silent);
    if (self->host)
        tr_host_stop(self->host, 0);
    resume(self);
    self->paused = false;
    ended(self);
}

void sim_proc_stop(sim_proc_t *self, int64_t restart_ns) {
    if (!self->running || !self->added)
        return;
    sim_say(self->world, "%s is told to end", self->name);
    self->stopping = true;
    self->restart_ns = restart_ns;
    tr_host_stop(self->host, 0);
    sim_proc_wake(self);
}

static void go_on(void *owner, uint64_t start) {
    sim_proc_t *p = owner;
    if (!p->running || p->starts != start)
        return;
    sim_say(p->world, "%s goes on", p->name);
    p->paused = p->woken = false;
    sim_proc_wake(p);
}

void sim_proc_pause(sim_proc_t *self, int64_t ms, bool frozen) {
    if (!self->running || self->paused)
        return;
    sim_say(self->world, "%s stands still for %lld ms%s", self->name, (long long)ms,
        frozen ? ", and so does its clock" : "");
    self->paused = true;
    if (frozen)
        self->lost_ns += ms * SIM_MS;
    sim_at(self->world, self->world->now_ns + ms * SIM_MS, go_on, self, self->starts);
}

void sim_proc_cut(sim_proc_t *self, bool cut) {
    if (self->cut == cut)
        return;
    sim_say(self->world, "%s is %s", self->name, cut ? "cut off" : "reached again");
    self->cut = cut;
    self->uncut_ns = self->world->now_ns;
    if (!cut)
        sim_net_healed(self->world->net, self);
}

/* HELLOs are remembered, to be said again by somebody else. */
void sim_proc_sends(sim_proc_t *self, const void *bytes, size_t len) {
    const uint8_t *record = (const uint8_t *)bytes + TR_BUNDLE_HEADER;
    char what[320];
    sim_say(self->world, "%s > %zu bytes %08x: %s", self->name, len, (unsigned)sim_hash(bytes, len),
        sim_describe(bytes, len, what, sizeof what));
    if (len < TR_BUNDLE_HEADER + TR_RECORD_HEADER || record[4] != TR_KIND_HELLO)
        return;
    free(self->hello);
    self->hello = sim_frame_new(bytes, len);
}

sim_proc_t *sim_proc_new(sim_world_t *world, unsigned index, sim_prng_t prng) {
    sim_proc_t *p = sim_alloc(sizeof *p);
    p->world = world;
    p->index = index;
    p->prng = prng;
    p->forger = sim_fork(&prng);
    p->restart_ns = SIM_NEVER;
    snprintf(p->name, sizeof p->name, "p%u", index);
    return p;
}

void sim_proc_destroy(sim_proc_t **self) {
    sim_proc_t *p = *self;
    if (!p)
        return;
    assert(!p->running);
    for (unsigned i = 0; i < p->actors_n; i++)
        sim_actor_destroy(&p->actors[i]);
    free(p->hello);
    free(p);
    *self = NULL;
}
