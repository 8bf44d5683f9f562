#include "coordinator/cron.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Berlin in 2026: put forward on the 29th of March at 1:00 UTC, and back on the 25th of October at 1:00 UTC. */
static int64_t berlin(void *arg, int64_t s) {
    (void)arg;
    return s >= 1774746000 && s < 1792890000 ? 7200 : 3600;
}

static int64_t utc(void *arg, int64_t s) {
    (void)arg;
    (void)s;
    return 0;
}

/* Lord Howe Island puts its clocks forward by half an hour: here on the 4th of October 2026, 2:00 -> 2:30 local time. */
static int64_t lord_howe(void *arg, int64_t s) {
    (void)arg;
    return s >= 1791041400 ? 39600 : 37800;
}

/* A country that skips the hour after midnight: the 5th of April 2026, 0:00 -> 1:00 local time, two hours ahead of UTC. */
static int64_t at_midnight(void *arg, int64_t s) {
    (void)arg;
    return s >= 1775340000 ? 10800 : 7200;
}

static int64_t ms_of(const char *text) {
    struct tm tm = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
    return (int64_t)timegm(&tm) * 1000;
}

static tr_cron_t cron_of(const char *text) {
    tr_cron_t cron;
    tr_error_t error = {0};
    if (tr_cron_parse(text, &cron, &error) < 0)
        fail_msg("%s", error.text);
    return cron;
}

/* The times after `from` are `wanted`, in UTC, one behind the other; "" ends them, "never" too. */
static void check(const char *text, tr_cron_offset_fn zone, const char *from, const char *const *wanted) {
    tr_cron_t cron = cron_of(text);
    int64_t at_ms = ms_of(from);
    for (; *wanted; wanted++) {
        at_ms = tr_cron_next(&cron, at_ms, zone, NULL);
        char said[32] = "never";
        time_t s = (time_t)(at_ms / 1000);
        if (at_ms != TR_CRON_NEVER)
            strftime(said, sizeof said, "%Y-%m-%d %H:%M:%S", gmtime(&s));
        if (strcmp(said, *wanted) != 0)
            fail_msg("%s after %s: %s, not %s", text, from, said, *wanted);
    }
}

#define CHECK(text, zone, from, ...) check(text, zone, from, (const char *const[]){__VA_ARGS__, NULL})

static void fields_are_read(void **state) {
    (void)state;
    tr_cron_t c = cron_of("0,30 9-17/4 1,15 jan-MAR Mon-fri,7");
    assert_true(c.minutes == (1 | UINT64_C(1) << 30));
    assert_int_equal(c.hours, 1 << 9 | 1 << 13 | 1 << 17);
    assert_int_equal(c.days, 1 << 1 | 1 << 15);
    assert_int_equal(c.months, 1 << 1 | 1 << 2 | 1 << 3);
    assert_int_equal(c.weekdays, 0x3f);
    assert_int_equal(cron_of("@every 1h30m").every_ms, 5400000);
    assert_true(cron_of("*/15 * * * *").minutes == (1 | 1 << 15 | UINT64_C(1) << 30 | UINT64_C(1) << 45));
}

static void what_is_wrong_is_told(void **state) {
    static const char *const wrong[][2] = {{"", "minute"}, {"* * * *", "day of the week"},
        {"*/4294967297 * * * *", "minute"}, {"60 * * * *", "minute"}, {"* 24 * * *", "hour"},
        {"* * 0 * *", "day of the month"}, {"* * * 13 *", "month"}, {"* * * * 8", "day of the week"},
        {"5-1 * * * *", "minute"}, {"*/0 * * * *", "minute"}, {"5/2 * * * *", "minute"},
        {"1,, * * * *", "minute"}, {"-1 * * * *", "minute"}, {"* * * foo *", "month"},
        {"* * * * * *", "more than five"}, {"@reboot", "minute"}, {"@every 0s", "@every"},
        {"@every tea", "@every"}, {"0 0 30 2 *", "no such day"}, {"0 0 31 4,6,9,11 *", "no such day"},
        {"99999999999999999999 * * * *", "minute"}};
    tr_cron_t cron;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tr_error_t error = {0};
        assert_int_equal(tr_cron_parse(wrong[i][0], &cron, &error), -EINVAL);
        if (!strstr(error.text, wrong[i][1]))
            fail_msg("\"%s\": %s", wrong[i][0], error.text);
    }
}

static void times_follow_each_other(void **state) {
    (void)state;
    CHECK("*/20 * * * *", utc, "2026-11-27 23:39:59", "2026-11-27 23:40:00", "2026-11-28 00:00:00");
    CHECK("30 2 * * mon-fri", utc, "2026-11-27 02:30:00", "2026-11-30 02:30:00", "2026-12-01 02:30:00");
    CHECK("@monthly", utc, "2026-12-01 00:00:00", "2027-01-01 00:00:00");
    CHECK("@every 90s", utc, "2026-12-01 00:00:10", "2026-12-01 00:01:40", "2026-12-01 00:03:10");
    CHECK("0 0 1 1 *", utc, "1969-12-31 23:59:00", "1970-01-01 00:00:00", "1971-01-01 00:00:00");
    CHECK("59 23 31 12 *", utc, "1968-01-01 00:00:00", "1968-12-31 23:59:00");
}

