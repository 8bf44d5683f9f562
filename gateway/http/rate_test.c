#include "gateway/http/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_a_burst_and_then_the_rate(void **state) {
    (void)state;
    tr_web_rate_t *rate = tr_web_rate_new(10, 3, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tr_web_rate_take(rate, "ann", 0), 0);
    int64_t after = tr_web_rate_take(rate, "ann", 0);
    assert_in_range(after, 100, 101);
    assert_int_not_equal(tr_web_rate_take(rate, "ann", 50), 0);
    assert_int_equal(tr_web_rate_take(rate, "ann", after), 0);
    assert_int_not_equal(tr_web_rate_take(rate, "ann", after), 0);
    tr_web_rate_destroy(&rate);
}

static void test_each_name_has_its_own(void **state) {
    (void)state;
    tr_web_rate_t *rate = tr_web_rate_new(1, 1, 2);
    assert_int_equal(tr_web_rate_take(rate, "ann", 0), 0);
    assert_int_not_equal(tr_web_rate_take(rate, "ann", 0), 0);
    assert_int_equal(tr_web_rate_take(rate, "bob", 0), 0);
    tr_web_rate_destroy(&rate);
}

static void test_no_limit(void **state) {
    (void)state;
    tr_web_rate_t *rate = tr_web_rate_new(0, 0, 4);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(tr_web_rate_take(rate, "ann", 0), 0);
    tr_web_rate_destroy(&rate);
}

/* More names than there are buckets: whoever goes on stays bounded. */
static void test_many_names_take_no_busy_one_away(void **state) {
    (void)state;
    tr_web_rate_t *rate = tr_web_rate_new(1, 2, 5);
    char name[32];
    int taken = 0;
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "10.0.%d.%d", i / 256, i % 256);
        assert_int_equal(tr_web_rate_take(rate, name, i / 1000), 0);
        taken += tr_web_rate_take(rate, "ann", i / 1000) == 0;
    }
    assert_int_equal(taken, 2);
    tr_web_rate_destroy(&rate);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_and_then_the_rate),
        cmocka_unit_test(test_each_name_has_its_own),
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_many_names_take_no_busy_one_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
