/* Conversations that go as they should, over a wire in memory (lib/agent/host_fixture.h): begun,
 * answered, cancelled. */
#include "lib/agent/protocol/actor_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_request_is_agreed_to_and_answered_later(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "bob");
    assert_string_equal(tr_conversation_peer(c), "bob@here");
    const tr_acl_t *asked = tr_fixture_last(s->host);
    assert_true(asked->reply_by_ms > (uint64_t)tr_clock_wall_ms());
    assert_string_equal(asked->protocol, "fipa-request");
    assert_string_equal(asked->conversation_id, tr_conversation_id(c));
    tr_fixture_run(s->host);
    assert_string_equal(tr_conversation_state(c), "agreed");
    assert_string_equal(tr_conversation_peer(s->b->open), "alice@here");
    assert_string_equal(tr_conversation_id(s->b->open), tr_conversation_id(c));
    char allowed[64];
    assert_string_equal(tr_conversation_allowed(s->b->open, allowed, sizeof allowed), "failure, inform");
    assert_int_equal(tr_conversation_inform(s->b->open, "\xc3", 1), 0);
    const tr_acl_t *answer = tr_fixture_last(s->host);
    assert_string_equal(answer->in_reply_to, tr_conversation_id(c));
    assert_string_equal(answer->conversation_id, tr_conversation_id(c));
    assert_string_equal(answer->protocol, "fipa-request");
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree result:true end:done");
    assert_string_equal(s->b->log, "request end:done");
    assert_string_equal(tr_fixture_said(s->host), "alice>bob request, bob>alice agree, bob>alice inform");
    tr_stage_expect_closed(s);
}

static void how_it_goes_is_no_act_of_the_protocol(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_KEEP;
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "bob");
    tr_fixture_run(s->host);
    const tr_field_t *half = TR_FIELDS(TR_FIELD_TEXT("text", "half"));
    assert_int_equal(tr_conversation_status(c, half), -EPROTO); /* the participant's alone */
    assert_int_equal(tr_conversation_status(s->b->open, half), 0);
    const tr_acl_t *told = tr_fixture_last(s->host);
    assert_string_equal(told->ontology, TR_STATUS_ONTOLOGY);
    tr_fixture_run(s->host);
    assert_string_equal(tr_conversation_state(c), "requested"); /* and so before the agree */
    assert_string_equal(s->a->log, "inform");
    assert_int_equal(tr_conversation_agree(s->b->open), 0);
    assert_int_equal(tr_conversation_status(s->b->open, half), 0);
    assert_int_equal(tr_conversation_inform(s->b->open, "\xc3", 1), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "inform agree inform result:true end:done");
    tr_stage_expect_closed(s);
}

