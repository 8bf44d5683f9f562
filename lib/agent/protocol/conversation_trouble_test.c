/* Conversations in which something is wrong: illegal acts, deadlines, deaths, limits; and who else is
 * in the way. */
#include "lib/agent/protocol/actor_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void an_illegal_act_is_answered_with_what_is_allowed(void **state) {
    stage_t *s = *state;
    static const char *const bob = "bob@here";
    tr_acl_t acl = tr_stage_message(&bob, TR_REQUEST, "c1");
    tr_fixture_inject(s->host, &acl, 0);
    acl.performative = TR_CFP;
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->b->log, "request end:not-understood");
    const tr_acl_t *said = tr_fixture_last(s->host);
    assert_int_equal(said->performative, TR_NOT_UNDERSTOOD);
    assert_string_equal(said->conversation_id, "c1");
    assert_string_equal(said->in_reply_to, "r1");
    tr_content_t content;
    assert_int_equal(tr_content_init(&content, said->content, said->content_len), 0);
    assert_true(tr_value_equals(tr_value_get(&content.root, "reason"), "unexpected-act"));
    tr_value_t allowed = tr_value_get(&content.root, "allowed");
    assert_int_equal(tr_value_size(allowed), 1);
    assert_true(tr_value_equals(tr_value_at(allowed, 0), "cancel"));
    tr_content_finish(&content);
    assert_string_equal(s->a->log, "receive:not-understood"); /* alice began none by this id */
    tr_stage_expect_closed(s);
}

static void an_illegal_answer_ends_the_initiators_side(void **state) {
    stage_t *s = *state;
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "bob");
    static const char *const alice = "alice@here";
    tr_acl_t acl = tr_stage_message(&alice, TR_PROPOSE, tr_conversation_id(c));
    acl.sender = "bob@here";
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "end:not-understood");
    assert_string_equal(s->b->log, "request end:not-understood");
    assert_string_equal(
        tr_fixture_said(s->host), "alice>bob request, alice>bob not-understood"); /* and no answer to that */
    tr_stage_expect_closed(s);
}

static void others_have_no_say_in_a_conversation(void **state) {
    stage_t *s = *state;
    tr_actor_new(s->host, "mallory");
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "bob");
    static const char *const alice = "alice@here";
    tr_acl_t acl = tr_stage_message(&alice, TR_INFORM, tr_conversation_id(c));
    acl.sender = "mallory@here";
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "");
    assert_int_equal(tr_conversation_count(s->alice), 1);
}

static void a_deadline_ends_both_sides_and_late_answers_are_dropped(void **state) {
    stage_t *s = *state;
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "bob");
    char id[64];
    snprintf(id, sizeof id, "%s", tr_conversation_id(c));
    tr_fixture_run(s->host);
    assert_int_equal(s->host->timers.count, 2);
    tr_fixture_expire(s->host);
    assert_string_equal(s->a->log, "end:timed-out");
    assert_string_equal(s->b->log, "request end:timed-out");
    static const char *const alice = "alice@here";
    tr_acl_t acl = tr_stage_message(&alice, TR_INFORM, id);
    acl.sender = "bob@here";
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_run(s->host);
    assert_string_equal(tr_fixture_said(s->host), "alice>bob request, bob>alice failure");
    assert_string_equal(s->a->log, "end:timed-out");
    tr_stage_expect_closed(s);
}

static void a_request_that_comes_too_late_is_refused(void **state) {
    stage_t *s = *state;
    static const char *const bob = "bob@here";
    tr_acl_t acl = tr_stage_message(&bob, TR_REQUEST, "c1");
    acl.reply_by_ms = 1;
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->b->log, "");
    assert_string_equal(tr_fixture_said(s->host), "bob>alice refuse");
    tr_stage_expect_closed(s);
}

static void a_conversation_may_wait_for_ever(void **state) {
    stage_t *s = *state;
    tr_initiator_t i = {INITIATOR("fipa-request", "bob"), .timeout_ms = -1};
    assert_int_equal(tr_conversation_start(s->alice, &i, NULL, &s->error), 0);
    tr_fixture_run(s->host);
    assert_int_equal(s->host->timers.count, 0);
    assert_int_equal(tr_conversation_inform(s->b->open, "\xc3", 1), 0);
    tr_fixture_run(s->host);
    tr_stage_expect_closed(s);
}

