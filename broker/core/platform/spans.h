/*
 * Spans of traces (lib/troupe/trace.h), as processes tell them: the last ones are kept as they came, up to so many bytes,
 * and looked through when somebody asks for a trace. Nothing of it is on the way of a message.
 */
#ifndef TR_BROKER_SPANS_H
#define TR_BROKER_SPANS_H

#include "broker/core/platform/platform.h"

/* What processes, or the broker itself (route_span.h), tell: the content of that action. Kept, and published where somebody
 * listens; nothing where it holds what is no span. */
void tr_spans_tell(tr_core_t *core, const void *content, size_t len);

/* The AMS's actions: spans (told, not answered), trace, traces. */
void tr_handle_spans(tr_answer_t *a);
void tr_handle_trace(tr_answer_t *a);
void tr_handle_traces(tr_answer_t *a);
/* At each flush of the core: the broker's own are told when it is time. */
void tr_spans_due(tr_core_t *core);
void tr_spans_finish(tr_core_t *core);

#endif
