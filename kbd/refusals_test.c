#include "kbd/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int setup(void **state) {
    tr_refusals_t *r = calloc(1, sizeof *r);
    tr_refusals_init(r, 1);
    *state = r;
    return 0;
}

static int teardown(void **state) {
    tr_refusals_finish(*state);
    free(*state);
    return 0;
}

static void it_is_left_alone_and_longer_each_time(void **state) {
    tr_refusals_t *r = *state;
    int64_t now_ms = 1000, after_ms;
    assert_int_equal(tr_refusals_until(r, "a", now_ms), 0);
    for (int64_t want = TR_REFUSALS_FIRST_MS; want < TR_REFUSALS_MOST_MS; want *= 2) {
        after_ms = tr_refusals_put(r, "a", now_ms);
        assert_int_equal(after_ms, want);
        assert_int_equal(tr_refusals_until(r, "a", now_ms), now_ms + want);
        assert_int_equal(tr_refusals_until(r, "a", now_ms + want - 1), now_ms + want);
        assert_int_equal(tr_refusals_until(r, "a", now_ms + want), 0);
        now_ms += want;
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(tr_refusals_put(r, "a", now_ms), TR_REFUSALS_MOST_MS);
    assert_int_equal(tr_refusals_until(r, "b", now_ms), 0);
    assert_int_equal(tr_refusals_count(r), 1);
}

static void what_was_taken_is_forgotten(void **state) {
    tr_refusals_t *r = *state;
    tr_refusals_drop(r, "a");
    tr_refusals_put(r, "a", 0);
    tr_refusals_put(r, "a", 0);
    tr_refusals_drop(r, "a");
    assert_int_equal(tr_refusals_until(r, "a", 0), 0);
    assert_int_equal(tr_refusals_put(r, "a", 0), TR_REFUSALS_FIRST_MS);
}

static void there_are_not_too_many(void **state) {
    tr_refusals_t *r = *state;
    char text[16];
    for (unsigned i = 0; i < TR_REFUSALS_MAX; i++) {
        snprintf(text, sizeof text, "%u", i);
        assert_int_equal(tr_refusals_put(r, text, 0), TR_REFUSALS_FIRST_MS);
    }
    assert_int_equal(tr_refusals_put(r, "more", 0), 0);
    assert_int_equal(tr_refusals_put(r, "0", 0), 2 * TR_REFUSALS_FIRST_MS); /* known ones are */
    assert_int_equal(tr_refusals_count(r), TR_REFUSALS_MAX);
    assert_int_equal(
        tr_refusals_put(r, "more", TR_REFUSALS_FIRST_MS), TR_REFUSALS_FIRST_MS); /* others are due */
    assert_int_equal(tr_refusals_count(r), TR_REFUSALS_MAX);
    assert_int_equal(tr_refusals_until(r, "more", TR_REFUSALS_FIRST_MS), 2 * TR_REFUSALS_FIRST_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_left_alone_and_longer_each_time, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_taken_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(there_are_not_too_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
