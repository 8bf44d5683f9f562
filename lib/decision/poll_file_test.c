#include "lib/decision/poll_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "options: [a, b, c]\n"

typedef struct place {
    tr_arena_t arena;
    tr_poll_file_t poll;
    tr_error_t error;
} place_t;

static int read_text(place_t *p, const char *text) {
    tr_yaml_file_t file;
    tr_arena_init(&p->arena, 1u << 24);
    assert_int_equal(tr_yaml_file_take(text, strlen(text), "poll.yaml", &p->arena, &file, &p->error), 0);
    return tr_poll_file_read(&file, &p->arena, &p->poll, &p->error);
}

static void check_marks(const tr_ballot_t *b, int32_t first, int32_t second, int32_t third) {
    assert_int_equal(b->marks[0], first);
    assert_int_equal(b->marks[1], second);
    assert_int_equal(b->marks[2], third);
}

static void rankings(void **state) {
    (void)state;
    place_t p = {0};
    assert_int_equal(
        read_text(&p, HEAD "quorum: 2\nmajority: 66.6\ntie: keep\nkeep: b\nballots:\n"
                           "  - {ranking: [b, a = c]}\n  - {count: 3, weight: 2.5, ranking: [c]}\n"
                           "  - {ranking: [a=b, c]}\n  - {abstain: true}\n"),
        0);
    assert_int_equal(p.poll.poll.method, TR_METHOD_SCHULZE);
    assert_int_equal(p.poll.ballot_count, 6);
    check_marks(&p.poll.ballots[0], 2, 1, 2);
    check_marks(&p.poll.ballots[3], 0, 0, 1);
    check_marks(&p.poll.ballots[4], 1, 1, 3);
    assert_int_equal(p.poll.ballots[1].weight, 2500000);
    assert_true(p.poll.ballots[5].abstains);
    assert_int_equal(p.poll.rules.quorum, 2);
    assert_int_equal(p.poll.rules.majority, 666000);
    assert_int_equal(p.poll.rules.keep, 1);
    tr_arena_finish(&p.arena);
}

/* Whatever an option is called: a text that is one is that one. */
static void names_with_signs_in_them(void **state) {
    (void)state;
    place_t p = {0};
    assert_int_equal(read_text(&p, "options: [a = b, ' a', b]\nballots:\n  - {ranking: [a = b, [' a', b]]}\n"
                                   "  - {ranking: [b =  a = b]}\n  - {ranking: [[b, a = b], [], ' a']}\n"),
        -EINVAL);
    assert_non_null(strstr(p.error.text, "ballots[1].ranking: \"a\" is none of the options"));
    tr_arena_finish(&p.arena);
    assert_int_equal(read_text(&p, "options: [a = b, ' a', b]\nballots:\n  - {ranking: [a = b, [' a', b]]}\n"
                                   "  - {ranking: [[b, a = b], [], ' a']}\n"),
        0);
    check_marks(&p.poll.ballots[0], 1, 2, 2);
    check_marks(&p.poll.ballots[1], 1, 3, 1);
    tr_arena_finish(&p.arena);
}

static void an_empty_ballot_abstains(void **state) {
    (void)state;
    place_t p = {0};
    assert_int_equal(read_text(&p, HEAD "ballots: [{ranking: []}, {ranking: [[]]}, {ranking: [a]}]\n"), 0);
    assert_true(p.poll.ballots[0].abstains && p.poll.ballots[1].abstains && !p.poll.ballots[2].abstains);
    tr_arena_finish(&p.arena);
    assert_int_equal(read_text(&p, HEAD "edition: 1\nballots: [{ranking: []}]\n"), 0);
    assert_false(p.poll.ballots[0].abstains); /* as it was counted */
    assert_int_equal(p.poll.rules.edition, 1);
    tr_arena_finish(&p.arena);
    assert_int_equal(read_text(&p, HEAD "method: approval\nballots: [{approve: []}]\n"), 0);
    assert_true(p.poll.ballots[0].abstains);
    tr_arena_finish(&p.arena);
    assert_int_equal(read_text(&p, HEAD "method: score\nballots: [{scores: {}}, {scores: {a: 0}}]\n"), 0);
    assert_true(p.poll.ballots[0].abstains);
    assert_false(p.poll.ballots[1].abstains); /* of 10 it has 0 */
    tr_arena_finish(&p.arena);
}

static void who_may_vote_is_who_is_there(void **state) {
    (void)state;
    place_t p = {0};
    assert_int_equal(
        read_text(&p, HEAD "quorum-share: 50\nballots:\n  - {count: 3, weight: 2, ranking: [a]}\n"
                           "  - {voter: x, weight: 9, delegate: y}\n  - {voter: y, delegate: x}\n"),
        0);
    assert_int_equal(p.poll.rules.electorate, 16 * TR_WEIGHT_ONE);
    tr_arena_finish(&p.arena);
    assert_int_equal(read_text(&p, HEAD "electorate: 4\nballots: [{ranking: [a]}]\n"), 0);
    assert_int_equal(p.poll.rules.electorate, 4 * TR_WEIGHT_ONE);
    tr_arena_finish(&p.arena);
}

