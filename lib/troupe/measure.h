/*
 * Numbers of a host for Prometheus (troupe/daemon.h has the registry): what its agents have done, how long it took, what they wait for, the
 * link, and what models and tools were used. Names and meanings: docs/operations.md.
 */
#ifndef TROUPE_MEASURE_H
#define TROUPE_MEASURE_H

#include "lib/base/metrics.h"
#include "troupe/host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* From now on the host counts, and `metrics` has its numbers under troupe_agent_, troupe_link_, troupe_model_ and troupe_tool_. The registry
 * borrows them: destroy it before the host. Once a host, in its thread, before the registry is rendered. -EEXIST, -ENOMEM, with a text: then
 * `metrics` may hold some of them, and is good for nothing but to be destroyed. */
int tr_host_measure(tr_host_t *self, tr_metrics_t *metrics, tr_error_t *error);

#define TR_MODEL_NAME_MAX 127 /* bytes; longer ones are cut */

typedef struct tr_model_use {
    const char *model; /* its name, borrowed; NULL: it has none */
    uint64_t input_tokens, output_tokens;
    uint64_t nano; /* money, in billionths */
    int64_t took_ns;
    bool failed;
} tr_model_use_t;

/* A behaviour has used a model, or a tool. In the host's thread. Without tr_host_measure only the model counts: what an agent has spent is told to the
 * broker in any case, which sums it up (AMS: spending). */
void tr_measure_model(tr_agent_t *agent, const tr_model_use_t *use);
void tr_measure_tool(tr_agent_t *agent, int64_t took_ns, bool failed);

#ifdef __cplusplus
}
#endif

#endif
