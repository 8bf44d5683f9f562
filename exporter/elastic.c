#include "exporter/shippers.h"

#include "lib/base/buffer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void put_time(json_t *doc, int64_t time_ns) {
    char text[40];
    time_t seconds = (time_t)(time_ns / 1000000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof text - n, ".%09" PRId64 "Z", time_ns % 1000000000);
    json_object_set_new(doc, "@timestamp", json_string(text));
}

static bool is_core(const char *key) {
    static const char *const core[] = {
        "time", "level", "component", "event", "message", "trace", "span", "agent", "conversation"};
    for (size_t i = 0; i < sizeof core / sizeof *core; i++)
        if (strcmp(key, core[i]) == 0)
            return true;
    return false;
}

static void put_text(json_t *doc, const char *key, const char *text) {
    if (*text)
        json_object_set_new(doc, key, json_string(text));
}

/* What the schema has no name for is under troupe. */
static json_t *document(const tr_log_record_t *r, const char *host) {
    json_t *doc = json_object(), *rest = json_object(), *value;
    const char *key;
    if (!doc || !rest) {
        json_decref(doc);
        json_decref(rest);
        return NULL;
    }
    put_time(doc, r->time_ns);
    put_text(doc, "log.level", r->level);
    put_text(doc, "message", tr_log_record_text(r, "message"));
    put_text(doc, "event.code", tr_log_record_text(r, "event"));
    put_text(doc, "service.name", tr_log_record_text(r, "component"));
    put_text(doc, "service.node.name", tr_log_record_text(r, "agent"));
    put_text(doc, "trace.id", tr_log_record_text(r, "trace"));
    put_text(doc, "span.id", tr_log_record_text(r, "span"));
    put_text(doc, "troupe.conversation", tr_log_record_text(r, "conversation"));
    put_text(doc, "host.name", host);
    put_text(doc, "log.file.path", r->file);
    json_object_foreach(r->fields, key, value) if (!is_core(key)) json_object_set(rest, key, value);
    json_object_set_new(doc, "troupe.fields", rest);
    return doc;
}

/* FNV-1a: which line it is, not a secret. */
static uint64_t id_of(const tr_log_record_t *r, const char *host) {
    uint64_t h = 14695981039346656037u;
    const char *parts[] = {host, r->file, tr_log_record_text(r, "message")};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (const char *c = parts[i]; *c; c++)
            h = (h ^ (uint8_t)*c) * 1099511628211u;
    return h ^ (uint64_t)r->time_ns;
}

static int put_one(tr_buffer_t *out, const tr_log_record_t *r, const char *index, const char *host) {
    json_t *doc = document(r, host);
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    if (!text)
        return -ENOMEM;
    tr_buffer_printf(out, "{\"create\":{\"_index\":\"%s\",\"_id\":\"%016" PRIx64 "-%" PRIx64 "\"}}\n", index,
        id_of(r, host), r->offset);
    tr_buffer_text(out, text);
    tr_buffer_char(out, '\n');
    free(text);
    return out->failed ? -ENOMEM : 0;
}

int tr_elastic_write(
    const tr_log_record_t *records, size_t n, const char *index, const char *host, tr_shipped_t *ret_body) {
    tr_buffer_t out;
    int rc = 0;
    tr_buffer_init(&out, 0);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = put_one(&out, &records[i], index, host);
    char *bytes = rc == 0 ? strdup(tr_buffer_string(&out)) : NULL;
    tr_buffer_finish(&out);
    if (!bytes)
        return -ENOMEM;
    *ret_body = (tr_shipped_t){bytes, strlen(bytes)};
    return 0;
}

/* 409: it is there already. */
static bool stands(json_int_t status) {
    return (status >= 200 && status < 300) || status == 409;
}

/* How many were refused and why, of the first one of them that is meant. */
static void say_why(tr_verdict_t *v, size_t n, size_t of, const json_t *error) {
    const char *type = json_string_value(json_object_get(error, "type"));
    snprintf(v->why, sizeof v->why, "%zu of %zu items: %s", n, of, type ? type : "no reason given");
}

static void judge_items(const json_t *items, tr_verdict_t *v) {
    size_t i, refused = 0, later = 0;
    const json_t *item, *first = NULL, *first_later = NULL;
    json_array_foreach(items, i, item) {
        const json_t *done = json_object_get(item, "create"), *error = json_object_get(done, "error");
        json_int_t status = json_integer_value(json_object_get(done, "status"));
        if (status == 429 || status >= 500) {
            first_later = later++ ? first_later : error;
        } else if (!stands(status)) {
            first = refused++ ? first : error;
        }
    }
    *v = (tr_verdict_t){.sent = later ? TR_SENT_AGAIN : refused ? TR_SENT_IN_PART : TR_SENT};
    if (later)
        say_why(v, later, i, first_later);
    else if ((v->refused = refused))
        say_why(v, refused, i, first);
}

/* An answer that cannot be read does not say that it has them: what it has already it will not take twice. One that says nothing is of a store
 * that is like Elasticsearch, or of who takes lines for it. */
void tr_elastic_judge(long status, const char *body, size_t len, tr_verdict_t *ret_verdict) {
    bool later = status == 408 || status == 429 || status >= 500;
    *ret_verdict = (tr_verdict_t){.sent = later ? TR_SENT_AGAIN : TR_SENT_NEVER};
    if (status < 200 || status >= 300)
        return;
    ret_verdict->sent = len ? TR_SENT_UNREAD : TR_SENT;
    json_t *answer = json_loadb(body, len, 0, NULL);
    if (json_is_true(json_object_get(answer, "errors")))
        judge_items(json_object_get(answer, "items"), ret_verdict);
    else if (json_is_object(answer))
        ret_verdict->sent = TR_SENT;
    json_decref(answer);
}

static size_t count_lines(const char *bytes, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += bytes[i] == '\n';
    return n;
}

int tr_elastic_halve(const char *bytes, size_t len, tr_spooled_t ret_halves[2]) {
    size_t items = count_lines(bytes, len) / 2, at = 0;
    if (items < 2)
        return -ENOTSUP;
    for (size_t lines = items / 2 * 2; lines > 0; at++)
        lines -= bytes[at] == '\n';
    char *first = strndup(bytes, at), *second = strndup(bytes + at, len - at);
    if (!first || !second) {
        free(first);
        free(second);
        return -ENOMEM;
    }
    ret_halves[0] = (tr_spooled_t){.bytes = first, .len = at};
    ret_halves[1] = (tr_spooled_t){.bytes = second, .len = len - at};
    return 0;
}
