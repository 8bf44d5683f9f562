/* The checker beyond the vectors of tests/conformance: who talks with whom, what is late, what is forgotten. */
#include "lib/agent/protocol/checker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct said {
    const char *from, *to, *id, *protocol;
    tr_performative_t act;
    int64_t at;
    uint64_t reply_by;
    const char *reply_with, *in_reply_to, *reply_to;
} said_t;

/* "" = it has none. */
static const char *or_else(const char *text, const char *otherwise) {
    return !text ? otherwise : text[0] ? text : NULL;
}

static tr_checked_t hear(tr_checker_t *checker, const said_t *s) {
    tr_checked_t is;
    tr_acl_t acl = {.performative = s->act,
        .sender = s->from,
        .receivers = {.items = &s->to, .count = 1},
        .reply_to = {.items = &s->reply_to, .count = s->reply_to ? 1 : 0},
        .protocol = or_else(s->protocol, "fipa-request"),
        .conversation_id = or_else(s->id, "c1"),
        .reply_with = s->reply_with,
        .in_reply_to = s->in_reply_to,
        .reply_by_ms = s->reply_by};
    assert_int_equal(tr_checker_take(checker, &acl, s->to, s->at, &is), 0);
    return is;
}

#define HEAR(...) hear(*state, &(said_t){__VA_ARGS__})

/* Judging alike says what taking will, and remembers nothing. */
static void judging_is_taking_without_remembering(void **state) {
    const char *to = "bob";
    tr_acl_t acl = {.performative = TR_REQUEST,
        .sender = "alice",
        .receivers = {.items = &to, .count = 1},
        .protocol = "fipa-request",
        .conversation_id = "c1"};
    for (int i = 0; i < 2; i++)
        assert_int_equal(tr_checker_judge(*state, &acl, to), TR_CHECK_LEGAL);
    assert_int_equal(tr_checker_count(*state), 0);
    acl.performative = TR_PROPOSE;
    assert_int_equal(tr_checker_judge(*state, &acl, to), TR_CHECK_NONE); /* it begins nothing */
    HEAR("alice", "bob", .act = TR_REQUEST);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tr_checker_judge(*state, &acl, to), TR_CHECK_ILLEGAL);
    assert_int_equal(HEAR("bob", "alice", .act = TR_INFORM).check, TR_CHECK_LEGAL);
    assert_int_equal(tr_checker_judge(*state, &acl, to), TR_CHECK_LATE);
    acl.performative = TR_REQUEST;
    assert_int_equal(tr_checker_judge(*state, &acl, to), TR_CHECK_LEGAL); /* the id again */
    acl.conversation_id = NULL;
    assert_int_equal(tr_checker_judge(*state, &acl, to), TR_CHECK_NONE);
}

/* Another provider begins again, so it may say what the one before had said already. */
static void judging_knows_services(void **state) {
    const char *to = "alice";
    tr_acl_t acl = {.performative = TR_AGREE,
        .sender = "bob",
        .receivers = {.items = &to, .count = 1},
        .protocol = "fipa-request",
        .conversation_id = "c1"};
    HEAR("alice", "svc:work", .act = TR_REQUEST);
    assert_int_equal(tr_checker_judge(*state, &acl, to), TR_CHECK_LEGAL);
    HEAR("bob", "alice", .act = TR_AGREE);
    assert_int_equal(tr_checker_judge(*state, &acl, to), TR_CHECK_ILLEGAL);
    acl.sender = "carol";
    assert_int_equal(tr_checker_judge(*state, &acl, to), TR_CHECK_LEGAL);
}

static int set_up(void **state) {
    return tr_checker_new("here", 4, (tr_checker_t **)state);
}

static int tear_down(void **state) {
    tr_checker_destroy((tr_checker_t **)state);
    tr_checker_destroy((tr_checker_t **)state);
    return 0;
}

static void a_name_without_a_platform_is_of_this_one(void **state) {
    HEAR("alice@here", "bob", .act = TR_REQUEST);
    tr_checked_t is = HEAR("bob@here", "alice", .act = TR_AGREE);
    assert_int_equal(is.check, TR_CHECK_LEGAL);
    assert_int_equal(is.from, TR_PARTICIPANT);
    assert_int_equal(is.messages, 2);
    assert_true(HEAR("bob@there", "alice@here", .act = TR_INFORM).unbegun);
    assert_int_equal(tr_checker_count(*state), 1);
}

