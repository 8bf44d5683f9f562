/*
 * The last round. All faults are mended and all traffic is over, so everything must work: each actor gets a
 * message through to the next one, an answer from a service that somebody offers, and a publication to every
 * subscriber of a topic. What is refused for now (BUSY) is tried again; what is lost is a bug.
 */
#include "tests/sim/actor.h"
#include "tests/sim/guarded.h"
#include "tests/sim/quiet.h"

#define AGAIN_S 6

/* Somebody is there to hear, answer, be told. */
static bool offered(const sim_world_t *world, unsigned service) {
    for (unsigned i = 0; i < world->plan.actors_n; i++)
        if (world->plan.actors[i].roles & SIM_ROLE_PROVIDE && world->plan.actors[i].service == service)
            return true;
    return false;
}

static bool may_ask(const sim_actor_t *self, unsigned service) {
    return offered(self->world, service) && sim_may_ask(self, service);
}

static bool may_publish(const sim_actor_t *self, unsigned topic) {
    return sim_publishes(self, topic) && sim_may_publish(self, topic);
}

static bool heard_by_all(const sim_world_t *world, unsigned topic) {
    for (unsigned i = 0; i < world->plan.actors_n; i++)
        if (sim_subscribes(sim_actor(world, i), topic) && !sim_actor(world, i)->roll_heard[topic])
            return false;
    return true;
}

/* Not before the last attempt has come to nothing. */
static bool may_try(const sim_actor_t *self, const sim_roll_t *roll) {
    if (roll->done)
        return false;
    const sim_letter_t *l = roll->number ? sim_letter(self->world->ledger, roll->number) : NULL;
    return !l || l->refused || l->timed_out;
}

static void try_letter(
    sim_actor_t *self, sim_roll_t *roll, sim_kind_t kind, unsigned to, const char *receiver) {
    uint32_t number = may_try(self, roll) ? sim_send_letter(self, kind, to, receiver, SIM_CONTENT_MIN) : 0;
    if (!number)
        return;
    roll->number = number;
    sim_letter(self->world->ledger, number)->roll_call = true;
}

/* It may have waited for longer than messages are kept. */
static bool is_too_old(const sim_actor_t *self, const sim_roll_t *roll) {
    int64_t kept_ms = self->world->plan.core.queue_age_ms;
    const sim_letter_t *l = roll->number ? sim_letter(self->world->ledger, roll->number) : NULL;
    return !roll->done && l && kept_ms && self->world->now_ns - l->sent_ns > 2 * kept_ms * SIM_MS;
}

/* A durable message that was stored gets there; one that was not is tried again. */
static void try_durable(sim_actor_t *self, unsigned to) {
    sim_roll_t *roll = &self->roll_durable;
    uint32_t number = self->world->plan.core.journal && (may_try(self, roll) || is_too_old(self, roll))
                          ? sim_store_letter(self, to, 0, 0, SIM_CONTENT_MIN)
                          : 0;
    if (!number)
        return;
    roll->number = number;
    sim_letter(self->world->ledger, number)->roll_call = true;
}

/* Publications may be dropped by a full mailbox: again after a while. */
static void try_topic(sim_actor_t *self, unsigned topic) {
    sim_roll_t *roll = &self->roll_topics[topic];
    const sim_letter_t *last = roll->number ? sim_letter(self->world->ledger, roll->number) : NULL;
    if (!may_publish(self, topic) || heard_by_all(self->world, topic) ||
        (last && self->world->now_ns - last->sent_ns < AGAIN_S * SIM_SECOND))
        return;
    uint32_t number = sim_publish(self, topic);
    if (!number)
        return;
    roll->number = number;
    sim_letter(self->world->ledger, number)->roll_call = true;
}

void sim_roll_call(sim_actor_t *self) {
    char name[64];
    if (!sim_is_roll_call(self->world))
        return;
    unsigned next = (self->index + 1) % self->world->plan.receivers_n, service = self->index % SIM_SERVICES;
    sim_actor_address(self, next, false, name);
    try_letter(self, &self->roll_message, SIM_DIRECT, next, name);
    try_durable(self, next);
    snprintf(name, sizeof name, "svc:s%u", service);
    if (may_ask(self, service))
        try_letter(self, &self->roll_service, SIM_REQUEST, SIM_NOBODY, name);
    for (unsigned topic = 0; topic < SIM_TOPICS; topic++)
        try_topic(self, topic);
    if (sim_reads(self) && !self->stream.caught_up)
        sim_read_stream(self);
}

static bool published(const sim_world_t *world, unsigned topic) {
    for (unsigned i = 0; i < world->plan.actors_n; i++)
        if (may_publish(sim_actor(world, i), topic))
            return true;
    return false;
}

const char *sim_roll_call_missing(const sim_world_t *world, char *out, size_t size) {
    out[0] = 0;
    for (unsigned i = 0; i < world->plan.actors_n; i++) {
        const sim_actor_t *a = sim_actor(world, i);
        if (!a->roll_message.done)
            snprintf(out, size, "letter %u of %s to the next one", a->roll_message.number, a->name);
        if (world->plan.core.journal && !a->roll_durable.done)
            snprintf(out, size, "durable letter %u of %s to the next one", a->roll_durable.number, a->name);
        if (sim_reads(a) && !a->stream.caught_up)
            snprintf(out, size, "the stream's end to %s", a->name);
        if (!a->roll_service.done && may_ask(a, i % SIM_SERVICES))
            snprintf(out, size, "request %u of %s to s%u", a->roll_service.number, a->name, i % SIM_SERVICES);
        for (unsigned t = 0; t < SIM_TOPICS; t++)
            if (published(world, t) && sim_subscribes(a, t) && !a->roll_heard[t])
                snprintf(out, size, "a publication on t.%u to %s", t, a->name);
    }
    return out;
}
