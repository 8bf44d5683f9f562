#include "lib/fleet/restart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static tr_restart_decision_t decide(const tr_restart_t *rule, tr_restart_history_t *history, bool failed,
    int64_t started, int64_t now, uint32_t random) {
    tr_restart_decision_t d = {0};
    assert_int_equal(tr_restart_decide(rule, history, failed, started, now, random, &d), 0);
    return d;
}

static void test_policy_says_who_comes_back(void **state) {
    (void)state;
    static const struct {
        int when;
        bool failed;
        tr_restart_action_t action;
    } rows[] = {
        {TR_RESTART_ALWAYS, false, TR_RESTART_AGAIN},
        {TR_RESTART_ALWAYS, true, TR_RESTART_AGAIN},
        {TR_RESTART_ON_FAILURE, false, TR_RESTART_DONE},
        {TR_RESTART_ON_FAILURE, true, TR_RESTART_AGAIN},
        {TR_RESTART_NEVER, false, TR_RESTART_DONE},
        {TR_RESTART_NEVER, true, TR_RESTART_FAILED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_restart_t rule = tr_restart_default;
        rule.when = rows[i].when;
        tr_restart_history_t history = {0};
        assert_int_equal(decide(&rule, &history, rows[i].failed, 0, 100, 0).action, rows[i].action);
        tr_restart_finish(&history);
    }
}

static void test_waits_double_up_to_the_maximum(void **state) {
    (void)state;
    tr_restart_t rule = {TR_RESTART_ALWAYS, 100, 1000, 100, 1000000};
    tr_restart_history_t history = {0};
    static const int64_t waits[] = {100, 200, 400, 800, 1000, 1000};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        assert_int_equal(decide(&rule, &history, true, 0, 0, 0).due_ms, waits[i]);
    tr_restart_finish(&history);
}

static void test_jitter_stays_between_half_and_whole(void **state) {
    (void)state;
    tr_restart_t rule = {TR_RESTART_ALWAYS, 100, 100, 1000, 10};
    tr_restart_history_t history = {0};
    int64_t least = INT64_MAX, most = 0;
    for (uint32_t random = 0; random < 500; random++) {
        int64_t now = (int64_t)random * 1000;
        int64_t wait = decide(&rule, &history, true, now, now, random).due_ms - now;
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_int_equal(least, 50);
    assert_int_equal(most, 100);
    tr_restart_finish(&history);
}

static void test_a_long_run_begins_again_with_the_first_wait(void **state) {
    (void)state;
    tr_restart_t rule = {TR_RESTART_ALWAYS, 100, 10000, 5, 1000};
    tr_restart_history_t history = {0};
    assert_int_equal(decide(&rule, &history, true, 0, 0, 0).due_ms, 100);
    assert_int_equal(decide(&rule, &history, true, 100, 200, 0).due_ms, 400);
    assert_int_equal(decide(&rule, &history, true, 400, 1400, 0).due_ms, 1500);
    tr_restart_finish(&history);
}

static void test_too_many_restarts_in_the_period_fail(void **state) {
    (void)state;
    tr_restart_t rule = {TR_RESTART_ALWAYS, 1, 1, 3, 1000};
    tr_restart_history_t history = {0};
    for (int64_t now = 0; now < 300; now += 100)
        assert_int_equal(decide(&rule, &history, true, now, now, 0).action, TR_RESTART_AGAIN);
    tr_restart_decision_t d = decide(&rule, &history, true, 300, 300, 0);
    assert_int_equal(d.action, TR_RESTART_FAILED);
    assert_true(d.intense);
    /* The restart of time 0 is out of the period at 1000. */
    assert_int_equal(decide(&rule, &history, true, 300, 1000, 0).action, TR_RESTART_AGAIN);
    assert_int_equal(decide(&rule, &history, true, 1000, 1001, 0).action, TR_RESTART_FAILED);
    tr_restart_forget(&history);
    assert_int_equal(decide(&rule, &history, true, 1000, 1001, 0).action, TR_RESTART_AGAIN);
    tr_restart_finish(&history);
}

static void test_intensity_0_tolerates_none(void **state) {
    (void)state;
    tr_restart_t rule = {TR_RESTART_ALWAYS, 1, 1, 0, 1000};
    tr_restart_history_t history = {0};
    assert_int_equal(decide(&rule, &history, false, 0, 5000, 0).action, TR_RESTART_FAILED);
    tr_restart_finish(&history);
    tr_restart_finish(&history);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_says_who_comes_back),
        cmocka_unit_test(test_waits_double_up_to_the_maximum),
        cmocka_unit_test(test_jitter_stays_between_half_and_whole),
        cmocka_unit_test(test_a_long_run_begins_again_with_the_first_wait),
        cmocka_unit_test(test_too_many_restarts_in_the_period_fail),
        cmocka_unit_test(test_intensity_0_tolerates_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
