#include "lib/agent/protocol/actor_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void tr_note(actor_t *a, const char *what, const char *detail) {
    size_t at = strlen(a->log);
    if (at && at + 1 < sizeof a->log)
        a->log[at++] = ' ';
    snprintf(a->log + at, sizeof a->log - at, "%s%s", what, detail);
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    bool failed = tr_message_type(message) == TR_MESSAGE_FAILED;
    tr_note(state, failed ? "returned:" : "receive:", tr_performative_name(tr_message_performative(message)));
    return 0;
}

static const tr_behaviour_t actor = {
    .abi = TR_BEHAVIOUR_ABI, .name = "actor", .state_size = sizeof(actor_t), .receive = receive};

int tr_actor_on_request(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    actor_t *a = state;
    (void)self;
    tr_note(a, "", tr_performative_name(tr_message_performative(message)));
    a->open = c;
    switch (a->plan) {
    case PLAN_KEEP: return 0;
    case PLAN_AGREE: return tr_conversation_agree(c);
    case PLAN_INFORM: return tr_conversation_inform(c, "\xc3", 1);
    case PLAN_REFUSE: return tr_conversation_refuse(c, "unauthorised", "not for you");
    case PLAN_FAILURE: return tr_conversation_failure(c, "internal-error", "broken");
    case PLAN_CRASH: return -EIO;
    }
    return 0;
}

static int on_cancel(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    actor_t *a = state;
    (void)self;
    (void)message;
    tr_note(a, "", "cancel");
    if (a->tell_on_cancel)
        assert_int_equal(tr_conversation_inform(c, "\xc3", 1), 0);
    return a->cancel_code;
}

void tr_actor_on_end(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)self;
    (void)last;
    (void)arg;
    tr_note(state, "end:", tr_outcome_name(outcome));
    if (last && tr_message_type(last) == TR_MESSAGE_FAILED)
        tr_note(state, "reason:", tr_reason_name(tr_message_reason(last)));
    actor_t *a = state;
    if (a->open == c)
        a->open = NULL;
    assert_int_equal(tr_conversation_act(c, TR_INFORM, NULL, 0, NULL), -EPROTO); /* it still is there */
}

static void on_undelivered(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    (void)self;
    (void)c;
    (void)arg;
    tr_note(state, "undelivered:", tr_performative_name(tr_message_performative(message)));
}

void tr_actor_on_act(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    actor_t *a = state;
    (void)self;
    tr_note(a, "", arg ? arg : tr_performative_name(tr_message_performative(message)));
    if (a->cancel_on_inform)
        assert_int_equal(tr_conversation_cancel(c), 0);
}

void tr_actor_on_result(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    (void)self;
    (void)arg;
    assert_int_equal(tr_conversation_cancel(c), -EPROTO); /* too late */
    tr_note(state, "result:", tr_value_bool(tr_message_value(message), false) ? "true" : "?");
}

void tr_actor_on_cancel_failed(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    (void)self;
    (void)c;
    (void)message;
    (void)arg;
    tr_note(state, "", "cancel-failed");
}

#define PARTICIPANT(name)                                                                                    \
    {                                                                                                        \
        .protocol = (name), .on_request = tr_actor_on_request, .on_cancel = on_cancel,                       \
        .on_end = tr_actor_on_end, .on_undelivered = on_undelivered                                          \
    }
static const tr_participant_t answers_requests = PARTICIPANT("fipa-request");
static const tr_participant_t answers_queries = PARTICIPANT("fipa-query");
static const tr_participant_t answers_subscriptions = PARTICIPANT("fipa-subscribe");

tr_agent_t *tr_actor_new(tr_host_t *host, const char *name) {
    return tr_fixture_agent(host, name, &actor);
}

tr_agent_t *tr_actor_participant(tr_host_t *host, const char *name) {
    tr_agent_t *agent = tr_actor_new(host, name);
    assert_int_equal(tr_participate(agent, &answers_requests), 0);
    assert_int_equal(tr_participate(agent, &answers_queries), 0);
    assert_int_equal(tr_participate(agent, &answers_subscriptions), 0);
    return agent;
}

int tr_stage_set_up(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    s->host = tr_fixture_host();
    s->alice = tr_actor_new(s->host, "alice");
    s->bob = tr_actor_participant(s->host, "bob");
    s->a = tr_agent_state(s->alice);
    s->b = tr_agent_state(s->bob);
    *state = s;
    return 0;
}

/* Whatever a test did, no record keeps credit that nobody gives back. */
int tr_stage_tear_down(void **state) {
    stage_t *s = *state;
    assert_int_equal(tr_fixture_held(s->host), 0);
    tr_host_destroy(&s->host);
    free(s);
    return 0;
}

tr_conversation_t *tr_stage_start(stage_t *s, const char *protocol, const char *to) {
    tr_conversation_t *c;
    assert_int_equal(tr_conversation_start(s->alice,
                         &(tr_initiator_t){INITIATOR(protocol, to),
                             .performative = strcmp(protocol, "fipa-query") ? TR_ACT_NONE : TR_QUERY_IF},
                         &c, &s->error),
        0);
    return c;
}

void tr_stage_expect_closed(stage_t *s) {
    assert_int_equal(tr_conversation_count(s->alice), 0);
    assert_int_equal(tr_conversation_count(s->bob), 0);
    assert_int_equal(s->host->timers.count, 0);
}

tr_acl_t tr_stage_message(const char *const *receiver, tr_performative_t act, const char *id) {
    return (tr_acl_t){.performative = act,
        .sender = "alice@here",
        .receivers = {.items = receiver, .count = 1},
        .protocol = "fipa-request",
        .conversation_id = id,
        .reply_with = "r1"};
}
