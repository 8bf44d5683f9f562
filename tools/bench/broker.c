#include "tools/bench/broker.h"

#include "tools/bench/curve.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define START_MS   10000
#define RECOVER_MS 600000

void tr_bench_endpoint(tr_bench_t *bench, const tr_bench_case_t *c, char *out, size_t size) {
    if (strcmp(c->transport, "ipc") == 0)
        snprintf(out, size, "ipc://%s/%u", bench->directory, ++bench->serial);
    else
        snprintf(out, size, "tcp://127.0.0.1:0");
}

/* Its ready line is a JSON object. */
static int read_endpoint(const char *line, char *out, size_t size, tr_error_t *error) {
    json_t *ready = json_loads(line, 0, NULL);
    const char *endpoint = json_string_value(json_object_get(ready, "endpoint"));
    int r =
        endpoint && strlen(endpoint) < size
            ? 0
            : tr_error_set(error, -EPROTO, "troupe-broker is ready, but does not say where: %.200s", line);
    if (r == 0)
        strcpy(out, endpoint);
    json_decref(ready);
    return r;
}

static int start(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_broker_t *b, tr_error_t *error) {
    char listen[192], stream[192], cert[192], certs[192];
    tr_bench_endpoint(bench, c, listen, sizeof listen);
    tr_bench_endpoint(bench, c, stream, sizeof stream);
    const char *argv[] = {"troupe-broker", "--platform=bench", "--listen", listen, "--stream", stream,
        "--http", "none", "--ready-fd=3", "--journal", *b->journal ? b->journal : "none",
        bench->curve ? "--cert" : NULL, cert, "--certs", certs, NULL};
    tr_bench_curve_paths(bench, cert, certs);
    int r = tr_bench_exec(bench, c, bench->programs.broker, argv, true, &b->child, error);
    if (r == 0)
        r = tr_bench_hear_line(bench, b->child, *b->journal ? RECOVER_MS : START_MS, error);
    return r < 0 ? r : read_endpoint(b->child->line, b->endpoint, sizeof b->endpoint, error);
}

int tr_bench_broker_start(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_broker_t *ret_broker, tr_error_t *error) {
    *ret_broker = (tr_bench_broker_t){0};
    return start(bench, c, ret_broker, error);
}

int tr_bench_broker_journal(tr_bench_t *bench, const tr_bench_case_t *c, const char *journal,
    tr_bench_broker_t *ret_broker, tr_error_t *error) {
    *ret_broker = (tr_bench_broker_t){0};
    if (journal)
        snprintf(ret_broker->journal, sizeof ret_broker->journal, "%s", journal);
    else
        snprintf(ret_broker->journal, sizeof ret_broker->journal, "%s/journal-%u", bench->directory,
            ++bench->serial);
    return start(bench, c, ret_broker, error);
}