/* Ten thousand voters of five options are more than a MiB. */
static void a_large_poll(void **state) {
    (void)state;
    enum { VOTERS = 10000 };
    char path[] = "/tmp/poll-XXXXXX";
    int fd = mkstemp(path);
    FILE *out = fdopen(fd, "w");
    place_t p = {0};
    tr_yaml_file_t file;
    assert_non_null(out);
    fputs("options: [aaaaaaaaaaaaaaaaaaaa, b, c, d, e]\nballots:\n", out);
    for (int i = 0; i < VOTERS; i++)
        fprintf(out,
            "  - voter: a-voter-with-a-long-name-%d@local\n    weight: 1.5\n    ranking:\n      - c\n      - "
            "aaaaaaaaaaaaaaaaaaaa\n      - [b, d]\n      - e\n",
            i);
    assert_true(ftell(out) > (1 << 20));
    fclose(out);
    tr_arena_init(&p.arena, 1u << 28);
    int rc = tr_yaml_file_load(path, "poll", TR_POLL_FILE_BYTES_MAX, &p.arena, &file, &p.error);
    unlink(path);
    assert_int_equal(rc, 0);
    if (tr_poll_file_read(&file, &p.arena, &p.poll, &p.error) < 0)
        fail_msg("%s", p.error.text);
    assert_int_equal(p.poll.ballot_count, VOTERS);
    check_marks(&p.poll.ballots[VOTERS - 1], 2, 3, 1);
    tr_arena_finish(&p.arena);
}

static void what_other_methods_say(void **state) {
    (void)state;
    place_t p = {0};
    assert_int_equal(read_text(&p, HEAD "method: plurality\nballots: [{choice: c}]\n"), 0);
    check_marks(&p.poll.ballots[0], 0, 0, 1);
    tr_arena_finish(&p.arena);
    assert_int_equal(read_text(&p, HEAD "method: approval\nballots: [{approve: [a, c]}]\n"), 0);
    check_marks(&p.poll.ballots[0], 1, 0, 1);
    tr_arena_finish(&p.arena);
    assert_int_equal(
        read_text(&p, HEAD "method: score\nscore-max: 20\nballots: [{scores: {a: 0, b: 20}}]\n"), 0);
    check_marks(&p.poll.ballots[0], 0, 20, 0);
    assert_int_equal(p.poll.poll.score_max, 20);
    tr_arena_finish(&p.arena);
}

static void votes_are_delegated(void **state) {
    (void)state;
    place_t p = {0};
    assert_int_equal(
        read_text(&p, HEAD "method: plurality\nballots:\n"
                           "  - {voter: ann, choice: c}\n  - {voter: bob, weight: 3, delegate: cid}\n"
                           "  - {voter: cid, delegate: ann}\n  - {voter: dan, delegate: eva}\n"
                           "  - {voter: eva, delegate: dan}\n"),
        0);
    assert_int_equal(p.poll.ballot_count, 1);
    assert_int_equal(p.poll.ballots[0].weight, 5 * TR_WEIGHT_ONE);
    assert_int_equal(p.poll.ballots[0].carried, 2);
    assert_int_equal(p.poll.lost, 2 * TR_WEIGHT_ONE);
    tr_arena_finish(&p.arena);
}

static void what_is_wrong_is_told_with_its_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"ballots: []\n", "options"},
        {"options: [a, a]\nballots: []\n", "poll.yaml:1:10: options: \"a\" stands there twice"},
        {"options: ['']\nballots: []\n", "expected names, found an empty one"},
        {HEAD "ballots:\n  - {ranking: [a, [b, {c: 1}]]}\n", "ballots[0].ranking[1][1]"},
        {HEAD "ballots:\n  - {ranking: [a, [b, [c]]]}\n", "ballots[0].ranking[1][1]"},
        {HEAD "edition: 3\nballots: []\n", "edition: expected a whole number from 1 to 2"},
        {HEAD "ballots:\n  - {ranking: [a, d]}\n",
            "poll.yaml:3:15: ballots[0].ranking: \"d\" is none of the options"},
        {HEAD "ballots:\n  - {ranking: [a, a]}\n", "\"a\" stands there twice"},
        {HEAD "ballots:\n  - {choice: a}\n", "ballots[0]: expected one of: ranking, abstain, delegate"},
        {HEAD "ballots:\n  - {ranking: [a], abstain: true}\n", "expected one of"},
        {HEAD "ballots:\n  - {}\n", "expected one of"},
        {HEAD "ballots:\n  - {ranking: [a], weight: -1}\n", "ballots[0].weight: expected a number"},
        {HEAD "ballots:\n  - {ranking: [a], weight: nan}\n", "expected a number"},
        {HEAD "ballots:\n  - {voter: x, count: 2, ranking: [a]}\n", "several have no name"},
        {HEAD "ballots:\n  - {voter: x, delegate: y}\n", "ballots[0].delegate: no ballot is \"y\"'s"},
        {HEAD "ballots:\n  - {voter: x, ranking: [a]}\n  - {voter: x, ranking: [a]}\n", "\"x\" votes twice"},
        {HEAD "ballots:\n  - {count: 1048576, ranking: [a]}\n  - {ranking: [a]}\n", "1048576 are the most"},
        {HEAD "method: score\nballots:\n  - {scores: {a: 11}}\n", "a: expected 0 to 10, found \"11\""},
        {HEAD "majority: 101\nballots: []\n", "majority: expected a number from 0 to 100"},
        {HEAD "tie: keep\nballots: []\n", "go together"},
        {HEAD "keep: a\nballots: []\n", "go together"},
        {HEAD "tie: keep\nkeep: d\nballots: []\n", "keep: \"d\" is none of the options"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        place_t p = {0};
        int rc = read_text(&p, rows[i].text);
        if (rc != -EINVAL && rc != -E2BIG)
            fail_msg("row %zu: %d", i, rc);
        if (!strstr(p.error.text, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", p.error.text, rows[i].says);
        tr_arena_finish(&p.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rankings),
        cmocka_unit_test(names_with_signs_in_them),
        cmocka_unit_test(an_empty_ballot_abstains),
        cmocka_unit_test(who_may_vote_is_who_is_there),
        cmocka_unit_test(a_large_poll),
        cmocka_unit_test(what_other_methods_say),
        cmocka_unit_test(votes_are_delegated),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
