#include "lib/base/arena.h"
#include "lib/base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void gives_aligned_memory_up_to_its_limit(void **state) {
    (void)state;
    tr_arena_t arena;
    tr_arena_init(&arena, 10000);
    size_t got = 0;
    void *p;
    while ((p = tr_arena_alloc(&arena, 100))) {
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 0xa5, 100);
        got += 100;
    }
    assert_in_range(got, 5000, 10000);
    assert_null(tr_arena_alloc(&arena, SIZE_MAX));
    tr_arena_reset(&arena);
    assert_non_null(tr_arena_alloc(&arena, 100));
    tr_arena_finish(&arena);
}

static void keeps_its_first_block_over_a_reset(void **state) {
    (void)state;
    tr_arena_t arena;
    tr_arena_init(&arena, 1 << 20);
    void *first = tr_arena_alloc(&arena, 10);
    assert_non_null(tr_arena_alloc(&arena, 50000));
    tr_arena_reset(&arena);
    assert_ptr_equal(tr_arena_alloc(&arena, 10), first);
    assert_string_equal(tr_arena_strn(&arena, "abcdef", 3), "abc");
    tr_arena_finish(&arena);
}

static void pool_keeps_some_buffers_and_frees_the_rest(void **state) {
    (void)state;
    tr_pool_t pool;
    tr_pool_init(&pool, 2);
    tr_buf_t *bufs[3];
    for (int i = 0; i < 3; i++) {
        bufs[i] = tr_pool_get(&pool, 1);
        assert_int_equal(bufs[i]->cap, TR_BUF_SIZE);
    }
    tr_buf_t *large = tr_pool_get(&pool, TR_BUF_SIZE + 1);
    assert_int_equal(large->cap, TR_BUF_SIZE + 1);
    tr_buf_release(large);
    for (int i = 0; i < 3; i++)
        tr_buf_release(bufs[i]);
    assert_int_equal(pool.idle_n, 2);
    tr_buf_t *again = tr_pool_get(&pool, 10);
    assert_int_equal(pool.idle_n, 1);
    assert_int_equal(again->len, 0);
    tr_buf_release(again);
    tr_buf_release(NULL);
    assert_null(tr_pool_get(&pool, SIZE_MAX));
    tr_pool_finish(&pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_aligned_memory_up_to_its_limit),
        cmocka_unit_test(keeps_its_first_block_over_a_reset),
        cmocka_unit_test(pool_keeps_some_buffers_and_frees_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
