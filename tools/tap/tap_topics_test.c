#include "tools/tap/tap_since.h"
#include "tools/tap/tap_topics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static bool shows(const tr_tap_filter_t *filter, const char *topic) {
    return tr_tap_filter_shows(filter, topic, strlen(topic));
}

static void without_a_pattern_all_but_the_tap_and_the_figures(void **state) {
    (void)state;
    tr_tap_filter_t all = {0};
    assert_true(shows(&all, "news.weather"));
    assert_true(shows(&all, "$sys.agent.joined"));
    assert_false(shows(&all, "$sys.broker.stats"));
    assert_false(shows(&all, "$tap.a.b"));
    tr_tap_filter_t direct = {.direct = true};
    assert_true(shows(&direct, "$tap.a.b"));
    assert_true(shows(&direct, "news"));
}

static void patterns_filter_what_their_prefix_lets_through(void **state) {
    (void)state;
    const char *patterns[] = {"news.*.today", "a"};
    tr_tap_filter_t filter = {.patterns = patterns, .count = 2};
    assert_true(shows(&filter, "news.ghent.today"));
    assert_false(shows(&filter, "news.ghent.tomorrow"));
    assert_true(shows(&filter, "a"));
    assert_false(shows(&filter, "ab")); /* "a" is a prefix of it */
}

static void everything_is_not_the_tap(void **state) {
    (void)state;
    const char *everything[] = {">"}, *some[] = {"$tap.a.*"};
    tr_tap_filter_t all = {.patterns = everything, .count = 1}, one = {.patterns = some, .count = 1};
    assert_true(shows(&all, "$sys.broker.stats")); /* it was asked for */
    assert_false(shows(&all, "$tap.a.b"));
    assert_true(shows(&one, "$tap.a.b"));
    assert_false(shows(&one, "$tap.b.a"));
}

static void check_prefixes(const tr_tap_filter_t *filter, const char *const *expected) {
    const char *prefix;
    size_t len, i = 0;
    for (; tr_tap_filter_prefix(filter, i, &prefix, &len); i++) {
        assert_non_null(expected[i]);
        assert_int_equal(len, strlen(expected[i]));
        assert_memory_equal(prefix, expected[i], len);
    }
    assert_null(expected[i]);
}

static void prefixes_are_what_stands_before_the_first_wildcard(void **state) {
    (void)state;
    const char *patterns[] = {"news.*.today", "a", "x.>"};
    check_prefixes(&(tr_tap_filter_t){0}, (const char *const[]){"", NULL});
    check_prefixes(&(tr_tap_filter_t){.direct = true}, (const char *const[]){"", "$tap.", NULL});
    check_prefixes(&(tr_tap_filter_t){.patterns = patterns, .count = 3},
        (const char *const[]){"news.", "a", "x.", NULL});
    check_prefixes(&(tr_tap_filter_t){.patterns = patterns, .count = 1, .direct = true},
        (const char *const[]){"news.", "$tap.", NULL});
}

static uint64_t add(tr_tap_topics_t *t, const char *name, uint64_t sequence) {
    return tr_tap_topics_add(t, name, strlen(name), sequence, 100);
}

static void gaps_are_counted_and_a_new_beginning_is_none(void **state) {
    (void)state;
    tr_tap_topics_t t;
    tr_tap_topics_init(&t, 1, 0);
    assert_int_equal(add(&t, "a", 41), 0); /* the first one that is seen misses nothing */
    assert_int_equal(add(&t, "a", 42), 0);
    assert_int_equal(add(&t, "b", 7), 0);
    assert_int_equal(add(&t, "a", 55), 12);
    assert_int_equal(add(&t, "a", 1), 0); /* the broker was started again */
    assert_int_equal(add(&t, "a", 3), 1);
    assert_int_equal(t.missed, 13);
    assert_int_equal(t.messages, 6);
    assert_int_equal(t.count, 2);
    assert_int_equal(t.items[0]->missed, 13);
    tr_tap_topics_finish(&t);
}

static bool add_kept(tr_tap_topics_t *t, const char *name, uint64_t sequence, int64_t time_ms, bool overlap) {
    tr_tap_kept_t kept = {sequence, 100, time_ms, overlap};
    return tr_tap_topics_add_kept(t, name, strlen(name), &kept);
}

static void what_was_kept_comes_once(void **state) {
    (void)state;
    tr_tap_topics_t t;
    tr_tap_topics_init(&t, 1, 0);
    assert_true(add_kept(&t, "a", 5, 10, false));
    assert_true(add_kept(&t, "a", 6, 10, false));
    assert_false(add_kept(&t, "a", 5, 10, false)); /* another stream has it as well */
    assert_false(tr_tap_topics_was_kept(&t, "a", 1, 6));
    assert_true(add_kept(&t, "a", 1, 20, false)); /* of a broker that was started again */
    assert_true(add_kept(&t, "a", 2, 21, true));
    assert_true(tr_tap_topics_was_kept(&t, "a", 1, 1));
    assert_true(tr_tap_topics_was_kept(&t, "a", 1, 2));
    assert_false(tr_tap_topics_was_kept(&t, "a", 1, 3));
    assert_false(tr_tap_topics_was_kept(&t, "b", 1, 1));
    assert_int_equal(add(&t, "a", 3), 0); /* nothing is missed where the topic stream takes over */
    assert_false(tr_tap_topics_was_kept(&t, "a", 1, 2));
    assert_true(add_kept(&t, "a", 4, 30, true));
    tr_tap_topics_part(&t);
    assert_false(tr_tap_topics_was_kept(&t, "a", 1, 1));
    assert_int_equal(t.messages, 6);
    tr_tap_topics_finish(&t);
}

