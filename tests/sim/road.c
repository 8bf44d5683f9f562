#include "tests/sim/road.h"

#include "tests/sim/describe.h"
#include "tests/sim/ledger.h"

#include <stdlib.h>
#include <string.h>

#define CAME_IN    (UINT64_C(1) << 32) /* as broker/shell/peers.c numbers them */
#define DIALLED    (UINT64_C(1) << 33)
#define TRY_MS     4000 /* the rest as in broker/shell/dial.c */
#define PAUSE_MS   100
#define PAUSES_MS  2000
#define REFUSED_MS 5000
#define CUT_MS     400

sim_roads_t *sim_roads_new(sim_world_t *world, sim_prng_t prng) {
    sim_roads_t *r = sim_alloc(sizeof *r);
    r->world = world;
    r->prng = prng;
    return r;
}

void sim_roads_destroy(sim_roads_t **self) {
    if (!*self)
        return;
    for (sim_way_t *w = (*self)->ways, *next; w; w = next) {
        next = w->next;
        sim_queue_free(&w->queue[0]);
        sim_queue_free(&w->queue[1]);
        free(w);
    }
    free(*self);
    *self = NULL;
}

static sim_roads_t *roads_of(const sim_way_t *w) {
    return w->world->roads;
}

/* The road that leads to this end. */
static sim_road_t *road_to(const sim_way_t *w, unsigned end) {
    return &roads_of(w)->between[w->ends[!end]->index][w->ends[end]->index];
}

static int64_t delay(const sim_way_t *w, unsigned to) {
    const sim_plan_t *p = &w->world->plan;
    int64_t slow = road_to(w, to)->slow_ns;
    sim_prng_t *r = &roads_of(w)->prng;
    return sim_between(r, p->delay_min_ns, p->delay_max_ns) + (slow ? sim_between(r, 0, slow) : 0);
}

static void mark(sim_roads_t *r, unsigned one, unsigned other) {
    sim_road_t *there = &r->between[one][other], *back = &r->between[other][one];
    bool bad = there->cut || back->cut || there->slow_ns || back->slow_ns;
    there->disturbed_ns = back->disturbed_ns = bad ? SIM_NEVER : r->world->now_ns;
}

/* ---- frames ---- */

static void arrive_0(void *owner, uint64_t arg);
static void arrive_1(void *owner, uint64_t arg);

static void plan(sim_way_t *w, unsigned to) {
    if (w->queue[to].head)
        sim_at(w->world, w->queue[to].head->due_ns, to ? arrive_1 : arrive_0, w, 0);
}

static void put(sim_way_t *w, unsigned to, const void *bytes, size_t len) {
    sim_frame_t *f = sim_frame_new(bytes, len);
    int64_t due = w->world->now_ns + delay(w, to);
    f->way = w;
    f->due_ns = w->last_ns[to] = due > w->last_ns[to] ? due : w->last_ns[to];
    sim_queue_put(&w->queue[to], f);
    if (w->queue[to].n == 1)
        plan(w, to);
}

static void lose(sim_way_t *w, unsigned to, const char *why) {
    sim_queue_lose(w->world, &w->queue[to], w->queue[to].n, why);
}

/* ---- the end of a connection ---- */

static void tell(void *owner, uint64_t end);

static void tell_at(sim_way_t *w, unsigned end, int64_t at_ns) {
    if (w->telling[end] || !w->open[end])
        return;
    w->telling[end] = true;
    sim_at(w->world, at_ns, tell, w, end);
}

static bool lives_at(const sim_way_t *w, unsigned end) {
    return w->open[end] && w->ends[end]->up && w->ends[end]->starts == w->starts[end];
}

static void tell(void *owner, uint64_t end) {
    sim_way_t *w = owner;
    if (road_to(w, (unsigned)end)->cut)
        return; /* the news waits, too */
    if (!w->open[end])
        return;
    bool lives = lives_at(w, (unsigned)end);
    w->open[end] = false;
    w->hole = true;
    lose(w, 0, "on a road that broke");
    lose(w, 1, "on a road that broke");
    if (lives)
        sim_broker_broken(w->ends[end], w->peers[end]);
}

/* This end has closed it: what it had sent arrives, and the other one is told behind it. */
static void close_end(sim_way_t *w, unsigned end) {
    if (!w->open[end])
        return;
    w->open[end] = false;
    lose(w, end, "to a broker that has ended the link");
    if (!w->starts[1]) { /* it never came to be */
        w->hole = true;
        lose(w, 1, "to a broker that was not reached");
    }
    if (w->hole)
        return;
    int64_t now = w->world->now_ns, last = w->queue[!end].n ? w->last_ns[!end] : now;
    tell_at(w, !end, (last > now ? last : now) + delay(w, !end));
}

