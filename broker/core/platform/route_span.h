/*
 * The broker's own spans of a traced message (lib/troupe/trace.h): `route`, from when its record is looked at until it stands
 * in a queue or is refused, and `deliver`, for what waited in the queue of a service, until a provider has it. Both are
 * children of the span `send`, as `receive` is: the message itself stays what its sender said.
 *
 * They are kept and published with those of the processes (spans.h), a batch at a time, and so many in a second at most: more
 * are counted as dropped. Whether a message is traced is a bit of its header; without it nothing here is called.
 */
#ifndef TR_BROKER_ROUTE_SPAN_H
#define TR_BROKER_ROUTE_SPAN_H

#include "broker/core/state.h"

typedef struct tr_route_span {
    int64_t began_ns; /* Unix time; 0 = it is not traced */
    uint64_t ahead;   /* records that waited where it goes to */
} tr_route_span_t;

int64_t tr_route_span_clock(const tr_core_t *core);

static inline tr_route_span_t tr_route_span_begin(const tr_core_t *core, const tr_record_t *record) {
    return (tr_route_span_t){record->h.marks & TR_MARK_TRACED ? tr_route_span_clock(core) : 0, 0};
}

/* NONE: it has been handed over. Only for one that is traced. */
void tr_route_span_end(
    tr_core_t *core, const tr_route_span_t *span, const tr_record_t *record, tr_reason_t why);
/* A provider has it, since taken_ms (Unix time; 0 = it did not wait) in its queue; likewise. */
void tr_deliver_span(
    tr_core_t *core, const tr_record_t *record, const tr_entry_t *to, uint32_t agent, int64_t taken_ms);

/* What was noted is told where there is enough of it, or enough time has gone by: at each flush of the core. Nothing is told in
 * the middle of a message's way, as that publishes. */
void tr_route_spans_due(tr_core_t *core);
/* All of it, before somebody looks. */
void tr_route_spans_flush(tr_core_t *core);
void tr_route_spans_finish(tr_core_t *core);

#endif
