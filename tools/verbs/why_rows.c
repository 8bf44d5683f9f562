#include "tools/verbs/why_rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512

const tr_column_t tr_why_lines[2] = {{"about", TR_COLUMN_TEXT}, {"what", TR_COLUMN_TEXT}};

/* As the AMS has them, but for the first two and the last. */
const tr_column_t tr_why_columns[TR_WHY_FIELDS] = {
    {"name", TR_COLUMN_TEXT},
    {"because", TR_COLUMN_TEXT},
    {"count", TR_COLUMN_NUMBER},
    {"state", TR_COLUMN_STATE},
    {"apart", TR_COLUMN_NUMBER},
    {"since_ms", TR_COLUMN_TIME},
    {"by", TR_COLUMN_TEXT},
    {"reason", TR_COLUMN_TEXT},
    {"behaviour", TR_COLUMN_TEXT},
    {"process", TR_COLUMN_TEXT},
    {"host", TR_COLUMN_TEXT},
    {"pid", TR_COLUMN_NUMBER},
    {"silent_ms", TR_COLUMN_DURATION},
    {"reachable", TR_COLUMN_TEXT},
    {"quarantined", TR_COLUMN_TEXT},
    {"passive", TR_COLUMN_NUMBER},
    {"hung", TR_COLUMN_TEXT},
    {"hung_ms", TR_COLUMN_DURATION},
    {"queued", TR_COLUMN_NUMBER},
    {"queued_bytes", TR_COLUMN_BYTES},
    {"oldest_ms", TR_COLUMN_TIME},
    {"in_hand", TR_COLUMN_NUMBER},
    {"work_total", TR_COLUMN_NUMBER},
    {"work", TR_COLUMN_TEXT},
    {"told", TR_COLUMN_TEXT},
    {"supervisor", TR_COLUMN_TEXT},
};

/* ---- reading ---- */

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static bool is(const json_t *object, const char *key) {
    return json_is_true(json_object_get(object, key));
}

static const json_t *first_of(const json_t *object, const char *key) {
    return json_array_get(json_object_get(object, key), 0);
}

/* "3m12s" since a time, or until it. */
typedef struct span {
    char text[32];
} span_t;

static span_t span(int64_t ms) {
    span_t s;
    tr_print_duration(ms > 0 ? ms : 0, s.text, sizeof s.text);
    return s;
}

static span_t since(const tr_why_t *self, const json_t *object, const char *key) {
    return span(self->wall_ms - number_of(object, key));
}

/* ---- the sentence ---- */

typedef struct sentence {
    char *out;
    size_t size;
} sentence_t;

