/* Counts of polls that were published with their results. */
#include "lib/decision/poll_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TENNESSEE "42 MNCK, 26 NCKM, 15 CKNM, 17 KCNM"

/* The cities of Tennessee as it is told in every book on voting: Memphis, Nashville, Chattanooga, Knoxville. */
static void the_capital_of_tennessee(void **state) {
    (void)state;
    poll_t p = poll_new();
    poll_rankings(&p, "MNCK", TENNESSEE);
    tr_count_t c = poll_count(&p, TR_METHOD_BORDA, 4);
    static const uint64_t points[] = {126, 194, 173, 107};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(c.points[i] / tr_count_scale(TR_METHOD_BORDA), points[i]);
    assert_string_equal(poll_order(&p, &c, "MNCK"), "NCMK");
    c = poll_count(&p, TR_METHOD_SCHULZE, 4);
    assert_string_equal(poll_order(&p, &c, "MNCK"), "NCKM");
    assert_int_equal(c.pairs[1 * 4 + 0], 58 * TR_WEIGHT_ONE);
    assert_int_equal(tr_count_support(&c, 1), 580000); /* of Nashville, against Memphis */
    assert_int_equal(tr_count_support(&c, 0), 420000);
    assert_int_equal(c.weight, 100 * TR_WEIGHT_ONE);
    poll_finish(&p);
}

static void first_choices_of_tennessee(void **state) {
    (void)state;
    poll_t p = poll_new();
    static const uint64_t votes[] = {42, 26, 15, 17};
    for (size_t i = 0; i < 4; i++) {
        int32_t marks[4] = {0};
        marks[i] = 1;
        poll_add(&p, votes[i], marks, 4);
    }
    tr_count_t c = poll_count(&p, TR_METHOD_PLURALITY, 4);
    assert_string_equal(poll_order(&p, &c, "MNCK"), "MNKC");
    assert_int_equal(tr_count_support(&c, 0), 420000);
    poll_finish(&p);
}