static void answers_may_come_at_once(void **state) {
    stage_t *s = *state;
    static const struct {
        plan_t plan;
        const char *a, *b;
    } rows[] = {
        {PLAN_INFORM, "result:true end:done", "query-if end:done"},
        {PLAN_REFUSE, "refuse end:refused", "query-if end:refused"},
        {PLAN_FAILURE, "failure end:failed", "query-if end:failed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        s->a->log[0] = s->b->log[0] = 0;
        s->b->plan = rows[i].plan;
        tr_stage_start(s, "fipa-query", "bob@here");
        tr_fixture_run(s->host);
        assert_string_equal(s->a->log, rows[i].a);
        assert_string_equal(s->b->log, rows[i].b);
        tr_stage_expect_closed(s);
    }
}

static void a_wrong_start_says_what_is_wrong(void **state) {
    stage_t *s = *state;
    const struct {
        tr_initiator_t initiator;
        int code;
        const char *text;
    } rows[] = {
        {{.protocol = "fipa-dance", .receiver = "bob"}, -EINVAL,
            "\"fipa-dance\" is no protocol that is known here: fipa-request, fipa-query, fipa-request-when, "
            "fipa-request-whenever, fipa-propose, fipa-subscribe, fipa-contract-net, "
            "fipa-iterated-contract-net, "
            "fipa-auction-english, fipa-auction-dutch, fipa-brokering, fipa-recruiting"},
        {{.protocol = "fipa-query", .receiver = "bob"}, -EINVAL,
            "fipa-query begins with one of query-if, query-ref: say which"},
        {{.protocol = "fipa-query", .receiver = "bob", .performative = TR_REQUEST}, -EPROTO,
            "request is not for the initiator to send in state \"start\" of fipa-query; "
            "allowed: query-if, query-ref"},
        {{.protocol = "fipa-request", .receiver = "b b"}, -EINVAL,
            "\"b b\" is no receiver: name, name@platform or svc:NAME"},
        {{.protocol = "fipa-request"}, -EINVAL, "\"\" is no receiver: name, name@platform or svc:NAME"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(tr_conversation_start(s->alice, &rows[i].initiator, NULL, &s->error), rows[i].code);
        assert_string_equal(s->error.text, rows[i].text);
    }
    tr_conversation_t *c;
    assert_int_equal(tr_conversation_start(s->alice,
                         &(tr_initiator_t){.protocol = "fipa-request", .receiver = "bob"}, &c, &s->error),
        -EINVAL);
    char long_id[TR_CONVERSATION_TEXT + 2];
    memset(long_id, 'x', sizeof long_id);
    long_id[sizeof long_id - 1] = 0;
    tr_initiator_t i = {.protocol = "fipa-request", .receiver = "bob", .conversation_id = long_id};
    assert_int_equal(tr_conversation_start(s->alice, &i, NULL, &s->error), -EINVAL);
    i.conversation_id = "mine";
    assert_int_equal(tr_conversation_start(s->alice, &i, NULL, &s->error), 0);
    assert_int_equal(tr_conversation_start(s->alice, &i, NULL, &s->error), -EEXIST);
    assert_int_equal(tr_conversation_count(s->alice), 1);
    tr_participant_t says = {.protocol = "FIPA-Query", .on_request = tr_actor_on_request};
    assert_int_equal(tr_participate(s->bob, &says), -EEXIST);
    says.protocol = "fipa-dance";
    assert_int_equal(tr_participate(s->bob, &says), -EINVAL);
}

static void what_cannot_be_sent_changes_nothing(void **state) {
    stage_t *s = *state;
    tr_fixture_down(s->host, true);
    tr_initiator_t i = {INITIATOR("fipa-request", "bob")};
    assert_int_equal(tr_conversation_start(s->alice, &i, NULL, &s->error), -EAGAIN);
    assert_int_equal(tr_conversation_count(s->alice), 0);
    assert_int_equal(s->host->timers.count, 0);
    tr_fixture_down(s->host, false);
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "bob");
    tr_fixture_run(s->host);
    tr_fixture_down(s->host, true);
    assert_int_equal(tr_conversation_inform(s->b->open, "\xc3", 1), -EAGAIN);
    assert_int_equal(tr_conversation_cancel(c), -EAGAIN);
    assert_string_equal(tr_conversation_state(c), "requested");
    tr_fixture_down(s->host, false);
    assert_int_equal(tr_conversation_inform(s->b->open, "\xc3", 1), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "result:true end:done");
    tr_stage_expect_closed(s);
}

static void a_subscription_streams_until_it_is_cancelled(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_conversation_t *c = tr_stage_start(s, "fipa-subscribe", "bob");
    assert_int_equal(s->host->timers.count, 1);
    tr_fixture_run(s->host);
    assert_int_equal(s->host->timers.count, 0); /* it may last for ever */
    for (int i = 0; i < 3; i++)
        assert_int_equal(tr_conversation_inform(s->b->open, "\x01", 1), 0);
    tr_fixture_run(s->host);
    assert_int_equal(tr_conversation_cancel(c), 0);
    assert_int_equal(tr_conversation_cancel(c), -EPROTO);
    assert_int_equal(s->host->timers.count, 1);
    assert_int_equal(tr_conversation_inform(s->b->open, "\x01", 1), 0); /* crosses the cancel */
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree inform inform inform inform end:cancelled");
    assert_string_equal(s->b->log, "subscribe cancel end:cancelled");
    tr_stage_expect_closed(s);
}

static void a_cancelled_subscription_has_a_deadline_again(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    s->b->cancel_code = -EBUSY;
    tr_conversation_t *c;
    tr_initiator_t i = {INITIATOR("fipa-subscribe", "bob"), .timeout_ms = 5000};
    assert_int_equal(tr_conversation_start(s->alice, &i, &c, &s->error), 0);
    tr_fixture_run(s->host);
    assert_int_equal(tr_conversation_cancel(c), 0);
    assert_int_equal(s->host->timers.count, 1);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree cancel-failed");
    assert_int_equal(s->host->timers.count, 0);
    assert_int_equal(tr_conversation_cancel(c), 0);
    tr_fixture_expire(s->host); /* bob says nothing */
    assert_string_equal(s->a->log, "agree cancel-failed end:timed-out");
}

static void a_subscription_may_be_ended_by_its_participant(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_stage_start(s, "fipa-subscribe", "bob");
    tr_fixture_run(s->host);
    tr_error_t error;
    assert_int_equal(tr_conversation_act(s->b->open, TR_REFUSE, NULL, 0, &error), -EPROTO);
    assert_non_null(strstr(error.text, "refuse is not for the participant to send in state \"subscribed\" of "
                                       "fipa-subscribe; allowed: failure, inform"));
    assert_int_equal(tr_conversation_failure(s->b->open, "internal-error", "sold out"), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree failure end:failed");
    tr_stage_expect_closed(s);
}

static void a_cancel_may_fail_and_the_conversation_goes_on(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    s->b->cancel_code = -EBUSY;
    tr_conversation_t *c;
    tr_initiator_t i = {INITIATOR("fipa-request", "bob"), .timeout_ms = 3600000};
    assert_int_equal(tr_conversation_start(s->alice, &i, &c, &s->error), 0);
    int64_t due = c->deadline->due_ms;
    tr_fixture_run(s->host);
    assert_int_equal(tr_conversation_cancel(c), 0);
    assert_true(c->deadline->due_ms < due);
    assert_string_equal(tr_conversation_state(c), "cancelling");
    tr_fixture_run(s->host);
    assert_true(c->deadline->due_ms >= due && c->deadline->due_ms < due + 10000);
    assert_string_equal(tr_conversation_state(c), "agreed");
    assert_int_equal(tr_conversation_inform(s->b->open, "\xc3", 1), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree cancel-failed result:true end:done");
    assert_string_equal(s->b->log, "request cancel end:done");
    tr_stage_expect_closed(s);
}

static void a_result_that_crosses_the_cancel_counts(void **state) {
    stage_t *s = *state;
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "bob");
    tr_fixture_run(s->host);
    assert_int_equal(tr_conversation_inform(s->b->open, "\xc3", 1), 0);
    assert_int_equal(tr_conversation_cancel(c), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "result:true end:done"); /* and bob's answer to the cancel is dropped */
    assert_string_equal(
        tr_fixture_said(s->host), "alice>bob request, bob>alice inform, alice>bob cancel, bob>alice failure");
    tr_stage_expect_closed(s);
}

static void a_participant_may_answer_a_cancel_with_the_result(void **state) {
    stage_t *s = *state;
    s->b->tell_on_cancel = true;
    tr_conversation_t *c = tr_stage_start(s, "fipa-request", "bob");
    tr_fixture_run(s->host);
    assert_int_equal(tr_conversation_cancel(c), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "result:true end:done");
    assert_string_equal(s->b->log, "request cancel end:done");
    tr_stage_expect_closed(s);
}

static void a_subscription_may_begin_without_an_agree(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_INFORM;
    tr_conversation_t *c = tr_stage_start(s, "fipa-subscribe", "bob");
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "inform");
    assert_int_equal(s->host->timers.count, 0); /* it may last for ever from now on */
    assert_int_equal(tr_conversation_cancel(c), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "inform end:cancelled");
    tr_stage_expect_closed(s);
}

static void a_callback_may_cancel_its_conversation(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    s->a->cancel_on_inform = true; /* at the agree */
    tr_stage_start(s, "fipa-subscribe", "bob");
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "agree end:cancelled");
    tr_stage_expect_closed(s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, tr_stage_set_up, tr_stage_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_request_is_agreed_to_and_answered_later),
        CASE(how_it_goes_is_no_act_of_the_protocol),
        CASE(answers_may_come_at_once),
        CASE(a_wrong_start_says_what_is_wrong),
        CASE(what_cannot_be_sent_changes_nothing),
        CASE(a_subscription_streams_until_it_is_cancelled),
        CASE(a_cancelled_subscription_has_a_deadline_again),
        CASE(a_subscription_may_be_ended_by_its_participant),
        CASE(a_cancel_may_fail_and_the_conversation_goes_on),
        CASE(a_result_that_crosses_the_cancel_counts),
        CASE(a_participant_may_answer_a_cancel_with_the_result),
        CASE(a_subscription_may_begin_without_an_agree),
        CASE(a_callback_may_cancel_its_conversation),
    };
    return cmocka_run_group_tests_name("conversation", tests, NULL, NULL);
}
