/* One of each agent after the other; both ends are ends. */
#include "kbd/turns.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka needs the headers above */
#include <cmocka.h>

static void *item(size_t n) {
    return (void *)(uintptr_t)n;
}

static void one_after_the_other(void **state) {
    (void)state;
    tr_turns_t turns;
    tr_turns_init(&turns);
    for (size_t i = 1; i <= 100; i++)
        assert_int_equal(tr_turns_push(&turns, "greedy@p", item(i)), 0);
    assert_int_equal(tr_turns_push(&turns, "a@p", item(1001)), 0);
    assert_int_equal(tr_turns_push(&turns, "b@p", item(2001)), 0);
    assert_int_equal(tr_turns_push(&turns, "b@p", item(2002)), 0);
    static const size_t expected[] = {1, 1001, 2001, 2, 2002, 3, 4};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_ptr_equal(tr_turns_pop(&turns), item(expected[i]));
    for (size_t i = 5; i <= 100; i++)
        assert_ptr_equal(tr_turns_pop(&turns), item(i));
    assert_null(tr_turns_pop(&turns));
    assert_int_equal(turns.agents.count, 0);
    tr_turns_finish(&turns);
}

/* A queue that never empties, through many times its length. */
static void always_waiting(void **state) {
    (void)state;
    tr_turns_t turns;
    tr_turns_init(&turns);
    size_t in = 0, out = 0;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(tr_turns_push(&turns, "a@p", item(++in)), 0);
    for (size_t i = 0; i < 5000; i++) {
        assert_ptr_equal(tr_turns_pop(&turns), item(++out));
        assert_int_equal(tr_turns_push(&turns, "a@p", item(++in)), 0);
    }
    while (out < in)
        assert_ptr_equal(tr_turns_pop(&turns), item(++out));
    tr_turns_finish(&turns);
}

static void full(void **state) {
    (void)state;
    tr_turns_t turns;
    char name[16];
    size_t pushed = 0, agents = 0;
    tr_turns_init(&turns);
    for (; pushed < TR_TURNS_ALL; agents++) {
        snprintf(name, sizeof name, "a%zu@p", agents);
        for (size_t i = 0; i < TR_TURNS_EACH && pushed < TR_TURNS_ALL; i++, pushed++)
            assert_int_equal(tr_turns_push(&turns, name, item(1)), 0);
        assert_int_equal(tr_turns_push(&turns, name, item(1)), -EBUSY);
    }
    assert_int_equal(tr_turns_push(&turns, "another@p", item(1)), -EBUSY);
    while (tr_turns_pop(&turns))
        pushed--;
    assert_int_equal(pushed, 0);
    tr_turns_finish(&turns);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other), cmocka_unit_test(always_waiting), cmocka_unit_test(full)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
