#include "tests/sim/plan.h"

#define SLOW_NS (20 * SIM_MS)

const char *const sim_family_names[SIM_FAMILIES] = {
    [SIM_PLAIN] = "plain",
    [SIM_FEDERATED] = "federated",
    [SIM_GUARDED] = "guarded",
};

const char *const sim_fault_names[SIM_FAULTS] = {
    [SIM_FAULT_RESET] = "reset",
    [SIM_FAULT_HALF_OPEN] = "half-open",
    [SIM_FAULT_CUT] = "cut",
    [SIM_FAULT_SLOW] = "slow",
    [SIM_FAULT_CRASH] = "crash",
    [SIM_FAULT_POWER] = "power",
    [SIM_FAULT_LEAVE] = "leave",
    [SIM_FAULT_PAUSE] = "pause",
    [SIM_FAULT_SUSPEND] = "suspend",
    [SIM_FAULT_WALL] = "wall",
    [SIM_FAULT_REPLAY] = "replay",
    [SIM_FAULT_BROKER_CRASH] = "broker-crash",
    [SIM_FAULT_BROKER_STOP] = "broker-stop",
    [SIM_FAULT_BROKER_PAUSE] = "broker-pause",
    [SIM_FAULT_BROKER_SUSPEND] = "broker-suspend",
    [SIM_FAULT_BROKER_WALL] = "broker-wall",
    [SIM_FAULT_BROKER_POWER] = "broker-power",
    [SIM_FAULT_DISK_WRITE] = "disk-write",
    [SIM_FAULT_DISK_SYNC] = "disk-sync",
    [SIM_FAULT_DISK_SLOW] = "disk-slow",
    [SIM_FAULT_DISK_FULL] = "disk-full",
    [SIM_FAULT_ROAD_CUT] = "road-cut",
    [SIM_FAULT_ROAD_ONE_WAY] = "road-one-way",
    [SIM_FAULT_ROAD_SLOW] = "road-slow",
    [SIM_FAULT_ROAD_RESET] = "road-reset",
    [SIM_FAULT_ROAD_HALF_OPEN] = "road-half-open",
};

static void make_phases(sim_phases_t *p, int64_t seconds) {
    p->heal_ns = seconds > 30 ? (seconds - 18) * SIM_SECOND : seconds * SIM_SECOND / 2;
    p->quiet_ns = p->heal_ns + 5 * SIM_SECOND;
    p->roll_call_ns = (seconds - 5) * SIM_SECOND;
}

static void make_network(sim_plan_t *p, sim_prng_t *r) {
    static const struct {
        int64_t min_us, max_us;
    } kinds[] = {{20, 200}, {20, 200}, {200, 3000}, {5000, 40000}, {20, 60000},
        {20, 300000}}; /* a lease outlives a few of these */
    size_t kind = sim_below(r, sizeof kinds / sizeof *kinds);
    p->delay_min_ns = kinds[kind].min_us * 1000;
    p->delay_max_ns = kinds[kind].max_us * 1000;
    p->turn_max_ns = sim_between(r, 1, 2000) * 1000;
}

/* Small limits are where the interesting things happen: the smallest that the broker's options allow. */
static void make_limits(sim_plan_t *p, sim_prng_t *r) {
    static const uint32_t windows[] = {64, 64, 100, 1000, 32768};
    static const uint64_t bytes[] = {65536, 65536, 262144, 8u << 20};
    static const uint32_t own_windows[] = {1, 2, 5, 64, 32768};
    static const uint64_t own_bytes[] = {1, 4096, 65536, 8u << 20};
    static const uint32_t mailboxes[] = {16, 16, 40, 300, 262144};
    static const uint64_t mailbox_bytes[] = {65536, 200000, 32u << 20};
    static const uint32_t services[] = {1, 3, 10, 100, 65536};
    tr_core_config_t *c = &p->core;
    tr_core_config_defaults(c);
    c->window_records = SIM_PICK(r, windows);
    c->window_bytes = SIM_PICK(r, bytes);
    c->mailbox_records = SIM_PICK(r, mailboxes);
    c->mailbox_bytes = SIM_PICK(r, mailbox_bytes);
    c->service_records = SIM_PICK(r, services);
    c->service_bytes = SIM_PICK(r, mailbox_bytes);
    c->service_wait_ms = (uint32_t)sim_between(r, 1000, 8000);
    c->tries_max = (uint32_t)sim_between(r, 2, 20);
    p->window_records = SIM_PICK(r, own_windows);
    p->window_bytes = SIM_PICK(r, own_bytes);
    p->queue_bytes = SIM_PICK(r, own_bytes);
}

