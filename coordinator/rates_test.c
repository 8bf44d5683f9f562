#include "coordinator/rates.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *const digest[] = {"digest"}, *const both[] = {"digest", "print"},
                         *const other[] = {"read"};

static void some_at_once_and_then_evenly(void **state) {
    tr_rates_t rates = {0};
    int64_t now = 1000000;
    (void)state;
    assert_int_equal(tr_rates_add(&rates, "digest=3/30s", NULL), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tr_rates_when(&rates, digest, 1, now), now);
        tr_rates_take(&rates, digest, 1, now);
    }
    assert_int_equal(tr_rates_when(&rates, digest, 1, now), now + 10000);
    assert_int_equal(tr_rates_when(&rates, other, 1, now), now);
    tr_rates_take(&rates, other, 1, now);
    now += 10000;
    assert_int_equal(tr_rates_when(&rates, digest, 1, now), now);
    tr_rates_take(&rates, digest, 1, now);
    assert_int_equal(tr_rates_when(&rates, digest, 1, now), now + 10000);
    now += 1000000; /* rest is not saved up beyond the burst */
    for (int i = 0; i < 3; i++)
        tr_rates_take(&rates, digest, 1, now);
    assert_int_equal(tr_rates_when(&rates, digest, 1, now), now + 10000);
}

static void the_strictest_of_all_skills(void **state) {
    tr_rates_t rates = {0};
    (void)state;
    assert_int_equal(tr_rates_add(&rates, "digest=1/1s", NULL), 0);
    assert_int_equal(tr_rates_add(&rates, "print=1/1m", NULL), 0);
    tr_rates_take(&rates, both, 2, 5000);
    assert_int_equal(tr_rates_when(&rates, digest, 1, 5000), 6000);
    assert_int_equal(tr_rates_when(&rates, both, 2, 5000), 65000);
}

static void several_keep_it_together(void **state) {
    tr_rates_t rates = {.sharers = 2};
    (void)state;
    assert_int_equal(tr_rates_add(&rates, "digest=1/1s", NULL), 0);
    tr_rates_take(&rates, digest, 1, 5000);
    assert_int_equal(tr_rates_when(&rates, digest, 1, 5000), 7000);
}

static void what_is_wrong_is_told(void **state) {
    static const char *const wrong[] = {"", "digest", "digest=", "digest=3", "=3/1s", "digest=0/1s",
        "digest=x/1s", "digest=3/", "digest=3/0s", "a b=3/1s"};
    tr_rates_t rates = {0};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tr_error_t error = {0};
        assert_int_equal(tr_rates_add(&rates, wrong[i], &error), -EINVAL);
        assert_non_null(strstr(error.text, "expected SERVICE=COUNT/TIME"));
    }
    for (size_t i = 0; i < TR_RATES_MAX; i++)
        assert_int_equal(tr_rates_add(&rates, "digest=1/1s", NULL), 0);
    assert_int_equal(tr_rates_add(&rates, "digest=1/1s", NULL), -ENOSPC);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_at_once_and_then_evenly),
        cmocka_unit_test(the_strictest_of_all_skills),
        cmocka_unit_test(several_keep_it_together),
        cmocka_unit_test(what_is_wrong_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