/* ---- arrival ---- */

/* Who dialled meets the broker's life of now. */
static void meet(sim_way_t *w) {
    w->starts[1] = w->ends[1]->starts;
    w->peers[1] = CAME_IN | ++roads_of(w)->serial;
    w->open[1] = true;
}

static void arrive(sim_way_t *w, unsigned to) {
    if (road_to(w, to)->cut)
        return; /* planned anew when it is mended */
    while (!w->hole && w->queue[to].head && w->queue[to].head->due_ns <= w->world->now_ns) {
        if (to == 1 && !w->starts[1] && w->ends[1]->up)
            meet(w);
        if (!lives_at(w, to)) { /* answered by a reset */
            w->hole = true;
            lose(w, to, "to a broker that is gone");
            tell_at(w, !to, w->world->now_ns + delay(w, !to));
            return;
        }
        sim_broker_arrived(w->ends[to], sim_queue_take(&w->queue[to]));
    }
    if (!w->hole)
        plan(w, to);
}

static void arrive_0(void *owner, uint64_t arg) {
    (void)arg;
    arrive(owner, 0);
}

static void arrive_1(void *owner, uint64_t arg) {
    (void)arg;
    arrive(owner, 1);
}

/* ---- dialling ---- */

static sim_way_t *way_of(const sim_broker_t *b, tr_peer_t peer, unsigned *ret_end) {
    for (sim_way_t *w = b->world->roads->ways; w; w = w->next)
        for (unsigned end = 0; end < 2; end++)
            if (w->ends[end] == b && w->starts[end] == b->starts && w->peers[end] == peer) {
                *ret_end = end;
                return w;
            }
    return NULL;
}

static sim_dial_t *dial_of(const sim_broker_t *b, const sim_way_t *w) {
    sim_dial_t *d = &b->world->roads->between[b->index][w->ends[1]->index].dial;
    return d->way == w ? d : NULL;
}

static void try_later(sim_broker_t *b, sim_dial_t *d, sim_dial_state_t state, int64_t ms, int64_t now_ms) {
    if (d->way)
        close_end(d->way, 0);
    d->way = NULL;
    d->state = state;
    d->next_ms = now_ms + ms + (int64_t)sim_below(&b->world->roads->prng, (uint64_t)(ms / 2 + 1));
}

static void dial_lost(sim_broker_t *b, sim_dial_t *d, tr_core_now_t now) {
    bool linked = d->state == SIM_DIAL_LINKED;
    tr_peer_t peer = d->way->peers[0];
    d->pause_ms = linked || !d->pause_ms        ? PAUSE_MS
                  : d->pause_ms * 2 < PAUSES_MS ? d->pause_ms * 2
                                                : PAUSES_MS;
    try_later(b, d, SIM_DIAL_WAITS, d->pause_ms, now.mono_ms);
    if (linked)
        tr_core_peer_lost(b->core, peer, now);
}

static void try_now(sim_broker_t *from, unsigned to, sim_dial_t *d, tr_core_now_t now) {
    sim_roads_t *r = from->world->roads;
    sim_way_t *w = sim_alloc(sizeof *w);
    *w = (sim_way_t){.next = r->ways,
        .world = r->world,
        .ends = {from, r->world->brokers[to]},
        .starts = {from->starts, 0},
        .peers = {DIALLED | ++r->serial, 0},
        .open = {true, false}};
    r->ways = w;
    d->way = w;
    d->state = SIM_DIAL_TRIES;
    d->next_ms = now.mono_ms + TRY_MS;
    sim_say(r->world, "%s dials %s: peer %llx", from->platform, w->ends[1]->platform,
        (unsigned long long)w->peers[0]);
    tr_core_dial(from->core, w->peers[0], now);
}

static void dial_tick(sim_broker_t *b, unsigned to, sim_dial_t *d, tr_core_now_t now) {
    bool due = now.mono_ms >= d->next_ms;
    if (!due || d->state == SIM_DIAL_LINKED)
        return;
    if (d->state == SIM_DIAL_TRIES)
        dial_lost(b, d, now);
    else if (d->state == SIM_DIAL_WAITS || !tr_core_is_linked(b->core, b->world->brokers[to]->platform))
        try_now(b, to, d, now);
}