static void make_actor(sim_plan_t *p, sim_prng_t *r, unsigned index) {
    sim_actor_plan_t *a = &p->actors[index];
    unsigned all = (unsigned)sim_random(r) & (SIM_ROLES - 1);
    a->proc = index < p->procs_n ? index : (unsigned)sim_below(r, p->procs_n);
    a->roles = all ? all : SIM_ROLE_SEND;
    a->service = (unsigned)sim_below(r, SIM_SERVICES);
    a->capacity = (uint32_t)sim_between(r, 1, 6);
    a->pattern = (unsigned)sim_below(r, SIM_TOPICS + 1);
    a->every_ms = sim_between(r, 40, 700);
}

static void make_faults(sim_plan_t *p, sim_prng_t *r) {
    static const int64_t every_ms[] = {300, 1000, 3000, 8000};
    p->calm = sim_chance(r, 120);
    unsigned share = (unsigned)sim_between(r, 100, 700);
    bool any = false;
    for (unsigned i = 0; i < SIM_FAULTS_PLAIN; i++)
        any |= p->faults[i] = !p->calm && sim_chance(r, share);
    if (!p->calm && !any)
        p->faults[sim_below(r, SIM_FAULTS_PLAIN)] = true;
    p->fault_every_ms = SIM_PICK(r, every_ms);
    if (p->calm)
        p->fail_per_mille = 0;
}

static void make_behaviour(sim_plan_t *p, sim_prng_t *r) {
    static const unsigned bursts[] = {1, 4, 30, 120};
    static const size_t sizes[] = {64, 64, 600, 5000, 100000};
    static const unsigned rates[] = {0, 0, 5, 30};
    p->burst = SIM_PICK(r, bursts);
    p->size_max = SIM_PICK(r, sizes);
    p->fail_per_mille = SIM_PICK(r, rates) / 5;
    p->keep_per_mille = SIM_PICK(r, rates) * 5;
    p->busy_per_mille = SIM_PICK(r, rates) / 4;
}

static void make_queues(sim_plan_t *p, sim_prng_t *r) {
    static const uint32_t leases[] = {700, 2000, 2000, 30000}, in_hand[] = {1, 3, 20, 1024};
    static const uint64_t records[] = {5, 40, 1u << 28, 1u << 28}, bytes[] = {65536, 300000, 4ull << 30};
    static const uint64_t resident[] = {1, 5000, 8u << 20}, unsynced[] = {20000, 1u << 20, 64u << 20};
    /* A quarter of it outlives any jump of the wall clock over a restart (producer.c), and is longer than a world. */
    static const int64_t remembered[] = {400000, 3600000};
    tr_core_config_t *c = &p->core;
    c->message_lease_ms = SIM_PICK(r, leases);
    c->queue_in_hand = SIM_PICK(r, in_hand);
    c->queue_records = SIM_PICK(r, records);
    c->queue_bytes = SIM_PICK(r, bytes);
    c->queue_resident_bytes = SIM_PICK(r, resident);
    c->unsynced_bytes = SIM_PICK(r, unsynced);
    c->dedup_ms = SIM_PICK(r, remembered);
}

static void make_disk(sim_plan_t *p, sim_prng_t *r) {
    static const struct {
        int64_t min_us, max_us;
    } kinds[] = {{20, 100}, {100, 1000}, {1000, 8000}, {5000, 60000}};
    size_t kind = sim_below(r, sizeof kinds / sizeof *kinds);
    unsigned share = (unsigned)sim_between(r, 0, 800);
    p->sync_min_ns = kinds[kind].min_us * 1000;
    p->sync_max_ns = kinds[kind].max_us * 1000;
    for (unsigned i = SIM_FAULTS_PLAIN; i < SIM_FAULTS_DISK; i++)
        p->faults[i] = !p->calm && sim_chance(r, share);
}

