/* A world from its beginning to its end. */
#include "tests/sim/actor.h"
#include "tests/sim/broker.h"
#include "tests/sim/check.h"
#include "tests/sim/durable.h"
#include "tests/sim/fault.h"
#include "tests/sim/federation.h"
#include "tests/sim/guarded.h"
#include "tests/sim/quiet.h"
#include "tests/sim/road.h"

#include "proto/bundle.h"

#include <stdlib.h>

/* After so long without faults whatever is still not done hangs. */
#define QUIET_S_MAX     240
#define ROLL_CALL_S_MAX 60
#define LEAVE_S_MAX     10

bool sim_is_roll_call(const sim_world_t *world) {
    return world->roll_call;
}

static bool is_data(const sim_frame_t *f) {
    return f->len > TR_BUNDLE_HEADER + TR_RECORD_HEADER && tr_kind_is_data(f->bytes[TR_BUNDLE_HEADER + 4]);
}

static bool carries_data(const sim_queue_t *queue) {
    for (const sim_frame_t *f = queue->head; f; f = f->next)
        if (is_data(f))
            return true;
    return false;
}

static bool proc_unrest(const sim_proc_t *p, char *out, size_t size) {
    tr_host_stats_t stats;
    if (!p->running || !p->host || !p->added || !tr_host_connected(p->host)) {
        snprintf(out, size, "%s is not ready", p->name);
        return true;
    }
    tr_host_stats(p->host, &stats);
    if (stats.queued_bytes) {
        snprintf(
            out, size, "%llu bytes wait in the link of %s", (unsigned long long)stats.queued_bytes, p->name);
        return true;
    }
    for (unsigned i = 0; i < p->actors_n; i++) {
        const sim_actor_t *a = p->actors[i];
        if (a->life && !a->kept && !a->conversations)
            continue;
        snprintf(out, size, "%s %s", a->name, a->life ? "has something in hand" : "is not running");
        return true;
    }
    return false;
}

static bool broker_unrest(const sim_broker_t *b, char *out, size_t size) {
    const tr_core_stats_t *s = b->up ? tr_core_stats(b->core) : NULL;
    const char *held = sim_guarded_held(b);
    if (held) {
        snprintf(out, size, "%s is in quarantine", held);
        return true;
    }
    if (s && !s->queued && !s->leased)
        return false;
    snprintf(out, size, "%s is down", b->platform);
    if (s)
        sim_describe_core(b, out, size);
    return true;
}

const char *sim_unrest(const sim_world_t *world, char *out, size_t size) {
    out[0] = 0;
    for (unsigned i = 0; i < world->brokers_n; i++)
        if (broker_unrest(world->brokers[i], out, size))
            return out;
    for (unsigned i = 0; i < world->plan.procs_n; i++)
        if (proc_unrest(world->procs[i], out, size))
            return out;
    for (const sim_conn_t *c = world->net->conns; c; c = c->next)
        if ((!c->hole && (carries_data(&c->up) || carries_data(&c->down))) || carries_data(&c->late))
            snprintf(out, size, "data is on its way over peer %u", c->peer);
    if (sim_roads_carry(world->roads, carries_data))
        snprintf(out, size, "data is on its way between brokers");
    for (const sim_socket_t *s = world->net->sockets; s; s = s->next)
        if (!s->closed && carries_data(&s->in))
            snprintf(out, size, "data waits in a socket of %s", s->proc->name);
    for (uint32_t i = 1; i < world->ledger->letters_n; i++) {
        const sim_letter_t *l = &world->ledger->letters[i];
        if ((l->kind == SIM_REQUEST || l->kind == SIM_TALK || l->kind == SIM_DURABLE) && !l->unsent &&
            !l->outcomes && !world->ledger->lives[l->life].over)
            snprintf(out, size, "%s %u has had no outcome",
                l->kind == SIM_DURABLE ? "durable letter" : "request", i);
    }
    return out;
}

static void wait_for_quiet(sim_world_t *w, int64_t until_ns) {
    char why[900];
    int64_t give_up = w->now_ns + QUIET_S_MAX * SIM_SECOND;
    sim_run_until(w, until_ns);
    while (sim_unrest(w, why, sizeof why)[0]) {
        if (w->now_ns > give_up)
            sim_fail(w, "liveness: all was mended long ago, and %s", why);
        sim_run_until(w, w->now_ns + SIM_SECOND);
    }
}