/* Each approves of the two cities that are nearest: 68 of 100 of Nashville. */
static void the_two_nearest_of_tennessee(void **state) {
    (void)state;
    poll_t p = poll_new();
    static const int32_t marks[4][4] = {{1, 1, 0, 0}, {0, 1, 1, 0}, {0, 0, 1, 1}, {0, 0, 1, 1}};
    static const uint64_t votes[] = {42, 26, 15, 17}, approved[] = {42, 68, 58, 32};
    for (size_t i = 0; i < 4; i++)
        poll_add(&p, votes[i], marks[i], 4);
    tr_count_t c = poll_count(&p, TR_METHOD_APPROVAL, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(c.points[i], approved[i] * TR_WEIGHT_ONE);
    assert_string_equal(poll_order(&p, &c, "MNCK"), "NCMK");
    assert_int_equal(tr_count_support(&c, 1), 680000);
    poll_finish(&p);
}

static void scores_of_tennessee(void **state) {
    (void)state;
    poll_t p = poll_new();
    static const int32_t marks[4][4] = {{10, 4, 2, 0}, {0, 10, 4, 2}, {0, 6, 10, 6}, {0, 5, 7, 10}};
    static const uint64_t votes[] = {42, 26, 15, 17}, sums[] = {420, 603, 457, 312};
    for (size_t i = 0; i < 4; i++)
        poll_add(&p, votes[i], marks[i], 4);
    tr_count_t c = poll_count(&p, TR_METHOD_SCORE, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(c.points[i] / TR_WEIGHT_ONE, sums[i]);
    assert_string_equal(poll_order(&p, &c, "MNCK"), "NCMK");
    assert_int_equal(tr_count_support(&c, 1), 603000);
    poll_finish(&p);
}

/* Borda's own example of 1770: who has the most first places would lose to each of the others. */
static void bordas_academy(void **state) {
    (void)state;
    poll_t p = poll_new();
    poll_rankings(&p, "ABC", "1 ABC, 7 ACB, 7 BCA, 6 CBA");
    tr_count_t c = poll_count(&p, TR_METHOD_BORDA, 3);
    static const uint64_t points[] = {16, 21, 26};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(c.points[i] / tr_count_scale(TR_METHOD_BORDA), points[i]);
    c = poll_count(&p, TR_METHOD_SCHULZE, 3);
    assert_string_equal(poll_order(&p, &c, "ABC"), "CBA");
    poll_finish(&p);
}

static void check_paths(const tr_count_t *c, const uint64_t *wanted) {
    size_t n = c->poll.options;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (i != j && c->paths[i * n + j] != wanted[i * n + j] * TR_WEIGHT_ONE)
                fail_msg("from %zu to %zu: %llu, not %llu", i, j,
                    (unsigned long long)(c->paths[i * n + j] / TR_WEIGHT_ONE),
                    (unsigned long long)wanted[i * n + j]);
}

/* 45 voters, of whom no option has a majority over all others: Schulze's first example. */
static void schulze_of_45(void **state) {
    (void)state;
    static const uint64_t paths[] = {
        0, 28, 28, 30, 24, 25, 0, 28, 33, 24, 25, 29, 0, 29, 24, 25, 28, 28, 0, 24, 25, 28, 28, 31, 0};
    poll_t p = poll_new();
    poll_rankings(&p, "ABCDE", "5 ACBED, 5 ADECB, 8 BEDAC, 3 CABED, 7 CAEBD, 2 CBADE, 7 DCEBA, 8 EBADC");
    tr_count_t c = poll_count(&p, TR_METHOD_SCHULZE, 5);
    check_paths(&c, paths);
    assert_string_equal(poll_order(&p, &c, "ABCDE"), "EACBD");
    poll_finish(&p);
}

static void schulze_of_30(void **state) {
    (void)state;
    static const uint64_t paths[] = {0, 20, 20, 17, 19, 0, 19, 17, 19, 21, 0, 17, 18, 18, 18, 0};
    poll_t p = poll_new();
    poll_rankings(&p, "ABCD", "5 ACBD, 2 ACDB, 3 ADCB, 4 BACD, 3 CBDA, 3 CDBA, 1 DACB, 5 DBAC, 4 DCBA");
    tr_count_t c = poll_count(&p, TR_METHOD_SCHULZE, 4);
    check_paths(&c, paths);
    assert_string_equal(poll_order(&p, &c, "ABCD"), "DACB");
    poll_finish(&p);
}

/* Ranked in part, and with options that share a place. */
static void what_is_not_ranked_is_below(void **state) {
    (void)state;
    poll_t p = poll_new();
    poll_rankings(&p, "ABCD", "1 B, 1 (AC)");
    tr_count_t c = poll_count(&p, TR_METHOD_BORDA, 4);
    /* B: 3, and 0.5 with D. A and C: 1, and 2.5 each. D: 1, and 0.5. */
    static const uint64_t doubled[] = {7, 7, 7, 3};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(c.points[i] / TR_WEIGHT_ONE, doubled[i]);
    assert_string_equal(poll_order(&p, &c, "ABCD"), "(ABC)D");
    c = poll_count(&p, TR_METHOD_SCHULZE, 4);
    assert_string_equal(poll_order(&p, &c, "ABCD"), "(ABC)D");
    poll_finish(&p);
}

static void weights_and_abstentions(void **state) {
    (void)state;
    poll_t p = poll_new();
    poll_rankings(&p, "AB", "1 AB, 2 BA");
    p.ballots[0].weight = 5 * TR_WEIGHT_ONE / 2;
    p.ballots[p.count++] = (tr_ballot_t){.abstains = true, .weight = 9 * TR_WEIGHT_ONE};
    tr_count_t c = poll_count(&p, TR_METHOD_SCHULZE, 2);
    assert_string_equal(poll_order(&p, &c, "AB"), "AB");
    assert_int_equal(c.weight, 9 * TR_WEIGHT_ONE / 2);
    assert_int_equal(c.abstained, 9 * TR_WEIGHT_ONE);
    assert_int_equal(c.ballots, 3);
    assert_int_equal(c.abstentions, 1);
    poll_finish(&p);
}

static void nobody_votes(void **state) {
    (void)state;
    poll_t p = poll_new();
    for (int m = 0; m < TR_METHODS; m++) {
        tr_count_t c = poll_count(&p, (tr_method_t)m, 3);
        assert_string_equal(poll_order(&p, &c, "ABC"), "(ABC)");
        assert_int_equal(tr_count_support(&c, 0), 0);
    }
    poll_finish(&p);
}

static void check_refused(poll_t *p, tr_poll_t poll, int code, const char *says) {
    tr_count_t c;
    assert_int_equal(tr_count(&poll, p->ballots, p->count, &p->arena, &c, &p->error), code);
    if (!strstr(p->error.text, says))
        fail_msg("\"%s\" does not say \"%s\"", p->error.text, says);
}

static void what_cannot_be_counted_is_told(void **state) {
    (void)state;
    poll_t p = poll_new();
    check_refused(&p, (tr_poll_t){TR_METHOD_SCORE, 0, 0}, -EINVAL, "no options");
    check_refused(&p, (tr_poll_t){TR_METHOD_SCORE, 257, 0}, -E2BIG, "256 are the most");
    check_refused(&p, (tr_poll_t){TR_METHOD_SCORE, 2, -1}, -EINVAL, "expected 1 to 1000");
    poll_add(&p, 1, (int32_t[]){1, 0}, 2);
    poll_add(&p, 1, (int32_t[]){1, 1}, 2);
    check_refused(
        &p, (tr_poll_t){TR_METHOD_PLURALITY, 2, 0}, -EINVAL, "ballot 2: expected one option, found 2");
    poll_add(&p, 1, (int32_t[]){3, -1}, 2);
    check_refused(
        &p, (tr_poll_t){TR_METHOD_SCHULZE, 2, 0}, -EINVAL, "ballot 3, option 1: expected 0 to 2, found 3");
    check_refused(
        &p, (tr_poll_t){TR_METHOD_SCORE, 2, 5}, -EINVAL, "ballot 3, option 2: expected 0 to 5, found -1");
    p.ballots[1].weight = TR_WEIGHT_MAX;
    check_refused(&p, (tr_poll_t){TR_METHOD_APPROVAL, 2, 0}, -E2BIG, "ballot 2: the weights");
    poll_finish(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_capital_of_tennessee),
        cmocka_unit_test(first_choices_of_tennessee),
        cmocka_unit_test(the_two_nearest_of_tennessee),
        cmocka_unit_test(scores_of_tennessee),
        cmocka_unit_test(bordas_academy),
        cmocka_unit_test(schulze_of_45),
        cmocka_unit_test(schulze_of_30),
        cmocka_unit_test(what_is_not_ranked_is_below),
        cmocka_unit_test(weights_and_abstentions),
        cmocka_unit_test(nobody_votes),
        cmocka_unit_test(what_cannot_be_counted_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
