#include "tools/verbs/choices.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static tr_strings_t strings(const char *const *items) {
    tr_strings_t s = {items, 0};
    while (items[s.count])
        s.count++;
    return s;
}

#define OF(...) strings((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void expect(tr_strings_t single, tr_strings_t lists, const char *expected) {
    json_t *choices = NULL;
    tr_error_t error = {0};
    if (tr_choices(&single, &lists, &choices, &error) < 0)
        fail_msg("%s", error.text);
    char *text = json_dumps(choices, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(choices);
}

static void refuse(tr_strings_t single, tr_strings_t lists, const char *why) {
    json_t *choices = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_choices(&single, &lists, &choices, &error), -EINVAL);
    assert_null(choices);
    if (!strstr(error.text, why))
        fail_msg("\"%s\" is not in \"%s\"", why, error.text);
}

static void test_lists_and_single_ones(void **state) {
    (void)state;
    expect(OF("a", "b"), OF(), "[\"a\",\"b\"]");
    expect(OF(), OF("a,b,c"), "[\"a\",\"b\",\"c\"]");
    expect(OF(), OF(" a , b c,\td "), "[\"a\",\"b c\",\"d\"]");
    expect(OF("tea, with milk", " x "), OF("b,c", "d"), "[\"tea, with milk\",\" x \",\"b\",\"c\",\"d\"]");
}

static void test_what_is_refused(void **state) {
    (void)state;
    refuse(OF(), OF(), "two options at least");
    refuse(OF("a"), OF(), "two options at least");
    refuse(OF(), OF("a"), "two options at least");
    refuse(OF(), OF(""), "--options : one of the options between the commas is empty");
    refuse(OF(), OF("a,,b"), "--options a,,b: one of the options between the commas is empty");
    refuse(OF(), OF(",a,b"), "is empty");
    refuse(OF(), OF("a,b, "), "is empty");
    refuse(OF("a", ""), OF(), "--option: an option is empty");
    refuse(OF(), OF("a,b,a"), "the option a is given twice");
    refuse(OF("a", "a"), OF(), "the option a is given twice");
    refuse(OF("b"), OF("a, b"), "the option b is given twice");
    refuse(OF("a", "\xff"), OF(), "is no text of UTF-8");
}

static void test_as_many_as_the_coordinator_takes(void **state) {
    (void)state;
    char list[8 * TR_CHOICES_MAX] = "0";
    for (int i = 1; i < TR_CHOICES_MAX; i++)
        snprintf(list + strlen(list), 8, ",%d", i);
    tr_strings_t none = OF(), one = OF("x"), lists = OF(list);
    json_t *choices = NULL;
    assert_int_equal(tr_choices(&none, &lists, &choices, NULL), 0);
    assert_int_equal(json_array_size(choices), TR_CHOICES_MAX);
    json_decref(choices);
    refuse(one, lists, "more than 64 options");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_and_single_ones),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_as_many_as_the_coordinator_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