static bool say(const sentence_t *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool say(const sentence_t *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(s->out, s->size, format, args);
    va_end(args);
    return true;
}

/* The broker waits a moment for a process that has ended: its supervisor knows that it has. */
static bool is_absent(const tr_why_t *self, const sentence_t *s) {
    const json_t *p = self->supervisor;
    bool ended = p && strcmp(text_of(p, "state"), "running") != 0;
    if (self->agent && (is(self->agent, "reachable") || !ended))
        return false;
    if (!p)
        return say(s, "no agent of this name is registered, and no supervisor knows of one");
    return say(s, "it is %s: its process is %s%s%s%s%s", self->agent ? "out of reach" : "not registered",
        text_of(p, "state"), *text_of(p, "last_exit") ? ", last: " : "", text_of(p, "last_exit"),
        *text_of(p, "reason") ? ": " : "", text_of(p, "reason"));
}

static bool is_held(const tr_why_t *self, const sentence_t *s) {
    const json_t *a = self->agent;
    const char *state = text_of(a, "state");
    if (is(a, "quarantined"))
        return say(s, "it is in quarantine (troupe quarantine), and gets nothing");
    if (!strcmp(state, "active"))
        return false;
    return say(s, "it is %s since %s%s%s%s%s: what it is sent waits", state, since(self, a, "since_ms").text,
        *text_of(a, "by") ? ", by " : "", text_of(a, "by"), *text_of(a, "reason") ? ", because " : "",
        text_of(a, "reason"));
}

static bool is_away(const tr_why_t *self, const sentence_t *s) {
    const json_t *a = self->agent;
    if (is(a, "reachable"))
        return false;
    return say(s, "its process (%s, pid %lld at %s) has not been heard of for %s: it is stopped, or cut off",
        text_of(a, "process"), (long long)number_of(a, "pid"), text_of(a, "host"),
        span(number_of(a, "silent_ms")).text);
}

/* Its link is served by a thread of its own, which says so. */
static bool hangs(const tr_why_t *self, const sentence_t *s) {
    const json_t *a = self->agent;
    if (!json_is_integer(json_object_get(a, "hung_ms")))
        return false;
    bool itself = !strcmp(text_of(a, "hung"), text_of(a, "name"));
    return say(s,
        "%s%s hangs: it has been busy with one message for %s, while its link is well (heard %s ago)",
        itself ? "it" : "in the same process, ", itself ? "" : text_of(a, "hung"),
        span(number_of(a, "hung_ms")).text, span(number_of(a, "silent_ms")).text);
}

/* Of a range as a whole no process is asked. */
static bool is_mute(const tr_why_t *self, const sentence_t *s) {
    const json_t *a = self->agent;
    if (number_of(a, "count") != 1 || json_is_object(json_object_get(a, "told")))
        return false;
    return say(s,
        "its process is there (heard %s ago), but does not say what it does: its behaviour is busy, or "
        "hangs, "
        "with %lld messages in hand (or it is no agent of libtroupe)",
        span(number_of(a, "silent_ms")).text, (long long)number_of(a, "in_hand"));
}

static bool has_failed(const tr_why_t *self, const sentence_t *s) {
    const json_t *told = json_object_get(self->agent, "told");
    if (strcmp(text_of(told, "status"), "backoff") != 0)
        return false;
    return say(s, "its behaviour failed %s ago (%s, %lld times by now), and begins again in a moment",
        since(self, told, "last_error_ms").text, text_of(told, "last_error"),
        (long long)number_of(told, "failures"));
}

static bool rests(const tr_why_t *self, const sentence_t *s) {
    if (strcmp(text_of(json_object_get(self->agent, "told"), "status"), "passive") != 0)
        return false;
    return say(s,
        "it rests: idle for a while, it is freed, and its next message brings it back from its saved state");
}

static bool awaits_an_answer(const tr_why_t *self, const sentence_t *s) {
    const json_t *told = json_object_get(self->agent, "told");
    const json_t *request = first_of(told, "requests"), *c = first_of(told, "conversations");
    if (request)
        return say(s, "it waits for the answers to %lld requests, the first one from %s, for %s at most",
            (long long)number_of(told, "requests_total"), text_of(request, "receiver"),
            span(number_of(request, "until_ms") - self->wall_ms).text);
    if (c)
        return say(s, "it is in %lld conversations, the first one %s with %s (%s)",
            (long long)number_of(told, "conversations_total"), text_of(c, "protocol"), text_of(c, "peer"),
            text_of(c, "state"));
    return false;
}

static bool is_behind(const tr_why_t *self, const sentence_t *s) {
    const json_t *a = self->agent;
    if (number_of(a, "queued"))
        return say(s, "%lld messages wait for it, and %lld are at its process: it is slower than they come",
            (long long)number_of(a, "queued"), (long long)number_of(a, "in_hand"));
    if (number_of(a, "work_total"))
        return say(s, "it has %lld requests in work", (long long)number_of(a, "work_total"));
    return false;
}

const char *tr_why_because(const tr_why_t *self, char *out, size_t size) {
    static bool (*const reasons[])(const tr_why_t *, const sentence_t *) = {
        is_absent, is_held, is_away, hangs, is_mute, has_failed, rests, awaits_an_answer, is_behind};
    sentence_t s = {out, size};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i](self, &s))
            return out;
    say(&s, "nothing holds it up: it is active, and nothing waits for it");
    return out;
}

/* ---- one object ---- */

void tr_why_put_object(const tr_why_t *self, tr_output_t *output) {
    char because[TEXT_MAX];
    const json_t *name = json_object_get(self->agent, "name");
    tr_output_text(output, name ? json_string_value(name) : self->name);
    tr_output_text(output, tr_why_because(self, because, sizeof because));
    for (size_t i = 2; i < TR_WHY_FIELDS - 1; i++) {
        const json_t *value = json_object_get(self->agent, tr_why_columns[i].name);
        tr_output_json(output, value ? json_deep_copy(value) : json_null());
    }
    tr_output_json(output, self->supervisor ? json_deep_copy(self->supervisor) : json_null());
    tr_output_row(output);
}

/* ---- lines ---- */

