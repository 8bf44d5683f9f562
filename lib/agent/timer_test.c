#include "lib/agent/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void fire_in_the_order_of_time_and_start(void **state) {
    (void)state;
    tr_timers_t t = {0};
    static const int64_t dues[] = {5, 1, 3, 1, 4, 1};
    for (size_t i = 0; i < 6; i++)
        assert_non_null(tr_timers_add(&t, dues[i], NULL, NULL, (void *)i));
    assert_int_equal(tr_timers_next(&t), 1);
    assert_null(tr_timers_due(&t, 0));
    static const size_t order[] = {1, 3, 5, 2, 4, 0};
    for (size_t i = 0; i < 6; i++) {
        tr_timer_t *due = tr_timers_due(&t, 100);
        assert_int_equal((size_t)due->arg, order[i]);
        free(due);
    }
    assert_int_equal(tr_timers_next(&t), INT64_MAX);
    tr_timers_finish(&t);
}

/* A random sequence of starts and cancels against a plain array. */
static void cancelling_keeps_the_heap_right(void **state) {
    (void)state;
    enum { N = 500 };
    tr_timers_t t = {0};
    tr_timer_t *live[N] = {0};
    uint32_t random = 7;
    for (int round = 0; round < 5000; round++) {
        random = random * 1664525 + 1013904223;
        size_t i = (random >> 8) % N;
        if (live[i]) {
            tr_timers_remove(&t, live[i]);
            live[i] = NULL;
        } else {
            live[i] = tr_timers_add(&t, (int64_t)(random >> 20), NULL, NULL, NULL);
        }
        int64_t least = INT64_MAX;
        for (size_t j = 0; j < N; j++)
            if (live[j] && live[j]->due_ms < least)
                least = live[j]->due_ms;
        assert_int_equal(tr_timers_next(&t), least);
    }
    tr_timers_finish(&t);
}

static void forgets_those_of_one_agent(void **state) {
    (void)state;
    tr_timers_t t = {0};
    tr_agent_t *one = (tr_agent_t *)(uintptr_t)16, *two = (tr_agent_t *)(uintptr_t)32;
    for (int i = 0; i < 20; i++)
        tr_timers_add(&t, i, i % 2 ? one : two, NULL, NULL);
    tr_timers_forget(&t, one);
    assert_int_equal(t.count, 10);
    for (size_t i = 0; i < t.count; i++)
        assert_ptr_equal(t.heap[i]->agent, two);
    tr_timers_finish(&t);
}

static void one_may_wait_for_the_next_turn(void **state) {
    (void)state;
    tr_timers_t t = {.turn = 7};
    tr_timer_t *saved = tr_timers_add(&t, 1, NULL, NULL, NULL);
    saved->turn = t.turn;
    assert_null(tr_timers_due(&t, 100));
    t.turn++;
    assert_ptr_equal(tr_timers_due(&t, 100), saved);
    free(saved);
    tr_timers_finish(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fire_in_the_order_of_time_and_start),
        cmocka_unit_test(cancelling_keeps_the_heap_right),
        cmocka_unit_test(forgets_those_of_one_agent),
        cmocka_unit_test(one_may_wait_for_the_next_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
