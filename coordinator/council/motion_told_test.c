/* What is kept and told of a decision. */
#include "coordinator/council/motion_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_what_is_told(void **state) {
    chamber_t *c = *state;
    chamber_open(c, quoted("{" ABC ", 'secret': true}"));
    chamber_vote(c, "ann", quoted("{'choice': 'b', 'reason': 'mine'}"));
    json_t *votes = chamber_told(c, chamber_write_votes), *ann = json_array_get(votes, 0);
    assert_string_equal(json_string_value(json_object_get(ann, "said")), "answered");
    assert_null(json_object_get(ann, "marks"));
    json_decref(votes);
    json_t *all = chamber_told(c, chamber_write_all);
    assert_string_equal(json_string_value(json_object_get(all, "state")), "voting");
    assert_int_equal(json_integer_value(json_object_get(all, "answered")), 1);
    for (const char *const *key = (const char *const[]){"voted", "abstained", "delegated", "declined", NULL};
         *key; key++)
        assert_true(json_is_null(json_object_get(all, *key))); /* or ann's would be known to be that one */
    json_decref(all);
    chamber_vote(c, "bob", quoted("{'abstain': true}"));
    chamber_count(c);
    all = chamber_told(c, chamber_write_all);
    assert_int_equal(json_integer_value(json_object_get(all, "voted")), 1);
    assert_int_equal(json_integer_value(json_object_get(all, "abstained")), 1);
    assert_string_equal(json_string_value(json_object_get(all, "winner")), "b");
    json_t *b = json_array_get(json_object_get(all, "options"), 1);
    assert_int_equal(json_integer_value(json_object_get(b, "place")), 1);
    json_decref(all);
}

static const char *said_by(const json_t *votes, size_t at, const char *key) {
    return json_string_value(json_object_get(json_array_get(votes, at), key));
}

/* Who votes says which mind it was, and why not the one that does usually; of a secret vote nobody is told. */
static void test_the_mind_behind_a_vote(void **state) {
    chamber_t *c = *state;
    char text[700], long_by[300];
    memset(long_by, 'm', sizeof long_by - 1);
    long_by[sizeof long_by - 1] = '\0';
    snprintf(text, sizeof text, "{'choice': 'a', 'by': '%s'}", long_by);
    for (int secret = 0; secret < 2; secret++) {
        chamber_open(c, quoted(secret ? "{" ABC ", 'secret': true}" : "{" ABC "}"));
        chamber_vote(c, "ann", quoted("{'choice': 'b', 'by': 'built-in', 'fallback': 'refused: no key'}"));
        chamber_vote(c, "bob", quoted(text));
        chamber_event(c, TR_MOTION_DECLINED, "cid", quoted("{'reason': 'busy'}"));
        json_t *votes = chamber_told(c, chamber_write_votes);
        char *all = json_dumps(votes, 0);
        assert_int_equal(strstr(all, "built-in") == NULL, secret);
        assert_int_equal(strstr(all, "no key") == NULL, secret);
        if (!secret) {
            assert_string_equal(said_by(votes, 0, "by"), "built-in");
            assert_string_equal(said_by(votes, 0, "fallback"), "refused: no key");
            assert_int_equal(strlen(said_by(votes, 1, "by")), TR_MOTION_BY_MAX);
            assert_null(said_by(votes, 1, "fallback"));
            assert_null(said_by(votes, 2, "by"));
        }
        free(all);
        json_decref(votes);
        chamber_vote(c, "ann", quoted("{'choice': 'b'}")); /* in the place of the other one */
        assert_null(c->d->seats[0].by);
    }
}

