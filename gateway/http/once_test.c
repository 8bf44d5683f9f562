#include "gateway/http/once.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char one[TR_ONCE_DIGEST] = {1}, two[TR_ONCE_DIGEST] = {2};

static int begin(void **state) {
    *state = tr_once_new();
    return *state ? 0 : -1;
}

static int end(void **state) {
    tr_once_destroy((tr_once_t **)state);
    tr_once_destroy((tr_once_t **)state);
    return 0;
}

static void test_the_first_answer_is_given_again(void **state) {
    tr_once_t *once = *state;
    tr_once_answer_t answer = {0};
    assert_int_equal(tr_once_begin(once, "ann", "k", one, 0, &answer), TR_ONCE_NEW);
    assert_int_equal(tr_once_begin(once, "ann", "k", one, 0, &answer), TR_ONCE_UNDER_WAY);
    tr_once_end(once, "ann", "k", &(tr_once_answer_t){201, "text/plain", "made", 4}, 0);
    tr_once_end(once, "ann", "k", &(tr_once_answer_t){500, "text/plain", "other", 5}, 0);
    tr_once_drop(once, "ann", "k"); /* it has ended */
    assert_int_equal(tr_once_begin(once, "ann", "k", one, 1, &answer), TR_ONCE_KNOWN);
    assert_int_equal(answer.status, 201);
    assert_int_equal(answer.len, 4);
    assert_memory_equal(answer.bytes, "made", 4);
    assert_int_equal(tr_once_begin(once, "ann", "k", two, 1, &answer), TR_ONCE_OTHER);
    assert_int_equal(tr_once_begin(once, "ben", "k", two, 1, &answer), TR_ONCE_NEW); /* his own */
}

static void test_what_was_dropped_is_new(void **state) {
    tr_once_t *once = *state;
    tr_once_answer_t answer;
    assert_int_equal(tr_once_begin(once, "ann", "k", one, 0, &answer), TR_ONCE_NEW);
    tr_once_drop(once, "ann", "k");
    tr_once_drop(once, "ann", "none");
    assert_int_equal(tr_once_begin(once, "ann", "k", two, 0, &answer), TR_ONCE_NEW);
}

static void test_an_hour_later_it_is_forgotten(void **state) {
    tr_once_t *once = *state;
    tr_once_answer_t answer;
    tr_once_begin(once, "ann", "waits", one, 0, &answer);
    tr_once_begin(once, "ann", "k", one, 0, &answer);
    tr_once_end(once, "ann", "k", &(tr_once_answer_t){200, NULL, NULL, 0}, 0);
    assert_int_equal(tr_once_begin(once, "ann", "k", one, TR_ONCE_KEEP_MS - 1, &answer), TR_ONCE_KNOWN);
    assert_int_equal(tr_once_begin(once, "ann", "k", one, TR_ONCE_KEEP_MS, &answer), TR_ONCE_NEW);
    assert_int_equal(tr_once_begin(once, "ann", "waits", one, TR_ONCE_KEEP_MS, &answer), TR_ONCE_UNDER_WAY);
}

static void test_it_is_bounded(void **state) {
    tr_once_t *once = *state;
    tr_once_answer_t answer;
    char key[16], *large = calloc(1, TR_ONCE_BYTES + 1);
    for (int i = 0; i < TR_ONCE_MAX; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(tr_once_begin(once, "ann", key, one, 0, &answer), TR_ONCE_NEW);
    }
    assert_int_equal(tr_once_begin(once, "ann", "more", one, 0, &answer), TR_ONCE_FULL);
    tr_once_end(once, "ann", "7", &(tr_once_answer_t){200, NULL, large, TR_ONCE_BYTES - 1}, 0);
    assert_int_equal(tr_once_begin(once, "ann", "more", one, 0, &answer), TR_ONCE_NEW); /* 7 has made room */
    tr_once_end(once, "ann", "8", &(tr_once_answer_t){200, NULL, large, TR_ONCE_BYTES}, 0);
    assert_int_equal(tr_once_begin(once, "ann", "8", one, 0, &answer), TR_ONCE_KNOWN);
    tr_once_drop(once, "ann", "10");
    tr_once_end(
        once, "ann", "9", &(tr_once_answer_t){200, NULL, large, 1}, 0); /* what 8 answered goes for it */
    assert_int_equal(tr_once_begin(once, "ann", "9", one, 0, &answer), TR_ONCE_KNOWN);
    assert_int_equal(answer.status, 200);
    assert_int_equal(tr_once_begin(once, "ann", "8", two, 0, &answer), TR_ONCE_OTHER);
    assert_int_equal(tr_once_begin(once, "ann", "8", one, 0, &answer), TR_ONCE_KNOWN);
    assert_int_equal(answer.status, 0);
    tr_once_end(once, "ann", "11", &(tr_once_answer_t){200, NULL, large, TR_ONCE_BYTES + 1}, 0); /* never */
    assert_int_equal(tr_once_begin(once, "ann", "11", one, 0, &answer), TR_ONCE_KNOWN);
    assert_int_equal(answer.status, 0);
    free(large);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_first_answer_is_given_again, begin, end),
        cmocka_unit_test_setup_teardown(test_what_was_dropped_is_new, begin, end),
        cmocka_unit_test_setup_teardown(test_an_hour_later_it_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(test_it_is_bounded, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
