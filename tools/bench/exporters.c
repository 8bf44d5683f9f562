/*
 * exporters: `oneway` with the spans and logs of it on their way to servers that are all away. Raw: with the same traces, and nobody
 * who sends them on.
 */
#include "tools/bench/oneway.h"

#include "lib/base/file.h"
#include "tools/fleet/programs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define AWAY "http://127.0.0.1:9" /* discard: nobody listens there */
#define DSN  "http://0123456789abcdef0123456789abcdef@127.0.0.1:9/1\n"

static const tr_bench_tracing_t tracing = {.one_in = 100};

static int start_exporter(
    tr_bench_t *bench, const tr_bench_case_t *c, const tr_bench_broker_t *broker, tr_error_t *error) {
    char data[96], dsn[96], fd[16], path[PATH_MAX];
    tr_bench_child_t *child;
    snprintf(data, sizeof data, "%s/exporter-%u", bench->directory, ++bench->serial);
    snprintf(dsn, sizeof dsn, "%s/dsn", bench->directory);
    snprintf(fd, sizeof fd, "%d", TR_BENCH_READY_FD);
    const char *argv[] = {"troupe-exporter", "--connect", broker->endpoint, "--data", data, "--otlp", AWAY,
        "--elasticsearch", AWAY, "--loki", AWAY, "--sentry-dsn", dsn, "--logs", bench->directory,
        "--from-start", "--ready-fd", fd, NULL};
    int r = tr_file_write(dsn, DSN, sizeof DSN - 1, 0600);
    if (r < 0)
        return tr_error_set(error, r, "%s: %s", dsn, strerror(-r));
    r = tr_programs_find_beside("exporter", argv[0], path, error);
    if (r == 0)
        r = tr_bench_exec(bench, c, path, argv, true, &child, error);
    return r < 0 ? r : tr_bench_hear_line(bench, child, TR_BENCH_SILENT_MS, error);
}

int tr_bench_exporters(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r == 0)
        r = start_exporter(bench, c, &broker, error);
    return r < 0 ? r : tr_bench_oneway_at(bench, c, &broker, &tracing, ret, error);
}

int tr_bench_exporters_off(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    return r < 0 ? r : tr_bench_oneway_at(bench, c, &broker, &tracing, ret, error);
}
