#include "tests/sim/fault.h"

#include "tests/sim/broker.h"
#include "tests/sim/check.h"
#include "tests/sim/disk.h"
#include "tests/sim/net.h"
#include "tests/sim/proc.h"
#include "tests/sim/road.h"

#define CUT_MS_MAX   9000
#define PAUSE_MS_MAX 9000
#define DOWN_MS_MAX  5000
#define SLOW_MS_MAX  1500
#define WALL_MS_MAX  3600000
#define DISK_MS_MAX  3000

/* One of the processes, or of its connections, is hit. */
typedef struct blow {
    sim_world_t *world;
    sim_prng_t *prng;
    sim_proc_t *proc;
    sim_broker_t *broker;
    unsigned other; /* broker, where there are several */
} blow_t;

static int64_t in_ms(const blow_t *b, int64_t low, int64_t high) {
    return b->world->now_ns + sim_between(b->prng, low, high) * SIM_MS;
}

static sim_conn_t *conn_of(const sim_proc_t *p) {
    return p->socket && !p->socket->closed && p->socket->conn && !p->socket->conn->hole ? p->socket->conn
                                                                                        : NULL;
}

static void reset(blow_t *b) {
    sim_conn_t *c = conn_of(b->proc);
    if (c)
        sim_conn_break(c, true, true);
}

static void half_open(blow_t *b) {
    sim_conn_t *c = conn_of(b->proc);
    unsigned who = (unsigned)sim_below(b->prng, 3);
    if (c)
        sim_conn_break(c, who == 1, who == 2);
}

static void uncut(void *owner, uint64_t arg) {
    (void)arg;
    sim_proc_cut(owner, false);
}

static void cut(blow_t *b) {
    sim_proc_cut(b->proc, true);
    sim_at(b->world, in_ms(b, 1, sim_chance(b->prng, 500) ? 1500 : CUT_MS_MAX), uncut, b->proc, 0);
}

static void unslow(void *owner, uint64_t arg) {
    (void)arg;
    ((sim_proc_t *)owner)->slow_ns = 0;
}

static void slow(blow_t *b) {
    b->proc->slow_ns = sim_between(b->prng, 1, SLOW_MS_MAX) * SIM_MS;
    sim_say(b->world, "the way to %s takes up to %lld ms longer", b->proc->name,
        (long long)(b->proc->slow_ns / SIM_MS));
    sim_at(b->world, in_ms(b, 100, CUT_MS_MAX), unslow, b->proc, 0);
}

/* A dead process is known within 3 s, unless the broker had trouble of its own meanwhile, or signs of life were held up. */
static void must_be_known(void *owner, uint64_t arg) {
    sim_proc_t *p = owner;
    sim_broker_t *b = sim_home(p->world, p);
    int64_t died = p->world->now_ns - SIM_KNOWN_MS * SIM_MS - p->world->plan.delay_max_ns;
    if (b->up && b->disturbed_ns <= died && !p->cut && (!p->uncut_ns || p->uncut_ns <= died))
        sim_check_dead(b, (uint32_t)arg);
}

static void kill_proc(blow_t *b, bool silent) {
    sim_proc_t *p = b->proc;
    if (!p->running)
        return;
    uint32_t pid = p->index * 1000 + p->starts;
    int64_t known = b->world->now_ns + SIM_KNOWN_MS * SIM_MS + b->world->plan.delay_max_ns;
    if (!p->cut && !p->slow_ns) /* otherwise signs of life may still be on their way */
        sim_at(b->world, known, must_be_known, p, pid);
    sim_proc_crash(p, silent, in_ms(b, 20, DOWN_MS_MAX));
}

static void crash(blow_t *b) {
    kill_proc(b, false);
}

static void power(blow_t *b) {
    kill_proc(b, true);
}

static void leave(blow_t *b) {
    sim_proc_stop(b->proc, in_ms(b, 20, DOWN_MS_MAX));
}

static int64_t pause_ms(const blow_t *b) {
    return sim_between(b->prng, 1, sim_chance(b->prng, 500) ? 1500 : PAUSE_MS_MAX);
}

static void pause_proc(blow_t *b) {
    sim_proc_pause(b->proc, pause_ms(b), false);
}