static void call_the_roll(sim_world_t *w) {
    char why[900];
    int64_t give_up = w->now_ns + ROLL_CALL_S_MAX * SIM_SECOND;
    sim_say(w, "the last round");
    w->roll_call = true;
    while (sim_roll_call_missing(w, why, sizeof why)[0]) {
        if (w->now_ns > give_up)
            sim_fail(w, "liveness: the last round waits for %s", why);
        sim_run_until(w, w->now_ns + SIM_SECOND / 4);
    }
}

static bool all_left(const sim_world_t *w) {
    for (unsigned i = 0; i < w->plan.procs_n; i++)
        if (w->procs[i]->running)
            return false;
    return true;
}

static void send_home(sim_world_t *w) {
    int64_t give_up = w->now_ns + LEAVE_S_MAX * SIM_SECOND;
    for (unsigned i = 0; i < w->plan.procs_n; i++)
        sim_proc_stop(w->procs[i], SIM_NEVER);
    while (!all_left(w)) {
        if (w->now_ns > give_up)
            sim_fail(w, "liveness: a process cannot leave");
        sim_run_until(w, w->now_ns + SIM_SECOND / 4);
    }
    sim_run_until(w, w->now_ns + SIM_KNOWN_MS * SIM_MS);
    for (unsigned i = 0; i < w->brokers_n; i++)
        sim_check_empty(w->brokers[i]);
}

/* Without a fault nothing is lost, nobody comes or goes, and no connection breaks. */
static void check_calm(sim_world_t *w) {
    for (unsigned i = 0; i < w->plan.procs_n; i++)
        if (w->procs[i]->starts != 1 || w->procs[i]->disconnects)
            sim_fail(w, "nothing was wrong, and %s has started %u times and lost its link %u times",
                w->procs[i]->name, w->procs[i]->starts, w->procs[i]->disconnects);
    for (uint32_t i = 1; i < w->ledger->letters_n; i++)
        if (w->ledger->letters[i].lost)
            sim_fail(w, "nothing was wrong, and letter %u is lost: %s", i, w->ledger->letters[i].why);
}

static void populate(sim_world_t *w) {
    sim_plan_t *p = &w->plan;
    w->net = sim_net_new(w, sim_fork(&w->prng));
    w->ledger = sim_ledger_new(w);
    w->brokers[w->brokers_n++] = sim_broker_new(w, 0, sim_fork(&w->prng));
    for (unsigned i = 0; i < p->procs_n; i++)
        w->procs[i] = sim_proc_new(w, i, sim_fork(&w->prng));
    for (unsigned i = 0; i < p->actors_n; i++) {
        sim_proc_t *proc = w->procs[p->actors[i].proc];
        proc->actors[proc->actors_n++] = sim_actor_new(proc, i, &p->actors[i], sim_fork(&w->prng));
    }
    sim_prng_t more = w->prng; /* a stream beside it, so that worlds with one broker stay what they are */
    more.state = sim_mix(more.state + 1);
    w->roads = sim_roads_new(w, sim_fork(&more));
    for (unsigned i = 1; i < p->brokers_n; i++)
        w->brokers[w->brokers_n++] = sim_broker_new(w, i, sim_fork(&more));
    for (unsigned i = 0; i < w->brokers_n && p->family == SIM_FEDERATED; i++)
        w->brokers[i]->federation = sim_federation_new();
}

static void tell_brokers(sim_world_t *w) {
    const sim_plan_t *p = &w->plan;
    for (unsigned i = 0; i < p->procs_n; i++)
        sim_say(w, "p%u has the broker %s", i, sim_home(w, w->procs[i])->platform);
    for (unsigned i = 0; i < p->brokers_n; i++)
        for (unsigned j = 0; j < p->brokers_n; j++)
            if (p->dials[i][j])
                sim_say(w, "%s dials %s", w->brokers[i]->platform, w->brokers[j]->platform);
}

