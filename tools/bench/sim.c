/*
 * sim: `troupe sim` with a world in which each agent tells another one something at each step, and is answered; from the start of the program
 * until its results are written. What it says it has done is checked: all agents, all steps, two messages of each agent in each.
 */
#include "lib/base/clock.h"
#include "tools/bench/child.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RUN_MS 3600000

/* A rumour that all know from the beginning, and nobody tires of telling. */
static int write_scenario(const char *path, const tr_bench_case_t *c, tr_error_t *error) {
    FILE *file = fopen(path, "we");
    if (file)
        fprintf(file,
            "simulation: bench\nseed: 1\nsteps: %llu\nagents:\n"
            "  - {name: person, behaviour: gossip, count: %u, args: {contacts: 1, first: %u, stifle: 0}}\n",
            (unsigned long long)c->count, c->agents, c->agents);
    bool bad = file && ferror(file);
    if (!file || fclose(file) != 0 || bad)
        return tr_error_set(error, -EIO, "%s: %s", path, strerror(errno));
    return 0;
}

static uint64_t number(const json_t *report, const char *key) {
    return (uint64_t)json_number_value(json_object_get(report, key));
}

static int read_report(
    tr_bench_t *bench, const tr_bench_case_t *c, uint64_t *ret_messages, tr_error_t *error) {
    char log[600];
    tr_bench_log_path(bench, "troupe-sim", log, sizeof log);
    json_t *report = json_load_file(log, 0, NULL);
    uint64_t messages = number(report, "messages");
    bool all = number(report, "agents") == c->agents && number(report, "steps") == c->count &&
               number(json_object_get(report, "measures"), "spreader") == c->agents &&
               messages >= 2 * c->count * c->agents;
    json_decref(report);
    if (!all)
        return tr_error_set(
            error, -EPROTO, "troupe-sim has not done all of it: %llu messages", (unsigned long long)messages);
    *ret_messages = messages;
    return 0;
}

int tr_bench_sim(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    char path[PATH_MAX], scenario[96], out[96];
    const char *argv[] = {
        "troupe-sim", "--no-plots", "--quiet", "--output", "json", "--out", out, scenario, NULL};
    tr_bench_child_t *child;
    uint64_t messages = 0;
    if (c->agents < 2)
        return tr_error_set(error, -EINVAL, "expected two agents or more: each tells another one");
    snprintf(scenario, sizeof scenario, "%s/scenario.yaml", bench->directory);
    snprintf(out, sizeof out, "%s/world", bench->directory);
    int r = write_scenario(scenario, c, error);
    if (r == 0)
        r = tr_programs_find_beside("sim", "troupe-sim", path, error);
    int64_t begun_ns = tr_clock_ns();
    if (r == 0)
        r = tr_bench_exec_once(bench, c, path, argv, &child, error);
    if (r == 0)
        r = tr_bench_hear_end(bench, child, RUN_MS, error);
    double took = (double)(tr_clock_ns() - begun_ns) / 1e9;
    if (r == 0)
        r = read_report(bench, c, &messages, error);
    if (r < 0)
        return r;
    bench->work = messages;
    *ret = (tr_bench_sample_t){.values = {took, (double)child->peak_bytes, (double)messages / took}};
    return 0;
}
