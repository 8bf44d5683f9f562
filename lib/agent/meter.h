/*
 * What a host counts for Prometheus once somebody has asked for it (tr_host_measure): the messages of its agents, how long they are in
 * work, what the agents wait for, its link; and what models and tools were used. A host that is not measured pays a test of a pointer.
 *
 * What is counted is in the host's thread; once a second a timer takes stock of what is cheaper to count than to follow.
 */
#ifndef TR_AGENT_METER_H
#define TR_AGENT_METER_H

#include "lib/agent/host_private.h"
#include "lib/base/metrics.h"

enum { TR_METER_KINDS = 4 }; /* of tr_message_type_t */

typedef struct tr_meter {
    tr_counter_t messages[TR_METER_KINDS][2]; /* by kind: done, failed */
    tr_histogram_t work;                      /* nanoseconds */
    tr_gauge_t agents[TR_AGENT_AWAY + 1];     /* by status */
    tr_gauge_t pending, conversations, up;
    tr_counter_t restarts;
    tr_counter_t model_calls[2], model_tokens[2], model_nano; /* done, failed; input, output */
    tr_histogram_t model_time;
    tr_counter_t tool_calls[2];
    tr_histogram_t tool_time;
    tr_host_t *host;
} tr_meter_t;

/* When a message that is handed out now began: 0 where nobody measures. */
static inline int64_t tr_meter_now(const tr_host_t *host) {
    return host->meter ? tr_clock_ns() : 0;
}
/* It is finished. */
void tr_meter_finished(const tr_message_t *message, bool failed);
void tr_meter_finish(tr_host_t *host);

#endif