static void tell_plan(sim_world_t *w) {
    const sim_plan_t *p = &w->plan;
    sim_say(w, "seed %llu: %u processes, %u actors, delay %lld to %lld us%s%s%s", (unsigned long long)w->seed,
        p->procs_n, p->actors_n, (long long)(p->delay_min_ns / 1000), (long long)(p->delay_max_ns / 1000),
        p->reorders ? ", in any order" : "", p->forges ? ", forgers" : "", p->calm ? ", calm" : "");
    sim_say(w,
        "windows %u/%llu up, %u/%llu down; mailbox %u/%llu, service %u/%llu, tries %u; bursts %u, size %zu",
        p->core.window_records, (unsigned long long)p->core.window_bytes, p->window_records,
        (unsigned long long)p->window_bytes, p->core.mailbox_records,
        (unsigned long long)p->core.mailbox_bytes, p->core.service_records,
        (unsigned long long)p->core.service_bytes, p->core.tries_max, p->burst, p->size_max);
    if (p->core.journal)
        sim_say(w,
            "journal: sync %lld to %lld us, lease %u ms, %u in hand, queue %llu/%llu, %llu in memory, %llu "
            "unsynced",
            (long long)(p->sync_min_ns / 1000), (long long)(p->sync_max_ns / 1000), p->core.message_lease_ms,
            p->core.queue_in_hand, (unsigned long long)p->core.queue_records,
            (unsigned long long)p->core.queue_bytes, (unsigned long long)p->core.queue_resident_bytes,
            (unsigned long long)p->core.unsynced_bytes);
    if (p->core.journal)
        sim_say(w,
            "kept: messages for %lld ms, empty queues for %lld ms; in the stream %llu, %llu bytes, for %llu "
            "ms",
            (long long)p->core.queue_age_ms, (long long)p->core.queue_idle_ms,
            (unsigned long long)p->stream_records, (unsigned long long)p->stream_bytes,
            (unsigned long long)p->stream_age_ms);
    for (unsigned i = 0; i < SIM_FAULTS; i++)
        if (p->faults[i])
            sim_say(w, "fault: %s", sim_fault_names[i]);
    for (unsigned i = 0; i < p->actors_n; i++)
        sim_say(w, "a%u in p%u: roles %x, service s%u of %u, pattern %u, every %lld ms", i, p->actors[i].proc,
            p->actors[i].roles, p->actors[i].service, p->actors[i].capacity, p->actors[i].pattern,
            (long long)p->actors[i].every_ms);
}

static void end(sim_world_t *w) {
    sim_roads_destroy(&w->roads);
    for (unsigned i = 0; i < w->brokers_n; i++)
        sim_broker_destroy(&w->brokers[i]);
    for (unsigned i = 0; i < w->plan.procs_n; i++)
        sim_proc_destroy(&w->procs[i]);
    sim_net_destroy(&w->net);
    sim_ledger_destroy(&w->ledger);
    free(w->heap);
}

/* What was promised was kept. */
static void check_all(sim_world_t *w) {
    sim_net_lose_rest(w->net);
    sim_roads_lose_rest(w->roads);
    sim_ledger_check(w->ledger);
    sim_durable_check(w);
    if (w->brokers_n > 1)
        sim_federation_check(w);
    if (w->plan.calm)
        check_calm(w);
}

void sim_world_run(uint64_t seed, sim_family_t family, int64_t seconds, FILE *trace, uint64_t *ret_hash) {
    sim_world_t *w = sim_alloc(sizeof *w);
    w->seed = seed;
    w->trace = trace;
    w->prng.state = sim_mix(seed + 1);
    sim_plan_make(&w->plan, sim_fork(&w->prng), family, seconds);
    populate(w);
    tell_plan(w);
    if (w->brokers_n > 1)
        tell_brokers(w);
    for (unsigned i = 0; i < w->brokers_n; i++)
        sim_broker_start(w->brokers[i]);
    sim_federation_watch(w);
    for (unsigned i = 0; i < w->plan.procs_n; i++)
        sim_proc_start(w->procs[i]);
    sim_faults_begin(w, sim_fork(&w->prng));
    sim_run_until(w, w->plan.phases.heal_ns);
    sim_heal(w);
    sim_run_until(w, w->plan.phases.quiet_ns);
    wait_for_quiet(w, w->plan.phases.roll_call_ns);
    call_the_roll(w);
    wait_for_quiet(w, w->now_ns);
    check_all(w);
    send_home(w);
    sim_say(w, "ends after %llu events", (unsigned long long)w->events);
    *ret_hash = w->hash;
    end(w);
    free(w);
}
