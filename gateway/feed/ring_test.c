#include "gateway/feed/ring.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put(tr_feed_ring_t *ring, const char *topic, const char *json) {
    assert_int_not_equal(tr_feed_ring_put(ring, topic, json, strlen(json)), 0);
}

static void expect_event(
    const tr_feed_ring_t *ring, tr_feed_reader_t *reader, uint64_t id, const char *json) {
    tr_feed_event_t event;
    uint64_t missed;
    assert_int_equal(tr_feed_read(ring, reader, &event, &missed), TR_FEED_EVENT);
    assert_int_equal(event.id, id);
    assert_string_equal(event.json, json);
    assert_int_equal(event.len, strlen(json));
}

static void expect_none(const tr_feed_ring_t *ring, tr_feed_reader_t *reader) {
    tr_feed_event_t event;
    uint64_t missed;
    assert_int_equal(tr_feed_read(ring, reader, &event, &missed), TR_FEED_NONE);
}

static void test_readers_get_what_they_want_in_order(void **state) {
    (void)state;
    tr_feed_ring_t *ring = tr_feed_ring_new(10, 10000);
    tr_feed_reader_t news, all;
    assert_int_equal(tr_feed_reader_init(&news, "news.*,sport.>", 1), 0);
    assert_int_equal(tr_feed_reader_init(&all, ">", 1), 0);
    put(ring, "news.a", "1");
    put(ring, "weather", "2");
    put(ring, "sport.a.b", "3");
    expect_event(ring, &news, 1, "1");
    expect_event(ring, &news, 3, "3");
    expect_none(ring, &news);
    expect_event(ring, &all, 1, "1");
    expect_event(ring, &all, 2, "2");
    put(ring, "news.b", "4");
    expect_event(ring, &news, 4, "4");
    tr_feed_reader_finish(&news);
    tr_feed_reader_finish(&all);
    tr_feed_ring_destroy(&ring);
}

static void test_who_comes_back_goes_on(void **state) {
    (void)state;
    tr_feed_ring_t *ring = tr_feed_ring_new(10, 10000);
    tr_feed_reader_t reader;
    for (int i = 0; i < 5; i++)
        put(ring, "a", "x");
    assert_int_equal(tr_feed_reader_init(&reader, "a", 4), 0);
    expect_event(ring, &reader, 4, "x");
    expect_event(ring, &reader, 5, "x");
    expect_none(ring, &reader);
    tr_feed_reader_finish(&reader);
    tr_feed_ring_destroy(&ring);
}

static void test_who_is_slow_is_told_what_he_missed(void **state) {
    (void)state;
    tr_feed_ring_t *ring = tr_feed_ring_new(4, 10000);
    tr_feed_reader_t reader;
    tr_feed_event_t event;
    uint64_t missed = 0;
    assert_int_equal(tr_feed_reader_init(&reader, "a", 1), 0);
    for (int i = 0; i < 7; i++)
        put(ring, "a", "x");
    assert_int_equal(tr_feed_read(ring, &reader, &event, &missed), TR_FEED_GAP);
    assert_int_equal(missed, 3);
    expect_event(ring, &reader, 4, "x");
    tr_feed_reader_finish(&reader);
    tr_feed_ring_destroy(&ring);
}

static void test_bytes_are_bounded(void **state) {
    (void)state;
    tr_feed_ring_t *ring = tr_feed_ring_new(100, 64);
    tr_feed_reader_t reader;
    tr_feed_event_t event;
    uint64_t missed = 0;
    char large[64] = "";
    memset(large, 'x', 40);
    assert_int_equal(tr_feed_reader_init(&reader, "a", 1), 0);
    put(ring, "a", large);
    put(ring, "a", large);
    assert_int_equal(tr_feed_read(ring, &reader, &event, &missed), TR_FEED_GAP);
    expect_event(ring, &reader, 2, large);
    memset(large, 'x', 63);
    assert_int_equal(tr_feed_ring_put(ring, "a", large, 63), 0);
    expect_none(ring, &reader);
    tr_feed_reader_finish(&reader);
    tr_feed_ring_destroy(&ring);
}

static void test_patterns_that_are_none(void **state) {
    (void)state;
    static const char *const wrong[] = {"", ",", "a,", "a,,b", "a b", "a..b", ">.a"};
    tr_feed_reader_t reader;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(tr_feed_reader_init(&reader, wrong[i], 1), -EINVAL);
    assert_int_equal(tr_feed_reader_init(&reader, "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", 1), -E2BIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_get_what_they_want_in_order),
        cmocka_unit_test(test_who_comes_back_goes_on),
        cmocka_unit_test(test_who_is_slow_is_told_what_he_missed),
        cmocka_unit_test(test_bytes_are_bounded),
        cmocka_unit_test(test_patterns_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