static void a_message_that_comes_back_ends_the_conversation(void **state) {
    stage_t *s = *state;
    tr_stage_start(s, "fipa-request", "nobody");
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "end:failed reason:not-found");
    tr_stage_start(s, "fipa-request", "svc:nothing");
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "end:failed reason:not-found end:failed reason:no-provider");
    tr_stage_expect_closed(s);
}

static void a_participant_learns_that_nobody_listens(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_stage_start(s, "fipa-subscribe", "bob");
    tr_fixture_run(s->host);
    tr_fixture_nack(s->host, "alice", TR_REASON_BUSY);
    assert_int_equal(tr_conversation_inform(s->b->open, "\x01", 1), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->b->log, "subscribe undelivered:inform");
    tr_fixture_nack(s->host, "alice", TR_REASON_AGENT_GONE);
    assert_int_equal(tr_conversation_inform(s->b->open, "\x01", 1), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->b->log, "subscribe undelivered:inform end:failed reason:agent-gone");
    assert_int_equal(tr_conversation_count(s->bob), 0);
}

static void a_leased_request_is_settled_by_the_final_act(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    size_t n;
    tr_fixture_provider(s->host, "bob");
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "svc:work");
    assert_string_equal(tr_conversation_peer(c), "svc:work");
    tr_fixture_run(s->host);
    assert_string_equal(tr_conversation_peer(c), "bob@here");
    tr_fixture_settled(s->host, &n);
    assert_int_equal(n, 0);
    assert_int_equal(tr_fixture_held(s->host), 0); /* an open conversation holds no credit */
    assert_int_equal(tr_conversation_inform(s->b->open, "\xc3", 1), 0);
    const tr_settled_t *settled = tr_fixture_settled(s->host, &n);
    assert_int_equal(n, 1);
    assert_false(settled[0].release);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree result:true end:done");
    tr_stage_expect_closed(s);
}

static void a_subscription_holds_no_lease(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    size_t n;
    tr_fixture_provider(s->host, "bob");
    tr_stage_start(s, "fipa-subscribe", "svc:news");
    tr_fixture_run(s->host);
    const tr_settled_t *settled = tr_fixture_settled(s->host, &n);
    assert_int_equal(n, 1);
    assert_false(settled[0].release);
}

static void another_provider_begins_the_conversation_again(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_agent_t *carol = tr_actor_participant(s->host, "carol");
    ((actor_t *)tr_agent_state(carol))->plan = PLAN_AGREE;
    tr_fixture_provider(s->host, "bob");
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "svc:work");
    char id[64];
    snprintf(id, sizeof id, "%s", tr_conversation_id(c));
    tr_fixture_run(s->host);
    assert_int_equal(tr_host_remove(s->host, "bob"), 0);
    size_t n;
    const tr_settled_t *settled = tr_fixture_settled(s->host, &n);
    assert_int_equal(n, 1);
    assert_true(settled[0].release);
    static const char *const work = "svc:work";
    tr_fixture_provider(s->host, "carol");
    tr_acl_t again = tr_stage_message(&work, TR_REQUEST, id);
    tr_fixture_inject(s->host, &again, TR_FLAG_LEASED | TR_FLAG_REDELIVERED);
    tr_fixture_run(s->host);
    assert_string_equal(tr_conversation_peer(c), "carol@here");
    actor_t *state_of_carol = tr_agent_state(carol);
    assert_int_equal(tr_conversation_inform(state_of_carol->open, "\xc3", 1), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree agree result:true end:done");
    assert_int_equal(tr_conversation_count(s->alice), 0);
}

/* Under the same name, in another life: what it says can only be a first answer. */
static void the_same_provider_may_begin_the_conversation_again(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_fixture_provider(s->host, "bob");
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "svc:work");
    char id[64];
    snprintf(id, sizeof id, "%s", tr_conversation_id(c));
    tr_fixture_run(s->host);
    assert_int_equal(tr_host_remove(s->host, "bob"), 0);
    tr_actor_participant(s->host, "bob");
    s->b = tr_agent_state(tr_host_agent(s->host, "bob", 0));
    s->b->plan = PLAN_AGREE;
    static const char *const work = "svc:work";
    tr_acl_t again = tr_stage_message(&work, TR_REQUEST, id);
    tr_fixture_inject(s->host, &again, TR_FLAG_LEASED | TR_FLAG_REDELIVERED);
    tr_fixture_run(s->host);
    assert_int_equal(tr_conversation_inform(s->b->open, "\xc3", 1), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree agree result:true end:done");
    assert_int_equal(tr_conversation_count(s->alice), 0);
}

