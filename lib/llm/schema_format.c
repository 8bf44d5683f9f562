/*
 * The formats that are checked. Sources: JSON Schema validation draft 2020-12, section 7; RFC 3339 (dates, times, durations), 3986 and 3987 (URI, IRI), 1123 (host
 * names), 6901 (pointers), 4122 (UUID); the integers of OpenAPI. Mail addresses are those in use, not all of RFC 5321.
 */
#include "lib/llm/schema_private.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATE "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
#define TIME                                                                                                 \
    "(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][" \
    "0-9])"
#define OF_URI "(?:[A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*"
#define OF_IRI "(?:[A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=-]|[^\\x00-\\x9f]|%[0-9A-Fa-f]{2})*"
#define PART                                                                                                 \
    "(?://(?:[^/?#\\[\\]@]*@)?(?:\\[[0-9A-Fa-f:.]+\\]|[^/?#\\[\\]@:]*)(?::[0-9]*)?(?=[/?#]|$)|(?!//))"
#define SCHEME "[A-Za-z][A-Za-z0-9+.-]*:"
#define HOST                                                                                                 \
    "(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-" \
    "z0-9])?)*"
#define DURATION                                                                                             \
    "P(?!$)(?:[0-9]+W|(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+S)?" \
    ")?)"

/* ---- what no pattern tells ---- */

/* A day that the month has, of a text that begins as a date. */
static bool is_day(const char *text) {
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 0, month = 0, day = 0;
    if (sscanf(text, "%4d-%2d-%2d", &year, &month, &day) != 3 || month < 1 || month > 12)
        return false;
    bool leaps = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] && (month != 2 || day < 29 || leaps);
}

static bool is_ipv4(const char *text) {
    struct in_addr address;
    return inet_pton(AF_INET, text, &address) == 1;
}

static bool is_ipv6(const char *text) {
    struct in6_addr address;
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_pattern(const char *text) {
    tr_error_t error;
    return tr_llm_pattern_verify(text, &error) == 0;
}

/* ---- the formats ---- */

typedef struct {
    const char *name, *such_as; /* an example; NULL = nothing is asked of a text */
    const char *pattern;        /* NULL = none */
    bool (*holds)(const char *text);
} format_t;

static const format_t formats[] = {
    {"date-time", "2026-11-28T12:00:00Z", "^" DATE "[Tt]" TIME "$", is_day},
    {"date", "2026-11-28", "^" DATE "$", is_day},
    {"time", "12:00:00Z", "^" TIME "$", NULL},
    {"duration", "P1DT2H", "^" DURATION "$", NULL},
    {"email", "ann@example.org", "^(?:[^\\s@<>(),;:\\\\\"\\[\\]]+|\"[^\"\\\\]+\")@" HOST "$", NULL},
    {"idn-email", "ann@example.org", "^[^\\s@]+@[^\\s@]+$", NULL},
    {"hostname", "www.example.org", "^" HOST "$", NULL},
    {"ipv4", "192.0.2.1", NULL, is_ipv4},
    {"ipv6", "2001:db8::1", NULL, is_ipv6},
    {"uri", "https://example.org/a", "^(?=" OF_URI "$)" SCHEME PART, NULL},
    {"uri-reference", "/a/b", "^(?=" OF_URI "$)(?:" SCHEME ")?" PART, NULL},
    {"iri", "https://example.org/a", "^(?=" OF_IRI "$)" SCHEME PART, NULL},
    {"iri-reference", "/a/b", "^(?=" OF_IRI "$)(?:" SCHEME ")?" PART, NULL},
    {"url", "https://example.org/a", "^(?=" OF_URI "$)" SCHEME PART, NULL},
    {"uuid", "123e4567-e89b-12d3-a456-426614174000", "^[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$",
        NULL},
    {"json-pointer", "/a/0", "^(?:/(?:[^~/]|~[01])*)*$", NULL},
    {"relative-json-pointer", "1/a", "^(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~[01])*)*)$", NULL},
    {"uri-template", "https://example.org/{id}", "^(?:[^\\x00-\\x20\"'<>\\\\^`{|}]|\\{[^{}\\s]+\\})*$", NULL},
    {"regex", "^a+$", NULL, is_pattern},
    {"int64", NULL, NULL, NULL},
    {"float", NULL, NULL, NULL},
    {"double", NULL, NULL, NULL},
    {"password", NULL, NULL, NULL},
};

static const format_t *find(const char *name) {
    for (size_t i = 0; name && i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

static bool is_int32(const char *name) {
    return name && strcmp(name, "int32") == 0;
}

bool tr_llm_schema_knows_format(const char *name) {
    return is_int32(name) || find(name);
}

static int check_int32(tr_llm_schema_walk_t *self, const json_t *value) {
    char found[64];
    double number = json_number_value(value);
    if (!json_is_number(value) || (number >= INT32_MIN && number <= INT32_MAX))
        return 0;
    return tr_llm_schema_wrong(
        self, "expected an integer of 32 bits, found %s", tr_llm_schema_shown(value, found));
}

/* 1, 0, or negative. A text with a zero in it is of no format. */
static int holds(tr_llm_schema_walk_t *self, const format_t *format, const json_t *value) {
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    if (strlen(text) != len)
        return 0;
    int r = format->pattern ? tr_llm_pattern_matches(self, format->pattern, text, len) : 1;
    return r > 0 && format->holds ? format->holds(text) : r;
}

int tr_llm_schema_check_format(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    char found[64];
    const char *name = json_string_value(word);
    const format_t *format = find(name);
    (void)schema;
    if (is_int32(name))
        return check_int32(self, value);
    if (!format || !format->such_as || !json_is_string(value))
        return 0;
    int r = holds(self, format, value);
    if (r != 0)
        return r < 0 ? r : 0;
    return tr_llm_schema_wrong(self, "expected a text of the format %s, such as \"%s\", found %s", name,
        format->such_as, tr_llm_schema_shown(value, found));
}
