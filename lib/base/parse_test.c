#include "lib/base/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void bools(void **state) {
    (void)state;
    tr_error_t error;
    bool value = false;
    assert_int_equal(tr_parse_bool("YES", &value, &error), 0);
    assert_true(value);
    assert_int_equal(tr_parse_bool("off", &value, &error), 0);
    assert_false(value);
    assert_int_equal(tr_parse_bool("2", &value, &error), -EINVAL);
    assert_string_equal(error.text, "\"2\" is not a switch: expected true or false");
    assert_int_equal(tr_parse_bool("", &value, NULL), -EINVAL);
}

static void ints(void **state) {
    (void)state;
    tr_error_t error;
    int64_t value = 77;
    assert_int_equal(tr_parse_int("-5", -10, 10, &value, &error), 0);
    assert_int_equal(value, -5);
    assert_int_equal(tr_parse_int("9223372036854775807", INT64_MIN, INT64_MAX, &value, &error), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(tr_parse_int("9223372036854775808", INT64_MIN, INT64_MAX, &value, &error), -ERANGE);
    assert_int_equal(tr_parse_int("11", 1, 10, &value, &error), -ERANGE);
    assert_string_equal(error.text, "11 is out of range: expected 1 to 10");
    static const char *const bad[] = {"", "-", "+", "1x", " 1", "1 ", "0x10", "1.5", "--1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(tr_parse_int(bad[i], INT64_MIN, INT64_MAX, &value, &error), -EINVAL);
    assert_true(value == INT64_MAX);
}

static void sizes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
    } good[] = {{"0", 0}, {"512", 512}, {"64K", 65536}, {"64k", 65536}, {"16M", 16777216},
        {"16MiB", 16777216}, {"1GB", 1073741824}, {"2T", 2199023255552}, {"7b", 7}};
    tr_error_t error;
    size_t bytes = 1;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(tr_parse_size(good[i].text, &bytes, &error), 0);
        assert_int_equal(bytes, good[i].bytes);
    }
    static const char *const bad[] = {"", "K", "-1", "1.5M", "1 M", "1KK", "1X", "1MiBs"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(tr_parse_size(bad[i], &bytes, &error), -EINVAL);
    assert_int_equal(tr_parse_size("99999999T", &bytes, &error), -ERANGE);
    assert_int_equal(tr_parse_size("99999999999999999999", &bytes, &error), -ERANGE);
    assert_int_equal(bytes, 7);
}

static void durations(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"0", 0}, {"250ms", 250}, {"3s", 3000}, {"2m", 120000}, {"1.5s", 1500}, {"1m30s", 90000},
        {"1h", 3600000}, {"1d", 86400000}, {"1us", 1}, {"1500us", 2}, {"0.1s", 100}, {"0.3s", 300}, {"0s", 0},
        {"100000d", 8640000000000}};
    tr_error_t error;
    int64_t ms = -1;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(tr_parse_duration(good[i].text, &ms, &error), 0);
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = {
        "", "5", "s", "-1s", "1.s", ".5s", "1x", "1s5", "inf", "nan", "1e3s", "0x1s", "1 s"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(tr_parse_duration(bad[i], &ms, &error), -EINVAL);
    assert_non_null(strstr(error.text, "such as 250ms"));
    assert_int_equal(tr_parse_duration("100001d", &ms, &error), -ERANGE);
    assert_int_equal(tr_parse_duration("99999999999999999999999999999999999999999s", &ms, &error), -ERANGE);
    assert_int_equal(ms, 8640000000000);
}

static void words(void **state) {
    (void)state;
    static const char *const levels[] = {"debug", "info", "warn", NULL};
    tr_error_t error;
    int index = 9;
    assert_int_equal(tr_parse_word("warn", levels, &index, &error), 0);
    assert_int_equal(index, 2);
    assert_int_equal(tr_parse_word("wran", levels, &index, &error), -EINVAL);
    assert_string_equal(error.text, "\"wran\" is not one of debug, info, warn; did you mean warn?");
    assert_int_equal(tr_parse_word("", levels, &index, &error), -EINVAL);
    assert_int_equal(index, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bools),
        cmocka_unit_test(ints),
        cmocka_unit_test(sizes),
        cmocka_unit_test(durations),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
