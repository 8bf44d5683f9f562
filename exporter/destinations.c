#include "exporter/exporter.h"

#include "exporter/events.h"
#include "lib/base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET_MAX 8192

static const char *const names[] = {[TR_TO_OTLP] = "otlp",
    [TR_TO_ELASTIC] = "elasticsearch",
    [TR_TO_LOKI] = "loki",
    [TR_TO_SENTRY] = "sentry",
    [TR_DESTINATIONS] = NULL};

/* ---- where they are ---- */

/* The text of a file that nobody else may read; freed by the caller. */
static int read_secret(const char *option, const char *path, char **ret_text, tr_error_t *error) {
    struct stat st;
    size_t len;
    if (stat(path, &st) == 0 && st.st_mode & S_IRWXO)
        return tr_error_set(error, -EPERM,
            "%s: everybody may read %s; make it readable by its owner alone: chmod 600 it", option, path);
    int rc = tr_file_read(path, option, SECRET_MAX, ret_text, &len, error);
    if (rc == 0 && strlen(*ret_text) != len) {
        free(*ret_text);
        return tr_error_set(error, -EINVAL, "%s: %s is not a text", option, path);
    }
    return rc;
}

/* With the path that is meant where it has none; out of memory: NULL. */
static char *with_path(const char *url, const char *path, bool always) {
    const char *host = strstr(url, "://");
    const char *slash = host ? strchr(host + 3, '/') : NULL;
    bool has_path = slash && slash[1];
    char *out;
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    return asprintf(&out, "%.*s%s", (int)len, url, has_path && !always ? "" : path) < 0 ? NULL : out;
}

static void on_news(void *arg, const char *name, tr_sender_news_t what, const char *detail) {
    static const tr_exporter_event_t event_of[] = {[TR_SENDER_FAILS] = TR_E_FAILS,
        [TR_SENDER_WORKS] = TR_E_WORKS,
        [TR_SENDER_REFUSED] = TR_E_TURNED_DOWN};
    tr_exporter_t *self = arg;
    tr_log(
        &self->resident.log, &tr_exporter_events[event_of[what]], "destination=%s detail=%s", name, detail);
}

/* `sender` has its URL and what else is its own. */
static int open_sender(
    tr_exporter_t *self, tr_destination_t to, const tr_sender_options_t *own, tr_error_t *error) {
    char *directory;
    if (!own->url || asprintf(&directory, "%s/%s", self->options->resident.data, names[to]) < 0)
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_sender_options_t o = *own;
    o.name = names[to];
    o.directory = directory;
    o.most_bytes = self->options->queue_bytes;
    o.timeout_ms = self->options->timeout_ms;
    o.news = on_news;
    o.arg = self;
    int rc = tr_sender_init(&self->senders[to], &o, error);
    free(directory);
    return rc;
}

/* A server at `own->url` with a file of headers. */
static int open_server(tr_exporter_t *self, tr_destination_t to, const char *path, const char *file,
    const tr_sender_options_t *own, tr_error_t *error) {
    char *whole = with_path(own->url, path, to != TR_TO_OTLP), *headers = NULL;
    int rc = file ? read_secret("headers", file, &headers, error) : 0;
    tr_sender_options_t o = *own;
    o.url = whole;
    o.headers = headers;
    if (rc == 0)
        rc = open_sender(self, to, &o, error);
    free(headers);
    free(whole);
    return rc;
}

static int open_sentry(tr_exporter_t *self, tr_error_t *error) {
    tr_sentry_dsn_t dsn = {0};
    const char *file = self->options->sentry_dsn;
    char *text;
    int rc = read_secret("--sentry-dsn", file, &text, error);
    if (rc < 0)
        return rc;
    text[strcspn(text, " \r\n")] = 0;
    rc = tr_sentry_dsn_read(text, &dsn);
    free(text);
    if (rc < 0)
        return tr_error_set(
            error, rc, "--sentry-dsn: there is no DSN in %s: expected https://KEY@HOST/PROJECT", file);
    rc = open_sender(self, TR_TO_SENTRY,
        &(tr_sender_options_t){
            .url = dsn.url, .content_type = "application/x-sentry-envelope", .headers = dsn.headers},
        error);
    tr_sentry_dsn_finish(&dsn);
    return rc;
}

