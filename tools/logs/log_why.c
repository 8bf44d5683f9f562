#include "tools/logs/log_why.h"

#include "tools/logs/log_tail.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define TAIL_LINES 8
#define TAIL_MAX   2048
#define EVENT      " cannot start "

/* The fields in which the daemons tell it. */
static const char *const fields[] = {"error", "detail", NULL};

static bool take(const json_t *value, char *out, size_t size) {
    const char *text = json_string_value(value);
    if (text)
        snprintf(out, size, "%s", text);
    return text != NULL;
}

static bool from_json(const char *line, char *out, size_t size) {
    json_t *object = json_loads(line, 0, NULL);
    const char *message = json_string_value(json_object_get(object, "message"));
    bool found = false;
    for (size_t i = 0; message && strcmp(message, "cannot start") == 0 && fields[i] && !found; i++)
        found = take(json_object_get(object, fields[i]), out, size);
    json_decref(object);
    return found;
}

/* A value of a readable line: quoted as JSON quotes it where it is more than a word. */
static bool from_value(const char *value, char *out, size_t size) {
    if (*value != '"') {
        snprintf(out, size, "%.*s", (int)strcspn(value, " "), value);
        return *out != '\0';
    }
    json_t *text = json_loads(value, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, NULL);
    bool found = take(text, out, size);
    json_decref(text);
    return found;
}

/* "2026-03-01T12:00:00.123Z error agentd A012 cannot start ": the catalogue's id stands before the event. */
static bool is_event(const char *line, const char *event) {
    return event && event - line > 4 && event[-5] == ' ' && isupper((unsigned char)event[-4]) &&
           isdigit((unsigned char)event[-1]);
}

/* What stands behind a value. */
static const char *behind(const char *value) {
    if (*value != '"')
        return value + strcspn(value, " ");
    for (value++; *value && *value != '"'; value++)
        value += value[0] == '\\' && value[1];
    return value + (*value == '"');
}

static const char *find_field(const char *at, const char *key) {
    size_t len = strlen(key);
    while (*at) {
        const char *value = strchr(at, '=');
        if (!value)
            return NULL;
        if ((size_t)(value - at) == len && memcmp(at, key, len) == 0)
            return value + 1;
        at = behind(value + 1);
        at += strspn(at, " ");
    }
    return NULL;
}

bool tr_log_reason(const char *line, char *out, size_t size) {
    if (*line == '{')
        return from_json(line, out, size);
    const char *event = strstr(line, EVENT);
    bool found = false;
    for (size_t i = 0; is_event(line, event) && fields[i] && !found; i++) {
        const char *value = find_field(event + strlen(EVENT), fields[i]);
        found = value && from_value(value, out, size);
    }
    return found;
}

const char *tr_log_why(const char *path, int64_t from, char *out, size_t size) {
    char tail[TAIL_MAX], reason[TAIL_MAX];
    tr_log_tail(path, from, TAIL_LINES, tail, sizeof tail);
    const char *newline = strrchr(tail, '\n');
    if (tr_log_reason(newline ? newline + 1 : tail, reason, sizeof reason))
        snprintf(out, size, "%s (its log: %s)", reason, path);
    else if (*tail)
        snprintf(out, size, "its log %s ends with:\n%s", path, tail);
    else
        snprintf(out, size, "its log %s is empty", path);
    return out;
}
