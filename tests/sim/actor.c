#include "tests/sim/actor.h"

#include "tests/sim/broker.h"
#include "tests/sim/durable.h"
#include "tests/sim/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct state {
    sim_actor_t *actor;
} state_t;

typedef void (*act_fn)(sim_actor_t *self);

static void publish_some(sim_actor_t *self) {
    unsigned topic = (unsigned)sim_below(&self->prng, SIM_TOPICS);
    if (sim_publishes(self, topic))
        sim_publish(self, topic);
}

static void offer(sim_actor_t *self) {
    char service[8];
    snprintf(service, sizeof service, "s%u", self->plan->service);
    int r = tr_provide(self->agent, service, self->plan->capacity);
    if (r < 0)
        sim_fail(self->world, "%s cannot offer its service: %s", self->name, strerror(-r));
    self->withdrawn = false;
}

/* Offers its service no more: what it has in hand, or is on its way to it, goes to another one. */
static void withdraw(sim_actor_t *self) {
    static const char *const df = "df";
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv(&w, "action", "deregister");
    if (tr_content_writer_take(&w, &bytes, &len) < 0)
        abort();
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&df, 1}, .content = bytes, .content_len = len};
    int r = tr_send(self->agent, &acl);
    tr_content_writer_finish(&w);
    self->withdrawn |= r == 0;
    if (r == 0)
        sim_say(self->world, "%s offers its service no more", self->name);
}

static void change_offer(sim_actor_t *self) {
    if (!self->world->plan.withdraws)
        return;
    if (!self->withdrawn && sim_chance(&self->prng, 100))
        withdraw(self);
    else if (self->withdrawn && sim_chance(&self->prng, 500))
        offer(self);
}

/* What a role does each time. */
static const struct {
    sim_role_t role;
    act_fn act;
} acts[] = {
    {SIM_ROLE_SEND, sim_send_direct},
    {SIM_ROLE_REQUEST, sim_send_request},
    {SIM_ROLE_PUBLISH, publish_some},
    {SIM_ROLE_CONVERSE, sim_talk},
    {SIM_ROLE_ECHO, sim_send_echo},
    {SIM_ROLE_STORE, sim_send_durable},
    {SIM_ROLE_READ, sim_read_stream},
    {SIM_ROLE_PROVIDE, change_offer},
    {SIM_ROLE_ORDER, sim_order},
};

sim_actor_t *sim_actor_new(sim_proc_t *proc, unsigned index, const sim_actor_plan_t *plan, sim_prng_t prng) {
    sim_actor_t *a = sim_alloc(sizeof *a);
    a->world = proc->world;
    a->proc = proc;
    a->index = index;
    a->plan = plan;
    a->prng = prng;
    a->stream.given = 1;
    snprintf(a->name, sizeof a->name, "a%u", index);
    return a;
}

void sim_actor_destroy(sim_actor_t **self) {
    free(*self);
    *self = NULL;
}

sim_actor_t *sim_actor(const sim_world_t *world, unsigned index) {
    const sim_proc_t *p = world->procs[world->plan.actors[index].proc];
    for (unsigned i = 0; i < p->actors_n; i++)
        if (p->actors[i]->index == index)
            return p->actors[i];
    return NULL;
}

const char *sim_actor_name(const sim_world_t *world, unsigned index) {
    return index == SIM_NOBODY ? "a service or topic" : sim_actor(world, index)->name;
}

sim_proc_t *sim_actor_proc(const sim_world_t *world, unsigned index) {
    return world->procs[world->plan.actors[index].proc];
}

bool sim_is_far(const sim_actor_t *self, unsigned other) {
    return sim_home(self->world, self->proc) != sim_home(self->world, sim_actor_proc(self->world, other));
}

void sim_actor_address(const sim_actor_t *self, unsigned to, bool whole, char out[64]) {
    const sim_broker_t *home = sim_home(self->world, sim_actor_proc(self->world, to));
    whole |= sim_is_far(self, to);
    snprintf(out, 64, "a%u%s%s", to, whole ? "@" : "", whole ? home->platform : "");
}

static sim_actor_t *of_agent(const tr_agent_t *agent) {
    char aid[TR_AID_MAX + 1];
    tr_agent_aid(agent, aid);
    const sim_proc_t *p = sim_current();
    for (unsigned i = 0; i < p->actors_n; i++)
        if (!strncmp(p->actors[i]->name, aid, strcspn(aid, "@")) &&
            strlen(p->actors[i]->name) == strcspn(aid, "@"))
            return p->actors[i];
    return NULL;
}

static int64_t next_ms(sim_actor_t *self) {
    return self->plan->every_ms / 2 + (int64_t)sim_below(&self->prng, (uint64_t)self->plan->every_ms);
}

