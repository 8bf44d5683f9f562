#include "coordinator/cron.h"

#include "lib/base/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DAY_S   86400
#define YEARS   12 /* 2096, 2104: eight years without a 29th of February, and some */
#define QUARTER 900

/* ---- fields ---- */

typedef struct field {
    const char *what;
    int least, most;
    const char *const *names; /* of least and so on, ended by NULL; NULL */
} field_t;

static const char *const months[] = {
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const field_t fields[FIELDS] = {
    {"minute", 0, 59, NULL}, {"hour", 0, 23, NULL}, {"day of the month", 1, 31, NULL},
    {"month", 1, 12, months}, {"day of the week", 0, 7, weekdays}, /* 7 is Sunday as well */
};

/* A number or a name, at *at, which moves behind it; -1: it is neither, or not within the field. */
static int read_value(const field_t *f, const char **at) {
    for (int i = 0; f->names && f->names[i]; i++)
        if (strncasecmp(*at, f->names[i], 3) == 0) {
            *at += 3;
            return f->least + i;
        }
    if (!isdigit((unsigned char)**at))
        return -1;
    char *end;
    long value = strtol(*at, &end, 10);
    *at = end;
    return value < f->least || value > f->most ? -1 : (int)value;
}

/* One of a list: VALUE, VALUE-VALUE or *, and /STEP behind the last two. */
static bool read_part(const field_t *f, const char **at, uint64_t *bits) {
    int from, to, step = 1;
    bool range = **at == '*';
    if (range) {
        (*at)++;
        from = f->least;
        to = f->most;
    } else {
        from = to = read_value(f, at);
        range = **at == '-';
        if (range && (*at)++)
            to = read_value(f, at);
    }
    if (**at == '/') {
        char *end;
        long given = isdigit((unsigned char)(*at)[1]) ? strtol(*at + 1, &end, 10) : 0;
        if (!range || given < 1 || given > f->most)
            return false;
        step = (int)given;
        *at = end;
    }
    for (int i = from; i <= to && from >= 0; i += step)
        *bits |= UINT64_C(1) << i;
    return from >= 0 && to >= from;
}

/* The field at *at, and the spaces behind it. 0 where it is wrong. */
static uint64_t read_field(const field_t *f, const char **at) {
    uint64_t bits = 0;
    do {
        if (!read_part(f, at, &bits))
            return 0;
    } while (**at == ',' && *++*at);
    if (**at && !isspace((unsigned char)**at))
        return 0;
    *at += strspn(*at, " \t");
    return bits;
}

static bool is_there_such_a_day(const tr_cron_t *c) {
    static const int longest[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!c->each_weekday)
        return true;
    for (int month = 1; month <= 12; month++)
        if ((c->months >> month & 1) && (c->days & ((UINT64_C(2) << longest[month]) - 1)))
            return true;
    return false;
}

static int parse_fields(const char *text, tr_cron_t *c, tr_error_t *error) {
    uint64_t bits[FIELDS];
    bool star[FIELDS];
    const char *at = text + strspn(text, " \t");
    for (size_t i = 0; i < FIELDS; i++) {
        star[i] = *at == '*';
        if (!*at || !(bits[i] = read_field(&fields[i], &at)))
            return tr_error_set(error, -EINVAL,
                "\"%.80s\": its %s is %s: expected five fields such as \"30 2 * * mon-fri\", @daily or "
                "@every 10m",
                text, fields[i].what, *at ? "wrong" : "missing or wrong");
    }
    if (*at)
        return tr_error_set(error, -EINVAL, "\"%.80s\": more than five fields", text);
    *c = (tr_cron_t){.minutes = bits[MINUTE],
        .hours = (uint32_t)bits[HOUR],
        .days = (uint32_t)bits[DAY],
        .months = (uint32_t)bits[MONTH],
        .weekdays = (uint32_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f),
        .each_hour = star[HOUR],
        .each_day = star[DAY],
        .each_weekday = star[WEEKDAY]};
    return is_there_such_a_day(c)
               ? 0
               : tr_error_set(error, -EINVAL, "\"%.80s\": there is no such day in any year", text);
}

static const struct {
    const char *word, *fields;
} words[] = {
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

static int parse_every(const char *text, tr_cron_t *c, tr_error_t *error) {
    int64_t ms = 0;
    text += strspn(text, " \t");
    if (tr_parse_duration(text, &ms, &(tr_error_t){0}) < 0 || ms < 1000 || ms > INT64_C(366) * DAY_S * 1000)
        return tr_error_set(
            error, -EINVAL, "@every: expected a time of 1s to 366 days, such as 90s or 1h30m");
    *c = (tr_cron_t){.every_ms = ms};
    return 0;
}

int tr_cron_parse(const char *text, tr_cron_t *ret_cron, tr_error_t *error) {
    if (strncmp(text, "@every ", 7) == 0)
        return parse_every(text + 7, ret_cron, error);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i].word) == 0)
            return parse_fields(words[i].fields, ret_cron, error);
    return parse_fields(text, ret_cron, error);
}

