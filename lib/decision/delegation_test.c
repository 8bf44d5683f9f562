#include "lib/decision/delegation.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void weight_goes_to_who_votes(void **state) {
    (void)state;
    tr_arena_t arena;
    uint64_t lost;
    tr_voter_t v[] = {
        {.votes = true, .delegate = 1, .weight = 1}, /* whom it names does not matter */
        {.delegate = 0, .weight = 2},
        {.delegate = 1, .weight = 4},         /* in turn */
        {.delegate = TR_NOBODY, .weight = 8}, /* neither */
        {.delegate = 3, .weight = 16},
        {.delegate = 6, .weight = 32}, /* a circle, */
        {.delegate = 5, .weight = 64},
        {.delegate = 6, .weight = 128}, /* and one that leads to it */
        {.delegate = 8, .weight = 256},
        {.votes = true, .delegate = TR_NOBODY, .weight = 512},
    };
    tr_arena_init(&arena, 1 << 20);
    assert_int_equal(tr_delegate_votes(v, 10, &arena, &lost), 0);
    assert_int_equal(v[0].weight, 7);
    assert_int_equal(v[9].weight, 512);
    assert_int_equal(lost, 16 + 32 + 64 + 128 + 256); /* who names nobody has lost nothing */
    assert_int_equal(v[0].carries, 2);
    assert_int_equal(v[9].carries, 0);
    for (size_t i = 0; i < 10; i++) {
        assert_true(v[i].carried_by == (i < 3 ? 0 : i == 9 ? 9 : TR_NOBODY));
        if (i != 0 && i != 9)
            assert_int_equal(v[i].weight, 0);
    }
    tr_arena_finish(&arena);
}

/* A chain of all, in either direction: linear, and not deep. */
static void a_long_chain(void **state) {
    (void)state;
    enum { N = 200000 };
    tr_arena_t arena;
    uint64_t lost;
    tr_voter_t *v = calloc(N, sizeof *v);
    for (int way = 0; way < 2; way++) {
        for (size_t i = 0; i < N; i++)
            v[i] =
                (tr_voter_t){.weight = 1, .delegate = way ? i + 1 : i - 1, .votes = i == (way ? N - 1 : 0)};
        v[0].delegate = way ? 1 : TR_NOBODY;
        v[N - 1].delegate = way ? TR_NOBODY : N - 2;
        tr_arena_init(&arena, 1 << 24);
        assert_int_equal(tr_delegate_votes(v, N, &arena, &lost), 0);
        assert_int_equal(v[way ? N - 1 : 0].weight, N);
        assert_int_equal(lost, 0);
        tr_arena_finish(&arena);
    }
    free(v);
}

static void a_delegate_that_is_no_voter(void **state) {
    (void)state;
    tr_arena_t arena;
    uint64_t lost;
    tr_voter_t v[] = {{.delegate = 1}};
    tr_arena_init(&arena, 1 << 20);
    assert_int_equal(tr_delegate_votes(v, 1, &arena, &lost), -EINVAL);
    assert_int_equal(tr_delegate_votes(NULL, 0, &arena, &lost), 0);
    tr_arena_finish(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weight_goes_to_who_votes),
        cmocka_unit_test(a_long_chain),
        cmocka_unit_test(a_delegate_that_is_no_voter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
