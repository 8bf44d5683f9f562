/*
 * Spans of traces (lib/troupe/trace.h), as processes tell them: the last ones are kept as they came, up to so many bytes,
 * and looked through when somebody asks for a trace. Nothing of it is on the way of a message.
 */
#ifndef TR_BROKER_SPANS_H
#define TR_BROKER_SPANS_H

#include "broker/core/platform/platform.h"

/* `n` of the broker itself (route_span.h), none of which begins a trace, packed (proto/span.h): kept, and published where somebody listens.
 * `dropped`: so many before them were given up. */
void tr_spans_tell(tr_core_t *core, const uint8_t *packed, size_t len, size_t n, uint64_t dropped);

/* The AMS's actions: spans (told, not answered), trace, traces. */
void tr_handle_spans(tr_answer_t *a);
void tr_handle_trace(tr_answer_t *a);
void tr_handle_traces(tr_answer_t *a);
/* At each flush of the core: the broker's own are told when it is time. */
void tr_spans_due(tr_core_t *core);
void tr_spans_finish(tr_core_t *core);

#endif
