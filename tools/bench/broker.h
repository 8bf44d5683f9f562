/* The broker of a measurement: the real troupe-broker, on an address that the kernel chose. */
#ifndef TR_TOOLS_BENCH_BROKER_H
#define TR_TOOLS_BENCH_BROKER_H

#include "tools/bench/child.h"

typedef struct tr_bench_broker {
    tr_bench_child_t *child;
    char endpoint[192];   /* where links connect */
    char federation[192]; /* where other brokers do; "" = nowhere */
    char journal[96];     /* its directory; "" = none */
    bool traces;          /* it notes as many spans of its own as come */
} tr_bench_broker_t;

int tr_bench_broker_start(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_broker_t *ret_broker, tr_error_t *error);

/* One of several that are linked to each other, with certificates; processes need them only under --curve. */
typedef struct tr_bench_peering {
    const char *platform;
    const char *dials; /* the federation endpoint of another one; NULL = none */
} tr_bench_peering_t;
int tr_bench_broker_linked(tr_bench_t *bench, const tr_bench_case_t *c, const tr_bench_peering_t *peering,
    tr_bench_broker_t *ret_broker, tr_error_t *error);

/* The same, which notes as many spans of its own as come. */
int tr_bench_broker_traces(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_broker_t *ret_broker, tr_error_t *error);

/* The same with a journal: a directory of an earlier one, or NULL for a new one. */
int tr_bench_broker_journal(tr_bench_t *bench, const tr_bench_case_t *c, const char *journal,
    tr_bench_broker_t *ret_broker, tr_error_t *error);

/* An endpoint to bind that nobody has: tcp with the port left to the kernel, or a fresh ipc path. */
void tr_bench_endpoint(tr_bench_t *bench, const tr_bench_case_t *c, char *out, size_t size);

#endif