static void suspend(blow_t *b) {
    sim_proc_pause(b->proc, pause_ms(b), true);
}

static int64_t jump_ms(const blow_t *b) {
    int64_t max = sim_chance(b->prng, 500) ? 3000 : WALL_MS_MAX;
    return sim_between(b->prng, -max, max);
}

static void wall(blow_t *b) {
    b->proc->wall_ms = jump_ms(b);
    sim_say(b->world, "the wall clock of %s is off by %lld ms", b->proc->name, (long long)b->proc->wall_ms);
}

static void replay(blow_t *b) {
    sim_broker_t *home = sim_home(b->world, b->proc);
    if (b->proc->hello && home->up)
        sim_net_stray(b->world->net, home, b->proc, b->proc->hello->bytes, b->proc->hello->len);
}

static void broker_crash(blow_t *b) {
    sim_broker_crash(b->broker, SIM_DEATH_KILLED, in_ms(b, 20, DOWN_MS_MAX));
}

static void broker_power(blow_t *b) {
    sim_broker_crash(b->broker, SIM_DEATH_POWER, in_ms(b, 20, DOWN_MS_MAX));
}

static void disk_write(blow_t *b) {
    sim_disk_fail_write(b->broker->disk);
}

static void disk_sync(blow_t *b) {
    sim_disk_fail_sync(b->broker->disk);
}

static void disk_quick(void *owner, uint64_t arg) {
    (void)arg;
    sim_disk_slow(owner, 0);
}

static void disk_slow(blow_t *b) {
    sim_disk_t *d = b->broker->disk;
    sim_disk_slow(d, sim_between(b->prng, 1, DISK_MS_MAX) * SIM_MS);
    sim_at(b->world, in_ms(b, 100, CUT_MS_MAX), disk_quick, d, 0);
}

static void disk_empty(void *owner, uint64_t arg) {
    (void)arg;
    sim_disk_fill(owner, false);
}

static void disk_full(blow_t *b) {
    sim_disk_fill(b->broker->disk, true);
    sim_at(b->world, in_ms(b, 100, DOWN_MS_MAX), disk_empty, b->broker->disk, 0);
}

static void broker_stop(blow_t *b) {
    sim_broker_stop(b->broker, in_ms(b, 3100, 3100 + DOWN_MS_MAX));
}

static void broker_pause(blow_t *b) {
    sim_broker_pause(b->broker, pause_ms(b), false);
}

static void broker_suspend(blow_t *b) {
    sim_broker_pause(b->broker, pause_ms(b), true);
}

static void broker_wall(blow_t *b) {
    b->broker->wall_ms = jump_ms(b);
    sim_say(b->world, "the wall clock of %s is off by %lld ms", b->broker->platform,
        (long long)b->broker->wall_ms);
}

/* Roads, by the number of both ends. */
static uint64_t road_number(unsigned from, unsigned to) {
    return (uint64_t)from << 8 | to;
}

static void uncut_road(void *owner, uint64_t arg) {
    sim_road_cut(((sim_world_t *)owner)->roads, (unsigned)(arg >> 8), (unsigned)arg & 0xff, false);
}

static void cut_road(blow_t *b, unsigned from, unsigned to, int64_t until_ns) {
    sim_road_cut(b->world->roads, from, to, true);
    sim_at(b->world, until_ns, uncut_road, b->world, road_number(from, to));
}

static void road_cut(blow_t *b) {
    int64_t until = in_ms(b, 1, sim_chance(b->prng, 500) ? 1500 : CUT_MS_MAX);
    cut_road(b, b->broker->index, b->other, until);
    cut_road(b, b->other, b->broker->index, until);
}

static void road_one_way(blow_t *b) {
    cut_road(b, b->broker->index, b->other, in_ms(b, 1, CUT_MS_MAX));
}

static void unslow_road(void *owner, uint64_t arg) {
    sim_road_slow(((sim_world_t *)owner)->roads, (unsigned)(arg >> 8), (unsigned)arg & 0xff, 0);
}

static void road_slow(blow_t *b) {
    sim_road_slow(b->world->roads, b->broker->index, b->other, sim_between(b->prng, 1, SLOW_MS_MAX) * SIM_MS);
    sim_at(
        b->world, in_ms(b, 100, CUT_MS_MAX), unslow_road, b->world, road_number(b->broker->index, b->other));
}

