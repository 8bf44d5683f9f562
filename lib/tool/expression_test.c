#include "lib/tool/expression.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_value(const char *text, double expected) {
    double value = NAN;
    tr_error_t error = {0};
    if (tr_expression_value(text, strlen(text), &value, &error) < 0)
        fail_msg("%s: %s", text, error.text);
    if (fabs(value - expected) > 1e-12 * (1 + fabs(expected)))
        fail_msg("%s is not %.17g", text, value);
}

static void assert_wrong(const char *text, int code, const char *says) {
    double value = 7;
    tr_error_t error = {0};
    assert_int_equal(tr_expression_value(text, strlen(text), &value, &error), code);
    assert_non_null(strstr(error.text, says));
    assert_true(value == 7);
}

static void test_values(void **state) {
    (void)state;
    assert_value("1+2*3", 7);
    assert_value(" ( 1 + 2 ) * 3 ", 9);
    assert_value("2^3^2", 512);
    assert_value("-2^2", -4);
    assert_value("2^-1", 0.5);
    assert_value("7 % 4 - 10/4", 0.5);
    assert_value("--3", 3);
    assert_value(".5 + 1.", 1.5);
    assert_value("sqrt(16) + abs(-2) + round(2.6)", 9);
    assert_value("2*pi + ln(e)", 2 * M_PI + 1);
}

static void test_what_is_none(void **state) {
    char deep[TR_EXPRESSION_MAX + 2];
    (void)state;
    assert_wrong("", -EINVAL, "at character 1: expected a number");
    assert_wrong("1 +", -EINVAL, "expected a number");
    assert_wrong("(1", -EINVAL, "expected )");
    assert_wrong("1 2", -EINVAL, "at character 3: expected an operator");
    assert_wrong("system(1)", -EINVAL, "at character 1: expected a number, pi");
    assert_wrong("1/0", -ERANGE, "no such number");
    assert_wrong("sqrt(-1)", -ERANGE, "no such number");
    memset(deep, '(', sizeof deep);
    deep[TR_EXPRESSION_MAX] = '\0';
    assert_wrong(deep, -EINVAL, "too deeply");
    memset(deep, '-', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    assert_wrong(deep, -EMSGSIZE, "at most");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_what_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
