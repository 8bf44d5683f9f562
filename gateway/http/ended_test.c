#include "gateway/http/ended.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char *id_of(unsigned number, unsigned char out[TR_WEB_SESSION_ID]) {
    memset(out, 0, TR_WEB_SESSION_ID);
    memcpy(out, &number, sizeof number);
    return out;
}

static void add(tr_web_ended_t *ended, unsigned number, int64_t until_ms, int64_t now_ms) {
    unsigned char id[TR_WEB_SESSION_ID];
    assert_int_equal(tr_web_ended_add(ended, id_of(number, id), until_ms, now_ms), 0);
}

static bool has(const tr_web_ended_t *ended, unsigned number) {
    unsigned char id[TR_WEB_SESSION_ID];
    return tr_web_ended_has(ended, id_of(number, id));
}

static void test_what_was_ended_is_known(void **state) {
    (void)state;
    tr_web_ended_t *ended = tr_web_ended_new(1);
    assert_false(has(ended, 1));
    add(ended, 1, 100, 0);
    add(ended, 1, 100, 0);
    assert_true(has(ended, 1));
    assert_false(has(ended, 2));
    assert_int_equal(tr_web_ended_count(ended), 1);
    tr_web_ended_destroy(&ended);
    tr_web_ended_destroy(&ended);
}

static void test_it_is_forgotten_when_no_copy_lives(void **state) {
    (void)state;
    tr_web_ended_t *ended = tr_web_ended_new(2);
    for (unsigned i = 0; i < 1000; i++)
        add(ended, i, 2000 + i, i);
    add(ended, 5000, 5000, 2500); /* those up to 500 are over */
    assert_false(has(ended, 500));
    assert_true(has(ended, 501));
    assert_true(has(ended, 5000));
    assert_true(tr_web_ended_count(ended) < 600);
    tr_web_ended_destroy(&ended);
}

static void test_it_is_bounded(void **state) {
    (void)state;
    tr_web_ended_t *ended = tr_web_ended_new(3);
    for (unsigned i = 0; i < TR_WEB_ENDED_MAX + 10; i++)
        add(ended, i, 1000, 0);
    assert_int_equal(tr_web_ended_count(ended), TR_WEB_ENDED_MAX);
    assert_false(has(ended, 9));
    assert_true(has(ended, 10));
    assert_true(has(ended, TR_WEB_ENDED_MAX + 9));
    tr_web_ended_destroy(&ended);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_ended_is_known),
        cmocka_unit_test(test_it_is_forgotten_when_no_copy_lives),
        cmocka_unit_test(test_it_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