/* bob, who has forgotten it, is asked to cancel a subscription to a service; then the broker hands the same request to
 * `next`, who may be another life of bob. */
static tr_conversation_t *cancelled_then_asked_of(stage_t *s, const char *next) {
    s->b->plan = PLAN_AGREE;
    tr_fixture_provider(s->host, "bob");
    tr_conversation_t *c = tr_stage_start(s, "fipa-subscribe", "svc:news");
    char id[64];
    snprintf(id, sizeof id, "%s", tr_conversation_id(c));
    tr_fixture_run(s->host);
    tr_fixture_down(s->host, true);
    tr_conversations_forget(s->bob, "lost");
    tr_fixture_down(s->host, false);
    assert_int_equal(tr_conversation_cancel(c), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->b->log, "subscribe receive:cancel");
    assert_int_equal(tr_host_remove(s->host, "bob"), 0);
    s->bob = tr_actor_participant(s->host, next);
    s->b = tr_agent_state(s->bob);
    s->b->plan = PLAN_AGREE;
    static const char *const news = "svc:news";
    tr_fixture_provider(s->host, next);
    tr_acl_t again = tr_stage_message(&news, TR_SUBSCRIBE, id);
    again.protocol = "fipa-subscribe";
    tr_fixture_inject(s->host, &again, TR_FLAG_LEASED | TR_FLAG_REDELIVERED);
    tr_fixture_said(s->host);
    return c;
}

/* Nothing would ever end a subscription whose cancel is forgotten. */
static void another_provider_is_asked_to_cancel_too(void **state) {
    stage_t *s = *state;
    cancelled_then_asked_of(s, "carol");
    tr_fixture_run(s->host);
    assert_string_equal(
        tr_fixture_said(s->host), "carol>alice agree, alice>carol cancel, carol>alice inform");
    assert_string_equal(s->a->log, "agree agree end:cancelled");
    assert_string_equal(s->b->log, "subscribe cancel end:cancelled");
    tr_stage_expect_closed(s);
}

static void a_provider_that_came_back_is_asked_to_cancel_again(void **state) {
    stage_t *s = *state;
    cancelled_then_asked_of(s, "bob");
    tr_fixture_run(s->host);
    assert_string_equal(tr_fixture_said(s->host), "bob>alice agree, alice>bob cancel, bob>alice inform");
    assert_string_equal(s->a->log, "agree agree end:cancelled");
    assert_string_equal(s->b->log, "subscribe cancel end:cancelled");
    tr_stage_expect_closed(s);
}

static void a_cancel_that_cannot_be_sent_again_ends_in_its_time(void **state) {
    stage_t *s = *state;
    tr_conversation_t *c = cancelled_then_asked_of(s, "carol");
    assert_true(tr_fixture_deliver(s->host)); /* carol agrees */
    tr_fixture_down(s->host, true);
    assert_true(tr_fixture_deliver(s->host));
    tr_fixture_down(s->host, false);
    assert_string_equal(tr_conversation_state(c), "cancelling");
    assert_int_equal(s->host->timers.count, 1);
    tr_fixture_expire(s->host);
    assert_string_equal(s->a->log, "agree agree end:timed-out");
    assert_int_equal(tr_conversation_count(s->alice), 0);
}

/* It failed, and what it said then was lost: the subscription would never end. */
static void a_participant_that_knows_nothing_of_it_ends_a_cancelled_conversation(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_conversation_t *c = tr_stage_start(s, "fipa-subscribe", "bob");
    tr_fixture_run(s->host);
    tr_fixture_down(s->host, true);
    tr_conversations_forget(s->bob, "lost");
    tr_fixture_down(s->host, false);
    assert_int_equal(tr_participate(s->bob, &(tr_participant_t){.protocol = "fipa-subscribe",
                                                .on_request = tr_actor_on_request}),
        0);
    assert_int_equal(tr_conversation_cancel(c), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree end:cancelled");
    assert_int_equal(tr_conversation_count(s->alice), 0);
}

static void a_request_delivered_again_is_one_conversation(void **state) {
    stage_t *s = *state;
    static const char *const work = "svc:work";
    size_t n;
    tr_fixture_provider(s->host, "bob");
    tr_acl_t acl = tr_stage_message(&work, TR_REQUEST, "c1");
    tr_fixture_inject(s->host, &acl, TR_FLAG_LEASED);
    tr_fixture_inject(s->host, &acl, TR_FLAG_LEASED | TR_FLAG_REDELIVERED);
    tr_fixture_run(s->host);
    assert_string_equal(s->b->log, "request");
    tr_fixture_settled(s->host, &n);
    assert_int_equal(n, 0);
    assert_int_equal(tr_conversation_inform(s->b->open, "\xc3", 1), 0);
    const tr_settled_t *settled = tr_fixture_settled(s->host, &n);
    assert_int_equal(n, 1);
    assert_true(settled[0].number == 4); /* the newer lease: the fixture counts when sending and delivering */
    tr_fixture_run(s->host);
}

static void a_service_that_nobody_answered_for_is_not_asked_to_cancel(void **state) {
    stage_t *s = *state;
    tr_fixture_provider(s->host, "bob");
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "svc:work");
    assert_int_equal(tr_conversation_cancel(c), 0);
    assert_string_equal(s->a->log, "end:cancelled");
    s->b->plan = PLAN_INFORM;
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "end:cancelled");
    tr_stage_expect_closed(s);
}

