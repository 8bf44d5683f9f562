#include "lib/decision/poll_fixture.h"
#include "lib/decision/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {"memphis", "nashville", "chattanooga", "knoxville"};

static void check(
    poll_t *p, tr_method_t method, const tr_rules_t *rules, tr_verdict_t verdict, const char *says) {
    char text[400];
    tr_ruling_t o;
    tr_count_t c = poll_count(p, method, 4);
    assert_int_equal(tr_decide(&c, rules, &p->arena, &o), 0);
    tr_ruling_explain(&o, &c, rules, names, text, sizeof text);
    assert_string_equal(text, says);
    assert_int_equal(o.verdict, verdict);
}

static poll_t tennessee(void) {
    poll_t p = poll_new();
    poll_rankings(&p, "MNCK", "42 MNCK, 26 NCKM, 15 CKNM, 17 KCNM");
    return p;
}

static void a_winner_is_explained(void **state) {
    (void)state;
    poll_t p = tennessee();
    check(&p, TR_METHOD_SCHULZE, NULL, TR_VERDICT_DECIDED,
        "nashville wins by schulze: 58 % of the votes have it above memphis, which comes closest to it.");
    check(&p, TR_METHOD_BORDA, &(tr_rules_t){.majority = 500000}, TR_VERDICT_DECIDED,
        "nashville wins by borda: 58 % of the votes have it above memphis, which comes closest to it.");
    check(&p, TR_METHOD_SCHULZE, &(tr_rules_t){.majority = 580000}, TR_VERDICT_NO_MAJORITY,
        "Nothing is decided: nashville comes first, but 58 % of the votes have it above memphis, which comes "
        "closest to "
        "it, where more than 58 % is needed.");
    poll_finish(&p);
}

static void too_few_are_no_quorum(void **state) {
    (void)state;
    poll_t p = tennessee();
    check(&p, TR_METHOD_SCHULZE, &(tr_rules_t){.quorum = 5}, TR_VERDICT_NO_QUORUM,
        "Nothing is decided: 4 took part, where the quorum is 5.");
    p.ballots[1].carried = 1; /* who delegated takes part */
    check(&p, TR_METHOD_SCHULZE, &(tr_rules_t){.quorum = 5}, TR_VERDICT_DECIDED,
        "nashville wins by schulze: 58 % of the votes have it above memphis, which comes closest to it.");
    check(&p, TR_METHOD_SCHULZE, &(tr_rules_t){.quorum = 5, .edition = 1}, TR_VERDICT_NO_QUORUM,
        "Nothing is decided: 4 took part, where the quorum is 5.");
    tr_rules_t half = {.electorate = 201 * TR_WEIGHT_ONE, .quorum_share = 500000};
    check(&p, TR_METHOD_SCHULZE, &half, TR_VERDICT_NO_QUORUM,
        "Nothing is decided: 49.7512 % of the votes took part, where the quorum is 50 %.");
    p.ballots[p.count++] =
        (tr_ballot_t){.abstains = true, .weight = TR_WEIGHT_ONE}; /* is there all the same */
    check(&p, TR_METHOD_SCHULZE, &half, TR_VERDICT_DECIDED,
        "nashville wins by schulze: 58 % of the votes have it above memphis, which comes closest to it.");
    poll_finish(&p);
}

static void nobody_decides_nothing(void **state) {
    (void)state;
    poll_t p = poll_new();
    check(&p, TR_METHOD_SCORE, NULL, TR_VERDICT_NO_BALLOTS, "Nothing is decided: nobody voted.");
    p.ballots[p.count++] = (tr_ballot_t){.abstains = true, .weight = TR_WEIGHT_ONE};
    check(&p, TR_METHOD_APPROVAL, &(tr_rules_t){.tie = TR_TIE_FIRST}, TR_VERDICT_NO_BALLOTS,
        "Nothing is decided: nobody voted.");
    poll_finish(&p);
}

/* A tie rule is for options that somebody is for. */
static void what_nobody_is_for_does_not_win(void **state) {
    (void)state;
    static const int32_t nothing[4] = {0};
    for (int m = TR_METHOD_APPROVAL; m < TR_METHODS; m++) {
        poll_t p = poll_new();
        poll_add(&p, 3, nothing, 4);
        check(&p, (tr_method_t)m, &(tr_rules_t){.tie = TR_TIE_FIRST}, TR_VERDICT_NO_BALLOTS,
            "Nothing is decided: nobody is for any of the options.");
        tr_ruling_t o;
        tr_count_t c = poll_count(&p, (tr_method_t)m, 4);
        assert_int_equal(tr_decide(&c, &(tr_rules_t){.tie = TR_TIE_FIRST, .edition = 1}, &p.arena, &o), 0);
        assert_int_equal(o.verdict, TR_VERDICT_DECIDED);                        /* as it was decided once */
        p.ballots[p.count++] = (tr_ballot_t){.marks = (int32_t[]){1, 0, 0, 0}}; /* of no weight */
        c = poll_count(&p, (tr_method_t)m, 4);
        assert_int_equal(tr_decide(&c, &(tr_rules_t){.tie = TR_TIE_FIRST}, &p.arena, &o), 0);
        assert_int_equal(o.verdict, TR_VERDICT_NO_BALLOTS);
        poll_finish(&p);
    }
}

