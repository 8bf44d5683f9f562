/*
 * troupe bench: how fast and how large, against a raw limit that is measured in the same run.
 *
 * A case is one measurement with its parameters and what it is to reach; a measurement starts real processes
 * (the broker and agentd as they are installed, clients as forks of this one), waits for what they report and
 * ends them. "Raw" is the same work done by plain libzmq programs, which are forks as well. Both sides take
 * turns in short runs, and each run is compared with its neighbours only, so that a machine whose speed drifts,
 * or that has other work to do, is unfair to neither (runner.c).
 *
 * The bench process itself has one thread, opens no ZeroMQ context and only waits: what it
 * forks begins clean.
 */
#ifndef TR_TOOLS_BENCH_BENCH_H
#define TR_TOOLS_BENCH_BENCH_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_BENCH_METRICS   5
#define TR_BENCH_RUNS_MAX  101
#define TR_BENCH_SUBS_MAX  64    /* subscribers of the fanout */
#define TR_BENCH_CONTENT   8     /* bytes, the smallest content */
#define TR_BENCH_SILENT_MS 10000 /* nothing came for so long: the rest is lost */

/* Which bound a metric has to keep. Where there is a raw limit the ratio binds. */
typedef enum tr_bench_bound {
    TR_BENCH_UNBOUND,
    TR_BENCH_RATIO_MIN, /* ours / raw at least */
    TR_BENCH_RATIO_MAX, /* ours / raw at most */
    TR_BENCH_VALUE_MAX, /* ours at most */
    TR_BENCH_VALUE_MIN, /* ours at least */
    TR_BENCH_MORE_MAX,  /* ours less raw at most */
} tr_bench_bound_t;

typedef enum tr_bench_unit {
    TR_BENCH_PER_SECOND,
    TR_BENCH_MICROSECONDS,
    TR_BENCH_SECONDS,
    TR_BENCH_BYTES,
    TR_BENCH_NUMBER,
} tr_bench_unit_t;

typedef struct tr_bench_metric {
    const char *name; /* NULL: no more of them */
    tr_bench_unit_t unit;
    tr_bench_bound_t bound;
    double limit;
    double orientation; /* an absolute figure that does not bind; 0 = none */
} tr_bench_metric_t;

typedef struct tr_bench_sample {
    double values[TR_BENCH_METRICS]; /* in the order of the case's metrics */
    double cpu_us;                   /* of all processes, for each message or cycle; 0 = it has none */
    char note[200];                  /* what the reader should know, "" = nothing */
} tr_bench_sample_t;

typedef struct tr_bench tr_bench_t;
typedef struct tr_bench_case tr_bench_case_t;

/* One run of one side. The runner ends all children after it. */
typedef int (*tr_bench_measure_fn)(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret_sample, tr_error_t *error);

struct tr_bench_case {
    const char *workload;
    const char *summary;
    tr_bench_measure_fn ours;
    tr_bench_measure_fn raw; /* NULL = there is nothing to compare with */
    const char *pin;         /* CPUs of all processes, "free" = the kernel chooses */
    const char *transport;   /* "tcp" or "ipc" */
    size_t size;             /* bytes of content; 0 = it has none */
    uint32_t agents;         /* processes, links or agents; 0 = the case has a fixed number */
    uint32_t agents_max;     /* 0 = no other than --agents has */
    uint64_t count;          /* messages or cycles of our side; 0 = it has none */
    uint64_t raw_count;      /* of the raw side */
    bool apart;              /* takes long: once, and only where it is named */
    int runs;                /* of each side; set by the verb */
    tr_bench_metric_t metrics[TR_BENCH_METRICS];
};

/* The table of all cases, ended by an entry without a workload. */
extern const tr_bench_case_t tr_bench_cases[];

/* What the sides are, one file each. */
int tr_bench_rtt(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_rtt_raw(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_oneway(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_tracing(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_tracing_capped(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_exporters(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_exporters_off(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_route(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_route_curve(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_federation_open(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_federation(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_flood_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_fanout(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_fanout_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_fanout_direct(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_launch(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_attach(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_sizes(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_idle(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_links(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_links_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_durable(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_durable_delivered(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_durable_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_backlog(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_contract_net(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_contract_net_paced(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_conversations(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_tasks(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_tasks_paced(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_tasks_killed(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_decisions(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_kb(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_kb_raw(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_kb_kernels(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_kb_kernels_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_kb_archive(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_kb_load(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_minds(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_minds_model(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_gateway(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_gateway_echo(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_gateway_events(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_gateway_sockets(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_gateway_page(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_sim(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_churn(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);
int tr_bench_churn_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error);

#endif