/* bob withdraws with a request in hand, so that it goes to carol as well, and both take it. */
static void of_two_that_notify_one_is_followed(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_fixture_provider(s->host, "bob");
    tr_conversation_t *c = tr_stage_start(s, "fipa-subscribe", "svc:news");
    char id[64];
    snprintf(id, sizeof id, "%s", tr_conversation_id(c));
    tr_fixture_run(s->host);
    actor_t *carol = tr_agent_state(tr_actor_participant(s->host, "carol"));
    carol->plan = PLAN_AGREE;
    static const char *const news = "svc:news";
    tr_fixture_provider(s->host, "carol");
    tr_acl_t again = tr_stage_message(&news, TR_SUBSCRIBE, id);
    again.protocol = "fipa-subscribe";
    tr_fixture_inject(s->host, &again, TR_FLAG_LEASED | TR_FLAG_REDELIVERED);
    tr_fixture_run(s->host);
    assert_string_equal(tr_conversation_peer(c), "carol@here");
    tr_fixture_said(s->host);
    assert_int_equal(tr_conversation_act(s->b->open, TR_INFORM, "\x01", 1, NULL), 0);
    assert_int_equal(tr_conversation_act(carol->open, TR_INFORM, "\x02", 1, NULL), 0);
    tr_fixture_run(s->host);
    assert_string_equal(tr_conversation_peer(c), "carol@here");
    assert_string_equal(
        tr_fixture_said(s->host), "bob>alice inform, carol>alice inform, alice>bob cancel, bob>alice inform");
    assert_string_equal(s->b->log, "subscribe cancel end:cancelled");
    assert_string_equal(s->a->log, "agree agree inform");
    assert_int_equal(tr_conversation_cancel(c), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree agree inform end:cancelled");
    tr_stage_expect_closed(s);
}

/* The first provider comes when nobody wants it any more. */
static void who_answers_an_abandoned_subscription_is_told(void **state) {
    stage_t *s = *state;
    tr_fixture_provider(s->host, "bob");
    tr_conversation_t *c = tr_stage_start(s, "fipa-subscribe", "svc:news");
    assert_int_equal(tr_conversation_cancel(c), 0);
    assert_string_equal(s->a->log, "end:cancelled");
    s->b->plan = PLAN_AGREE;
    tr_fixture_said(s->host);
    tr_fixture_run(s->host);
    assert_string_equal(tr_fixture_said(s->host), "bob>alice agree, alice>bob cancel, bob>alice inform");
    assert_string_equal(s->a->log, "end:cancelled");
    assert_string_equal(s->b->log, "subscribe cancel end:cancelled");
    tr_stage_expect_closed(s);
}

static void who_never_answers_an_abandoned_subscription_is_forgotten(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_conversation_t *c = tr_stage_start(s, "fipa-subscribe", "svc:nobody");
    assert_int_equal(tr_conversation_cancel(c), 0);
    assert_int_equal(tr_conversation_count(s->alice), 1);
    tr_fixture_expire(s->host);
    assert_string_equal(s->a->log, "end:cancelled");
    tr_stage_expect_closed(s);
}

static void a_participant_that_crashes_tells_who_waits(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_stage_start(s, "fipa-request", "bob"); /* open when bob crashes with the next one */
    tr_fixture_run(s->host);
    s->b->plan = PLAN_CRASH;
    tr_stage_start(s, "fipa-request", "bob");
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree failure end:failed failure end:failed");
    assert_int_equal(tr_conversation_count(s->alice), 0);
    assert_int_equal(tr_conversation_count(s->bob), 0);
    assert_string_equal(s->b->log, ""); /* a new state */
}

static void a_leased_request_outlives_a_crash(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_CRASH;
    tr_fixture_provider(s->host, "bob");
    tr_stage_start(s, "fipa-request", "svc:work");
    tr_fixture_run(s->host);
    size_t n;
    const tr_settled_t *settled = tr_fixture_settled(s->host, &n);
    assert_int_equal(n, 1);
    assert_true(settled[0].release);
    assert_string_equal(s->a->log, ""); /* another provider will answer */
}

static void an_open_conversation_needs_an_end(void **state) {
    stage_t *s = *state;
    tr_agent_t *dan = tr_actor_new(s->host, "dan");
    static const tr_participant_t forgetful = {.protocol = "fipa-request", .on_request = tr_actor_on_request};
    assert_int_equal(tr_participate(dan, &forgetful), 0);
    tr_stage_start(s, "fipa-request", "dan");
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "failure end:failed");
    assert_int_equal(tr_conversation_count(dan), 0);
}

