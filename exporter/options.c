#include "exporter/options.h"

#include <errno.h>
#include <string.h>

#define O tr_exporter_options_t

#define QUEUE_LEAST (1 << 20)
#define HEADERS_HELP                                                                                         \
    "A file with headers for it, lines NAME: VALUE, such as Authorization; readable by its owner alone."

static const char *const format_words[] = {"protobuf", "json", NULL};

static const tr_option_t table[] = {
    TR_RESIDENT_OPTIONS("exporter", "troupe-exporter",
        "Where batches wait for their destinations; made where it is missing."),
    {"otlp", 0, "URL", TR_STRING(O, otlp), NULL,
        "A collector of OpenTelemetry for traces, such as http://127.0.0.1:4318; without a path, /v1/traces "
        "is meant."},
    {"otlp-format", 0, "FORMAT", TR_WORD(O, otlp_format), "protobuf", "How they are written.",
        .words = format_words},
    {"otlp-headers", 0, "FILE", TR_STRING(O, otlp_headers), NULL, HEADERS_HELP},
    {"elasticsearch", 0, "URL", TR_STRING(O, elasticsearch), NULL,
        "A server for logs (its _bulk), such as http://127.0.0.1:9200."},
    {"elasticsearch-headers", 0, "FILE", TR_STRING(O, elasticsearch_headers), NULL, HEADERS_HELP},
    {"index", 0, "NAME", TR_STRING(O, index), "troupe-logs", "The index or data stream of logs there."},
    {"loki", 0, "URL", TR_STRING(O, loki), NULL, "A Loki for logs, such as http://127.0.0.1:3100."},
    {"loki-headers", 0, "FILE", TR_STRING(O, loki_headers), NULL, HEADERS_HELP},
    {"sentry-dsn", 0, "FILE", TR_STRING(O, sentry_dsn), NULL,
        "A file with the DSN of a project: errors in the logs, and processes that were ended by a signal, "
        "become events there."},
    {"sentry-per-minute", 0, "N", TR_INT(O, sentry_per_minute), "30",
        "At most so many events a minute; the others are counted.", .min = 1, .max = 10000},
    {"environment", 0, "NAME", TR_STRING(O, environment), "production", "Of events in Sentry."},
    {"host-name", 0, "NAME", TR_STRING(O, host), NULL,
        "What this machine is called in logs; default: as it calls itself."},
    {"logs", 0, "DIR", TR_LIST(O, logs), NULL,
        "Follow DIR/*.log, such as .troupe/FLEET/logs. May be repeated.", .max = 16},
    {"from-start", 0, NULL, TR_BOOL(O, from_start), NULL,
        "Also what is in the logs already at the first start."},
    {"queue-bytes", 0, "SIZE", TR_SIZE(O, queue_bytes), "256M",
        "How much may wait for each destination; then the oldest is dropped.", .min = QUEUE_LEAST,
        .max = INT64_C(1) << 40},
    {"timeout", 0, "TIME", TR_DURATION(O, timeout_ms), "10s", "For one request to a destination.", .min = 100,
        .max = 600000},
    {"check", 0, NULL, TR_BOOL(O, check), NULL, "Check the options, and end.", .flags = TR_OPTION_FLAG_ONLY},
    TR_RESIDENT_MORE_OPTIONS,
};

static const tr_program_t program = {
    .name = "troupe-exporter",
    .summary = "Send traces, logs and errors of a fleet to where they are looked at",
    .description = "Takes the spans that the broker publishes and the lines of log files, and sends them on: "
                   "traces by OTLP/HTTP, logs to Elasticsearch "
                   "or Loki, errors and crashes to Sentry. Whatever waits is on its disk, bounded; no other "
                   "process waits for it, or notices when it "
                   "or a destination is away. Secrets in logs are blotted out.\n\n"
                   "It ends with 0 when it was asked to, 1 for wrong usage, 2 when the broker cannot be "
                   "reached, 3 when the broker refuses or what it was "
                   "given is not valid.",
    .examples =
        "troupe-exporter --otlp http://127.0.0.1:4318\n"
        "troupe-exporter --logs .troupe/digest/logs --loki http://127.0.0.1:3100 --sentry-dsn sentry.dsn",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE_EXPORTER",
    .has_file = true,
};

static bool is_url(const char *text) {
    size_t scheme = strncmp(text, "http://", 7) == 0 ? 7 : strncmp(text, "https://", 8) == 0 ? 8 : 0;
    return scheme && text[scheme] && strcspn(text, " \t\r\n\"") == strlen(text);
}

static bool is_index(const char *text) {
    return *text && strlen(text) <= 200 && !strchr("-_+.", *text) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(text);
}

static const char *what_is_wrong(const tr_exporter_options_t *o) {
    if (!o->otlp && !o->elasticsearch && !o->loki && !o->sentry_dsn)
        return "there is no destination: expected --otlp, --elasticsearch, --loki or --sentry-dsn";
    if (o->otlp && !is_url(o->otlp))
        return "--otlp: expected a URL, http:// or https://";
    if (o->elasticsearch && !is_url(o->elasticsearch))
        return "--elasticsearch: expected a URL, http:// or https://";
    if (o->loki && !is_url(o->loki))
        return "--loki: expected a URL, http:// or https://";
    if (!is_index(o->index))
        return "--index: expected 1 to 200 of a-z 0-9 - _ ., the first a letter or a digit";
    if ((o->elasticsearch || o->loki || o->sentry_dsn) && !o->logs.count)
        return "--logs: expected a directory of logs to be sent there";
    return tr_resident_options_wrong(&o->resident);
}

int tr_exporter_options_read(int argc, char *const *argv, tr_exporter_options_t *ret_options) {
    tr_exporter_options_t o = {0};
    tr_error_t error = {0};
    int ask = tr_options_read(&program, argc, argv, &o, &o.flags, &error);
    if (ask != TR_OPTIONS_RUN)
        return tr_options_answer(&program, ask, &error);
    const char *wrong = what_is_wrong(&o);
    if (wrong || o.check) {
        tr_exporter_options_finish(&o);
        return wrong ? tr_options_answer(&program, tr_error_set(&error, -EINVAL, "%s", wrong), &error)
                     : TR_RESIDENT_OK;
    }
    *ret_options = o;
    return TR_RESIDENT_GO;
}

void tr_exporter_options_finish(tr_exporter_options_t *self) {
    tr_options_destroy(&self->flags);
}