static void many_share_an_id(void **state) {
    static const char *const names[] = {"bob@here", "carol@here", "dave@here"};
    for (size_t i = 0; i < 3; i++)
        HEAR("alice@here", names[i], .protocol = "fipa-contract-net", .act = TR_CFP);
    assert_int_equal(tr_checker_count(*state), 3);
    HEAR("carol@here", "alice@here", .protocol = "fipa-contract-net", .act = TR_PROPOSE);
    tr_checked_t is = HEAR("alice@here", "bob@here", .protocol = "", .act = TR_ACCEPT_PROPOSAL);
    assert_int_equal(is.check, TR_CHECK_ILLEGAL); /* it was carol who proposed */
    assert_string_equal(is.participant, "bob@here");
    assert_false(is.unbegun);
    assert_string_equal(is.detail, "accept-proposal is not for the initiator to send in state \"called\" of "
                                   "fipa-contract-net; allowed: cancel");
    is = HEAR("alice@here", "carol@here", .protocol = "", .act = TR_ACCEPT_PROPOSAL);
    assert_int_equal(is.check, TR_CHECK_LEGAL);
    assert_string_equal(is.state, "accepted");
}

static void an_illegal_act_may_be_answered_with_not_understood(void **state) {
    HEAR("alice@here", "bob@here", .act = TR_REQUEST);
    assert_int_equal(HEAR("alice@here", "bob@here", .act = TR_PROPOSE).check, TR_CHECK_ILLEGAL);
    tr_checked_t is = HEAR("bob@here", "alice@here", .act = TR_NOT_UNDERSTOOD);
    assert_int_equal(is.check, TR_CHECK_LEGAL);
    assert_int_equal(is.outcome, TR_OUTCOME_NOT_UNDERSTOOD);
    assert_int_equal(is.illegal, 1);
}

static void what_comes_after_the_end_or_the_deadline_is_late(void **state) {
    HEAR("alice@here", "bob@here", .act = TR_REQUEST, .at = 1000, .reply_by = 2000);
    tr_checked_t is = HEAR("bob@here", "alice@here", .act = TR_INFORM, .at = 2001);
    assert_int_equal(is.check, TR_CHECK_LATE);
    assert_int_equal(is.outcome, TR_OUTCOME_DONE);
    assert_string_equal(is.detail, "inform comes after its reply-by");
    is = HEAR("alice@here", "bob@here", .act = TR_CANCEL, .at = 2002);
    assert_int_equal(is.check, TR_CHECK_LATE);
    assert_int_equal(is.allowed, 0);
    is = HEAR("alice@here", "bob@here", .act = TR_REQUEST, .at = 3000); /* the id once more */
    assert_int_equal(is.check, TR_CHECK_LEGAL);
    assert_int_equal(is.began_ms, 3000);
    assert_int_equal(tr_checker_count(*state), 1);
}

static void silence_is_never_late_in_an_auction(void **state) {
    HEAR("alice@here", "bob@here", .protocol = "fipa-auction-dutch", .act = TR_INFORM, .reply_by = 10,
        .at = 1);
    HEAR("alice@here", "bob@here", .protocol = "fipa-auction-dutch", .act = TR_CFP, .reply_by = 10, .at = 2);
    assert_int_equal(
        HEAR("bob@here", "alice@here", .protocol = "fipa-auction-dutch", .act = TR_PROPOSE, .at = 20).check,
        TR_CHECK_LEGAL);
}

static void what_crosses_a_cancel_does_not_answer_it(void **state) {
    HEAR("alice@here", "bob@here", .act = TR_REQUEST, .reply_with = "r");
    HEAR("alice@here", "bob@here", .act = TR_CANCEL, .reply_with = "x");
    tr_checked_t is = HEAR("bob@here", "alice@here", .act = TR_AGREE, .in_reply_to = "r");
    assert_string_equal(is.state, "cancelling");
    is = HEAR("bob@here", "alice@here", .act = TR_FAILURE, .in_reply_to = "x");
    assert_string_equal(is.state, "agreed");
    is = HEAR("bob@here", "alice@here", .act = TR_INFORM, .in_reply_to = "r");
    assert_int_equal(is.outcome, TR_OUTCOME_DONE);
}

static void a_service_is_whoever_provides_it(void **state) {
    HEAR("alice@here", "svc:work", .act = TR_REQUEST);
    tr_checked_t is = HEAR("bob@here", "alice@here", .act = TR_AGREE);
    assert_int_equal(is.check, TR_CHECK_LEGAL);
    assert_string_equal(is.participant, "bob@here");
    is = HEAR("carol@here", "alice@here", .act = TR_AGREE); /* bob died */
    assert_int_equal(is.check, TR_CHECK_LEGAL);
    assert_string_equal(is.participant, "carol@here");
    assert_int_equal(HEAR("alice@here", "carol@here", .act = TR_CANCEL).check, TR_CHECK_LEGAL);
    assert_int_equal(HEAR("carol@here", "alice@here", .act = TR_INFORM).outcome, TR_OUTCOME_CANCELLED);
    assert_int_equal(tr_checker_count(*state), 1);
}