static void a_stream_may_have_what_is_shown(void **state) {
    (void)state;
    const char *patterns[] = {"news.*", "$tap.crew.x"};
    tr_tap_filter_t all = {0}, some = {.patterns = patterns, .count = 2}, direct = {.direct = true};
    assert_true(tr_tap_filter_meets(&all, "a.>"));
    assert_false(tr_tap_filter_meets(&all, "$tap.>"));
    assert_true(tr_tap_filter_meets(&direct, "$tap.>"));
    assert_true(tr_tap_filter_meets(&some, "news.>"));
    assert_true(tr_tap_filter_meets(&some, "$tap.*.x"));
    assert_false(tr_tap_filter_meets(&some, "old.>"));
}

static void rates_are_those_since_the_mark(void **state) {
    (void)state;
    tr_tap_topics_t t;
    tr_tap_topics_init(&t, 1, 1000);
    for (uint64_t i = 1; i <= 10; i++)
        add(&t, "fast", i);
    add(&t, "alone", 1);
    add(&t, "also", 1);
    tr_tap_topics_sort(&t);
    assert_string_equal(t.items[0]->name, "fast");
    assert_string_equal(t.items[1]->name, "alone");
    assert_true(tr_tap_topic_rate(&t, t.items[0], 3000) == 5.0);
    assert_true(tr_tap_topic_bytes_rate(&t, t.items[0], 3000) == 500.0);
    assert_true(tr_tap_topic_rate(&t, t.items[0], 1000) == 0.0); /* no time has passed */
    tr_tap_topics_mark(&t, 3000);
    add(&t, "also", 2);
    tr_tap_topics_sort(&t);
    assert_string_equal(t.items[0]->name, "also");
    assert_true(tr_tap_topic_rate(&t, t.items[0], 3500) == 2.0);
    assert_int_equal(t.items[0]->messages, 2);
    tr_tap_topics_finish(&t);
}

static void too_many_topics_are_counted_together(void **state) {
    (void)state;
    tr_tap_topics_t t;
    char name[32];
    tr_tap_topics_init(&t, 1, 0);
    for (int i = 0; i < TR_TAP_TOPICS_MAX + 5; i++) {
        snprintf(name, sizeof name, "t.%d", i);
        add(&t, name, 1);
    }
    assert_int_equal(t.count, TR_TAP_TOPICS_MAX);
    assert_int_equal(t.uncounted, 5);
    tr_tap_topics_finish(&t);
}

static void check_cut(const char *text, size_t width, const char *expected) {
    char room[64];
    strcpy(room, text);
    tr_tap_cut(room, width);
    assert_string_equal(room, expected);
}

static void texts_are_cut_at_characters(void **state) {
    (void)state;
    check_cut("short", 10, "short");
    check_cut("exactly10!", 10, "exactly10!");
    check_cut("more than ten", 10, "more th...");
    check_cut("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc", 5, "\xc3\xa4\xc3\xb6...");
    check_cut("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6", 5, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6");
    check_cut("abcdef", 3, "...");
}

static void moments(void **state) {
    (void)state;
    const int64_t now = INT64_C(1767225600000) + 12 * 3600000 + 34567; /* 2026-01-01 12:00:34.567 UTC */
    const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"30s", now - 30000},
        {"0", now},
        {"1m30s", now - 90000},
        {"100000d", 0},
        {"14:30", INT64_C(1767225600000) + 14 * 3600000 + 30 * 60000},
        {"14:30:05", INT64_C(1767225600000) + 14 * 3600000 + 30 * 60000 + 5000},
        {"2026-02-01 00:00", INT64_C(1767225600000) + INT64_C(31) * 86400000},
        {"2026-02-01T00:00:01", INT64_C(1767225600000) + INT64_C(31) * 86400000 + 1000},
        {"2026-02-01", INT64_C(1767225600000) + INT64_C(31) * 86400000},
    };
    const char *const bad[] = {"", "tomorrow", "25:00", "14:30 h", "-5s", "2026-13-01"};
    tr_error_t error = {0};
    int64_t ms = 0;
    setenv("TZ", "UTC", 1);
    tzset();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(tr_tap_parse_since(good[i].text, now, &ms, &error), 0);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(tr_tap_parse_since(bad[i], now, &ms, &error) < 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_pattern_all_but_the_tap_and_the_figures),
        cmocka_unit_test(patterns_filter_what_their_prefix_lets_through),
        cmocka_unit_test(everything_is_not_the_tap),
        cmocka_unit_test(prefixes_are_what_stands_before_the_first_wildcard),
        cmocka_unit_test(gaps_are_counted_and_a_new_beginning_is_none),
        cmocka_unit_test(what_was_kept_comes_once),
        cmocka_unit_test(a_stream_may_have_what_is_shown),
        cmocka_unit_test(rates_are_those_since_the_mark),
        cmocka_unit_test(too_many_topics_are_counted_together),
        cmocka_unit_test(texts_are_cut_at_characters),
        cmocka_unit_test(moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