static void the_number_of_conversations_is_limited(void **state) {
    stage_t *s = *state;
    assert_int_equal(tr_conversation_limit(s->bob, 1), 0);
    tr_stage_start(s, "fipa-request", "bob");
    tr_stage_start(s, "fipa-request", "bob");
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "refuse end:refused");
    assert_int_equal(tr_conversation_limit(s->alice, 1), 0);
    tr_initiator_t i = {INITIATOR("fipa-request", "bob")};
    assert_int_equal(tr_conversation_start(s->alice, &i, NULL, &s->error), -ENOBUFS);
    assert_string_equal(s->error.text,
        "1 conversations are open, which is the limit: let some end, or raise it "
        "(tr_conversation_limit)");
}

static void an_agent_may_talk_with_itself(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_initiator_t i = {INITIATOR("fipa-request", "bob")};
    assert_int_equal(tr_conversation_start(s->bob, &i, NULL, &s->error), 0);
    tr_fixture_run(s->host);
    assert_int_equal(tr_conversation_count(s->bob), 2);
    assert_int_equal(tr_conversation_inform(s->b->open, "\xc3", 1), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->b->log, "request agree end:done result:true end:done");
    tr_stage_expect_closed(s);
}

static void strays_are_answered_or_left_to_the_behaviour(void **state) {
    stage_t *s = *state;
    static const char *const bob = "bob@here";
    tr_acl_t acl = tr_stage_message(&bob, TR_CANCEL, "gone");
    tr_fixture_inject(s->host, &acl, 0);
    acl.performative = TR_ACCEPT_PROPOSAL;
    tr_fixture_inject(s->host, &acl, 0);
    acl.performative = TR_INFORM;
    tr_fixture_inject(s->host, &acl, 0);
    acl = tr_stage_message(&bob, TR_REQUEST, NULL);
    tr_fixture_inject(s->host, &acl, 0);
    acl = tr_stage_message(&bob, TR_REQUEST, "other");
    acl.protocol = "my-protocol";
    tr_fixture_inject(s->host, &acl, 0);
    acl.protocol = NULL;
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->b->log, "receive:inform receive:request receive:request");
    assert_string_equal(
        tr_fixture_said(s->host), "bob>alice failure, bob>alice not-understood, bob>alice refuse");
    tr_stage_expect_closed(s);
}

static int on_special(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    (void)self;
    (void)message;
    tr_note(state, "", "special");
    return tr_conversation_inform(c, "\xc3", 1);
}

static void an_ontology_may_have_a_participant_of_its_own(void **state) {
    stage_t *s = *state;
    static const tr_participant_t special = {
        .protocol = "fipa-request", .ontology = "tea", .on_request = on_special};
    assert_int_equal(tr_participate(s->bob, &special), 0);
    s->b->plan = PLAN_INFORM;
    tr_initiator_t i = {INITIATOR("fipa-request", "bob"), .ontology = "tea"};
    assert_int_equal(tr_conversation_start(s->alice, &i, NULL, &s->error), 0);
    i.ontology = "coffee";
    assert_int_equal(tr_conversation_start(s->alice, &i, NULL, &s->error), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->b->log, "special request end:done");
    assert_string_equal(tr_fixture_last(s->host)->ontology, "coffee");
}