static int begin(tr_agent_t *agent, void *state, tr_value_t args) {
    sim_actor_t *a = ((state_t *)state)->actor = of_agent(agent);
    (void)args;
    a->agent = agent;
    if (a->proc->ghost)
        return 0;
    a->life = sim_life_begin(a->world->ledger, a->index);
    a->conversations = 0;
    memset(a->heard, 0, sizeof a->heard);
    a->missed = 0;
    a->in_hand = 0;
    a->ordered = false;
    a->letter = 0;
    a->stream = (sim_reader_t){.given = a->stream.given, .caught_up = a->stream.caught_up};
    sim_say(a->world, "%s begins, life %u", a->name, a->life);
    int r = tr_agent_tick_every(agent, next_ms(a));
    if (r < 0)
        sim_fail(a->world, "%s cannot begin: %s", a->name, strerror(-r));
    if (a->plan->roles & SIM_ROLE_PROVIDE)
        offer(a);
    if (a->plan->roles & SIM_ROLE_SUBSCRIBE)
        sim_subscribe(a);
    sim_participate(a);
    return 0;
}

static void end(tr_agent_t *agent, void *state) {
    sim_actor_t *a = ((state_t *)state)->actor;
    (void)agent;
    sim_kept_drop(a);
    if (a->life)
        sim_life_end(a->world->ledger, a->life);
    a->life = 0;
}

static int trouble(sim_actor_t *a) {
    const sim_plan_t *p = &a->world->plan;
    if (a->world->now_ns >= p->phases.quiet_ns)
        return 0;
    if (sim_chance(&a->prng, p->busy_per_mille)) {
        int64_t ms = sim_between(&a->prng, 1, 4000);
        sim_say(a->world, "%s is busy for %lld ms", a->name, (long long)ms);
        sim_busy(a->proc, ms);
    }
    return sim_chance(&a->prng, p->fail_per_mille) ? -EIO : 0;
}

static int receive(tr_agent_t *agent, void *state, const tr_message_t *message) {
    sim_actor_t *a = ((state_t *)state)->actor;
    (void)agent;
    if (a->proc->ghost)
        return 0;
    switch (tr_message_type(message)) {
    case TR_MESSAGE_EVENT: sim_receive_event(a, message); break;
    case TR_MESSAGE_GAP: sim_receive_gap(a, message); break;
    case TR_MESSAGE_FAILED: sim_receive_failed(a, message); break;
    case TR_MESSAGE_DIRECT: {
        int r = sim_receive_direct(a, message);
        if (r < 0)
            return r;
    }
    }
    uint32_t in_hand = a->in_hand;
    a->in_hand = 0;
    int r = trouble(a);
    if (r < 0 && !a->proc->ghost)
        sim_say(a->world, "%s fails", a->name);
    if (in_hand && r == 0 && !a->proc->ghost)
        sim_durable_finished(a->world->ledger, in_hand);
    return r;
}

static void act(sim_actor_t *a) {
    unsigned n = 1 + (unsigned)sim_below(&a->prng, sim_chance(&a->prng, 60) ? a->world->plan.burst : 2);
    size_t which = sim_below(&a->prng, sizeof acts / sizeof *acts);
    for (unsigned i = 0; i < n && !a->proc->ghost; i++)
        if (a->plan->roles & acts[which].role)
            acts[which].act(a);
}

static void tick(tr_agent_t *agent, void *state) {
    sim_actor_t *a = ((state_t *)state)->actor;
    if (a->proc->ghost)
        return;
    if (a->world->now_ns < a->world->plan.phases.quiet_ns)
        act(a);
    else if (a->withdrawn)
        offer(a);
    else
        sim_roll_call(a);
    if (a->plan->roles & SIM_ROLE_ORDER && a->world->now_ns >= a->world->plan.phases.quiet_ns)
        sim_order_release(a);
    tr_agent_tick_every(agent, next_ms(a));
}

static const tr_behaviour_t behaviour = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "simulated",
    .state_size = sizeof(state_t),
    .init = begin,
    .receive = receive,
    .tick = tick,
    .fini = end,
};

int sim_actor_add(sim_actor_t *self, tr_host_t *host, tr_error_t *error) {
    return tr_host_add(host, self->name, &behaviour, NULL, NULL, error);
}

/* A link keeps to the protocol, so a broker has nothing to refuse it but what a lost session explains. */
void sim_actors_event(sim_proc_t *proc, tr_host_event_t event, const char *detail) {
    static const char *const expected[] = {"forged-sender", "shutdown", "not-found", "duplicate-name",
        "is registered already",
        "a credit for what was not sent"}; /* the last in a session that the link does not know yet */
    if (event == TR_HOST_DROPPED)
        sim_fail(proc->world, "%s dropped something: %s", proc->name, detail);
    if (event != TR_HOST_REFUSED)
        return;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (strstr(detail, expected[i]))
            return;
    if (strstr(detail, "subscribing to") && proc->world->plan.bans[proc->index].subscribe)
        return;
    sim_fail(proc->world, "%s was refused: %s", proc->name, detail);
}

void sim_actors_ended(sim_proc_t *proc) {
    if (!proc->ghost)
        sim_ledger_died(proc->world, proc);
    for (unsigned i = 0; i < proc->actors_n; i++)
        proc->actors[i]->agent = NULL;
}