/* Half of the brokers keep a journal. What comes again would confuse conversations, so there are none with agents to whom all is
 * durable. */
static void make_durable(sim_plan_t *p, sim_prng_t *r) {
    p->core.journal = sim_chance(r, 500);
    if (!p->core.journal)
        return;
    make_queues(p, r);
    make_disk(p, r);
    static const uint64_t kept[] = {0, 0, 20, 200}, ages_ms[] = {0, 0, 3000};
    p->stream_records = SIM_PICK(r, kept);
    p->stream_age_ms = SIM_PICK(r, ages_ms);
    bool some = sim_chance(r, 300);
    for (unsigned i = 0; i < p->procs_n; i++)
        p->any_durable |= p->durable[i] = some && sim_chance(r, 400);
    for (unsigned i = 0; i < p->actors_n; i++) {
        sim_actor_plan_t *a = &p->actors[i];
        a->roles |= (sim_chance(r, 600) ? SIM_ROLE_STORE : 0) | (sim_chance(r, 300) ? SIM_ROLE_READ : 0);
        if (p->any_durable)
            a->roles &= ~(unsigned)(SIM_ROLE_CONVERSE | SIM_ROLE_ECHO);
    }
}

/* What waits for too long becomes a dead letter; and some streams have room for so many bytes. */
static void make_retention(sim_plan_t *p, sim_prng_t *r) {
    static const int64_t ages_ms[] = {0, 0, 3000, 15000};
    static const uint64_t bytes[] = {0, 0, 0, 4000, 60000};
    p->core.queue_age_ms = SIM_PICK(r, ages_ms);
    p->stream_bytes = SIM_PICK(r, bytes);
}

/* In half of the worlds queues that hold nothing are given up, and made anew, all the time. */
static void make_idle(sim_plan_t *p, sim_prng_t *r) {
    static const int64_t idle_ms[] = {1000, 3000, 3600000, 3600000};
    p->core.queue_idle_ms = SIM_PICK(r, idle_ms);
}

/* What a slow network cannot carry waits for minutes. */
static void make_bearable(sim_plan_t *p) {
    if (p->delay_max_ns < SLOW_NS)
        return;
    p->burst = p->burst < 4 ? p->burst : 4;
    p->window_records = p->window_records > 64 ? p->window_records : 64;
    p->window_bytes = p->window_bytes > 65536 ? p->window_bytes : 65536;
}

/* One of two dials the other, or both do: then two connections may meet, and one of them gives way with what is on it. */
static void make_dials(sim_plan_t *p, sim_prng_t *r) {
    for (unsigned i = 0; i < p->brokers_n; i++)
        for (unsigned j = i + 1; j < p->brokers_n; j++) {
            bool both = !p->calm && sim_chance(r, 500), first = sim_chance(r, 500);
            p->dials[i][j] = both || first;
            p->dials[j][i] = both || !first;
        }
}

/* Each process has one of the brokers. Conversations and readers of streams are of the worlds with one broker: what is new here is the
 * way between two. */
static void make_federation(sim_plan_t *p, sim_prng_t *r) {
    static const uint32_t records[] = {16, 16, 100, 262144};
    unsigned share = (unsigned)sim_between(r, 100, 700);
    p->brokers_n = (unsigned)sim_between(r, 2, SIM_BROKERS_MAX);
    p->core.peer_records = SIM_PICK(r, records);
    for (unsigned i = 0; i < p->procs_n; i++)
        p->home[i] = (unsigned)sim_below(r, p->brokers_n);
    p->home[0] = 0;
    p->home[1] = 1; /* there is always somebody far */
    make_dials(p, r);
    for (unsigned i = 0; i < p->brokers_n; i++)
        p->watched[i] = sim_chance(r, 500);
    for (unsigned i = SIM_FAULTS_DISK; i < SIM_FAULTS; i++)
        p->faults[i] = !p->calm && sim_chance(r, share);
    for (unsigned i = 0; i < p->actors_n; i++) {
        p->actors[i].roles &= ~(unsigned)(SIM_ROLE_CONVERSE | SIM_ROLE_READ);
        if (!p->actors[i].roles)
            p->actors[i].roles = SIM_ROLE_SEND;
    }
}

