#include "gateway/http/guess.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <sodium.h>

#include <cmocka.h>

#define MINUTE 60000

static tr_web_guesses_t *three_free(void) {
    tr_web_guesses_t *guesses = tr_web_guesses_new(3, MINUTE, 15 * MINUTE);
    assert_non_null(guesses);
    return guesses;
}

static void test_a_few_are_free_and_then_each_costs_twice_as_much(void **state) {
    (void)state;
    tr_web_guesses_t *g = three_free();
    static const int64_t waits[] = {0, 0, 0, 1000, 2000, 4000, 8000, 16000, 32000, MINUTE, MINUTE, MINUTE};
    int64_t now_ms = 1000000;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(tr_web_guesses_wait(g, "ann", now_ms), waits[i]);
        if (waits[i])
            assert_int_equal(tr_web_guesses_wait(g, "ann", now_ms + waits[i] - 1), 1);
        now_ms += waits[i];
        assert_int_equal(tr_web_guesses_wait(g, "ann", now_ms), 0);
        tr_web_guesses_count(g, "ann", now_ms);
    }
    assert_int_equal(tr_web_guesses_wait(g, "bob", now_ms), 0);
    tr_web_guesses_destroy(&g);
}

static void test_who_is_right_is_forgiven(void **state) {
    (void)state;
    tr_web_guesses_t *g = three_free();
    for (int i = 0; i < 4; i++)
        tr_web_guesses_count(g, "ann", 0);
    assert_int_equal(tr_web_guesses_wait(g, "ann", 0), 2000);
    tr_web_guesses_forgive(g, "ann", false);
    assert_int_equal(tr_web_guesses_wait(g, "ann", 0), 1000);
    tr_web_guesses_forgive(g, "ann", true);
    assert_int_equal(tr_web_guesses_wait(g, "ann", 0), 0);
    tr_web_guesses_forgive(g, "ann", false);
    tr_web_guesses_forgive(g, "nobody", true);
    assert_int_equal(tr_web_guesses_wait(g, "ann", 0), 0);
    tr_web_guesses_destroy(&g);
}

static void test_it_is_forgotten_bit_by_bit(void **state) {
    (void)state;
    tr_web_guesses_t *g = three_free();
    for (int i = 0; i < 5; i++)
        tr_web_guesses_count(g, "ann", 0);
    tr_web_guesses_count(g, "ann", 45 * MINUTE); /* three of five were forgotten */
    assert_int_equal(tr_web_guesses_wait(g, "ann", 45 * MINUTE), 1000);
    tr_web_guesses_count(g, "ann", 1000 * MINUTE);
    assert_int_equal(tr_web_guesses_wait(g, "ann", 1000 * MINUTE), 0);
    tr_web_guesses_destroy(&g);
}

/* More names than there are places: what is held against a busy one stays. */
static void test_many_names(void **state) {
    (void)state;
    tr_web_guesses_t *g = three_free();
    char name[32];
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "user-%d", i);
        tr_web_guesses_count(g, name, i);
        if (i % 100 == 0)
            tr_web_guesses_count(g, "ann", i);
    }
    assert_true(tr_web_guesses_wait(g, "ann", 100000) > 0);
    tr_web_guesses_destroy(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_few_are_free_and_then_each_costs_twice_as_much),
        cmocka_unit_test(test_who_is_right_is_forgiven),
        cmocka_unit_test(test_it_is_forgotten_bit_by_bit),
        cmocka_unit_test(test_many_names),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
