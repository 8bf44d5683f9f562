#include "coordinator/council/motion_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_a_vote(void **state) {
    chamber_t *c = *state;
    chamber_open(c, quoted("{" ABC "}"));
    chamber_vote(c, "ann", quoted("{'choice': 'b', 'reason': 'cheaper', 'confidence': 0.5}"));
    chamber_vote(c, "bob", quoted("{'choice': 'a'}"));
    assert_false(tr_motion_over(c->d, c->now_ms));
    chamber_vote(c, "bob", quoted("{'choice': 'b'}")); /* another mind */
    assert_false(tr_motion_over(c->d, c->now_ms));
    assert_int_equal(chamber_event(c, TR_MOTION_DECLINED, "cid", quoted("{'reason': 'busy'}")), 0);
    assert_true(tr_motion_over(c->d, c->now_ms));
    chamber_count(c);
    assert_int_equal(c->d->state, TR_MOTION_DECIDED);
    assert_string_equal(chamber_winner(c), "b");
    assert_non_null(c->d->why);
    assert_int_equal(chamber_event(c, TR_MOTION_BALLOT, "ann", quoted("{'choice': 'a'}")), -EPROTO);
}

static void test_its_time_passes(void **state) {
    chamber_t *c = *state;
    chamber_open(c, quoted("{" ABC ", 'within-ms': 100, 'quorum': 2}"));
    chamber_vote(c, "ann", quoted("{'choice': 'b'}"));
    assert_false(tr_motion_over(c->d, c->d->deadline_ms - 1));
    assert_true(tr_motion_over(c->d, c->d->deadline_ms));
    chamber_count(c);
    assert_int_equal(c->d->state, TR_MOTION_UNDECIDED);
    assert_int_equal(c->d->ruling.verdict, TR_VERDICT_NO_QUORUM);
}

static void test_ballots_of_each_method(void **state) {
    static const struct {
        const char *method, *ballot, *winner;
    } cases[] = {
        {"plurality", "{'choice': 'c'}", "c"},
        {"approval", "{'approve': ['c']}", "c"},
        {"score", "{'scores': {'a': 3, 'c': 9}}", "c"},
        {"borda", "{'ranking': ['c', ['a', 'b']]}", "c"},
        {"schulze", "{'ranking': ['c', 'a']}", "c"},
    };
    chamber_t *c = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char wish[300];
        snprintf(wish, sizeof wish, "{" ABC ", 'method': '%s'}", cases[i].method);
        chamber_open(c, quoted(wish));
        chamber_vote(c, "ann", quoted(cases[i].ballot));
        chamber_count(c);
        assert_string_equal(chamber_winner(c), cases[i].winner);
    }
}

static void test_what_is_no_ballot(void **state) {
    static const struct {
        const char *method, *ballot, *why;
    } cases[] = {
        {"plurality", "{'choice': 'x'}", "choice: \"x\" is none of the options"},
        {"plurality", "{'choice': 7}", "choice: expected the texts of options"},
        {"plurality", "{}", "expected a map with one of: choice, abstain, delegate"},
        {"plurality", "7", "expected a map with one of: choice, abstain, delegate"},
        {"plurality", "{'choice': 'a', 'abstain': true}",
            "expected a map with one of: choice, abstain, delegate"},
        {"plurality", "{'delegate': 'eve'}", "delegate: expected one of the voters"},
        {"plurality", "{'delegate': 'ann'}", "delegate: expected another one of the voters"},
        {"approval", "{'approve': ['a', 'a']}", "approve: \"a\" stands there twice"},
        {"approval", "{'approve': 'a'}", "approve: expected a list of options"},
        {"score", "{'scores': {'a': 11}}", "scores: expected whole numbers from 0 to 10"},
        {"score", "{'scores': ['a']}", "scores: expected a map of options to numbers"},
        {"borda", "{'ranking': ['a', ['b', 'a']]}", "ranking: \"a\" stands there twice"},
        {"schulze", "{'ranking': 'a'}", "ranking: expected a list, the best option first"},
    };
    chamber_t *c = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char wish[300];
        snprintf(wish, sizeof wish, "{" ABC ", 'method': '%s'}", cases[i].method);
        chamber_open(c, quoted(wish));
        assert_int_equal(chamber_event(c, TR_MOTION_BALLOT, "ann", quoted(cases[i].ballot)), -EINVAL);
        assert_string_equal(c->error.text, cases[i].why);
        assert_int_equal(c->d->answered, 0);
    }
    assert_int_equal(chamber_event(c, TR_MOTION_BALLOT, "eve", quoted("{'ranking': ['a']}")), -ENOENT);
}

