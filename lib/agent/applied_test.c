#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/agent/applied.h"

static void add(tr_applied_t *a, uint64_t number) {
    assert_int_equal(tr_applied_add(a, number), 0);
}

static void numbers_in_order_are_one_run(void **state) {
    (void)state;
    tr_applied_t a = {0};
    for (uint64_t i = 1000; i < 5000; i++)
        add(&a, i);
    assert_int_equal(a.n, 1);
    assert_false(tr_applied_has(&a, 999));
    assert_true(tr_applied_has(&a, 1000) && tr_applied_has(&a, 4999));
    assert_false(tr_applied_has(&a, 5000));
    tr_applied_finish(&a);
}

static void a_gap_that_is_filled_joins_two_runs(void **state) {
    (void)state;
    tr_applied_t a = {0};
    add(&a, 7);
    add(&a, 9);
    assert_int_equal(a.n, 2);
    assert_false(tr_applied_has(&a, 8));
    add(&a, 8);
    add(&a, 8);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.runs[0].first, 7);
    assert_int_equal(a.runs[0].last, 9);
    tr_applied_finish(&a);
}

static void the_ends_of_the_numbers_touch_nothing(void **state) {
    (void)state;
    tr_applied_t a = {0};
    add(&a, UINT64_MAX);
    add(&a, 0);
    assert_int_equal(a.n, 2);
    assert_true(tr_applied_has(&a, 0) && tr_applied_has(&a, UINT64_MAX));
    tr_applied_finish(&a);
}

static void the_run_that_rested_longest_is_forgotten(void **state) {
    (void)state;
    tr_applied_t a = {0};
    for (uint64_t i = 0; i < TR_APPLIED_RUNS; i++)
        add(&a, i * 10);
    add(&a, 1); /* the first run is the newest now */
    add(&a, 100000);
    assert_int_equal(a.n, TR_APPLIED_RUNS);
    assert_true(tr_applied_has(&a, 0) && tr_applied_has(&a, 100000));
    assert_false(tr_applied_has(&a, 10));
    tr_applied_finish(&a);
}

static void a_run_that_is_none_is_refused(void **state) {
    (void)state;
    tr_applied_t a = {0};
    assert_int_equal(tr_applied_add_run(&a, (tr_applied_run_t){2, 1}), -22);
    assert_int_equal(a.n, 0);
    tr_applied_finish(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_in_order_are_one_run),
        cmocka_unit_test(a_gap_that_is_filled_joins_two_runs),
        cmocka_unit_test(the_ends_of_the_numbers_touch_nothing),
        cmocka_unit_test(the_run_that_rested_longest_is_forgotten),
        cmocka_unit_test(a_run_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