int tr_exporter_open_senders(tr_exporter_t *self, tr_error_t *error) {
    const tr_exporter_options_t *o = self->options;
    const tr_sender_options_t otlp = {.url = o->otlp,
                                  .content_type = o->otlp_format == TR_OTLP_JSON ? "application/json"
                                                                                 : "application/x-protobuf"},
                              elastic = {.url = o->elasticsearch,
                                  .content_type = "application/x-ndjson",
                                  .judge = tr_elastic_judge,
                                  .halve = tr_elastic_halve},
                              loki = {
                                  .url = o->loki, .content_type = "application/json", .halve = tr_loki_halve};
    int rc = o->otlp ? open_server(self, TR_TO_OTLP, "/v1/traces", o->otlp_headers, &otlp, error) : 0;
    if (rc == 0 && o->elasticsearch)
        rc = open_server(self, TR_TO_ELASTIC, TR_ELASTIC_PATH, o->elasticsearch_headers, &elastic, error);
    if (rc == 0 && o->loki)
        rc = open_server(self, TR_TO_LOKI, "/loki/api/v1/push", o->loki_headers, &loki, error);
    return rc == 0 && o->sentry_dsn ? open_sentry(self, error) : rc;
}

bool tr_exporter_sends(const tr_exporter_t *self, tr_destination_t to) {
    return self->senders[to].thread != NULL;
}

void tr_exporter_put(tr_exporter_t *self, tr_destination_t to, char *bytes, size_t len) {
    tr_sender_put(&self->senders[to], bytes, len);
    free(bytes);
}

void tr_exporter_tell_dropped(tr_exporter_t *self) {
    for (int to = 0; to < TR_DESTINATIONS; to++) {
        tr_spool_stats_t stats = {0};
        if (tr_exporter_sends(self, to))
            tr_spool_stats(self->senders[to].spool, &stats);
        if (stats.dropped > self->dropped[to])
            tr_log(&self->resident.log, &tr_exporter_events[TR_E_DROPPED],
                "destination=%s batches=%llu waiting=%zu", names[to],
                (unsigned long long)(stats.dropped - self->dropped[to]), stats.batches);
        self->dropped[to] = stats.dropped;
    }
}

/* ---- numbers ---- */

static double queue_number(void *context, size_t index, size_t offset) {
    const tr_exporter_t *self = context;
    tr_spool_stats_t stats = {0};
    uint64_t n;
    if (tr_exporter_sends(self, (tr_destination_t)index))
        tr_spool_stats(
            self->senders[index].spool, &stats); /* its lock is held for a write to a file at most */
    memcpy(&n, (const char *)&stats + offset, sizeof n);
    return (double)n;
}

static double waiting(void *context, size_t index) {
    return queue_number(context, index, offsetof(tr_spool_stats_t, bytes));
}

static double dropped(void *context, size_t index) {
    return queue_number(context, index, offsetof(tr_spool_stats_t, dropped));
}

static const char *const results[] = {"sent", "refused", "failed", NULL};

static double batches(void *context, size_t index) {
    const tr_exporter_t *self = context;
    return (double)tr_counter_get(&self->senders[index / 3].batches[index % 3]);
}

static double refused_items(void *context, size_t index) {
    const tr_exporter_t *self = context;
    return (double)tr_counter_get(&self->senders[index].refused);
}

int tr_exporter_measure(void *owner, tr_metrics_t *metrics, tr_error_t *error) {
    static const tr_metric_t sent = {"troupe_exporter_batches_total",
                                 "Batches that were sent or refused for good, and attempts that failed.",
                                 {"destination", "result"}, {names, results}},
                             queue = {"troupe_exporter_queue_bytes", "Bytes that wait for a destination.",
                                 {"destination"}, {names}},
                             lost = {"troupe_exporter_dropped_total", "Batches that made room for others.",
                                 {"destination"}, {names}},
                             refused = {"troupe_exporter_refused_items_total",
                                 "Items that were refused for good, of batches that were sent.",
                                 {"destination"}, {names}},
                             spans = {.name = "troupe_exporter_spans_total",
                                 .help = "Spans that were taken."},
                             skipped = {.name = "troupe_exporter_spans_skipped_total",
                                 .help = "Spans that could not be sent on, and what is none."},
                             lines = {.name = "troupe_exporter_lines_total",
                                 .help = "Lines of logs that were taken."},
                             held = {.name = "troupe_exporter_events_held_total",
                                 .help = "Errors that were too many for Sentry's limit."};
    tr_exporter_t *self = owner;
    int rc = tr_metrics_collect_counter(metrics, &sent, batches, self, error);
    if (rc == 0)
        rc = tr_metrics_collect_gauge(metrics, &queue, waiting, self, error);
    if (rc == 0)
        rc = tr_metrics_collect_counter(metrics, &lost, dropped, self, error);
    if (rc == 0)
        rc = tr_metrics_collect_counter(metrics, &refused, refused_items, self, error);
    if (rc == 0)
        rc = tr_metrics_counter(metrics, &spans, &self->spans_taken, error);
    if (rc == 0)
        rc = tr_metrics_counter(metrics, &skipped, &self->spans_skipped, error);
    if (rc == 0)
        rc = tr_metrics_counter(metrics, &lines, &self->lines_taken, error);
    return rc == 0 ? tr_metrics_counter(metrics, &held, &self->events_held, error) : rc;
}
