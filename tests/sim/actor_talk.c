/* Conversations under FIPA's protocols, both roles. Each one that was begun must end, once, for its initiator:
 * with a result, a refusal, a failure, when its time is over, or cancelled. */
#include "tests/sim/actor.h"
#include "troupe/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_MAX 8

static sim_actor_t *of_state(void *state) {
    return *(sim_actor_t **)state;
}

/* What is decided later: to inform, or to cancel. */
static uint32_t number_of(const tr_conversation_t *c) {
    return sim_letter_of_id(tr_conversation_id(c));
}

static void on_end(tr_agent_t *agent, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    sim_actor_t *a = of_state(state);
    (void)agent;
    (void)last;
    (void)arg;
    if (a->proc->ghost)
        return;
    sim_letter_t *l = sim_letter(a->world->ledger, number_of(c));
    sim_say(a->world, "%s: conversation %u ends: %s", a->name, number_of(c), tr_outcome_name(outcome));
    if (l->life != a->life)
        sim_fail(a->world, "%s: the end of conversation %u, of a life before", a->name, number_of(c));
    char why[256] = "";
    if (last)
        tr_value_copy(tr_value_get(tr_message_value(last), "detail"), why, sizeof why);
    if (outcome == TR_OUTCOME_NONE || outcome == TR_OUTCOME_NOT_UNDERSTOOD)
        sim_fail(a->world, "%s: %s conversation %u was %s after %s of %s: %s", a->name,
            tr_conversation_protocol(c), number_of(c), tr_outcome_name(outcome),
            last ? tr_performative_name(tr_message_performative(last)) : "nothing",
            last ? tr_message_sender(last) : "", why);
    l->outcomes++;
    l->explained |= outcome != TR_OUTCOME_DONE; /* the library may have refused for the participant */
    tr_timer_t *timer = tr_conversation_arg(c);
    if (timer)
        tr_timer_cancel(&timer);
    a->conversations--;
}

/* A subscription goes on until it is cancelled; the others may be, too. */
static void cancel(tr_agent_t *agent, void *state, void *arg) {
    tr_conversation_t *c = arg;
    sim_actor_t *a = of_state(state);
    if (a->proc->ghost)
        return;
    tr_conversation_set_arg(c, NULL);
    int r = tr_conversation_cancel(c);
    if (r == -EAGAIN)
        tr_conversation_set_arg(c, tr_timer_start(agent, 50, cancel, c));
    else if (r < 0 && r != -EPROTO)
        sim_fail(a->world, "%s cannot cancel: %s", a->name, strerror(-r));
}

static void start(sim_actor_t *self, tr_initiator_t *how, bool subscription) {
    sim_ledger_t *ledger = self->world->ledger;
    bool service = sim_chance(&self->prng, 300) && !(subscription && self->world->plan.withdraws);
    unsigned n = self->world->plan.actors_n;
    unsigned to = (self->index + 1 + (unsigned)sim_below(&self->prng, n - 1)) % n;
    uint32_t number = sim_letter_new(ledger, SIM_TALK, self->index, self->life, service ? SIM_NOBODY : to);
    size_t size = sim_size(self);
    void *content = sim_content(self, number, &size);
    char receiver[16], id[24];
    tr_conversation_t *c;
    tr_error_t error = {0};
    snprintf(receiver, sizeof receiver, service ? "svc:s%u" : "a%u",
        service ? (unsigned)sim_below(&self->prng, SIM_SERVICES) : to);
    sim_letter_id(number, id);
    sim_letter(ledger, number)->leased = service;
    how->receiver = receiver;
    how->conversation_id = id;
    how->content = content;
    how->content_len = size;
    int r = tr_conversation_start(self->agent, how, &c, &error);
    free(content);
    if (r < 0 && r != -EAGAIN)
        sim_fail(self->world, "%s cannot begin a conversation: %s", self->name, error.text);
    sim_letter(ledger, number)->unsent = r < 0;
    if (r < 0)
        return;
    sim_say(self->world, "%s begins conversation %u with %s", self->name, number, receiver);
    self->conversations++;
    if (subscription || sim_chance(&self->prng, 100))
        tr_conversation_set_arg(c, tr_timer_start(self->agent, sim_between(&self->prng, 0, 2500), cancel, c));
}