static void line(tr_output_t *output, const char *about, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void line(tr_output_t *output, const char *about, const char *format, ...) {
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tr_output_text(output, about);
    tr_output_text(output, text);
    tr_output_row(output);
}

static void put_state(const tr_why_t *self, tr_output_t *output) {
    const json_t *a = self->agent;
    line(output, "state", "%s since %s%s%s%s%s", text_of(a, "state"), since(self, a, "since_ms").text,
        *text_of(a, "by") ? ", by " : "", text_of(a, "by"), *text_of(a, "reason") ? ": " : "",
        text_of(a, "reason"));
    if (number_of(a, "apart"))
        line(output, "apart", "%lld of its %lld agents are in another state",
            (long long)number_of(a, "apart"), (long long)number_of(a, "count"));
}

static void put_mailbox(const tr_why_t *self, tr_output_t *output) {
    const json_t *a = self->agent;
    char bytes[32];
    tr_print_bytes((uint64_t)number_of(a, "queued_bytes"), bytes, sizeof bytes);
    if (json_is_integer(json_object_get(a, "oldest_ms")))
        line(output, "mailbox", "%lld messages (%s), the oldest for %s", (long long)number_of(a, "queued"),
            bytes, since(self, a, "oldest_ms").text);
    else
        line(output, "mailbox", "nothing waits");
}

static void put_work(const tr_why_t *self, tr_output_t *output) {
    size_t i;
    const json_t *r, *list = json_object_get(self->agent, "work");
    json_array_foreach(list, i, r) line(output, "in work", "%s of %s for %s%s%s%s, for %s",
        text_of(r, "performative"), text_of(r, "sender"), *text_of(r, "service") ? "svc:" : "",
        *text_of(r, "service") ? text_of(r, "service") : "its mailbox",
        *text_of(r, "conversation_id") ? ", conversation " : "", text_of(r, "conversation_id"),
        since(self, r, "since_ms").text);
}

/* The last one, and those before it, where the process says them. */
static void put_errors(const tr_why_t *self, tr_output_t *output, const json_t *told) {
    const json_t *errors = json_object_get(told, "errors");
    if (*text_of(told, "last_error"))
        line(output, "last error", "%s, %s ago; failures: %lld", text_of(told, "last_error"),
            since(self, told, "last_error_ms").text, (long long)number_of(told, "failures"));
    for (size_t i = 1; i < json_array_size(errors); i++) {
        const json_t *before = json_array_get(errors, i);
        line(output, "error before", "%s, %s ago", text_of(before, "error"),
            since(self, before, "at_ms").text);
    }
}

static void put_told(const tr_why_t *self, tr_output_t *output) {
    const json_t *told = json_object_get(self->agent, "told"), *r;
    size_t i;
    json_array_foreach(json_object_get(told, "requests"), i, r)
        line(output, "waits for", "the answer of %s to %s, conversation %s, for %s at most",
            text_of(r, "receiver"), text_of(r, "performative"), text_of(r, "conversation_id"),
            span(number_of(r, "until_ms") - self->wall_ms).text);
    json_array_foreach(json_object_get(told, "conversations"), i, r)
        line(output, "conversation", "%s: %s with %s as %s, %s", text_of(r, "conversation_id"),
            text_of(r, "protocol"), text_of(r, "peer"), text_of(r, "role"), text_of(r, "state"));
    put_errors(self, output, told);
}

static void put_process(const tr_why_t *self, tr_output_t *output) {
    const json_t *a = self->agent, *p = self->supervisor;
    if (a)
        line(output, "process", "%s, pid %lld at %s, behaviour %s, heard %s ago, %lld messages in hand",
            text_of(a, "process"), (long long)number_of(a, "pid"), text_of(a, "host"),
            text_of(a, "behaviour"), span(number_of(a, "silent_ms")).text,
            (long long)number_of(a, "in_hand"));
    if (p)
        line(output, "supervisor", "%s %s since %s, restarts: %lld%s%s%s%s", text_of(p, "name"),
            text_of(p, "state"), since(self, p, "since_ms").text, (long long)number_of(p, "restarts"),
            *text_of(p, "last_exit") ? ", last: " : "", text_of(p, "last_exit"),
            *text_of(p, "reason") ? "; " : "", text_of(p, "reason"));
}

void tr_why_put_lines(const tr_why_t *self, tr_output_t *output) {
    char because[TEXT_MAX];
    line(output, "because", "%s", tr_why_because(self, because, sizeof because));
    if (self->agent) {
        put_state(self, output);
        put_mailbox(self, output);
        put_work(self, output);
        put_told(self, output);
    }
    put_process(self, output);
}
