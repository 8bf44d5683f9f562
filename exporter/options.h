/* What troupe-exporter was asked to do: command line, environment (TROUPE_EXPORTER_...), file (--config). */
#ifndef TR_EXPORTER_OPTIONS_H
#define TR_EXPORTER_OPTIONS_H

#include "lib/resident/resident.h"

typedef enum tr_otlp_format { TR_OTLP_PROTOBUF, TR_OTLP_JSON } tr_otlp_format_t;

typedef struct tr_exporter_options {
    tr_resident_options_t resident; /* first */
    const char *otlp, *otlp_headers;
    int otlp_format;
    const char *elasticsearch, *elasticsearch_headers, *index;
    const char *loki, *loki_headers;
    const char *sentry_dsn; /* a file */
    const char *environment;
    const char *host;
    tr_strings_t logs; /* directories */
    size_t queue_bytes;
    int64_t timeout_ms, sentry_per_minute;
    bool from_start, check;
    tr_options_t *flags; /* owns the strings above */
} tr_exporter_options_t;

/* TR_RESIDENT_GO; then tr_exporter_options_finish is to be called. Or the exit code: what the user asked for, or what is wrong, was printed. */
int tr_exporter_options_read(int argc, char *const *argv, tr_exporter_options_t *ret_options);
void tr_exporter_options_finish(tr_exporter_options_t *self);

#endif