static void either_day_will_do(void **state) {
    (void)state;
    CHECK("0 12 13 * fri", utc, "2026-11-10 00:00:00", "2026-11-13 12:00:00", "2026-11-20 12:00:00",
        "2026-11-27 12:00:00", "2026-12-04 12:00:00", "2026-12-11 12:00:00", "2026-12-13 12:00:00");
    CHECK("0 12 */2 * sun", utc, "2026-11-01 12:00:00", "2026-11-15 12:00:00");
    CHECK("0 0 30 2 mon", utc, "2026-02-01 00:00:00", "2026-02-02 00:00:00");
}

static void leap_days(void **state) {
    (void)state;
    CHECK("0 0 29 2 *", utc, "2026-01-01 00:00:00", "2028-02-29 00:00:00", "2032-02-29 00:00:00");
    CHECK("0 0 29 2 *", utc, "2096-03-01 00:00:00", "2104-02-29 00:00:00"); /* 2100 is none */
    CHECK("0 0 29 2 *", utc, "1999-03-01 00:00:00", "2000-02-29 00:00:00");
    CHECK("0 0 31 * *", utc, "2026-01-31 00:00:00", "2026-03-31 00:00:00", "2026-05-31 00:00:00");
}

static void an_hour_that_is_skipped(void **state) {
    (void)state;
    CHECK("30 2 * * *", berlin, "2026-03-28 00:00:00", "2026-03-28 01:30:00", "2026-03-29 01:00:00",
        "2026-03-30 00:30:00");
    CHECK("0,15,30,45 2 * * *", berlin, "2026-03-29 00:00:00", "2026-03-29 01:00:00", "2026-03-30 00:00:00");
    CHECK("30 * * * *", berlin, "2026-03-29 00:00:00", "2026-03-29 00:30:00", "2026-03-29 01:30:00");
    CHECK("0 3 * * *", berlin, "2026-03-29 00:00:00", "2026-03-29 01:00:00", "2026-03-30 01:00:00");
    CHECK("15 2 * * *", lord_howe, "2026-10-03 10:00:00", "2026-10-03 15:30:00", "2026-10-04 15:15:00");
    CHECK("30 0 5 4 *", at_midnight, "2026-01-01 00:00:00", "2026-04-04 22:00:00", "2027-04-04 21:30:00");
}

static void an_hour_that_comes_twice(void **state) {
    (void)state;
    CHECK("30 2 * * *", berlin, "2026-10-24 12:00:00", "2026-10-25 00:30:00", "2026-10-26 01:30:00");
    CHECK("30 * * * *", berlin, "2026-10-25 00:00:00", "2026-10-25 00:30:00", "2026-10-25 01:30:00",
        "2026-10-25 02:30:00");
    CHECK("0 3 * * *", berlin, "2026-10-25 00:00:00", "2026-10-25 02:00:00");
    CHECK(
        "30 2 * * *", berlin, "2026-10-25 01:15:00", "2026-10-26 01:30:00"); /* begun within the second one */
}

/* Against the plain definition, minute by minute, for what no clock touches. */
static void it_is_the_first_that_matches(void **state) {
    static const char *const texts[] = {
        "7 * * * *", "*/7 */5 * * *", "0 4 8-14 * *", "59 23 * * 6", "10 10 10 10 *", "1 2 3 * 4"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tr_cron_t cron = cron_of(texts[i]);
        int64_t next = tr_cron_next(&cron, ms_of("2026-09-30 11:22:33"), utc, NULL);
        for (int64_t at = ms_of("2026-09-30 11:23:00"); at <= next; at += 60000) {
            time_t s = (time_t)(at / 1000);
            const struct tm *tm = gmtime(&s);
            bool day = cron.days >> tm->tm_mday & 1, weekday = cron.weekdays >> tm->tm_wday & 1;
            bool fits = (cron.minutes >> tm->tm_min & 1) && (cron.hours >> tm->tm_hour & 1) &&
                        (cron.months >> (tm->tm_mon + 1) & 1) &&
                        (cron.each_day || cron.each_weekday ? day && weekday : day || weekday);
            assert_int_equal(fits, at == next);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(times_follow_each_other),
        cmocka_unit_test(either_day_will_do),
        cmocka_unit_test(leap_days),
        cmocka_unit_test(an_hour_that_is_skipped),
        cmocka_unit_test(an_hour_that_comes_twice),
        cmocka_unit_test(it_is_the_first_that_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
