/*
 * Log records as the bodies that stores of logs take. Pure.
 *
 *   Elasticsearch  POST /_bulk: for each record {"create": {"_index", "_id"}} and the document, by the names of the Elastic Common Schema. The id is
 *                  made of where the line stands, so that a batch that is sent twice is stored once.
 *   Loki           POST /loki/api/v1/push: streams by component, level and process; lines as JSON, with the trace as structured metadata.
 *   Sentry         POST /api/PROJECT/envelope/: an envelope for each error, with its stack where the process was ended by a signal.
 */
#ifndef TR_EXPORTER_SHIPPERS_H
#define TR_EXPORTER_SHIPPERS_H

#include "exporter/log_record.h"
#include "exporter/sender.h"

typedef struct tr_shipped {
    char *bytes; /* malloc'd */
    size_t len;
} tr_shipped_t;

/* 0 or -ENOMEM. */
int tr_elastic_write(
    const tr_log_record_t *records, size_t n, const char *index, const char *host, tr_shipped_t *ret_body);
/* What is asked of the server, and of its answer what is needed: a whole one has 300 bytes for an item that failed. */
#define TR_ELASTIC_PATH "/_bulk?filter_path=errors,items.*.status,items.*.error.type"
/* By its items: what is there already is fine. */
void tr_elastic_judge(long status, const char *body, size_t len, tr_verdict_t *ret_verdict);

/* By its lines, an action and its document together. */
int tr_elastic_halve(const char *bytes, size_t len, tr_spooled_t ret_halves[2]);

int tr_loki_write(const tr_log_record_t *records, size_t n, const char *host, tr_shipped_t *ret_body);

/* By its lines, of all streams one after the other. */
int tr_loki_halve(const char *bytes, size_t len, tr_spooled_t ret_halves[2]);

/* Where events go. */
typedef struct tr_sentry_dsn {
    char *url;     /* of envelopes; malloc'd */
    char *headers; /* X-Sentry-Auth ...; malloc'd; secret by old servers' rules */
} tr_sentry_dsn_t;

/* "https://KEY@HOST[:PORT][/PATH]/PROJECT". 0, -EINVAL, -ENOMEM. */
int tr_sentry_dsn_read(const char *text, tr_sentry_dsn_t *ret_dsn);
void tr_sentry_dsn_finish(tr_sentry_dsn_t *self);
/* Whether it is worth an event: an error. */
bool tr_sentry_wants(const tr_log_record_t *record);
int tr_sentry_write(
    const tr_log_record_t *record, const char *host, const char *environment, tr_shipped_t *ret_body);

#endif