void sim_road_tick(sim_broker_t *self, tr_core_now_t now) {
    for (unsigned i = 0; i < self->world->brokers_n; i++)
        if (self->world->plan.dials[self->index][i])
            dial_tick(self, i, &self->world->roads->between[self->index][i].dial, now);
}

void sim_road_dialled(sim_broker_t *from, const tr_core_out_t *out) {
    unsigned end;
    sim_way_t *w = way_of(from, out->peer, &end);
    sim_dial_t *d = w ? dial_of(from, w) : NULL;
    tr_core_now_t now = sim_broker_now(from);
    if (!d)
        return;
    sim_say(from->world, "%s is answered by %s: %s %s", from->platform, w->ends[1]->platform,
        out->number == TR_DIALLED_LINKED ? "linked" : "no link", out->text + strlen(out->text) + 1);
    switch ((tr_dialled_t)out->number) {
    case TR_DIALLED_LINKED:
        d->state = SIM_DIAL_LINKED;
        d->pause_ms = 0;
        break;
    case TR_DIALLED_TWICE: try_later(from, d, SIM_DIAL_TWICE, PAUSE_MS, now.mono_ms); break;
    case TR_DIALLED_LATER: dial_lost(from, d, now); break;
    case TR_DIALLED_REFUSED: try_later(from, d, SIM_DIAL_WAITS, REFUSED_MS, now.mono_ms); break;
    case TR_DIALLED_SELF: sim_fail(from->world, "%s finds itself behind another's address", from->platform);
    }
}

/* ---- a broker's side ---- */

bool sim_road_send(sim_broker_t *from, tr_peer_t peer, const void *bytes, size_t len) {
    unsigned end;
    sim_way_t *w = way_of(from, peer, &end);
    char what[320];
    if (!w || !w->open[end]) {
        sim_ledger_lost(from->world, bytes, len, "to a broker that is gone");
        return false;
    }
    sim_say(from->world, "%s > %s: %zu bytes %08x: %s", from->platform, w->ends[!end]->platform, len,
        (unsigned)sim_hash(bytes, len), sim_describe(bytes, len, what, sizeof what));
    if (w->hole)
        sim_ledger_lost(from->world, bytes, len, "onto a road that is broken");
    else
        put(w, !end, bytes, len);
    return true;
}

static void cut_in(void *owner, uint64_t arg) {
    (void)arg;
    sim_way_t *w = owner;
    if (lives_at(w, 1))
        sim_broker_broken(w->ends[1], w->peers[1]);
    close_end(w, 1);
}

/* The shell's socket closes; who came in is cut a little later, so that what was said before goes out. */
void sim_road_cut_off(sim_broker_t *from, tr_peer_t peer) {
    unsigned end;
    sim_way_t *w = way_of(from, peer, &end);
    sim_dial_t *d = w && end == 0 ? dial_of(from, w) : NULL;
    if (d)
        dial_lost(from, d, sim_broker_now(from));
    else if (w && end == 1 && !w->cutting)
        sim_at(from->world, from->world->now_ns + CUT_MS * SIM_MS, cut_in, w, 0);
    if (w && end == 1)
        w->cutting = true;
}

void sim_road_deliver(sim_broker_t *to, sim_frame_t *f, tr_core_now_t now) {
    sim_way_t *w = f->way;
    unsigned end = w->ends[1] == to;
    uint8_t key[32];
    char what[320];
    memset(key, (int)w->ends[!end]->index + 1, sizeof key);
    sim_say(to->world, "%s < %s: %zu bytes: %s", to->platform, w->ends[!end]->platform, f->len,
        sim_describe(f->bytes, f->len, what, sizeof what));
    if (end == 0 ? !dial_of(to, w) : w->cutting) /* its socket is closed */
        sim_ledger_lost(to->world, f->bytes, f->len, "to a broker that has ended the link");
    else
        tr_core_peer_bundle(to->core, w->peers[end], end == 0, key, f->bytes, f->len, now);
    free(f);
}

void sim_road_lost(sim_broker_t *self, tr_peer_t peer, tr_core_now_t now) {
    unsigned end;
    sim_way_t *w = way_of(self, peer, &end);
    sim_dial_t *d = w && end == 0 ? dial_of(self, w) : NULL;
    sim_say(self->world, "%s sees that peer %llx is gone", self->platform, (unsigned long long)peer);
    if (d)
        dial_lost(self, d, now);
    else
        tr_core_peer_lost(self->core, peer, now);
}

