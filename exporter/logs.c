#include "exporter/exporter.h"

#include "exporter/events.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_RECORDS 1000u
#define BATCH_BYTES   (512u << 10) /* of lines: as bodies they are under the 1 MiB that proxies let through */
#define READ_MAX      (1u << 20)   /* bytes of a file in one look */
#define MARK_MAX      (16u << 20)
#define MINUTE_MS     60000

/* ---- where it stands ---- */

static void mark_path(const tr_exporter_t *self, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%s/logs.json", self->options->resident.data);
}

static void keep_mark(const tr_exporter_t *self) {
    char path[PATH_MAX];
    json_t *all = json_object();
    for (size_t i = 0; all && i < self->options->logs.count; i++) {
        json_t *one = tr_follow_mark(self->follows[i]);
        json_object_update(all, one);
        json_decref(one);
    }
    char *text = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
    json_decref(all);
    mark_path(self, path);
    if (text)
        tr_file_write(path, text, strlen(text), 0600); /* lines are sent twice after a crash, ignoring */
    free(text);
}

static json_t *read_mark(const tr_exporter_t *self) {
    char path[PATH_MAX], *text;
    size_t len;
    tr_error_t error;
    mark_path(self, path);
    if (tr_file_read(path, "the mark", MARK_MAX, &text, &len, &error) < 0)
        return NULL;
    json_t *mark = json_loadb(text, len, 0, NULL);
    free(text);
    return mark;
}

int tr_exporter_open_logs(tr_exporter_t *self, tr_error_t *error) {
    size_t n = self->options->logs.count;
    json_t *mark = read_mark(self);
    self->follows = calloc(n + 1, sizeof *self->follows);
    self->files = json_array();
    int rc = self->follows && self->files ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = tr_follow_new(
            self->options->logs.items[i], !mark && !self->options->from_start, &self->follows[i]);
        if (rc == 0)
            tr_follow_recall(self->follows[i], mark), tr_follow_look(self->follows[i]);
    }
    if (rc == 0 && n && !mark)
        keep_mark(
            self); /* killed before the first line, it begins here again, and not behind what came meanwhile */
    json_decref(mark);
    return rc < 0 ? tr_error_set(error, rc, "out of memory") : 0;
}

/* ---- batches ---- */

static void send_errors(tr_exporter_t *self) {
    int64_t now_ms = tr_clock_ms();
    tr_shipped_t body;
    for (size_t i = 0; i < self->records_n; i++) {
        if (!tr_sentry_wants(&self->records[i]))
            continue;
        if (now_ms - self->minute >= MINUTE_MS) {
            self->minute = now_ms;
            self->events_in_minute = 0;
        }
        if (self->events_in_minute++ >= self->options->sentry_per_minute)
            tr_counter_inc(&self->events_held);
        else if (tr_sentry_write(&self->records[i], self->host, self->options->environment, &body) == 0)
            tr_exporter_put(self, TR_TO_SENTRY, body.bytes, body.len);
    }
}

static void send_records(tr_exporter_t *self) {
    tr_shipped_t body;
    if (tr_exporter_sends(self, TR_TO_ELASTIC) &&
        tr_elastic_write(self->records, self->records_n, self->options->index, self->host, &body) == 0)
        tr_exporter_put(self, TR_TO_ELASTIC, body.bytes, body.len);
    if (tr_exporter_sends(self, TR_TO_LOKI) &&
        tr_loki_write(self->records, self->records_n, self->host, &body) == 0)
        tr_exporter_put(self, TR_TO_LOKI, body.bytes, body.len);
    if (tr_exporter_sends(self, TR_TO_SENTRY))
        send_errors(self);
    for (size_t i = 0; i < self->records_n; i++)
        tr_log_record_finish(&self->records[i]);
    self->records_n = self->records_bytes = 0;
    json_array_clear(self->files);
}

/* A name that lives as long as the batch. */
static const char *kept_name(tr_exporter_t *self, const char *file) {
    size_t n = json_array_size(self->files);
    const char *last = n ? json_string_value(json_array_get(self->files, n - 1)) : NULL;
    if (last && strcmp(last, file) == 0)
        return last;
    return json_array_append_new(self->files, json_string(file)) == 0
               ? json_string_value(json_array_get(self->files, n))
               : "";
}

/* What an exporter says of a destination is not sent to any: a store that refuses would be sent that it refuses, for ever. */
static bool is_of_destinations(const tr_log_record_t *r) {
    static const tr_exporter_event_t events[] = {TR_E_FAILS, TR_E_WORKS, TR_E_TURNED_DOWN, TR_E_DROPPED};
    if (strcmp(tr_log_record_text(r, "component"), "exporter") != 0)
        return false;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (strcmp(tr_log_record_text(r, "event"), tr_exporter_events[events[i]].id) == 0)
            return true;
    return false;
}

static void on_line(void *arg, const char *line, size_t len, const char *file, uint64_t offset) {
    tr_exporter_t *self = arg;
    size_t taken = len < TR_LOG_RECORD_MAX ? len : TR_LOG_RECORD_MAX;
    if (self->records_n == BATCH_RECORDS || self->records_bytes + taken > BATCH_BYTES)
        send_records(self);
    tr_log_record_t *at = &self->records[self->records_n];
    tr_counter_inc(&self->lines_taken);
    if (tr_log_record_read(line, len, kept_name(self, file), offset, tr_clock_wall_ns(), at) < 0)
        return;
    if (is_of_destinations(at)) {
        tr_log_record_finish(at);
        return;
    }
    self->records_n++;
    self->records_bytes += taken;
}

void tr_exporter_read_logs(tr_exporter_t *self) {
    size_t lines = 0;
    if (!self->records && !(self->records = calloc(BATCH_RECORDS, sizeof *self->records)))
        return;
    for (size_t i = 0; i < self->options->logs.count; i++)
        lines += tr_follow_read(self->follows[i], READ_MAX, on_line, self);
    if (!lines)
        return;
    if (self->records_n)
        send_records(self);
    keep_mark(self);
}

void tr_exporter_close_logs(tr_exporter_t *self) {
    for (size_t i = 0; self->follows && i < self->options->logs.count; i++)
        tr_follow_destroy(&self->follows[i]);
    free(self->follows);
    free(self->records);
    json_decref(self->files);
}
