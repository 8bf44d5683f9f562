/*
 * When something is due again and again: the five fields of crontab(5) (minute, hour, day of the month, month, day of the week) with
 * lists, ranges, steps and names; the words @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually; and @every TIME. Pure.
 *
 * Days. Where both the day of the month and that of the week are given, either of them will do, as in crontab(5).
 *
 * Clocks that are put forward or back. What is due in an hour that there is not is due once, when that hour is over. In an hour that there is
 * twice, what names its hours is due the first time only; what is due at every hour goes on.
 */
#ifndef TR_COORDINATOR_CRON_H
#define TR_COORDINATOR_CRON_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define TR_CRON_NEVER INT64_MAX

typedef struct tr_cron {
    uint64_t minutes;                       /* bits 0 to 59 */
    uint32_t hours;                         /* 0 to 23 */
    uint32_t days;                          /* 1 to 31 */
    uint32_t months;                        /* 1 to 12 */
    uint32_t weekdays;                      /* 0 (Sunday) to 6 */
    bool each_hour, each_day, each_weekday; /* the field begins with * */
    int64_t every_ms;                       /* @every; else 0 */
} tr_cron_t;

/* -EINVAL with a text: what is wrong, also a day that there is in no year. */
int tr_cron_parse(const char *text, tr_cron_t *ret_cron, tr_error_t *error);

/* What is to be added to Unix time in seconds for the local time at that moment; changes at full quarters of an hour, by two hours at most. */
typedef int64_t (*tr_cron_offset_fn)(void *arg, int64_t unix_s);

/* The first time after `after_ms` (Unix time), a full minute but for @every; TR_CRON_NEVER: not in the next 12 years. */
int64_t tr_cron_next(const tr_cron_t *cron, int64_t after_ms, tr_cron_offset_fn offset, void *arg);

#endif