static void test_what_is_no_wish(void **state) {
    static const struct {
        const char *wish, *why;
    } cases[] = {
        {"7", "expected a map"},
        {"{}", "question: expected a text of 1 to 2000 bytes"},
        {"{'question': 'q', 'options': ['a']}", "options: expected a list of 2 to 64 texts"},
        {"{'question': 'q', 'options': ['a', 'a']}", "options: \"a\" stands there twice"},
        {"{'question': 'q', 'options': ['a', '']}", "options: expected texts of 1 to 200 bytes"},
        {"{'question': 'q', 'options': ['a', 'b'], 'voters': []}",
            "voters: expected a list of 1 to 10000 names"},
        {"{'question': 'q', 'options': ['a', 'b'], 'voters': ['x', 'x']}", "voters: x stands there twice"},
        {"{'question': 'q', 'options': ['a', 'b'], 'voters': [{'name': 'x', 'weight': -1}]}",
            "voters: the weight of x is not from 0 to 100000"},
        {"{" ABC ", 'method': 'shout'}", "method: expected plurality, approval ..."},
        {"{" ABC ", 'majority': 101}", "majority: expected per cent, 0 to 100"},
        {"{" ABC ", 'tie': 'keep'}", "keep: goes together with the tie rule \"keep\""},
        {"{" ABC ", 'tie': 'keep', 'keep': 'x'}", "keep: none of the options"},
        {"{" ABC ", 'rounds': 0}", "rounds: expected a whole number from 1 to 10"},
    };
    chamber_t *c = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(chamber_event(c, TR_MOTION_OPENED, NULL, quoted(cases[i].wish)), -EINVAL);
        assert_string_equal(c->error.text, cases[i].why);
        assert_null(c->d);
    }
}

static void test_weights_and_delegates(void **state) {
    chamber_t *c = *state;
    chamber_open(
        c, quoted("{'question': 'q', 'edition': 2, 'options': ['a', 'b'], 'voters': [{'name': 'ann', "
                  "'weight': 1.5}, "
                  "'bob', 'cid', 'dan']}"));
    chamber_vote(c, "ann", quoted("{'choice': 'a'}"));
    chamber_vote(c, "bob", quoted("{'choice': 'b'}"));
    chamber_vote(c, "cid", quoted("{'delegate': 'bob'}"));
    chamber_vote(c, "dan", quoted("{'abstain': true}"));
    chamber_count(c);
    assert_string_equal(chamber_winner(c), "b");
    assert_int_equal(c->d->seats[2].carried_by, 1);
    assert_int_equal(c->d->ruling.support, 571428); /* 2 of 3.5 */
}

/* Opinions, fewer options, agreement. */
static void test_consensus_in_rounds(void **state) {
    chamber_t *c = *state;
    chamber_open(
        c, quoted("{'question': 'q', 'edition': 2, 'options': ['a', 'b', 'c', 'd'], 'voters': ['ann', "
                  "'bob', 'cid', "
                  "'dan', 'eve'], 'rounds': 3}"));
    chamber_vote(c, "ann", quoted("{'choice': 'a', 'reason': 'safe', 'confidence': 0.9}"));
    chamber_vote(c, "bob", quoted("{'choice': 'a'}"));
    chamber_vote(c, "cid", quoted("{'choice': 'b', 'reason': 'quick', 'confidence': 0.2}"));
    chamber_vote(c, "dan", quoted("{'choice': 'b', 'reason': 'cheap', 'confidence': 0.6}"));
    chamber_vote(c, "eve", quoted("{'choice': 'c', 'reason': 'new'}"));
    chamber_count(c);
    assert_int_equal(c->d->state, TR_MOTION_VOTING);
    assert_int_equal(c->d->round, 2);
    assert_true(c->d->in_play[0] && c->d->in_play[1]);
    assert_false(c->d->in_play[2] || c->d->in_play[3]);
    assert_int_equal(c->d->opinion_count, 3);
    assert_string_equal(c->d->opinions[1].reason, "cheap"); /* the surest first */
    assert_int_equal(chamber_event(c, TR_MOTION_BALLOT, "eve", quoted("{'choice': 'c'}")), -EINVAL);
    assert_string_equal(c->error.text, "choice: \"c\" is not in play any more");
    for (const char *const *who = (const char *const[]){"ann", "bob", "dan", "eve", NULL}; *who; who++)
        chamber_vote(c, *who, quoted("{'choice': 'a'}"));
    chamber_vote(c, "cid", quoted("{'choice': 'b'}"));
    chamber_count(c);
    assert_int_equal(c->d->state, TR_MOTION_DECIDED); /* 80 % */
    assert_string_equal(chamber_winner(c), "a");
}

