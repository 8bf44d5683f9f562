#include "tools/cli/output_cell.h"

#include "tools/cli/terminal_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ELLIPSIS "\u2026"

void tr_print_duration(int64_t ms, char *out, size_t size) {
    int64_t s = ms / 1000, minutes = s / 60, hours = minutes / 60;
    if (ms < 0)
        snprintf(out, size, "-");
    else if (ms < 1000)
        snprintf(out, size, "%" PRId64 "ms", ms);
    else if (s < 10)
        snprintf(out, size, "%" PRId64 ".%" PRId64 "s", s, ms % 1000 / 100);
    else if (s < 60)
        snprintf(out, size, "%" PRId64 "s", s);
    else if (minutes < 60)
        snprintf(out, size, "%" PRId64 "m%02" PRId64 "s", minutes, s % 60);
    else if (hours < 24)
        snprintf(out, size, "%" PRId64 "h%02" PRId64 "m", hours, minutes % 60);
    else
        snprintf(out, size, "%" PRId64 "d%02" PRId64 "h", hours / 24, hours % 24);
}

void tr_print_bytes(uint64_t bytes, char *out, size_t size) {
    static const char units[] = "KMGTPE";
    if (bytes < 1024) {
        snprintf(out, size, "%" PRIu64, bytes);
        return;
    }
    /* Tenths of a unit, rounded; 1023.96 K is better told as 1.0 M. */
    size_t unit = 0;
    double value = (double)bytes / 1024;
    while (value >= 1023.95 && units[unit + 1]) {
        value /= 1024;
        unit++;
    }
    bool whole = value >= 9.95;
    snprintf(out, size, "%.*f%c", whole ? 0 : 1, value, units[unit]);
}

static void print_time(int64_t unix_ms, char *out, size_t size) {
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm;
    if (!localtime_r(&seconds, &tm) || strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        snprintf(out, size, "%" PRId64, unix_ms);
}

static char *brief_time(int64_t unix_ms, int64_t now) {
    char text[40];
    time_t at = (time_t)(unix_ms / 1000), here = (time_t)now;
    struct tm then, today;
    if (!localtime_r(&at, &then) || !localtime_r(&here, &today))
        return NULL;
    size_t n = then.tm_year != today.tm_year   ? strftime(text, sizeof text, "%Y-%m-%d", &then)
               : then.tm_yday != today.tm_yday ? strftime(text, sizeof text, "%m-%d %H:%M", &then)
                                               : strftime(text, sizeof text, "%H:%M:%S", &then);
    return n > 0 ? strdup(text) : NULL;
}

static char *number_cell(int64_t value, tr_column_kind_t kind) {
    char text[40];
    switch (kind) {
    case TR_COLUMN_DURATION: tr_print_duration(value, text, sizeof text); break;
    case TR_COLUMN_BYTES: tr_print_bytes(value > 0 ? (uint64_t)value : 0, text, sizeof text); break;
    case TR_COLUMN_TIME: print_time(value, text, sizeof text); break;
    default: snprintf(text, sizeof text, "%" PRId64, value); break;
    }
    return strdup(text);
}

static char *texts_cell(const json_t *list) {
    size_t size = 1;
    for (size_t i = 0; i < json_array_size(list); i++)
        size += json_string_length(json_array_get(list, i)) + 1;
    char *joined = calloc(1, size);
    char *end = joined;
    for (size_t i = 0; joined && i < json_array_size(list); i++) {
        if (i > 0)
            *end++ = ',';
        end = stpcpy(end, json_string_value(json_array_get(list, i)));
    }
    char *out = joined ? tr_terminal_safe_copy(joined) : NULL;
    free(joined);
    return out;
}

static char *json_cell(const json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT), *out = text ? tr_terminal_safe_copy(text) : NULL;
    free(text);
    return out;
}

static bool all_texts(const json_t *value) {
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (!json_is_string(json_array_get(value, i)))
            return false;
    }
    return json_is_array(value);
}

char *tr_output_cell(const json_t *cell, tr_column_kind_t kind) {
    if (!cell || json_is_null(cell))
        return strdup("");
    if (json_is_string(cell))
        return tr_terminal_safe_copy(json_string_value(cell));
    if (json_is_integer(cell))
        return number_cell(json_integer_value(cell), kind);
    if (json_is_real(cell)) {
        char text[400]; /* DBL_MAX has 309 digits */
        snprintf(text, sizeof text, "%.2f", json_real_value(cell));
        return strdup(text);
    }
    if (json_is_boolean(cell))
        return strdup(json_is_true(cell) ? "yes" : "no");
    return all_texts(cell) ? texts_cell(cell) : json_cell(cell);
}

char *tr_output_brief_cell(const json_t *cell, tr_column_kind_t kind, int64_t now) {
    bool is_time = kind == TR_COLUMN_TIME && json_is_integer(cell);
    char *text = is_time ? brief_time(json_integer_value(cell), now) : NULL;
    return text ? text : tr_output_cell(cell, kind);
}

/* Where its last `columns` begin. */
static size_t tail_of(const char *text, size_t len, size_t columns) {
    size_t at = 0;
    while (tr_terminal_width(text + at, len - at) > columns)
        at += tr_terminal_fit(text + at, len - at, 1) ? tr_terminal_fit(text + at, len - at, 1)
                                                      : tr_terminal_fit(text + at, len - at, 2);
    return at;
}

char *tr_output_cut_cell(char *text, size_t columns) {
    size_t len = strlen(text);
    if (columns == 0 || tr_terminal_width(text, len) <= columns)
        return text;
    bool is_name = columns > 2 && !strpbrk(text, " \"");
    size_t head = is_name ? columns / 2 : columns - 1, kept = tr_terminal_fit(text, len, head);
    size_t tail = is_name ? tail_of(text, len, columns - 1 - head) : len;
    char *cut = malloc(kept + sizeof ELLIPSIS + (len - tail));
    if (cut) {
        memcpy(cut, text, kept);
        memcpy(cut + kept, ELLIPSIS, sizeof ELLIPSIS - 1);
        memcpy(cut + kept + sizeof ELLIPSIS - 1, text + tail, len - tail + 1);
    }
    free(text);
    return cut;
}

size_t tr_output_cell_width(const char *text) {
    return tr_terminal_width(text, strlen(text));
}

const char *tr_output_state_colour(const char *state) {
    static const struct {
        const char *state, *colour;
    } colours[] = {
        {"running", "\033[32m"},
        {"active", "\033[32m"},
        {"ok", "\033[32m"},
        {"completed", "\033[32m"},
        {"decided", "\033[32m"},
        {"backoff", "\033[33m"},
        {"stopping", "\033[33m"},
        {"waiting", "\033[33m"},
        {"suspended", "\033[33m"},
        {"idle", "\033[33m"},
        {"waiting_approval", "\033[33m"},
        {"pending", "\033[33m"},
        {"assigned", "\033[33m"},
        {"in_progress", "\033[33m"},
        {"voting", "\033[33m"},
        {"undecided", "\033[33m"},
        {"starting", "\033[33m"},
        {"warning", "\033[33m"},
        {"unreachable", "\033[33m"},
        {"failed", "\033[31m"},
        {"lost", "\033[31m"},
        {"dead", "\033[31m"},
    };
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        if (strcmp(colours[i].state, state) == 0)
            return colours[i].colour;
    }
    return "";
}
