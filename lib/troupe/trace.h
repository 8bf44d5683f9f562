/*
 * Traces: what one request has set in motion, as a tree of spans over all processes (W3C Trace Context; the names of
 * attributes follow OpenTelemetry's semantic conventions where there is one).
 *
 * A message whose `traceparent` is sampled is traced: the host notes a span `receive` from when its behaviour got it until
 * it is finished, and a span `send` for each message that is sent under it: in its callback, or later with the traceparent
 * that tr_message_acl gives, which is that of the span `receive`. Replies, conversations and calls of models carry it by
 * themselves. A behaviour adds spans of its own work with tr_trace_span. Spans go to the broker (docs/protocol.md, section
 * 15, `spans`), which keeps the last of them: `troupe trace ID`. They are given up rather than waited for: tracing never
 * holds a message.
 *
 * All calls belong to the host's thread.
 */
#ifndef TROUPE_TRACE_H
#define TROUPE_TRACE_H

#include "proto/content.h"
#include "proto/traceparent.h"
#include "troupe/agent.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_span {
    const char *name;             /* few different ones: what is done, not with what */
    const char *kind;             /* NULL = "internal"; "client": the other end is no agent */
    int64_t start_ns, end_ns;     /* tr_clock_ns */
    const char *error;            /* why it failed; NULL = it did not */
    const tr_field_t *attributes; /* TR_FIELDS; NULL = none */
    uint64_t number;              /* its own, which others were told already; 0 = a new one */
} tr_span_t;

/* Notes what `agent` did under `traceparent`; NULL = of the message that is in its callback. Nothing where that is not
 * sampled. A span whose number is the one of the traceparent begins that trace. All is copied. */
void tr_trace_span(tr_agent_t *agent, const char *traceparent, const tr_span_t *span);

/* A new trace for `agent`'s next messages, to be set as their traceparent; sampled. The first one begins it, and the span that
 * is named here is that one's. "" when out of memory. */
void tr_trace_new(tr_agent_t *agent, char out[TR_TRACEPARENT_SIZE]);

#ifdef __cplusplus
}
#endif

#endif