void sim_road_begin(sim_broker_t *self) {
    sim_roads_t *r = self->world->roads;
    for (unsigned i = 0; i < self->world->brokers_n; i++)
        r->between[self->index][i].dial = (sim_dial_t){0};
}

/* What it had written arrives; all of it, where it ended in good order. */
static void end_gone(sim_way_t *w, unsigned end, bool in_order, bool silent) {
    size_t on_way = w->queue[!end].n;
    if (silent)
        w->hole = true;
    if (!in_order && !silent) {
        sim_queue_t sent = w->queue[!end];
        w->queue[!end] = (sim_queue_t){0};
        for (size_t kept = sim_below(&roads_of(w)->prng, on_way + 1); kept; kept--)
            sim_queue_put(&w->queue[!end], sim_queue_take(&sent));
        sim_queue_lose(w->world, &sent, sent.n, "not written yet when the broker died");
    }
    if (!silent) {
        close_end(w, end);
        return;
    }
    w->open[end] = false;
    lose(w, 0, "on the road to, or from, a machine that is gone");
    lose(w, 1, "on the road to, or from, a machine that is gone");
}

void sim_road_gone(sim_broker_t *self, bool in_order, bool silent) {
    sim_roads_t *r = self->world->roads;
    for (sim_way_t *w = r ? r->ways : NULL; w; w = w->next)
        for (unsigned end = 0; end < 2; end++)
            if (w->ends[end] == self && w->starts[end] == self->starts && w->open[end])
                end_gone(w, end, in_order, silent);
}

/* ---- faults ---- */

/* What was held up goes on, and so does the news. */
static void let_go(sim_way_t *w, unsigned to) {
    if (w->telling[to] && w->open[to])
        sim_at(w->world, w->world->now_ns + delay(w, to), tell, w, to);
    if (!w->hole)
        plan(w, to);
}

void sim_road_cut(sim_roads_t *self, unsigned from, unsigned to, bool cut) {
    sim_road_t *r = &self->between[from][to];
    if (r->cut == cut)
        return;
    sim_say(self->world, "%s %s", self->world->brokers[to]->platform,
        cut ? "cannot be reached by another broker" : "is reached again");
    r->cut = cut;
    mark(self, from, to);
    for (sim_way_t *w = self->ways; w && !cut; w = w->next)
        for (unsigned end = 0; end < 2; end++)
            if (road_to(w, end) == r)
                let_go(w, end);
}

void sim_road_slow(sim_roads_t *self, unsigned from, unsigned to, int64_t ns) {
    sim_say(self->world, "the road from %s to %s takes up to %lld ms longer",
        self->world->brokers[from]->platform, self->world->brokers[to]->platform, (long long)(ns / SIM_MS));
    self->between[from][to].slow_ns = ns;
    mark(self, from, to);
}

void sim_road_break(sim_roads_t *self, unsigned one, unsigned other, bool tell_one, bool tell_other) {
    for (sim_way_t *w = self->ways; w; w = w->next) {
        unsigned end = w->ends[1]->index == one;
        if (w->ends[end]->index != one || w->ends[!end]->index != other || w->hole || !w->open[0] ||
            !w->open[1])
            continue;
        sim_say(self->world, "the link of %s and %s breaks%s%s", w->ends[end]->platform,
            w->ends[!end]->platform, tell_one ? ", the first is told" : "",
            tell_other ? ", the second is told" : "");
        w->hole = true;
        mark(self, one, other);
        if (tell_one)
            tell_at(w, end, self->world->now_ns + delay(w, end));
        if (tell_other)
            tell_at(w, !end, self->world->now_ns + delay(w, !end));
        return;
    }
}

void sim_roads_heal(sim_roads_t *self) {
    for (unsigned i = 0; i < self->world->brokers_n; i++)
        for (unsigned j = 0; j < self->world->brokers_n; j++) {
            sim_road_cut(self, i, j, false);
            if (self->between[i][j].slow_ns)
                sim_road_slow(self, i, j, 0);
        }
}

void sim_roads_lose_rest(sim_roads_t *self) {
    for (sim_way_t *w = self->ways; w; w = w->next)
        for (unsigned end = 0; end < 2 && w->hole; end++)
            lose(w, end, "on a road that broke");
}

bool sim_roads_carry(const sim_roads_t *self, bool (*what)(const sim_queue_t *queue)) {
    for (const sim_way_t *w = self->ways; w; w = w->next)
        for (unsigned end = 0; end < 2; end++)
            if (!w->hole && what(&w->queue[end]))
                return true;
    return false;
}