void sim_talk(sim_actor_t *self) {
    static const struct {
        const char *protocol;
        tr_performative_t act;
    } kinds[] = {{"fipa-request", TR_REQUEST}, {"fipa-query", TR_QUERY_REF}, {"fipa-query", TR_QUERY_IF},
        {"fipa-subscribe", TR_SUBSCRIBE}};
    size_t kind = sim_below(&self->prng, sizeof kinds / sizeof *kinds);
    if (self->conversations >= OPEN_MAX)
        return;
    tr_initiator_t how = {
        .protocol = kinds[kind].protocol,
        .performative = kinds[kind].act,
        .timeout_ms = SIM_REQUEST_MS,
        .on_end = on_end,
    };
    start(self, &how, kinds[kind].act == TR_SUBSCRIBE);
}

/* The participant. */
static void inform_later(tr_agent_t *agent, void *state, void *arg);

static void again_later(tr_conversation_t *c, tr_agent_t *agent, int64_t ms) {
    tr_conversation_set_arg(c, tr_timer_start(agent, ms, inform_later, c));
}

static void on_asked_end(tr_agent_t *agent, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)agent;
    (void)state;
    (void)outcome;
    (void)last;
    (void)arg;
    tr_timer_t *timer = tr_conversation_arg(c);
    if (timer)
        tr_timer_cancel(&timer);
}

static bool is_subscription(const tr_conversation_t *c) {
    return !strcmp(tr_conversation_protocol(c), "fipa-subscribe");
}

static void inform_later(tr_agent_t *agent, void *state, void *arg) {
    tr_conversation_t *c = arg;
    sim_actor_t *a = of_state(state);
    if (a->proc->ghost)
        return;
    tr_conversation_set_arg(c, NULL);
    bool goes_on = is_subscription(c), asked = goes_on && !strcmp(tr_conversation_state(c), "asked");
    int r = asked ? tr_conversation_agree(c) : tr_conversation_inform(c, "", 0);
    if (r == -EAGAIN || (r == 0 && goes_on))
        again_later(c, agent, sim_between(&a->prng, 50, 900));
    else if (r < 0)
        sim_fail(a->world, "%s cannot inform: %s", a->name, strerror(-r));
}

static int on_request(tr_agent_t *agent, void *state, tr_conversation_t *c, const tr_message_t *message) {
    sim_actor_t *a = of_state(state);
    if (a->proc->ghost)
        return 0;
    size_t len;
    const void *content = tr_message_content(message, &len);
    uint32_t number = sim_letter_read(content, len);
    sim_say(a->world, "%s is asked in conversation %u", a->name, number);
    sim_letter_delivered(a->world->ledger, number, a->index, message);
    int r = 0;
    switch (sim_below(&a->prng, 6)) {
    case 0: r = tr_conversation_refuse(c, "no", "for once"); break;
    case 1:
        r = is_subscription(c) ? tr_conversation_refuse(c, "no", "for once")
                               : tr_conversation_failure(c, "broken", "for once");
        break;
    case 2: r = is_subscription(c) ? -EAGAIN : tr_conversation_inform(c, "", 0); break;
    default:
        r = tr_conversation_agree(c);
        if (r == 0)
            again_later(c, agent, sim_between(&a->prng, 0, 1500));
    }
    if (r == -EAGAIN) /* it may say nothing now: the result comes later */
        again_later(c, agent, sim_between(&a->prng, 10, 100));
    else if (r < 0)
        sim_fail(a->world, "%s cannot act: %s", a->name, strerror(-r));
    return 0;
}

void sim_participate(sim_actor_t *self) {
    static const tr_participant_t participants[] = {
        {.protocol = "fipa-request", .on_request = on_request, .on_end = on_asked_end},
        {.protocol = "fipa-query", .on_request = on_request, .on_end = on_asked_end},
        {.protocol = "fipa-subscribe", .on_request = on_request, .on_end = on_asked_end},
    };
    for (size_t i = 0; i < sizeof participants / sizeof *participants; i++)
        if (tr_participate(self->agent, &participants[i]) < 0)
            abort();
}
