/* Durable messages: to other actors and to services, of all priorities; told stored or not, once; dealt with once, or come again. */
#include "lib/agent/host_private.h"
#include "lib/link/link_private.h"
#include "tests/sim/actor.h"
#include "tests/sim/durable.h"
#include "tests/sim/guarded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void on_stored(tr_agent_t *agent, void *state, const tr_message_t *failure, void *arg) {
    sim_actor_t *a = *(sim_actor_t **)state;
    uint32_t number = (uint32_t)(uintptr_t)arg;
    (void)agent;
    if (a->proc->ghost)
        return;
    if (sim_letter(a->world->ledger, number)->life != a->life)
        sim_fail(a->world, "%s: what became of letter %u, of a life before", a->name, number);
    sim_durable_told(a->world->ledger, number, failure);
}

/* What tr_send_durable may say when all is well: taken, or try again later. */
static uint32_t was_taken(sim_actor_t *self, uint32_t number, uint64_t id, int r) {
    sim_letter_t *l = sim_letter(self->world->ledger, number);
    if (r < 0 && r != -EAGAIN)
        sim_fail(self->world, "%s cannot send a durable message: %s", self->name, strerror(-r));
    l->unsent = r < 0;
    if (r < 0)
        return 0;
    sim_durable_sent(self->world->ledger, number, id);
    sim_say(self->world, "%s stores letter %u for %s, as %llu", self->name, number,
        sim_actor_name(self->world, l->to), (unsigned long long)id);
    return number;
}

uint32_t sim_store_letter(sim_actor_t *self, unsigned to, unsigned service, unsigned priority, size_t size) {
    char name[64];
    const char *receiver = name;
    uint32_t number = sim_letter_new(self->world->ledger, SIM_DURABLE, self->index, self->life, to);
    sim_letter_t *l = sim_letter(self->world->ledger, number);
    void *content = sim_content(self, number, &size);
    if (to == SIM_NOBODY)
        snprintf(name, sizeof name, "svc:s%u", service);
    else
        sim_actor_address(self, to, false, name);
    l->leased = true;
    l->forbidden = to == SIM_NOBODY && !sim_may_ask(self, service);
    l->lane = (uint8_t)(priority << 2 | (to == SIM_NOBODY ? 1 + service : 0));
    tr_acl_t acl = {
        .performative = TR_INFORM,
        .receivers = {.items = &receiver, .count = 1},
        .language = "sim",
        .priority = (uint8_t)priority,
        .content = content,
        .content_len = size,
    };
    uint64_t id = self->proc->host->link->next_durable;
    int r = tr_send_durable(self->agent, &acl, on_stored, (void *)(uintptr_t)number);
    free(content);
    return was_taken(self, number, id, r);
}

void sim_send_durable(sim_actor_t *self) {
    unsigned n = self->world->plan.receivers_n;
    bool service = sim_chance(&self->prng, 300);
    unsigned to = (self->index + 1 + (unsigned)sim_below(&self->prng, n - 1)) % n;
    unsigned priority =
        sim_chance(&self->prng, 700) ? 0 : (unsigned)sim_below(&self->prng, TR_PRIORITY_MAX + 1);
    sim_store_letter(self, service ? SIM_NOBODY : to, (unsigned)sim_below(&self->prng, SIM_SERVICES),
        priority, sim_size(self));
}

/* What comes back after it was stored: it is in the journal as a dead letter; also where its sender was put in quarantine since. */
void sim_receive_returned(sim_actor_t *self, const tr_message_t *message) {
    tr_reason_t why = tr_message_reason(message);
    sim_say(self->world, "%s: a durable message comes back: %s", self->name, tr_reason_name(why));
    bool far = why == TR_REASON_NOT_FOUND && self->world->brokers_n > 1; /* nobody came there for long */
    bool held =
        why == TR_REASON_QUARANTINED && sim_guarded_was_held(self->world, self->index, self->world->now_ns);
    if (why != TR_REASON_TRIES && why != TR_REASON_POISON && why != TR_REASON_EXPIRED &&
        why != TR_REASON_TOO_OLD && !far && !held && self->life)
        sim_fail(self->world, "%s: a durable message that nobody waits for comes back: %s", self->name,
            tr_reason_name(why));
}
