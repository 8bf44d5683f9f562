#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/traceparent.h"

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void what_is_written_is_read(void **state) {
    (void)state;
    tr_traceparent_t t, again;
    char text[TR_TRACEPARENT_SIZE], id[TR_TRACE_ID_SIZE], span[TR_SPAN_ID_SIZE];
    assert_true(tr_traceparent_parse(&t, GOOD));
    assert_true(t.trace[0] == 0x4bf92f3577b34da6 && t.trace[1] == 0xa3ce929d0e0e4736);
    assert_true(t.span == 0x00f067aa0ba902b7 && t.sampled);
    tr_traceparent_write(&t, text);
    assert_string_equal(text, GOOD);
    tr_trace_id_write(t.trace, id);
    assert_string_equal(id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_string_equal(tr_traceparent_id(GOOD, id), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_null(tr_traceparent_id("none", id));
    tr_span_id_write(t.span, span);
    assert_string_equal(span, "00f067aa0ba902b7");
    t.sampled = false;
    tr_traceparent_write(&t, text);
    assert_true(tr_traceparent_parse(&again, text));
    assert_true(again.trace[0] == t.trace[0] && again.trace[1] == t.trace[1] && again.span == t.span &&
                !again.sampled);
}

static void what_is_none_is_told(void **state) {
    (void)state;
    static const char *const bad[] = {NULL, "", "00", "00-0-0-0",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01", /* no trace */
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", /* no span */
        "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", /* upper case */
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", /* more than version 00 has */
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
    tr_traceparent_t t;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tr_traceparent_parse(&t, bad[i]));
}

/* Each byte at each place of the numbers, which are read several digits at a time. */
static void digits_are_those_of_lower_case_alone(void **state) {
    (void)state;
    for (size_t at = 3; at < 52; at++)
        for (int c = 1; c < 256 && at != 35; c++) {
            char text[] = GOOD;
            tr_traceparent_t t;
            text[at] = (char)c;
            bool right = strchr("0123456789abcdef", c);
            assert_int_equal(tr_traceparent_parse(&t, text), right);
            if (!right)
                continue;
            char back[TR_TRACEPARENT_SIZE];
            tr_traceparent_write(&t, back);
            assert_string_equal(back, text);
        }
}

static void a_later_version_is_read_as_far_as_this_one_goes(void **state) {
    (void)state;
    tr_traceparent_t t;
    assert_true(
        tr_traceparent_parse(&t, "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-ever"));
    assert_false(tr_traceparent_parse(&t, "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01what"));
    assert_true(t.sampled);
}

static void sampled_at_a_glance(void **state) {
    (void)state;
    assert_true(tr_traceparent_sampled(GOOD));
    assert_true(tr_traceparent_sampled("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0b"));
    assert_false(tr_traceparent_sampled("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02"));
    assert_false(tr_traceparent_sampled("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0-"));
    assert_false(tr_traceparent_sampled("01"));
    assert_false(tr_traceparent_sampled(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_none_is_told),
        cmocka_unit_test(digits_are_those_of_lower_case_alone),
        cmocka_unit_test(a_later_version_is_read_as_far_as_this_one_goes),
        cmocka_unit_test(sampled_at_a_glance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