/* What voters propose is in play beside what stays: the surest one's first, each once, and nothing that was an option before. */
static void test_proposals_refine_the_options(void **state) {
    chamber_t *c = *state;
    chamber_open(c,
        quoted("{'question': 'q', 'edition': 2, 'options': ['a', 'b', 'c'], 'voters': ['ann', 'bob', 'cid', "
               "'dan', 'eve', 'fay'], 'rounds': 2}"));
    assert_int_equal(
        chamber_event(c, TR_MOTION_BALLOT, "ann", quoted("{'choice': 'a', 'proposal': ''}")), -EINVAL);
    assert_string_equal(
        c->error.text, "proposal: expected a text of 1 to 200 bytes, with no blank at its ends");
    assert_int_equal(
        chamber_event(c, TR_MOTION_BALLOT, "ann", quoted("{'choice': 'a', 'proposal': ' c'}")), -EINVAL);
    assert_int_equal(
        chamber_event(c, TR_MOTION_BALLOT, "ann", quoted("{'choice': 'a', 'proposal': 7}")), -EINVAL);
    chamber_vote(c, "ann", quoted("{'choice': 'a', 'proposal': 'taken back'}"));
    chamber_vote(c, "ann", quoted("{'choice': 'a', 'proposal': 'a, later', 'confidence': 0.5}"));
    chamber_vote(c, "bob", quoted("{'choice': 'a', 'proposal': 'c', 'confidence': 1}"));
    chamber_vote(c, "cid", quoted("{'choice': 'b', 'proposal': 'a and b', 'confidence': 0.9}"));
    chamber_vote(c, "dan", quoted("{'abstain': true, 'proposal': 'a and b'}"));
    chamber_vote(c, "eve", quoted("{'choice': 'b', 'proposal': 'wait'}"));
    chamber_vote(c, "fay", quoted("{'choice': 'c', 'proposal': 'one too many'}"));
    chamber_count(c);
    assert_int_equal(c->d->round, 2);
    assert_int_equal(c->d->option_count, 6);
    assert_string_equal(c->d->options[3], "a and b");
    assert_string_equal(c->d->options[4], "a, later");
    assert_string_equal(c->d->options[5], "wait");
    assert_true(c->d->in_play[0] && c->d->in_play[1] && c->d->in_play[3] && c->d->in_play[5]);
    assert_false(c->d->in_play[2]);
    for (const char *const *who = (const char *const[]){"ann", "bob", "cid", "dan", NULL}; *who; who++)
        chamber_vote(c, *who, quoted("{'choice': 'a and b', 'proposal': 'too late'}"));
    chamber_vote(c, "eve", quoted("{'choice': 'wait'}"));
    chamber_vote(c, "fay", quoted("{'choice': 'a'}"));
    chamber_count(c);
    assert_int_equal(c->d->state, TR_MOTION_DECIDED);
    assert_string_equal(chamber_winner(c), "a and b");
    assert_int_equal(c->d->option_count, 6);
}