/* Some certificates may send little, or have little waiting. */
static void make_limits_of(tr_limits_t *l, sim_prng_t *r) {
    static const uint64_t messages[] = {0, 0, 5, 40}, bytes[] = {0, 0, 20000, 200000},
                          waiting[] = {0, 0, 20000, 200000};
    *l = (tr_limits_t){.messages_per_s = SIM_PICK(r, messages),
        .bytes_per_s = SIM_PICK(r, bytes),
        .mailbox_bytes = SIM_PICK(r, waiting)};
}

static unsigned some_of(unsigned n, sim_prng_t *r) {
    unsigned some = 0;
    for (unsigned i = 0; i < n; i++)
        some |= sim_chance(r, 200) ? 1u << i : 0;
    return some;
}

/* In some worlds not everybody may do everything that he does: a few of the topics and services are not his. */
static void make_bans(sim_plan_t *p, sim_prng_t *r, unsigned operators) {
    bool some = sim_chance(r, 500);
    for (unsigned i = 0; some && i < p->procs_n; i++)
        if (i != operators)
            p->bans[i] =
                (sim_bans_t){some_of(SIM_TOPICS, r), some_of(SIM_TOPICS, r), some_of(SIM_SERVICES, r)};
}

/* The last actor gives orders, and its process has no limits. It gets no letters: who sends it something under a budget sets it to
 * work, and it would go into quarantine with him. */
static void make_guarded(sim_plan_t *p, sim_prng_t *r) {
    while (p->actors_n < 4)
        make_actor(p, r, p->actors_n++);
    for (unsigned i = 0; i < p->actors_n; i++)
        p->actors[i].roles &= ~(unsigned)SIM_ROLE_CONVERSE;
    sim_actor_plan_t *operator= & p->actors[p->actors_n - 1];
    operator->roles = SIM_ROLE_ORDER;
    operator->every_ms = sim_between(r, 40, 200);
    if (!p->calm && sim_chance(r, 300)) { /* many dead letters, to order about */
        p->fail_per_mille = 200;
        p->core.tries_max = p->core.poison_max = 2;
    }
    p->receivers_n = p->actors_n - 1;
    for (unsigned i = 0; i < p->procs_n; i++)
        if (i != operator->proc)
            make_limits_of(&p->limits[i], r);
    for (unsigned i = 0; i < p->actors_n; i++) /* who may hardly speak reads no stream to its end */
        if (p->limits[p->actors[i].proc].messages_per_s || p->limits[p->actors[i].proc].bytes_per_s)
            p->actors[i].roles &= ~(unsigned)SIM_ROLE_READ;
    make_bans(p, r, operator->proc);
}

void sim_plan_make(sim_plan_t *self, sim_prng_t prng, sim_family_t family, int64_t seconds) {
    sim_prng_t r = sim_fork(&prng);
    *self = (sim_plan_t){.family = family, .brokers_n = 1, .watched = {true}};
    make_phases(&self->phases, seconds);
    make_network(self, &r);
    make_limits(self, &r);
    make_behaviour(self, &r);
    make_faults(self, &r);
    self->procs_n = (unsigned)sim_between(&r, 2, SIM_PROCS_MAX);
    make_bearable(self);
    self->actors_n = self->procs_n + (unsigned)sim_below(&r, self->procs_n + 1);
    for (unsigned i = 0; i < self->actors_n; i++)
        make_actor(self, &r, i);
    sim_prng_t durable = sim_fork(&prng);
    make_durable(self, &durable);
    self->withdraws = sim_chance(&prng, 400);
    sim_prng_t more = sim_fork(&prng);
    if (family == SIM_FEDERATED)
        make_federation(self, &more);
    self->receivers_n = self->actors_n;
    if (family == SIM_GUARDED)
        make_guarded(self, &more);
    self->reorders = sim_chance(&prng, 500);
    if (self->core.journal)
        make_retention(self, &prng);
    self->forges = !self->calm && sim_chance(&prng, 300);
    if (self->core.journal)
        make_idle(self, &prng);
}
