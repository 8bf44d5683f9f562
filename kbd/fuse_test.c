/* Fusing two rankings. */
#include "kbd/fuse.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the headers above */
#include <cmocka.h>

static const tr_kb_hit_t words[] = {{1, 10, 9}, {2, 20, 6}, {3, 30, 3}};
static const tr_kb_hit_t meanings[] = {{4, 40, .9}, {3, 30, .8}, {5, 10, .1}};

static int64_t fuse(
    size_t lexical, size_t vector, double share, size_t per_document, size_t k, tr_kb_fused_t *ret) {
    return tr_fuse(
        &(tr_fuse_lists_t){.plain = {words, lexical}, .vector = {meanings, vector}, .share = share},
        per_document, k, ret);
}

static void chunks_are(const tr_kb_fused_t *results, int64_t count, size_t n, const int64_t *expected) {
    assert_int_equal(count, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(results[i].chunk, expected[i]);
}

static void words_alone_stay_as_they_are(void **state) {
    (void)state;
    tr_kb_fused_t results[10];
    chunks_are(results, fuse(3, 0, 0, 0, 10, results), 3, (const int64_t[]){1, 2, 3});
    assert_true(isnan(results[0].vector));
    assert_true(results[0].lexical == 9);
}

static void vectors_alone_as_well(void **state) {
    (void)state;
    tr_kb_fused_t results[10];
    chunks_are(results, fuse(0, 3, 1, 0, 10, results), 3, (const int64_t[]){4, 3, 5});
}

/* 1: .5; 2: .25; 3: 0 + .5 * .875; 4: .5; 5: 0. */
static void both_add_up(void **state) {
    (void)state;
    tr_kb_fused_t results[10];
    chunks_are(results, fuse(3, 3, .5, 0, 10, results), 5, (const int64_t[]){1, 4, 3, 2, 5});
    assert_true(fabs(results[2].score - .4375) < 1e-6);
    assert_true(results[2].lexical == 3 && results[2].vector == .8);
    assert_true(fabs(results[2].score - results[2].lexical_part - results[2].vector_part) < 1e-9);
}

static void of_a_document_so_many(void **state) {
    (void)state;
    tr_kb_fused_t results[10];
    chunks_are(results, fuse(3, 3, .5, 1, 10, results), 4, (const int64_t[]){1, 4, 3, 2});
    chunks_are(results, fuse(3, 3, .5, 1, 2, results), 2, (const int64_t[]){1, 4});
}

/* The learnt words would have 6 and 7 at the top, and 3 before 2; what leads without them stays ahead. */
static void learnt_words_order_the_rest(void **state) {
    (void)state;
    static const tr_kb_hit_t learnt[] = {{6, 60, 9}, {7, 70, 8}, {3, 30, 7}, {1, 10, 2}, {2, 20, 1}};
    tr_fuse_lists_t lists = {.plain = {words, 3}, .learnt = {learnt, 5}};
    tr_kb_fused_t results[10];
    chunks_are(results, tr_fuse(&lists, 0, 10, results), 5, (const int64_t[]){1, 2, 6, 7, 3});
    for (size_t i = 0; i < 5; i++) {
        const tr_kb_fused_t *r = &results[i];
        assert_true(fabs(r->score - r->lexical_part - r->vector_part - r->lead_part) < 1e-9);
        assert_true(i == 0 || r->score <= results[i - 1].score);
        assert_true((r->lead_part > 0) == (i < 2));
    }
    assert_true(isnan(results[2].lexical) && results[2].learnt == 9);
    lists.learnt.count = 0;
    chunks_are(results, tr_fuse(&lists, 0, 10, results), 3, (const int64_t[]){1, 2, 3});
    assert_true(results[0].lead_part == 0);
}

static void shares(void **state) {
    (void)state;
    enum { HITS = 30 };
    tr_kb_hit_t sharp[HITS], blurred[HITS], strange[HITS], equal[HITS];
    for (int i = 0; i < HITS; i++) {
        sharp[i] = (tr_kb_hit_t){i, i, i ? .3 : .9};
        blurred[i] = (tr_kb_hit_t){i, i, .6 - .004 * i};
        strange[i] = (tr_kb_hit_t){i, i, NAN};
        equal[i] = (tr_kb_hit_t){i, i, 1};
    }
    const tr_fuse_list_t good = {sharp, HITS}, poor = {blurred, HITS}, few = {sharp, 3};
    assert_true(tr_fuse_share(&good, 1) > .5 && tr_fuse_share(&poor, 1) < .2);
    assert_true(tr_fuse_share(&good, .5) > tr_fuse_share(&good, .9));
    assert_true(
        tr_fuse_share(&poor, 0) < .5); /* what tells nothing apart does not answer for the words either */
    assert_true(tr_fuse_share(&good, 7) > 0 && tr_fuse_share(&good, -1) <= 1);
    assert_true(tr_fuse_share(&few, 1) < .2);
    assert_true(tr_fuse_share(&(tr_fuse_list_t){strange, HITS}, NAN) < .5);
    assert_true(tr_fuse_share(&(tr_fuse_list_t){equal, HITS}, 1) < .2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_alone_stay_as_they_are),
        cmocka_unit_test(vectors_alone_as_well),
        cmocka_unit_test(both_add_up),
        cmocka_unit_test(of_a_document_so_many),
        cmocka_unit_test(learnt_words_order_the_rest),
        cmocka_unit_test(shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
