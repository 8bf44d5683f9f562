#include "lib/llm/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MOST    3
#define FIRST   100
#define LONGEST 300

static void fail_once(tr_llm_breaker_t *b, int64_t now) {
    tr_llm_breaker_failure(b, now, MOST, FIRST, LONGEST);
}

static void test_failures_in_a_row_open_it(void **state) {
    tr_llm_breaker_t b = {0};
    (void)state;
    fail_once(&b, 0);
    fail_once(&b, 0);
    tr_llm_breaker_success(&b);
    fail_once(&b, 0);
    fail_once(&b, 0);
    assert_int_equal(tr_llm_breaker_ask(&b, 0), 0);
    fail_once(&b, 10);
    assert_int_equal(tr_llm_breaker_ask(&b, 10), FIRST);
    assert_int_equal(tr_llm_breaker_ask(&b, 109), 1);
}

static void test_one_passes_and_a_failure_doubles_it(void **state) {
    tr_llm_breaker_t b = {0};
    (void)state;
    for (int i = 0; i < MOST; i++)
        fail_once(&b, 0);
    fail_once(&b, 5); /* began before it was opened */
    assert_int_equal(tr_llm_breaker_ask(&b, 100), 0);
    assert_int_equal(tr_llm_breaker_ask(&b, 100), FIRST);
    fail_once(&b, 100);
    assert_int_equal(tr_llm_breaker_ask(&b, 100), 2 * FIRST);
    assert_int_equal(tr_llm_breaker_ask(&b, 300), 0);
    tr_llm_breaker_neither(&b);
    assert_int_equal(tr_llm_breaker_ask(&b, 300), 0); /* another */
    fail_once(&b, 300);
    assert_int_equal(tr_llm_breaker_ask(&b, 300), LONGEST);
    assert_int_equal(tr_llm_breaker_ask(&b, 600), 0);
    tr_llm_breaker_success(&b);
    assert_int_equal(tr_llm_breaker_ask(&b, 600), 0);
    assert_int_equal(tr_llm_breaker_ask(&b, 600), 0);
}

static void test_what_others_found_out_opens_it(void **state) {
    tr_llm_breaker_t b = {0};
    (void)state;
    tr_llm_breaker_open(&b, 1000, 50);
    assert_int_equal(tr_llm_breaker_ask(&b, 1000), 50);
    assert_int_equal(tr_llm_breaker_ask(&b, 1050), 0);
    assert_int_equal(tr_llm_breaker_ask(&b, 1050), 50);
    tr_llm_breaker_open(&b, 1050, 20); /* it asked, and another has the probe */
    assert_int_equal(tr_llm_breaker_ask(&b, 1060), 10);
    assert_int_equal(tr_llm_breaker_ask(&b, 1070), 0);
    tr_llm_breaker_success(&b);
    assert_int_equal(tr_llm_breaker_ask(&b, 1070), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures_in_a_row_open_it),
        cmocka_unit_test(test_one_passes_and_a_failure_doubles_it),
        cmocka_unit_test(test_what_others_found_out_opens_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
