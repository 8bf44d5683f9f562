/* Values as text: what options, environment and files have in common. */
#include "lib/base/options.h"

#include "lib/base/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int tr_parse_bool(const char *text, bool *ret_value, tr_error_t *error) {
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"on", true}, {"off", false},
        {"1", true}, {"0", false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *ret_value = words[i].value;
            return 0;
        }
    }
    return tr_error_set(error, -EINVAL, "\"%.60s\" is not a switch: expected true or false", text);
}

int tr_parse_int(const char *text, int64_t min, int64_t max, int64_t *ret_value, tr_error_t *error) {
    const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
    size_t len = strspn(digits, "0123456789");
    if (len == 0 || digits[len] != '\0')
        return tr_error_set(error, -EINVAL, "\"%.60s\" is not a whole number", text);
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno == ERANGE || value < min || value > max)
        return tr_error_set(
            error, -ERANGE, "%.60s is out of range: expected %" PRId64 " to %" PRId64, text, min, max);
    *ret_value = value;
    return 0;
}

/* The power of 1024 that a suffix means ("", "K", "kb", "KiB" ...), or -1. */
static int size_power(const char *suffix) {
    static const char letters[] = "kmgt";
    if (*suffix == '\0' || strcasecmp(suffix, "b") == 0)
        return 0;
    const char *found = strchr(letters, tolower((unsigned char)*suffix));
    if (!found)
        return -1;
    const char *rest = suffix + 1;
    bool known = *rest == '\0' || strcasecmp(rest, "b") == 0 || strcasecmp(rest, "ib") == 0;
    return known ? (int)(found - letters) + 1 : -1;
}

int tr_parse_size(const char *text, size_t *ret_bytes, tr_error_t *error) {
    size_t len = strspn(text, "0123456789");
    int power = size_power(text + len);
    if (len == 0 || power < 0)
        return tr_error_set(error, -EINVAL,
            "\"%.60s\" is not a size: expected a whole number of bytes, or one with K, M, G or T, such as "
            "64K",
            text);
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    size_t most = (size_t)INT64_MAX >> (10 * power);
    if (errno == ERANGE || value > most)
        return tr_error_set(error, -ERANGE, "%.60s is too large for a size", text);
    *ret_bytes = (size_t)value << (10 * power);
    return 0;
}

typedef struct unit {
    const char *name;
    double ms;
} unit_t;

/* Longer names first, so that "ms" is not taken for "m". */
static const unit_t units[] = {
    {"us", 0.001}, {"ms", 1}, {"s", 1000}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};

static const unit_t *find_unit(const char *text) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strncmp(text, units[i].name, strlen(units[i].name)) == 0)
            return &units[i];
    return NULL;
}

/* The digits and at most one point of a number. Not strtod: it takes "inf", "0x1p3" and the
 * locale's comma. */
static const char *take_number(const char *at, double *ret_value) {
    double value = 0, part = 0.1;
    const char *start = at;
    for (; isdigit((unsigned char)*at); at++)
        value = value * 10 + (*at - '0');
    if (at == start)
        return NULL;
    if (*at == '.') {
        start = ++at;
        for (; isdigit((unsigned char)*at); at++, part /= 10)
            value += (*at - '0') * part;
        if (at == start)
            return NULL;
    }
    *ret_value = value;
    return at;
}

/* The sum of all numbers with their units, in ms; negative where the text is no duration. */
static double take_duration(const char *at) {
    double sum = 0;
    if (*at == '\0')
        return -1;
    while (*at) {
        double number;
        at = take_number(at, &number);
        const unit_t *unit = at ? find_unit(at) : NULL;
        if (!unit)
            return -1;
        sum += number * unit->ms;
        at += strlen(unit->name);
    }
    return sum;
}

int tr_parse_duration(const char *text, int64_t *ret_ms, tr_error_t *error) {
    double ms = strcmp(text, "0") == 0 ? 0 : take_duration(text);
    if (ms < 0)
        return tr_error_set(error, -EINVAL,
            "\"%.60s\" is not a duration: expected a number with us, ms, s, m, h or d, such as 250ms", text);
    /* 100,000 days: far above any timer, and exact in a double. */
    if (ms > 8.64e12)
        return tr_error_set(error, -ERANGE, "%.60s is too long: expected at most 100000d", text);
    /* Rounded up, but for the noise of sums such as 0.1 + 0.2. */
    int64_t whole = (int64_t)ms;
    *ret_ms = ms - (double)whole > 1e-6 ? whole + 1 : whole;
    return 0;
}

int tr_parse_word(const char *text, const char *const *words, int *ret_index, tr_error_t *error) {
    char all[240] = "";
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret_index = i;
            return 0;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", words[i]);
    }
    const char *near = tr_suggest(text, words);
    if (near)
        return tr_error_set(error, -EINVAL, "\"%.60s\" is not one of %s; did you mean %s?", text, all, near);
    return tr_error_set(error, -EINVAL, "\"%.60s\" is not one of %s", text, all);
}