static void road_reset(blow_t *b) {
    sim_road_break(b->world->roads, b->broker->index, b->other, true, true);
}

static void road_half_open(blow_t *b) {
    sim_road_break(b->world->roads, b->broker->index, b->other, sim_chance(b->prng, 300), false);
}

static void (*const blows[SIM_FAULTS])(blow_t *b) = {
    [SIM_FAULT_RESET] = reset,
    [SIM_FAULT_HALF_OPEN] = half_open,
    [SIM_FAULT_CUT] = cut,
    [SIM_FAULT_SLOW] = slow,
    [SIM_FAULT_CRASH] = crash,
    [SIM_FAULT_POWER] = power,
    [SIM_FAULT_LEAVE] = leave,
    [SIM_FAULT_PAUSE] = pause_proc,
    [SIM_FAULT_SUSPEND] = suspend,
    [SIM_FAULT_WALL] = wall,
    [SIM_FAULT_REPLAY] = replay,
    [SIM_FAULT_BROKER_CRASH] = broker_crash,
    [SIM_FAULT_BROKER_STOP] = broker_stop,
    [SIM_FAULT_BROKER_PAUSE] = broker_pause,
    [SIM_FAULT_BROKER_SUSPEND] = broker_suspend,
    [SIM_FAULT_BROKER_WALL] = broker_wall,
    [SIM_FAULT_BROKER_POWER] = broker_power,
    [SIM_FAULT_DISK_WRITE] = disk_write,
    [SIM_FAULT_DISK_SYNC] = disk_sync,
    [SIM_FAULT_DISK_SLOW] = disk_slow,
    [SIM_FAULT_DISK_FULL] = disk_full,
    [SIM_FAULT_ROAD_CUT] = road_cut,
    [SIM_FAULT_ROAD_ONE_WAY] = road_one_way,
    [SIM_FAULT_ROAD_SLOW] = road_slow,
    [SIM_FAULT_ROAD_RESET] = road_reset,
    [SIM_FAULT_ROAD_HALF_OPEN] = road_half_open,
};

static void plan_next(sim_world_t *w, sim_prng_t *prng);

static void choose_brokers(blow_t *b) {
    unsigned n = b->world->brokers_n, first = (unsigned)sim_below(b->prng, n);
    b->broker = b->world->brokers[first];
    b->other = (first + 1 + (unsigned)sim_below(b->prng, n - 1)) % n;
}

static void strike(void *owner, uint64_t state) {
    sim_world_t *w = owner;
    sim_prng_t prng = {state};
    unsigned on[SIM_FAULTS], n = 0;
    for (unsigned i = 0; i < SIM_FAULTS; i++)
        if (w->plan.faults[i])
            on[n++] = i;
    if (!n || w->now_ns >= w->plan.phases.heal_ns)
        return;
    blow_t blow = {w, &prng, w->procs[sim_below(&prng, w->plan.procs_n)], w->brokers[0], 0};
    if (w->brokers_n > 1)
        choose_brokers(&blow);
    blows[on[sim_below(&prng, n)]](&blow);
    plan_next(w, &prng);
}

/* The stream of random numbers travels with the event. */
static void plan_next(sim_world_t *w, sim_prng_t *prng) {
    int64_t after = sim_between(prng, 1, 2 * w->plan.fault_every_ms) * SIM_MS;
    sim_at(w, w->now_ns + after, strike, w, sim_random(prng));
}

void sim_faults_begin(sim_world_t *world, sim_prng_t prng) {
    plan_next(world, &prng);
}

void sim_heal(sim_world_t *world) {
    sim_say(world, "all is mended");
    for (unsigned i = 0; i < world->plan.procs_n; i++) {
        sim_proc_t *p = world->procs[i];
        sim_proc_cut(p, false);
        p->slow_ns = 0;
        p->wall_ms = 0;
    }
    for (unsigned i = 0; i < world->brokers_n; i++) {
        world->brokers[i]->wall_ms = 0;
        sim_disk_mend(world->brokers[i]->disk);
    }
    sim_net_tell_all(world->net);
    sim_roads_heal(world->roads);
}
