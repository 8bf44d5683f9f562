/* Publications, and what a subscriber must hear of them: each topic's sequence without a hole, unless a GAP has
 * told of it or the connection was lost; nothing twice; and what one publisher says in its order. */
#include "lib/agent/host_private.h"
#include "tests/sim/actor.h"
#include "tests/sim/broker.h"
#include "tests/sim/durable.h"
#include "tests/sim/guarded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool sim_subscribes(const sim_actor_t *self, unsigned topic) {
    return self->plan->roles & SIM_ROLE_SUBSCRIBE && sim_may_subscribe(self) &&
           (self->plan->pattern == topic || self->plan->pattern == SIM_TOPICS);
}

/* Nobody hears his own publications, so whoever subscribes to a topic does not publish on it: what is missing
 * would have two reasons. */
bool sim_publishes(const sim_actor_t *self, unsigned topic) {
    return self->plan->roles & SIM_ROLE_PUBLISH && !sim_subscribes(self, topic);
}

void sim_subscribe(sim_actor_t *self) {
    char pattern[8];
    snprintf(
        pattern, sizeof pattern, self->plan->pattern == SIM_TOPICS ? "t.*" : "t.%u", self->plan->pattern);
    if (tr_subscribe(self->agent, pattern) < 0)
        abort();
}

uint32_t sim_publish(sim_actor_t *self, unsigned topic) {
    sim_ledger_t *ledger = self->world->ledger;
    uint32_t number = sim_letter_new(ledger, SIM_EVENT, self->index, self->life, SIM_NOBODY);
    size_t size = sim_size(self);
    void *content = sim_content(self, number, &size);
    char name[8];
    snprintf(name, sizeof name, "t.%u", topic);
    uint64_t record = sim_next_record(self);
    int r = tr_publish(self->agent, name, content, size);
    free(content);
    if (r < 0 && r != -EAGAIN)
        sim_fail(self->world, "%s cannot publish: %s", self->name, strerror(-r));
    sim_letter_t *l = sim_letter(ledger, number);
    l->unsent = r < 0;
    l->topic = (uint8_t)topic;
    l->forbidden = !sim_may_publish(self, topic);
    if (r == 0)
        sim_letter_sent(ledger, number, record);
    if (r == 0)
        sim_say(self->world, "%s publishes letter %u on %s", self->name, number, name);
    return r == 0 ? number : 0;
}

static void check_sequence(sim_actor_t *self, sim_heard_t *h, const tr_message_t *m, unsigned topic) {
    uint64_t sequence = tr_message_sequence(m);
    tr_route_t route = tr_message_record(m)->h.deadline_ms;
    unsigned start = sim_home(self->world, self->proc)->starts;
    bool same = h->route == route && h->start == start;
    if (same && sequence <= h->sequence)
        sim_fail(self->world, "%s heard %llu of t.%u after %llu", self->name, (unsigned long long)sequence,
            topic, (unsigned long long)h->sequence);
    /* what came while a connection was being replaced has epoch 0 */
    if (same && h->epoch == m->epoch && m->epoch &&
        !sim_guarded_was_held(self->world, self->index, h->at_ns)) {
        uint64_t hole = sequence - h->sequence - 1;
        if (hole > self->missed)
            sim_fail(self->world, "%s heard %llu of t.%u after %llu, and GAPs explain %llu only", self->name,
                (unsigned long long)sequence, topic, (unsigned long long)h->sequence,
                (unsigned long long)self->missed);
        self->missed -= hole;
    }
    *h = (sim_heard_t){.route = route,
        .sequence = sequence,
        .epoch = m->epoch,
        .at_ns = self->world->now_ns,
        .start = start};
}

void sim_receive_event(sim_actor_t *self, const tr_message_t *message) {
    size_t len;
    const void *content = tr_message_content(message, &len);
    uint32_t number = sim_letter_read(content, len);
    const char *name = tr_message_topic(message);
    unsigned topic = SIM_TOPICS;
    sscanf(name, "t.%u", &topic);
    sim_say(self->world, "%s hears letter %u: %s %llu", self->name, number, name,
        (unsigned long long)tr_message_sequence(message));
    sim_letter_t *l = sim_letter(self->world->ledger, number);
    if (l->kind != SIM_EVENT || l->topic != topic || !sim_subscribes(self, topic))
        sim_fail(
            self->world, "%s heard letter %u on the topic \"%s\", which is wrong", self->name, number, name);
    if (tr_message_durable(message)) {
        sim_durable_heard(self->world->ledger, number, self->index, message);
    } else {
        check_sequence(self, &self->heard[topic], message, topic);
        sim_letter_heard(self->world->ledger, number, self->index);
    }
    self->roll_heard[topic] |= l->roll_call;
}

void sim_receive_gap(sim_actor_t *self, const tr_message_t *message) {
    self->missed += tr_message_missed(message);
    sim_say(self->world, "%s missed %llu", self->name, (unsigned long long)tr_message_missed(message));
    if (!tr_message_missed(message) || !tr_message_topic(message)[0])
        sim_fail(self->world, "%s got a GAP that says nothing", self->name);
}