/* a, b, c and d; c and d are dropped; then b beats a by 3 to 2, as partial rankings say. */
static void rank_twice(chamber_t *c, const char *edition) {
    char wish[300];
    snprintf(wish, sizeof wish,
        "{'question': 'q', 'options': ['a', 'b', 'c', 'd'], 'voters': ['ann', 'bob', 'cid', 'dan', 'eve'], "
        "'rounds': 2, 'method': 'borda'%s}",
        edition);
    chamber_open(c, quoted(wish));
    for (int round = 1; round <= 2; round++) {
        for (const char *const *who = (const char *const[]){"ann", "bob", "cid", NULL}; *who; who++)
            chamber_vote(c, *who, quoted("{'ranking': ['b', 'a']}"));
        for (const char *const *who = (const char *const[]){"dan", "eve", NULL}; *who; who++)
            chamber_vote(c, *who, quoted(round == 1 ? "{'ranking': ['a', 'b']}" : "{'ranking': ['a']}"));
        chamber_count(c);
    }
    assert_int_equal(c->d->state, TR_MOTION_DECIDED);
    assert_false(c->d->in_play[2] || c->d->in_play[3]);
}

static void test_what_is_out_of_play_does_not_count(void **state) {
    chamber_t *c = *state;
    rank_twice(c, ", 'edition': 2");
    assert_string_equal(chamber_winner(c), "b");
    assert_int_equal(c->d->count.poll.options, 2);
    json_t *all = chamber_told(c, chamber_write_all), *options = json_object_get(all, "options");
    assert_int_equal(json_real_value(json_object_get(json_array_get(options, 1), "points")), 3);
    assert_null(json_object_get(json_array_get(options, 2), "points"));
    json_decref(all);
    rank_twice(c, ""); /* as it was decided once it stays decided, whoever reads it again */
    assert_string_equal(chamber_winner(c), "a");
    assert_int_equal(c->d->count.poll.options, 4);
}

/* The option in the middle goes: what is counted has other numbers than the options have. */
static void test_an_option_behind_one_that_is_dropped_wins(void **state) {
    chamber_t *c = *state;
    chamber_open(c, quoted("{" ABC ", 'rounds': 3, 'tie': 'keep', 'keep': 'a', 'agreement': 100}"));
    for (int round = 1; round <= 3; round++) {
        chamber_vote(c, "ann", quoted("{'choice': 'b'}"));
        chamber_vote(c, "bob", quoted("{'choice': 'c', 'proposal': 'd'}"));
        chamber_vote(c, "cid", quoted(round == 1 ? "{'choice': 'b'}" : "{'choice': 'c'}"));
        assert_int_equal(c->d->round, round);
        chamber_count(c);
    }
    assert_false(c->d->in_play[0]);
    assert_string_equal(chamber_winner(c), "c");
    assert_non_null(strstr(c->d->why, "c wins by plurality: 66.67 %"));
}

/* An empty list is for nothing: it abstains, and no rule for ties makes a winner of it. */
static void test_an_empty_ballot_abstains(void **state) {
    static const struct {
        const char *method, *ballot;
    } cases[] = {{"approval", "{'approve': []}"}, {"score", "{'scores': {}}"}, {"borda", "{'ranking': []}"},
        {"schulze", "{'ranking': [[]]}"}};
    chamber_t *c = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char wish[300];
        snprintf(wish, sizeof wish, "{" ABC ", 'tie': 'first', 'method': '%s'}", cases[i].method);
        chamber_open(c, quoted(wish));
        chamber_vote(c, "ann", quoted(cases[i].ballot));
        assert_int_equal(c->d->seats[0].state, TR_SEAT_ABSTAINED);
        chamber_count(c);
        assert_int_equal(c->d->state, TR_MOTION_UNDECIDED);
        assert_int_equal(c->d->ruling.verdict, TR_VERDICT_NO_BALLOTS);
        snprintf(wish, sizeof wish,
            "{'question': 'q', 'options': ['a', 'b'], 'voters': ['ann'], 'tie': 'first', 'method': '%s'}",
            cases[i].method);
        chamber_open(c, quoted(wish)); /* one of the first edition, as it was decided */
        chamber_vote(c, "ann", quoted(cases[i].ballot));
        chamber_count(c);
        assert_string_equal(chamber_winner(c), "a");
    }
    chamber_open(c, quoted("{" ABC ", 'tie': 'first', 'method': 'score'}"));
    chamber_vote(c, "ann", quoted("{'scores': {'a': 0, 'b': 0}}"));
    assert_int_equal(c->d->seats[0].state, TR_SEAT_VOTED);
    chamber_count(c);
    assert_int_equal(c->d->ruling.verdict, TR_VERDICT_NO_BALLOTS);
}

