#include "exporter/shippers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name of the process, of its log's file. */
static void process_of(const char *file, char *out, size_t size) {
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    size_t len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, ".log") == 0)
        len -= 4;
    snprintf(out, size, "%.*s", (int)len, name);
}

static json_t *new_stream(const tr_log_record_t *r, const char *host, const char *process) {
    return json_pack("{s:{s:s, s:s, s:s, s:s, s:s}, s:[]}", "stream", "job", "troupe", "component",
        tr_log_record_text(r, "component"), "level", r->level, "process", process, "host", host, "values");
}

static json_t *value_of(const tr_log_record_t *r) {
    char time[24];
    const char *trace = tr_log_record_text(r, "trace");
    char *line = json_dumps(r->fields, JSON_COMPACT);
    snprintf(time, sizeof time, "%" PRId64, r->time_ns);
    json_t *value = line ? json_pack("[s, s]", time, line) : NULL;
    free(line);
    if (value && *trace)
        json_array_append_new(value, json_pack("{s:s}", "trace_id", trace));
    return value;
}

/* Into its stream, by `streams`, an object from the stream's labels to it. */
static int put_one(json_t *streams, const tr_log_record_t *r, const char *host) {
    char process[160], key[256];
    process_of(r->file, process, sizeof process);
    snprintf(key, sizeof key, "%s %s %s", tr_log_record_text(r, "component"), r->level, process);
    json_t *stream = json_object_get(streams, key);
    if (!stream) {
        stream = new_stream(r, host, process);
        if (json_object_set_new(streams, key, stream) < 0)
            return -ENOMEM;
    }
    return json_array_append_new(json_object_get(stream, "values"), value_of(r)) < 0 ? -ENOMEM : 0;
}

int tr_loki_write(const tr_log_record_t *records, size_t n, const char *host, tr_shipped_t *ret_body) {
    json_t *streams = json_object(), *list = json_array(), *stream;
    const char *key;
    int rc = streams && list ? 0 : -ENOMEM;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = put_one(streams, &records[i], host);
    json_object_foreach(streams, key, stream) json_array_append(list, stream);
    json_decref(streams);
    json_t *whole = json_pack("{s:o}", "streams", list);
    char *bytes = rc == 0 && whole ? json_dumps(whole, JSON_COMPACT) : NULL;
    json_decref(whole);
    if (!bytes)
        return -ENOMEM;
    *ret_body = (tr_shipped_t){bytes, strlen(bytes)};
    return 0;
}

static size_t count_values(const json_t *streams) {
    size_t i, n = 0;
    const json_t *stream;
    json_array_foreach(streams, i, stream) n += json_array_size(json_object_get(stream, "values"));
    return n;
}

/* A body of the values from `from` on, below `to`. */
static int write_part(const json_t *streams, size_t from, size_t to, tr_spooled_t *ret_part) {
    json_t *list = json_array(), *stream, *value;
    size_t i, j, at = 0;
    json_array_foreach(streams, i, stream) {
        json_t *values = json_array();
        json_array_foreach(json_object_get(stream, "values"), j, value) {
            if (at >= from && at < to)
                json_array_append(values, value);
            at++;
        }
        if (json_array_size(values))
            json_array_append_new(
                list, json_pack("{s:O, s:O}", "stream", json_object_get(stream, "stream"), "values", values));
        json_decref(values);
    }
    json_t *whole = json_pack("{s:o}", "streams", list);
    char *bytes = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
    json_decref(whole);
    *ret_part = (tr_spooled_t){.bytes = bytes, .len = bytes ? strlen(bytes) : 0};
    return bytes ? 0 : -ENOMEM;
}

int tr_loki_halve(const char *bytes, size_t len, tr_spooled_t ret_halves[2]) {
    json_t *whole = json_loadb(bytes, len, 0, NULL), *streams = json_object_get(whole, "streams");
    size_t n = count_values(streams);
    int rc = n < 2 ? -ENOTSUP : write_part(streams, 0, n / 2, &ret_halves[0]);
    if (rc == 0 && (rc = write_part(streams, n / 2, n, &ret_halves[1])) < 0)
        free(ret_halves[0].bytes);
    json_decref(whole);
    return rc;
}
