/* What an agent says of itself to the AMS: how it fares, whose answers it waits for, its conversations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/agent/protocol/actor_fixture.h"
#include "proto/content.h"

static void inject(stage_t *s, const char *sender, const char *to) {
    tr_acl_t acl = {.performative = TR_QUERY_REF,
        .sender = sender,
        .receivers = {.items = &to, .count = 1},
        .protocol = "fipa-query",
        .conversation_id = "why-1",
        .reply_with = "why-1"};
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_run(s->host);
}

/* The answer, to be finished. */
static tr_content_t ask(stage_t *s, const char *to) {
    tr_content_t c;
    inject(s, "ams@here", to);
    const tr_acl_t *answer = tr_fixture_last(s->host);
    assert_int_equal(answer->performative, TR_INFORM);
    assert_string_equal(answer->receivers.items[0], "ams@here");
    assert_string_equal(answer->in_reply_to, "why-1");
    assert_int_equal(tr_content_init(&c, answer->content, answer->content_len), 0);
    return c;
}

static bool is(tr_value_t map, const char *key, const char *text) {
    return tr_value_equals(tr_value_get(map, key), text);
}

static int64_t number(tr_value_t map, const char *key) {
    return tr_value_int(tr_value_get(map, key), -1);
}

static void an_idle_agent_waits_for_nothing(void **state) {
    stage_t *s = *state;
    tr_content_t c = ask(s, "bob");
    assert_true(is(&c.root, "status", "running"));
    assert_int_equal(number(&c.root, "failures"), 0);
    assert_int_equal(number(&c.root, "requests_total"), 0);
    assert_int_equal(number(&c.root, "conversations_total"), 0);
    assert_string_equal(s->b->log, "returned:inform"); /* the behaviour was not asked; there is no ams here */
    tr_content_finish(&c);
}

static void conversations_are_told_by_both_sides(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_stage_start(s, "fipa-request", "bob");
    tr_fixture_run(s->host);
    tr_content_t c = ask(s, "alice");
    tr_value_t first = tr_value_at(tr_value_get(&c.root, "conversations"), 0);
    assert_int_equal(number(&c.root, "conversations_total"), 1);
    assert_true(is(first, "protocol", "fipa-request") && is(first, "role", "initiator"));
    assert_true(is(first, "state", "agreed") && is(first, "peer", "bob@here"));
    assert_true(number(first, "until_ms") > tr_clock_wall_ms());
    tr_content_finish(&c);
    c = ask(s, "bob");
    first = tr_value_at(tr_value_get(&c.root, "conversations"), 0);
    assert_true(is(first, "role", "participant") && is(first, "peer", "alice@here"));
    tr_content_finish(&c);
}

static void on_answer(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    (void)self;
    (void)state;
    (void)answer;
    ++*(unsigned *)arg;
}

static void those_whose_answer_it_waits_for_are_told(void **state) {
    stage_t *s = *state;
    const char *to = "bob";
    unsigned answers = 0;
    s->b->plan = PLAN_KEEP;
    for (int i = 0; i < 20; i++) {
        tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {.items = &to, .count = 1}};
        assert_int_equal(tr_request(s->alice, &acl, 30000, on_answer, &answers), 0);
    }
    tr_content_t c = ask(s, "alice");
    tr_value_t list = tr_value_get(&c.root, "requests");
    assert_int_equal(number(&c.root, "requests_total"), 20);
    assert_int_equal(tr_value_size(list), 16);
    assert_true(
        is(tr_value_at(list, 0), "receiver", "bob") && is(tr_value_at(list, 0), "performative", "request"));
    tr_content_finish(&c);
    c = ask(s, "bob"); /* they are not bob's */
    assert_int_equal(number(&c.root, "requests_total"), 0);
    tr_content_finish(&c);
    tr_fixture_expire(s->host);
    assert_int_equal(answers, 20);
}

static void one_that_has_failed_says_so_while_it_pauses(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_CRASH;
    tr_stage_start(s, "fipa-request", "bob");
    tr_fixture_run(s->host);
    tr_content_t c = ask(s, "bob");
    assert_true(is(&c.root, "status", "backoff"));
    assert_int_equal(number(&c.root, "failures"), 1);
    assert_true(tr_value_is_str(tr_value_get(&c.root, "last_error")));
    assert_true(number(&c.root, "last_error_ms") > 0);
    tr_value_t errors = tr_value_get(&c.root, "errors");
    assert_int_equal(tr_value_size(errors), 1);
    assert_int_equal(number(tr_value_at(errors, 0), "at_ms"), number(&c.root, "last_error_ms"));
    tr_content_finish(&c);
    tr_fixture_expire(s->host);
}

/* Only the platform's own route makes the question. */
static void others_are_told_nothing(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_REFUSE;
    inject(s, "alice", "bob");
    assert_null(strstr(tr_fixture_said(s->host), "inform"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_idle_agent_waits_for_nothing, tr_stage_set_up, tr_stage_tear_down),
        cmocka_unit_test_setup_teardown(
            conversations_are_told_by_both_sides, tr_stage_set_up, tr_stage_tear_down),
        cmocka_unit_test_setup_teardown(
            those_whose_answer_it_waits_for_are_told, tr_stage_set_up, tr_stage_tear_down),
        cmocka_unit_test_setup_teardown(
            one_that_has_failed_says_so_while_it_pauses, tr_stage_set_up, tr_stage_tear_down),
        cmocka_unit_test_setup_teardown(others_are_told_nothing, tr_stage_set_up, tr_stage_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