/* Who did not answer has lost nothing; who delegated to one who did not has. */
static void test_what_is_lost(void **state) {
    chamber_t *c = *state;
    chamber_open(c,
        quoted(
            "{'question': 'q', 'edition': 2, 'options': ['a', 'b'], 'voters': ['ann', 'bob', 'cid', 'dan', "
            "{'name': 'eve', 'weight': 2.5}, 'fay']}"));
    chamber_vote(c, "ann", quoted("{'choice': 'a'}"));
    assert_int_equal(chamber_event(c, TR_MOTION_DECLINED, "bob", NULL), 0);
    chamber_vote(c, "dan", quoted("{'delegate': 'eve'}"));
    chamber_vote(c, "eve", quoted("{'delegate': 'cid'}"));
    chamber_vote(c, "fay", quoted("{'delegate': 'ann'}"));
    chamber_count(c);
    assert_int_equal(c->d->lost, 7 * TR_WEIGHT_ONE / 2);
}

static void test_who_delegates_takes_part(void **state) {
    chamber_t *c = *state;
    for (int edition = 1; edition <= 2; edition++) {
        char wish[300];
        snprintf(wish, sizeof wish,
            "{'question': 'q', 'edition': %d, 'options': ['a', 'b'], 'voters': ['ann', 'bob', 'cid', 'dan'], "
            "'quorum': 3}",
            edition);
        chamber_open(c, quoted(wish));
        chamber_vote(c, "ann", quoted("{'choice': 'a'}"));
        chamber_vote(c, "bob", quoted("{'delegate': 'ann'}"));
        chamber_vote(c, "cid", quoted("{'delegate': 'bob'}"));
        chamber_count(c);
        assert_int_equal(c->d->ruling.verdict, edition == 1 ? TR_VERDICT_NO_QUORUM : TR_VERDICT_DECIDED);
    }
}

/* Whoever counts the ballots again by the rules gets what was decided: so agreement alone is not enough. */
static void test_a_consensus_has_the_majority(void **state) {
    chamber_t *c = *state;
    for (int edition = 1; edition <= 2; edition++) {
        char wish[300];
        snprintf(wish, sizeof wish,
            "{'question': 'q', 'edition': %d, 'options': ['a', 'b'], 'voters': ['ann', 'bob', 'cid'], "
            "'rounds': 2, 'agreement': 60, 'majority': 70}",
            edition);
        chamber_open(c, quoted(wish));
        chamber_vote(c, "ann", quoted("{'choice': 'a'}"));
        chamber_vote(c, "bob", quoted("{'choice': 'a'}"));
        chamber_vote(c, "cid", quoted("{'choice': 'b'}"));
        chamber_count(c);
        assert_int_equal(c->d->ruling.verdict, TR_VERDICT_NO_MAJORITY);
        assert_int_equal(c->d->state, edition == 1 ? TR_MOTION_DECIDED : TR_MOTION_VOTING);
    }
}

static void test_the_last_round_is_a_vote(void **state) {
    chamber_t *c = *state;
    chamber_open(c, quoted("{" ABC ", 'rounds': 2}"));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(c->d->state, TR_MOTION_VOTING);
        chamber_vote(c, "ann", quoted("{'choice': 'a'}"));
        chamber_vote(c, "bob", quoted("{'choice': 'a'}"));
        chamber_vote(c, "cid", quoted("{'choice': 'b'}"));
        chamber_count(c);
    }
    assert_int_equal(c->d->state, TR_MOTION_DECIDED);
    assert_string_equal(chamber_winner(c), "a");
}