/* ---- the calendar ---- */

typedef struct moment {
    int minute, hour, day, month, weekday;
    int64_t second_of_day;
} moment_t;

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* Days since 1970 to a date of the Gregorian calendar: eras of 400 years that begin in March, so that leap days come last. */
static moment_t moment_of(int64_t local_s) {
    int64_t days = floor_div(local_s, DAY_S), of_day = local_s - days * DAY_S;
    int64_t shifted = days + 719468, era = floor_div(shifted, 146097), of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), march = (5 * of_year + 2) / 153;
    return (moment_t){.minute = (int)(of_day / 60 % 60),
        .hour = (int)(of_day / 3600),
        .day = (int)(of_year - (153 * march + 2) / 5 + 1),
        .month = (int)(march < 10 ? march + 3 : march - 9),
        .weekday = (int)(((days + 4) % 7 + 7) % 7),
        .second_of_day = of_day};
}

static bool has(uint64_t bits, int at) {
    return bits >> at & 1;
}

static bool is_its_day(const tr_cron_t *c, const moment_t *m) {
    bool day = has(c->days, m->day), weekday = has(c->weekdays, m->weekday);
    if (!has(c->months, m->month))
        return false;
    return c->each_day || c->each_weekday ? day && weekday : day || weekday;
}

static bool is_its_time(const tr_cron_t *c, int64_t local_s) {
    moment_t m = moment_of(local_s);
    return is_its_day(c, &m) && has(c->hours, m.hour) && has(c->minutes, m.minute);
}

/* ---- the next time ---- */

typedef struct zone {
    tr_cron_offset_fn offset;
    void *arg;
} zone_t;

static int64_t offset_at(const zone_t *z, int64_t s) {
    return z->offset(z->arg, s);
}

/* The clock showed this before, and was put back. */
static bool is_again(const zone_t *z, int64_t s) {
    int64_t back = offset_at(z, s - 2 * 3600 - 1) - offset_at(z, s);
    return back > 0 && offset_at(z, s - back) == offset_at(z, s) + back;
}

/* The clock was put forward to this moment, over a minute that is one of its. */
static bool was_skipped(const tr_cron_t *c, const zone_t *z, int64_t s) {
    int64_t forward = offset_at(z, s) - offset_at(z, s - 1);
    if (c->each_hour)
        return false;
    for (int64_t i = forward; i > 0; i -= 60)
        if (is_its_time(c, s + offset_at(z, s) - i))
            return true;
    return false;
}

static bool is_due(const tr_cron_t *c, const zone_t *z, int64_t s) {
    if (was_skipped(c, z, s))
        return true;
    return is_its_time(c, s + offset_at(z, s)) && (c->each_hour || !is_again(z, s));
}

/* How far it is to where it is worth to look again: never over a change of the clock that matters. */
static int64_t step_from(const tr_cron_t *c, const zone_t *z, int64_t s) {
    moment_t m = moment_of(s + offset_at(z, s));
    int64_t quarter = QUARTER - s % QUARTER, left = DAY_S - m.second_of_day - 3 * 3600;
    if (!is_its_day(c, &m))
        return left > QUARTER ? left - (s + left) % QUARTER : quarter;
    return has(c->hours, m.hour) ? 60 : quarter;
}

int64_t tr_cron_next(const tr_cron_t *cron, int64_t after_ms, tr_cron_offset_fn offset, void *arg) {
    zone_t z = {offset, arg};
    if (cron->every_ms)
        return after_ms + cron->every_ms;
    int64_t s = (floor_div(after_ms, 60000) + 1) * 60, until = s + INT64_C(366) * YEARS * DAY_S;
    while (s < until && !is_due(cron, &z, s))
        s += step_from(cron, &z, s);
    return s < until ? s * 1000 : TR_CRON_NEVER;
}
