#include "coordinator/scale/scaler.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static tr_scaler_t scaler(const char *text) {
    tr_scaler_t self;
    tr_error_t error = {0};
    if (tr_scaler_parse(&self, text, &error) < 0)
        fail_msg("%s", error.text);
    return self;
}

static void what_is_said_is_read(void **state) {
    (void)state;
    tr_scaler_t s = scaler("reader=0..8/10/90s@read,skim");
    assert_string_equal(s.group, "reader");
    assert_int_equal(s.min, 0);
    assert_int_equal(s.max, 8);
    assert_int_equal(s.backlog, 10);
    assert_int_equal(s.cooldown_ms, 90000);
    assert_int_equal(s.service_count, 2);
    assert_string_equal(s.services[1], "skim");
    assert_int_equal(s.agents, -1);
    assert_int_equal(s.platform_count, 0);
    s = scaler("reader=0..8/10/90s@read,skim:office-0,office-2");
    assert_int_equal(s.service_count, 2);
    assert_int_equal(s.platform_count, 2);
    assert_string_equal(s.platforms[1], "office-2");
    static const char *const wrong[] = {"", "reader", "reader=1", "reader=1..2", "reader=1..2/3",
        "reader=1..2/3/4s", "reader=1..2/3/4s@", "reader=2..1/3/4s@r", "reader=-1..2/3/4s@r",
        "reader=1..2/0/4s@r", "reader=1..2/3/4@r", "reader=1..2/3/25h@r", "=1..2/3/4s@r", "a b=1..2/3/4s@r",
        "reader=1..99999/3/4s@r", "reader=1..2/3/4s@r,", "reader=1..2/3/4s@r s",
        "reader=1..2/3/4s@r:", "reader=1..2/3/4s@r:a,", "reader=1..2/3/4s@r:a b", "reader=1..2/3/4s@:a",
        "reader=0..0/3/4s@r"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tr_error_t error = {0};
        s.max = 77;
        if (tr_scaler_parse(&s, wrong[i], &error) != -EINVAL)
            fail_msg("\"%s\" was taken", wrong[i]);
        assert_int_equal(s.max, 77);
    }
}

static void more_come_at_once(void **state) {
    (void)state;
    tr_scaler_t s = scaler("r=1..4/10/60s@r");
    assert_int_equal(tr_scaler_look(&s, -1, 100, 1000), -1); /* nobody knows how many there are */
    assert_int_equal(tr_scaler_look(&s, 1, 10, 1000), -1);
    assert_int_equal(tr_scaler_look(&s, 1, 11, 1001), 2);
    tr_scaler_changed(&s, 2, 1001);
    assert_int_equal(tr_scaler_look(&s, 2, 35, 1002), 4); /* and again, without a pause */
    tr_scaler_changed(&s, 4, 1002);
    assert_int_equal(tr_scaler_look(&s, 4, 100000, 1003), -1); /* no more than the most */
    assert_int_equal(tr_scaler_look(&s, 0, 0, 1004), 1);       /* no fewer than the least */
}

static void fewer_must_be_enough_for_the_cooldown(void **state) {
    (void)state;
    tr_scaler_t s = scaler("r=0..8/10/60s@r");
    assert_int_equal(tr_scaler_look(&s, 8, 5, 1000), -1);
    assert_int_equal(tr_scaler_look(&s, 8, 25, 31000), -1); /* within it three were wanted */
    assert_int_equal(tr_scaler_look(&s, 8, 0, 60999), -1);
    assert_int_equal(tr_scaler_look(&s, 8, 0, 61000), 3);
    tr_scaler_changed(&s, 3, 61000);
    assert_int_equal(tr_scaler_look(&s, 3, 0, 61001), -1);
    assert_int_equal(tr_scaler_look(&s, 3, 30, 100000), -1); /* as many as there are: it begins anew */
    assert_int_equal(tr_scaler_look(&s, 3, 0, 121001), -1);
    assert_int_equal(tr_scaler_look(&s, 3, 0, 181000), -1);
    assert_int_equal(tr_scaler_look(&s, 3, 0, 181001), 0);
    tr_scaler_changed(&s, 0, 181001);
    assert_int_equal(tr_scaler_look(&s, 0, 0, 999999), -1);
    assert_int_equal(tr_scaler_look(&s, 0, 1, 999999), 1); /* the first message wakes it */
}

/* Told each second, and gone by the next one. */
static void what_dies_at_its_start_is_not_started_each_second(void **state) {
    (void)state;
    tr_scaler_t s = scaler("r=0..4/10/60s@r");
    int64_t starts = 0, last_ms = 0, longest_ms = 0;
    for (int64_t now = 1000; now <= 3600000; now += 1000) {
        if (tr_scaler_look(&s, 0, 100, now) < 0)
            continue;
        tr_scaler_changed(&s, 4, now);
        starts++;
        longest_ms = now - last_ms > longest_ms ? now - last_ms : longest_ms;
        last_ms = now;
    }
    assert_in_range(starts, 12, 22); /* 3,600 without a pause */
    assert_in_range(longest_ms, 300000, 303000);
    /* They stay: the next that goes is made up for at once. */
    tr_scaler_changed(&s, 4, 4000000);
    for (int64_t now = 4001000; now < 6000000; now += 1000)
        assert_int_equal(tr_scaler_look(&s, 4, 100, now), -1);
    assert_int_equal(tr_scaler_look(&s, 3, 100, 6000000), 4);
    /* Those that were to end, and take their time, are not lost. */
    s = scaler("r=0..4/10/1s@r");
    tr_scaler_changed(&s, 1, 1000);
    tr_scaler_look(&s, 4, 0, 2000);
    tr_scaler_look(&s, 1, 0, 3000);
    tr_scaler_changed(&s, 0, 4000);
    tr_scaler_look(&s, 0, 0, 5000);
    assert_int_equal(s.pause_ms, 0);
}

/* Whatever is told, it is within the bounds, and none is asked for what is there. */
static void never_beyond_the_bounds(void **state) {
    (void)state;
    tr_scaler_t s = scaler("r=2..6/7/10ms@r");
    uint64_t random = 88172645463325252ull;
    int64_t agents = 2;
    for (int64_t now = 1; now < 20000; now++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        int64_t to = tr_scaler_look(&s, agents, (int64_t)(random % 90), now);
        assert_true(to == -1 || (to >= 2 && to <= 6 && to != agents));
        if (to >= 0)
            tr_scaler_changed(&s, agents = to, now);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_read),
        cmocka_unit_test(more_come_at_once),
        cmocka_unit_test(fewer_must_be_enough_for_the_cooldown),
        cmocka_unit_test(what_dies_at_its_start_is_not_started_each_second),
        cmocka_unit_test(never_beyond_the_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
