#include "exporter/shippers.h"

#include "lib/base/random.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the address ---- */

/* PATH/PROJECT of what stands behind the host; false where there is no project. */
static bool split_project(const char *path, size_t *ret_prefix, const char **ret_project) {
    const char *slash = strrchr(path, '/');
    if (!slash || !slash[1] || strspn(slash + 1, "0123456789") != strlen(slash + 1))
        return false;
    *ret_prefix = (size_t)(slash - path);
    *ret_project = slash + 1;
    return true;
}

int tr_sentry_dsn_read(const char *text, tr_sentry_dsn_t *ret_dsn) {
    tr_sentry_dsn_t dsn = {0};
    size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
    const char *key = text + scheme, *at = strchr(key, '@'), *path = at ? strchr(at, '/') : NULL, *project;
    size_t key_len = at ? strcspn(key, ":@") : 0, prefix;
    if (!scheme || !key_len || !path || strspn(key, "0123456789abcdefABCDEF") < key_len ||
        !split_project(path, &prefix, &project))
        return -EINVAL;
    if (asprintf(&dsn.url, "%.*s%.*s%.*s/api/%s/envelope/", (int)scheme, text, (int)(path - at - 1), at + 1,
            (int)prefix, path, project) < 0)
        dsn.url = NULL;
    if (asprintf(&dsn.headers,
            "X-Sentry-Auth: Sentry sentry_version=7, sentry_client=troupe/%s, sentry_key=%.*s",
            TROUPE_VERSION, (int)key_len, key) < 0)
        dsn.headers = NULL;
    if (!dsn.url || !dsn.headers) {
        tr_sentry_dsn_finish(&dsn);
        return -ENOMEM;
    }
    *ret_dsn = dsn;
    return 0;
}

void tr_sentry_dsn_finish(tr_sentry_dsn_t *self) {
    free(self->url);
    free(self->headers);
    *self = (tr_sentry_dsn_t){0};
}

/* ---- the event ---- */

bool tr_sentry_wants(const tr_log_record_t *record) {
    return strcmp(record->level, "error") == 0;
}

/* "troupe-agentd+0x1f2a libc.so.6+0x3bf90": the innermost first, in the log; the outermost first in an event. */
static json_t *frames_of(const char *stack) {
    json_t *frames = json_array();
    while (frames && *stack) {
        size_t len = strcspn(stack, " ");
        const char *plus = memrchr(stack, '+', len);
        int module = (int)(plus ? plus - stack : (ptrdiff_t)len);
        json_t *frame = json_pack("{s:s#, s:s#}", "package", stack, module, "function", stack, (int)len);
        if (frame && plus)
            json_object_set_new(frame, "instruction_addr", json_stringn(plus + 1, len - (size_t)module - 1));
        json_array_insert_new(frames, 0, frame);
        stack += len;
        stack += strspn(stack, " ");
    }
    return frames;
}

static json_t *exception_of(const tr_log_record_t *r, const char *stack) {
    return json_pack("{s:[{s:s, s:s, s:{s:s, s:b}, s:{s:o}}]}", "values", "type",
        tr_log_record_text(r, "signal"), "value", tr_log_record_text(r, "message"), "mechanism", "type",
        "signalhandler", "handled", 0, "stacktrace", "frames", frames_of(stack));
}

static json_t *event_of(const tr_log_record_t *r, const char *id, const char *host, const char *environment) {
    const char *stack = tr_log_record_text(r, "stack"), *code = tr_log_record_text(r, "event");
    json_t *event = json_pack("{s:s, s:f, s:s, s:s, s:s, s:s, s:s, s:{s:s}, s:{s:s, s:s}, s:O, s:[s, s]}",
        "event_id", id, "timestamp", (double)r->time_ns / 1e9, "platform", "native", "level",
        *stack ? "fatal" : "error", "logger", tr_log_record_text(r, "component"), "server_name", host,
        "environment", environment, "message", "formatted", tr_log_record_text(r, "message"), "tags", "event",
        code, "component", tr_log_record_text(r, "component"), "extra", r->fields, "fingerprint",
        tr_log_record_text(r, "component"), code);
    if (event)
        json_object_set_new(event, "release", json_string("troupe@" TROUPE_VERSION));
    if (event && *stack)
        json_object_set_new(event, "exception", exception_of(r, stack));
    return event;
}

int tr_sentry_write(
    const tr_log_record_t *record, const char *host, const char *environment, tr_shipped_t *ret_body) {
    char id[33];
    snprintf(id, sizeof id, "%016" PRIx64 "%016" PRIx64, tr_random_seed(), tr_random_seed());
    json_t *event = event_of(record, id, host, environment);
    char *text = event ? json_dumps(event, JSON_COMPACT) : NULL, *bytes = NULL;
    json_decref(event);
    int n = text ? asprintf(&bytes, "{\"event_id\":\"%s\"}\n{\"type\":\"event\",\"length\":%zu}\n%s\n", id,
                       strlen(text), text)
                 : -1;
    free(text);
    if (n < 0)
        return -ENOMEM;
    *ret_body = (tr_shipped_t){bytes, (size_t)n};
    return 0;
}