static void answers_go_where_reply_to_says(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_INFORM;
    static const char *const bob = "bob@here", *const to[] = {"x@here", "y@there"};
    tr_acl_t acl = tr_stage_message(&bob, TR_REQUEST, "c1");
    acl.reply_to = (tr_acl_list_t){.items = to, .count = 2};
    acl.hops = 9;
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_deliver(s->host);
    assert_string_equal(tr_fixture_said(s->host), "bob>x inform, bob>y inform");
    assert_int_equal(tr_fixture_last(s->host)->hops, 9);
}

/* Or two agents that answer each other would never end. */
static void an_answer_to_what_has_no_hops_left_has_none_either(void **state) {
    stage_t *s = *state;
    static const char *const bob = "bob@here";
    tr_acl_t acl = tr_stage_message(&bob, TR_REQUEST, "c1");
    acl.hops_spent = true;
    s->b->plan = PLAN_INFORM;
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_deliver(s->host);
    assert_string_equal(tr_fixture_said(s->host), "bob>alice inform");
    assert_true(tr_fixture_last(s->host)->hops_spent);
    acl = tr_stage_message(&bob, TR_CANCEL, "c2"); /* of nothing: answered by tr_reply */
    acl.hops_spent = true;
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_run(s->host);
    assert_string_equal(tr_fixture_said(s->host), "bob>alice failure");
    assert_true(tr_fixture_last(s->host)->hops_spent);
}

static void thousands_at_once_each_with_its_deadline(void **state) {
    stage_t *s = *state;
    enum { N = 5000 };
    tr_initiator_t i = {.protocol = "fipa-request", .receiver = "bob"};
    for (int k = 0; k < N; k++) {
        i.timeout_ms = 60000 + (k * 7919) % N;
        assert_int_equal(tr_conversation_start(s->alice, &i, NULL, &s->error), 0);
    }
    tr_fixture_run(s->host);
    assert_int_equal(tr_conversation_count(s->alice), N);
    assert_int_equal(tr_conversation_count(s->bob), N);
    assert_int_equal(s->host->timers.count, 2 * N);
    s->b->log[0] = 0;
    tr_fixture_expire(s->host);
    tr_fixture_run(s->host);
    tr_stage_expect_closed(s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, tr_stage_set_up, tr_stage_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(an_illegal_act_is_answered_with_what_is_allowed),
        CASE(an_illegal_answer_ends_the_initiators_side),
        CASE(others_have_no_say_in_a_conversation),
        CASE(a_deadline_ends_both_sides_and_late_answers_are_dropped),
        CASE(a_request_that_comes_too_late_is_refused),
        CASE(a_conversation_may_wait_for_ever),
        CASE(a_message_that_comes_back_ends_the_conversation),
        CASE(a_participant_learns_that_nobody_listens),
        CASE(a_leased_request_is_settled_by_the_final_act),
        CASE(a_subscription_holds_no_lease),
        CASE(another_provider_begins_the_conversation_again),
        CASE(the_same_provider_may_begin_the_conversation_again),
        CASE(another_provider_is_asked_to_cancel_too),
        CASE(a_provider_that_came_back_is_asked_to_cancel_again),
        CASE(a_cancel_that_cannot_be_sent_again_ends_in_its_time),
        CASE(a_participant_that_knows_nothing_of_it_ends_a_cancelled_conversation),
        CASE(a_request_delivered_again_is_one_conversation),
        CASE(a_service_that_nobody_answered_for_is_not_asked_to_cancel),
        CASE(of_two_that_notify_one_is_followed),
        CASE(who_answers_an_abandoned_subscription_is_told),
        CASE(who_never_answers_an_abandoned_subscription_is_forgotten),
        CASE(a_participant_that_crashes_tells_who_waits),
        CASE(a_leased_request_outlives_a_crash),
        CASE(an_open_conversation_needs_an_end),
        CASE(the_number_of_conversations_is_limited),
        CASE(an_agent_may_talk_with_itself),
        CASE(strays_are_answered_or_left_to_the_behaviour),
        CASE(an_ontology_may_have_a_participant_of_its_own),
        CASE(answers_go_where_reply_to_says),
        CASE(an_answer_to_what_has_no_hops_left_has_none_either),
        CASE(thousands_at_once_each_with_its_deadline),
    };
    return cmocka_run_group_tests_name("conversation_trouble", tests, NULL, NULL);
}