/* A millionth of a vote over the half is over it. */
static void a_majority_is_exact(void **state) {
    (void)state;
    poll_t p = poll_new();
    tr_ruling_t o;
    poll_add(&p, 5000000, (int32_t[]){1, 0}, 2);
    poll_add(&p, 5000000, (int32_t[]){0, 1}, 2);
    for (int more = 0; more < 2; more++) {
        tr_count_t c = poll_count(&p, TR_METHOD_PLURALITY, 2);
        assert_int_equal(tr_count_support(&c, 0), 500000);
        assert_int_equal(tr_count_has_more(&c, 0, 500000), more);
        assert_false(tr_count_has_more(&c, 0, 500001));
        tr_rules_t rules = {.majority = 500000, .tie = TR_TIE_FIRST};
        assert_int_equal(tr_decide(&c, &rules, &p.arena, &o), 0);
        assert_int_equal(o.verdict, more ? TR_VERDICT_DECIDED : TR_VERDICT_NO_MAJORITY);
        rules.edition = 1;
        assert_int_equal(tr_decide(&c, &rules, &p.arena, &o), 0);
        assert_int_equal(o.verdict, TR_VERDICT_NO_MAJORITY);
        p.ballots[0].weight++;
    }
    poll_finish(&p);
}

static void ties_are_broken_by_rule(void **state) {
    (void)state;
    poll_t p = poll_new();
    poll_add(&p, 3, (int32_t[]){1, 0, 1, 0}, 4);
    poll_add(&p, 1, (int32_t[]){0, 1, 0, 0}, 4);
    check(&p, TR_METHOD_APPROVAL, NULL, TR_VERDICT_TIED,
        "Nothing is decided: memphis and chattanooga are equal.");
    check(&p, TR_METHOD_APPROVAL, &(tr_rules_t){.tie = TR_TIE_FIRST}, TR_VERDICT_DECIDED,
        "memphis wins by approval: 75 % of the votes accept it; memphis and chattanooga are equal, and it "
        "was taken as the "
        "one that was listed first.");
    check(&p, TR_METHOD_APPROVAL, &(tr_rules_t){.tie = TR_TIE_KEEP, .keep = 2}, TR_VERDICT_DECIDED,
        "chattanooga wins by approval: 75 % of the votes accept it; memphis and chattanooga are equal, and "
        "it was taken as "
        "what there is already.");
    check(&p, TR_METHOD_APPROVAL, &(tr_rules_t){.tie = TR_TIE_KEEP, .keep = 1}, TR_VERDICT_TIED,
        "Nothing is decided: memphis and chattanooga are equal.");
    poll_finish(&p);
}

/* The same for the same lot, and each as often as the other. */
static void lots_are_fair(void **state) {
    (void)state;
    poll_t p = poll_new();
    size_t won[4] = {0};
    poll_add(&p, 1, (int32_t[]){1, 0, 1, 1}, 4);
    tr_count_t c = poll_count(&p, TR_METHOD_APPROVAL, 4);
    for (uint64_t lot = 0; lot < 3000; lot++) {
        tr_ruling_t a, b;
        tr_rules_t rules = {.tie = TR_TIE_LOT, .lot = lot};
        assert_int_equal(tr_decide(&c, &rules, &p.arena, &a), 0);
        assert_int_equal(tr_decide(&c, &rules, &p.arena, &b), 0);
        assert_int_equal(a.winner, b.winner);
        won[a.winner]++;
    }
    assert_int_equal(won[1], 0);
    for (size_t i = 0; i < 4; i++)
        if (i != 1)
            assert_in_range(won[i], 900, 1100);
    poll_finish(&p);
}

static void a_record_weighs(void **state) {
    (void)state;
    assert_int_equal(tr_record_weight(0, 0), TR_WEIGHT_ONE);
    assert_int_equal(tr_record_weight(98, 0), 2 * TR_WEIGHT_ONE * 99 / 100);
    assert_int_equal(tr_record_weight(0, 98), 2 * TR_WEIGHT_ONE / 100);
    assert_int_equal(tr_record_weight(7, 7), TR_WEIGHT_ONE);
    assert_true(tr_record_weight(UINT32_MAX, UINT32_MAX) == TR_WEIGHT_ONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_winner_is_explained),
        cmocka_unit_test(too_few_are_no_quorum),
        cmocka_unit_test(nobody_decides_nothing),
        cmocka_unit_test(what_nobody_is_for_does_not_win),
        cmocka_unit_test(a_majority_is_exact),
        cmocka_unit_test(ties_are_broken_by_rule),
        cmocka_unit_test(lots_are_fair),
        cmocka_unit_test(a_record_weighs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