/* What is kept is what was read, whatever else is sent; and it says the same when it is read again. */
static void test_what_is_kept_of_a_ballot(void **state) {
    static const struct {
        const char *method, *ballot, *kept;
    } cases[] = {
        {"plurality", "{'choice': 'c', 'reason': 7, 'confidence': 5}", "{'choice':'c'}"},
        {"plurality", "{'choice': 'c', 'reason': 'r', 'confidence': 0.5, 'proposal': 'd'}",
            "{'choice':'c','confidence':0.5,'proposal':'d','reason':'r'}"},
        {"plurality", "{'choice': 'c', 'reason': 'r', 'by': 'built-in', 'fallback': 'timed-out: idle'}",
            "{'by':'built-in','choice':'c','fallback':'timed-out: idle','reason':'r'}"},
        {"plurality", "{'abstain': true, 'by': 'model m', 'fallback': ''}",
            "{'abstain':true,'by':'model m'}"},
        {"plurality", "{'abstain': true, 'reason': 'r'}", "{'abstain':true,'reason':'r'}"},
        {"plurality", "{'delegate': 'bob'}", "{'delegate':'bob'}"},
        {"approval", "{'approve': ['c', 'a']}", "{'approve':['a','c']}"},
        {"approval", "{'approve': []}", "{'abstain':true}"},
        {"score", "{'scores': {'c': 9, 'a': 0, 'b': 3}}", "{'scores':{'b':3,'c':9}}"},
        {"score", "{'scores': {'c': 0}}", "{'scores':{'a':0}}"},
        {"borda", "{'ranking': [[], 'c', ['b', 'a'], []]}", "{'ranking':['c',['a','b']]}"},
        {"schulze", "{'ranking': [['b']]}", "{'ranking':['b']}"},
    };
    chamber_t *c = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char wish[300], kept[300], again[300];
        snprintf(wish, sizeof wish, "{" ABC ", 'rounds': 2, 'method': '%s'}", cases[i].method);
        chamber_open(c, quoted(wish));
        assert_int_equal(
            chamber_digest(c, TR_MOTION_BALLOT, "ann", quoted(cases[i].ballot), kept, sizeof kept), 0);
        assert_string_equal(kept, quoted(cases[i].kept));
        assert_int_equal(chamber_digest(c, TR_MOTION_BALLOT, "ann", kept, again, sizeof again), 0);
        assert_string_equal(again, kept);
        chamber_vote(c, "ann", quoted(cases[i].ballot));
        chamber_vote(c, "cid", kept);
        assert_int_equal(c->d->seats[0].state, c->d->seats[2].state);
        assert_int_equal(c->d->seats[0].delegate, c->d->seats[2].delegate);
        assert_memory_equal(
            c->d->seats[0].marks, c->d->seats[2].marks, TR_MOTION_OPTIONS_MAX * sizeof(int32_t));
    }
}

static void test_what_is_kept_of_the_rest(void **state) {
    chamber_t *c = *state;
    char kept[3000], json[3000], *end = json;
    chamber_open(c, quoted("{" ABC "}"));
    assert_int_equal(
        chamber_digest(c, TR_MOTION_SETTLED, "eve",
            quoted("{'action': 'settle', 'option': 'b', 'reason': 'r', 'x': [[[[7]]]]}"), kept, sizeof kept),
        0);
    assert_string_equal(kept, quoted("{'option':'b','reason':'r'}"));
    assert_int_equal(chamber_digest(c, TR_MOTION_MEDIATED, "m",
                         quoted("{'options': ['b', 'x'], 'by': 'm', 'x': 1}"), kept, sizeof kept),
        0);
    assert_string_equal(kept, quoted("{'by':'m','options':['b','x']}"));
    end = stpcpy(end, "{\"options\": [\"a\"");
    for (unsigned i = 0; i < TR_MOTION_OPTIONS_MAX; i++)
        end = stpcpy(end, ", \"a\"");
    stpcpy(end, "]}");
    assert_int_equal(chamber_digest(c, TR_MOTION_MEDIATED, "m", json, kept, sizeof kept), -EINVAL);
    end = stpcpy(json, "{\"reason\": \"");
    memset(end, 'r', 2000);
    stpcpy(end + 2000, "\"}");
    assert_int_equal(chamber_digest(c, TR_MOTION_ENDED, "eve", json, kept, sizeof kept), 0);
    assert_int_equal(strlen(kept), TR_MOTION_REASON_MAX + strlen("{\"reason\":\"\"}"));
}

