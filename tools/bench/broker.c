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
static int read_member(const char *line, const char *key, char *out, size_t size, tr_error_t *error) {
    json_t *ready = json_loads(line, 0, NULL);
    const char *endpoint = json_string_value(json_object_get(ready, key));
    int r =
        endpoint && strlen(endpoint) < size
            ? 0
            : tr_error_set(error, -EPROTO, "troupe-broker is ready, but does not say where: %.200s", line);
    if (r == 0)
        strcpy(out, endpoint);
    json_decref(ready);
    return r;
}

#define WORDS_MAX 32

typedef struct words {
    const char *argv[WORDS_MAX + 1];
    size_t n;
} words_t;

static void say(words_t *w, const char *option, const char *value) {
    if (!option || w->n + 2 > WORDS_MAX)
        return;
    w->argv[w->n++] = option;
    if (value)
        w->argv[w->n++] = value;
}

static int start(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_broker_t *b,
    const tr_bench_peering_t *peering, tr_error_t *error) {
    char listen[192], stream[192], federation[192], cert[192], certs[192];
    words_t w = {0};
    tr_bench_endpoint(bench, c, listen, sizeof listen);
    tr_bench_endpoint(bench, c, stream, sizeof stream);
    tr_bench_endpoint(bench, c, federation, sizeof federation);
    tr_bench_curve_paths(bench, cert, certs);
    say(&w, "troupe-broker", NULL);
    say(&w, "--platform", peering ? peering->platform : "bench");
    say(&w, "--listen", listen);
    say(&w, "--stream", stream);
    say(&w, "--http", "none");
    say(&w, "--ready-fd=3", NULL);
    say(&w, "--journal", *b->journal ? b->journal : "none");
    say(&w, b->traces ? "--trace-per-second" : NULL, "0");
    say(&w, bench->curve || peering ? "--cert" : NULL, cert);
    say(&w, bench->curve || peering ? "--certs" : NULL, certs);
    say(&w, peering && !bench->curve ? "--open-links" : NULL, NULL);
    say(&w, peering ? "--federation" : NULL, federation);
    say(&w, peering && peering->dials ? "--peer" : NULL, peering ? peering->dials : NULL);
    int r = tr_bench_exec(bench, c, bench->programs.broker, w.argv, true, &b->child, error);
    if (r == 0)
        r = tr_bench_hear_line(bench, b->child, *b->journal ? RECOVER_MS : START_MS, error);
    if (r == 0)
        r = read_member(b->child->line, "endpoint", b->endpoint, sizeof b->endpoint, error);
    return r < 0 ? r : read_member(b->child->line, "federation", b->federation, sizeof b->federation, error);
}

int tr_bench_broker_linked(tr_bench_t *bench, const tr_bench_case_t *c, const tr_bench_peering_t *peering,
    tr_bench_broker_t *ret_broker, tr_error_t *error) {
    *ret_broker = (tr_bench_broker_t){0};
    int r = tr_bench_curve_make(bench, error);
    return r < 0 ? r : start(bench, c, ret_broker, peering, error);
}

int tr_bench_broker_start(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_broker_t *ret_broker, tr_error_t *error) {
    *ret_broker = (tr_bench_broker_t){0};
    return start(bench, c, ret_broker, NULL, error);
}

int tr_bench_broker_traces(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_broker_t *ret_broker, tr_error_t *error) {
    *ret_broker = (tr_bench_broker_t){.traces = true};
    return start(bench, c, ret_broker, NULL, error);
}

int tr_bench_broker_journal(tr_bench_t *bench, const tr_bench_case_t *c, const char *journal,
    tr_bench_broker_t *ret_broker, tr_error_t *error) {
    *ret_broker = (tr_bench_broker_t){0};
    if (journal)
        snprintf(ret_broker->journal, sizeof ret_broker->journal, "%s", journal);
    else
        snprintf(ret_broker->journal, sizeof ret_broker->journal, "%s/journal-%u", bench->directory,
            ++bench->serial);
    return start(bench, c, ret_broker, NULL, error);
}
