/*
 * Spans of traces (lib/troupe/trace.h), as processes tell them: the last ones are kept as they came, up to so many bytes,
 * and looked through when somebody asks for a trace. Nothing of it is on the way of a message.
 */
#ifndef TR_BROKER_SPANS_H
#define TR_BROKER_SPANS_H

#include "broker/core/platform/platform.h"

/* The AMS's actions: spans (told, not answered), trace, traces. */
void tr_handle_spans(tr_answer_t *a);
void tr_handle_trace(tr_answer_t *a);
void tr_handle_traces(tr_answer_t *a);
void tr_spans_finish(tr_core_t *core);

#endif