static void answers_may_go_elsewhere(void **state) {
    HEAR("alice@here", "bob@here", .act = TR_REQUEST, .reply_to = "carol@here");
    tr_checked_t is = HEAR("bob@here", "carol@here", .act = TR_INFORM);
    assert_int_equal(is.check, TR_CHECK_LEGAL);
    assert_string_equal(is.initiator, "alice@here");
    assert_int_equal(is.outcome, TR_OUTCOME_DONE);
}

static void many_may_answer_to_one_elsewhere(void **state) {
    HEAR("alice@here", "bob@here", .act = TR_REQUEST, .reply_to = "carol@here");
    HEAR("alice@here", "dave@here", .act = TR_REQUEST, .reply_to = "carol@here");
    tr_checked_t is = HEAR("dave@here", "carol@here", .act = TR_INFORM);
    assert_string_equal(is.participant, "dave@here");
    assert_int_equal(HEAR("bob@here", "carol@here", .act = TR_INFORM).check, TR_CHECK_LEGAL);
    assert_true(HEAR("erin@here", "carol@here", .act = TR_INFORM).unbegun); /* whom nobody asked */
}

static void a_service_may_answer_elsewhere(void **state) {
    HEAR("alice@here", "svc:work", .act = TR_REQUEST, .reply_to = "carol@here");
    tr_checked_t is = HEAR("bob@here", "carol@here", .act = TR_INFORM);
    assert_int_equal(is.check, TR_CHECK_LEGAL);
    assert_string_equal(is.participant, "bob@here");
}

static void an_agent_may_talk_with_itself(void **state) {
    HEAR("alice@here", "alice@here", .act = TR_REQUEST);
    assert_int_equal(HEAR("alice@here", "alice@here", .act = TR_AGREE).check, TR_CHECK_LEGAL);
    assert_int_equal(HEAR("alice@here", "alice@here", .act = TR_INFORM).outcome, TR_OUTCOME_DONE);
}

static void what_is_no_conversation_is_left_alone(void **state) {
    assert_int_equal(HEAR("a@here", "b@here", .id = "", .act = TR_INFORM).check, TR_CHECK_NONE);
    assert_int_equal(HEAR("a@here", "b@here", .protocol = "", .act = TR_INFORM).check, TR_CHECK_NONE);
    assert_int_equal(HEAR("a@here", "b@here", .protocol = "own", .act = TR_INFORM).check, TR_CHECK_NONE);
    assert_int_equal(HEAR("a@here", "b@here", .act = TR_NOT_UNDERSTOOD).check, TR_CHECK_NONE);
    assert_int_equal(tr_checker_count(*state), 0);
}

static void count(const tr_checked_t *c, void *arg) {
    char *out = arg;
    strcat(out, c->id);
}

static void the_oldest_are_forgotten(void **state) {
    static const char *const ids[] = {"1", "2", "3", "4"};
    char seen[16] = "";
    for (size_t i = 0; i < 4; i++)
        HEAR("alice@here", "bob@here", .id = ids[i], .act = TR_REQUEST);
    HEAR("bob@here", "alice@here", .id = "1", .act = TR_AGREE);
    HEAR(
        "alice@here", "bob@here", .id = "5", .act = TR_REQUEST); /* in place of 2, which was silent longest */
    tr_checker_each(*state, count, seen);
    assert_string_equal(seen, "5143");
    assert_true(HEAR("bob@here", "alice@here", .id = "2", .act = TR_AGREE).unbegun);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_name_without_a_platform_is_of_this_one),
        CASE(many_share_an_id),
        CASE(an_illegal_act_may_be_answered_with_not_understood),
        CASE(what_comes_after_the_end_or_the_deadline_is_late),
        CASE(silence_is_never_late_in_an_auction),
        CASE(what_crosses_a_cancel_does_not_answer_it),
        CASE(a_service_is_whoever_provides_it),
        CASE(answers_may_go_elsewhere),
        CASE(many_may_answer_to_one_elsewhere),
        CASE(a_service_may_answer_elsewhere),
        CASE(an_agent_may_talk_with_itself),
        CASE(what_is_no_conversation_is_left_alone),
        CASE(the_oldest_are_forgotten),
        CASE(judging_is_taking_without_remembering),
        CASE(judging_knows_services),
    };
    return cmocka_run_group_tests_name("checker", tests, NULL, NULL);
}
