#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/topic.h"

static void says_what_is_a_topic(void **state) {
    (void)state;
    static const char *const good[] = {
        "a", "a.b.c", "$sys.agent.joined", "$tap.ams@north.svc:digest", "0", "_-+~@$:/"};
    static const char *const bad[] = {
        "", ".", "a.", ".a", "a..b", "a.*", "*", ">", "a.>", "a b", "a\n", "a*b", "\xc3\xa4", "a.b>", "a#"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(tr_topic_valid(good[i], strlen(good[i])));
        assert_true(tr_pattern_valid(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (tr_topic_valid(bad[i], strlen(bad[i])))
            fail_msg("accepted \"%s\"", bad[i]);
    assert_false(tr_topic_valid(NULL, 0));
    assert_false(tr_topic_valid("a\0b", 3));
}

static void says_what_is_a_pattern(void **state) {
    (void)state;
    static const char *const good[] = {"*", ">", "a.*", "*.a", "a.*.b.>", "*.*", "*.>"};
    static const char *const bad[] = {"", "a*", "*a", "a.>.b", ">.a", ">>", "**", "a.>b", "*.", "a.>.", ".>"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(tr_pattern_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (tr_pattern_valid(bad[i], strlen(bad[i])))
            fail_msg("accepted \"%s\"", bad[i]);
}

static void keeps_the_limit_that_libzmq_needs(void **state) {
    (void)state;
    char topic[TR_TOPIC_MAX + 1];
    memset(topic, 'a', sizeof topic);
    assert_true(tr_topic_valid(topic, TR_TOPIC_MAX));
    assert_false(tr_topic_valid(topic, TR_TOPIC_MAX + 1));
    topic[TR_TOPIC_MAX - 1] = '>';
    topic[TR_TOPIC_MAX - 2] = '.';
    assert_true(tr_pattern_valid(topic, TR_TOPIC_MAX));
    assert_false(tr_pattern_valid(topic, TR_TOPIC_MAX + 1));
}

static void matches_as_nats_does(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *topic;
        bool matches;
    } rows[] = {
        {"a.b", "a.b", true},
        {"a.b", "a.bc", false},
        {"a.b", "a", false},
        {"a", "a.b", false},
        {"a.*", "a.b", true},
        {"a.*", "a.b.c", false},
        {"a.*", "a", false},
        {"*", "a", true},
        {"*.b", "a.b", true},
        {"*.b", "a.c", false},
        {"a.*.c", "a.b.c", true},
        {"a.*.c", "a.c", false},
        {">", "a", true},
        {">", "a.b.c", true},
        {"a.>", "a.b", true},
        {"a.>", "a.b.c", true},
        {"a.>", "a", false},
        {"a.>", "ab.c", false},
        {"*.*", "a.b", true},
        {"*.>", "a", false},
        {"*.>", "a.b.c", true},
        {"$sys.>", "$sys.agent.joined", true},
        {"*.agent.*", "$sys.agent.joined", true},
        /* what is not valid */
        {"", "a", false},
        {"a", "", false},
        {"", "", false},
        {"a.*", "a.", false},
        {"a.>", "a.", false},
        {"a.", "a.b", false},
        {">.b", "a.b", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (tr_pattern_matches(rows[i].pattern, strlen(rows[i].pattern), rows[i].topic,
                strlen(rows[i].topic)) != rows[i].matches)
            fail_msg("\"%s\" and \"%s\": expected %d", rows[i].pattern, rows[i].topic, rows[i].matches);
    assert_false(tr_pattern_matches(NULL, 0, "a", 1));
    assert_false(tr_pattern_matches("a", 1, NULL, 0));
}

static void patterns_meet(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool meet;
    } rows[] = {
        {"a.b", "a.b", true},
        {"a.b", "a.c", false},
        {"a.b", "a", false},
        {"a.*", "*.b", true},
        {"a.*", "a.b.c", false},
        {"a.>", "a", false},
        {"a.>", "*.b.c", true},
        {">", "x", true},
        {"b.>", "a.>", false},
        {"a.*.c", "a.>", true},
        {"*", "a.*", false},
        {"", ">", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *a = rows[i].a, *b = rows[i].b;
        if (tr_patterns_meet(a, strlen(a), b, strlen(b)) != rows[i].meet ||
            tr_patterns_meet(b, strlen(b), a, strlen(a)) != rows[i].meet)
            fail_msg("\"%s\" and \"%s\": expected %d", a, b, rows[i].meet);
    }
}

static void the_prefix_ends_at_the_first_wildcard(void **state) {
    (void)state;
    assert_int_equal(tr_pattern_prefix(">", 1), 0);
    assert_int_equal(tr_pattern_prefix("*.a", 3), 0);
    assert_int_equal(tr_pattern_prefix("a.*.b", 5), 2);
    assert_int_equal(tr_pattern_prefix("a.b.>", 5), 4);
    assert_int_equal(tr_pattern_prefix("a.b", 3), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_a_topic),
        cmocka_unit_test(says_what_is_a_pattern),
        cmocka_unit_test(keeps_the_limit_that_libzmq_needs),
        cmocka_unit_test(matches_as_nats_does),
        cmocka_unit_test(patterns_meet),
        cmocka_unit_test(the_prefix_ends_at_the_first_wildcard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
