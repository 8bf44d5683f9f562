#include "tools/tap/tap_since.h"

#include "lib/base/options.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

/* The whole text in one of the formats, on top of what tm holds already. */
static bool parse_time(const char *text, const char *const *formats, struct tm *tm) {
    for (; *formats; formats++) {
        struct tm try = *tm;
        const char *end = strptime(text, *formats, &try);
        if (end && *end == '\0') {
            *tm = try;
            return true;
        }
    }
    return false;
}

int tr_tap_parse_since(const char *text, int64_t now_ms, int64_t *ret_ms, tr_error_t *error) {
    static const char *const times[] = {"%H:%M:%S", "%H:%M", NULL};
    static const char *const dates[] = {
        "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d", NULL};
    time_t now = (time_t)(now_ms / 1000);
    int64_t duration;
    struct tm tm, date = {.tm_isdst = -1};
    if (!localtime_r(&now, &tm))
        return tr_error_set(error, -EINVAL, "the local time is not known");
    tm.tm_isdst = -1;
    tm.tm_sec = 0;
    if (parse_time(text, times, &tm) || (parse_time(text, dates, &date) && (tm = date, true))) {
        time_t when = mktime(&tm);
        if (when != (time_t)-1) {
            *ret_ms = (int64_t)when * 1000;
            return 0;
        }
    } else if (tr_parse_duration(text, &duration, NULL) == 0 && duration >= 0) {
        *ret_ms = now_ms > duration ? now_ms - duration : 0;
        return 0;
    }
    return tr_error_set(error, -EINVAL,
        "\"%.60s\" is no moment: expected HH:MM[:SS], YYYY-MM-DD HH:MM[:SS], or a time ago such as 30s",
        text);
}