/* A tie: the mediator, a vote, a person. */
static void test_a_conflict(void **state) {
    chamber_t *c = *state;
    chamber_open(
        c, quoted("{'question': 'q', 'options': ['a', 'b'], 'voters': ['ann', 'bob'], 'mediator': 'm', "
                  "'person': true}"));
    chamber_vote(c, "ann", quoted("{'choice': 'a', 'reason': 'r'}"));
    chamber_vote(c, "bob", quoted("{'choice': 'b'}"));
    chamber_count(c);
    assert_int_equal(c->d->state, TR_MOTION_MEDIATION);
    assert_int_equal(c->d->opinion_count, 1);
    assert_int_equal(chamber_event(c, TR_MOTION_MEDIATED, "m", quoted("{'options': ['both', 7]}")), -EINVAL);
    assert_int_equal(c->d->option_count, 2);
    assert_int_equal(chamber_event(c, TR_MOTION_MEDIATED, "m", quoted("{'options': ['both', 'a']}")), 0);
    assert_int_equal(c->d->state, TR_MOTION_VOTING);
    assert_int_equal(c->d->option_count, 3);
    chamber_vote(c, "ann", quoted("{'choice': 'a'}"));
    chamber_vote(c, "bob", quoted("{'choice': 'both'}"));
    chamber_count(c);
    assert_int_equal(c->d->state, TR_MOTION_WAITING_PERSON);
    assert_int_equal(chamber_event(c, TR_MOTION_SETTLED, "eve", quoted("{'option': 'x'}")), -EINVAL);
    assert_int_equal(
        chamber_event(c, TR_MOTION_SETTLED, "eve", quoted("{'option': 'both', 'reason': 'peace'}")), 0);
    assert_string_equal(chamber_winner(c), "both");
    assert_string_equal(c->d->why, "eve chose it: peace");
}

static void test_no_mediator_helps(void **state) {
    chamber_t *c = *state;
    chamber_open(
        c, quoted("{'question': 'q', 'options': ['a', 'b'], 'voters': ['ann', 'bob'], 'mediator': 'm'}"));
    chamber_vote(c, "ann", quoted("{'choice': 'a', 'reason': 'sure'}"));
    chamber_vote(c, "bob", quoted("{'choice': 'b'}"));
    chamber_count(c);
    assert_int_equal(chamber_event(c, TR_MOTION_MEDIATED, "m", NULL), 0);
    assert_int_equal(c->d->state, TR_MOTION_UNDECIDED);
    assert_string_equal(
        c->d->seats[0].reason, "sure"); /* was told to the mediator, and stays what was said */
    assert_int_equal(chamber_event(c, TR_MOTION_ENDED, "eve", NULL), -EPROTO);
}

static void test_the_truth_comes_out(void **state) {
    chamber_t *c = *state;
    chamber_open(c, quoted("{" ABC ", 'method': 'borda'}"));
    chamber_vote(c, "ann", quoted("{'ranking': ['a', 'b', 'c']}"));
    chamber_vote(c, "bob", quoted("{'ranking': ['b', 'a']}"));
    chamber_vote(c, "cid", quoted("{'ranking': [['a', 'b'], 'c']}"));
    assert_int_equal(chamber_event(c, TR_MOTION_TRUTH, "eve", quoted("{'option': 'a'}")), -EPROTO);
    chamber_count(c);
    assert_int_equal(tr_motion_was_right(c->d, &c->d->seats[0]), -1);
    assert_int_equal(chamber_event(c, TR_MOTION_TRUTH, "eve", quoted("{'option': 'a'}")), 0);
    assert_int_equal(tr_motion_was_right(c->d, &c->d->seats[0]), 1);
    assert_int_equal(tr_motion_was_right(c->d, &c->d->seats[1]), 0);
    assert_int_equal(tr_motion_was_right(c->d, &c->d->seats[2]), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        A_TEST(test_a_vote),
        A_TEST(test_its_time_passes),
        A_TEST(test_ballots_of_each_method),
        A_TEST(test_what_is_no_ballot),
        A_TEST(test_what_is_no_wish),
        A_TEST(test_weights_and_delegates),
        A_TEST(test_consensus_in_rounds),
        A_TEST(test_proposals_refine_the_options),
        A_TEST(test_what_is_out_of_play_does_not_count),
        A_TEST(test_an_option_behind_one_that_is_dropped_wins),
        A_TEST(test_an_empty_ballot_abstains),
        A_TEST(test_what_is_lost),
        A_TEST(test_who_delegates_takes_part),
        A_TEST(test_a_consensus_has_the_majority),
        A_TEST(test_the_last_round_is_a_vote),
        A_TEST(test_a_conflict),
        A_TEST(test_no_mediator_helps),
        A_TEST(test_the_truth_comes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