/* Of a ballot that comes in more is asked than of one that was stored once. */
static void test_what_may_come_in(void **state) {
    chamber_t *c = *state;
    char kept[300];
    chamber_open(c, quoted("{" ABC ", 'rounds': 2}"));
    assert_int_equal(
        chamber_digest(c, TR_MOTION_BALLOT, "ann", quoted("{'choice': 'a', 'note': 1}"), kept, sizeof kept),
        0);
    assert_string_equal(kept, "{\"choice\":\"a\"}"); /* of a newer version: what is not known is left out */
    for (unsigned i = 0; i < TR_MOTION_BALLOTS_MAX; i++)
        chamber_vote(c, "ann", quoted("{'choice': 'a', 'note': 'of an older version'}"));
    assert_int_equal(
        chamber_digest(c, TR_MOTION_BALLOT, "ann", quoted("{'choice': 'a'}"), kept, sizeof kept), -EPROTO);
    assert_string_equal(c->error.text, "ann has voted 16 times in this round, and may not again");
    chamber_vote(c, "ann", quoted("{'choice': 'a'}")); /* what is stored is replayed */
    chamber_vote(c, "bob", quoted("{'choice': 'b'}"));
    chamber_count(c);
    assert_int_equal(c->d->round, 2);
    assert_int_equal(
        chamber_digest(c, TR_MOTION_BALLOT, "ann", quoted("{'choice': 'a'}"), kept, sizeof kept), 0);
}

/* Of a secret vote not even that it was none: the reason would name the option. */
static void test_what_is_told_of_an_event(void **state) {
    chamber_t *c = *state;
    for (int secret = 0; secret < 2; secret++) {
        chamber_open(c, quoted(secret ? "{" ABC ", 'secret': true}" : "{" ABC "}"));
        json_t *ballot = chamber_told_event(c, TR_MOTION_BALLOT, quoted("{'choice': 'a', 'note': [[1]]}"));
        json_t *none = chamber_told_event(
            c, TR_MOTION_DECLINED, quoted("{'reason': 'choice: gin is none of the options'}"));
        json_t *opened =
            chamber_told_event(c, TR_MOTION_OPENED, quoted("{" ABC ", 'lot': 7, 'junk': [[[[1]]]]}"));
        assert_string_equal(
            json_string_value(json_object_get(ballot, "what")), secret ? "answered" : "ballot");
        assert_string_equal(
            json_string_value(json_object_get(none, "what")), secret ? "answered" : "declined");
        assert_int_equal(json_object_size(json_object_get(ballot, "said")), secret ? 0 : 1);
        assert_int_equal(json_is_null(json_object_get(none, "said")), secret);
        assert_non_null(json_object_get(json_object_get(opened, "said"), "voters"));
        assert_null(json_object_get(json_object_get(opened, "said"), "lot"));
        assert_null(json_object_get(json_object_get(opened, "said"), "junk"));
        json_decref(ballot);
        json_decref(none);
        json_decref(opened);
    }
}

static void test_the_rules_are_told(void **state) {
    chamber_t *c = *state;
    chamber_open(c, quoted("{" ABC ", 'method': 'score', 'score-max': 5, 'quorum': 2, 'quorum-share': 66.67, "
                           "'majority': 50, 'tie': 'keep', 'keep': 'b', 'lot': -7}"));
    json_t *rules = chamber_told(c, tr_motion_write_rules);
    assert_null(
        json_object_get(rules, "lot")); /* who knew it while they vote would know whom a tie favours */
    json_decref(rules);
    chamber_count(c);
    assert_true(tr_motion_ended(c->d->state));
    rules = chamber_told(c, tr_motion_write_rules);
    char *text = json_dumps(rules, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
    assert_string_equal(
        text, quoted("{'edition':2,'electorate':3.0,'keep':'b','lot':-7,'majority':50.0,'quorum':2,"
                     "'quorum-share':66.67,'score-max':5,'tie':'keep'}"));
    free(text);
    json_decref(rules);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        A_TEST(test_what_is_told),
        A_TEST(test_the_mind_behind_a_vote),
        A_TEST(test_what_is_kept_of_a_ballot),
        A_TEST(test_what_is_kept_of_the_rest),
        A_TEST(test_what_may_come_in),
        A_TEST(test_what_is_told_of_an_event),
        A_TEST(test_the_rules_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
