/*
 * The trace that a request is of (W3C Trace Context): the one of its `traceparent`, which is carried on; a new one where that is none, or where the
 * request is one of so many (--trace-one-in). The response says which in `traceresponse` (Trace Context Level 2). What is sampled leaves a span
 * `METHOD ROUTE` from its head until its response has left, and all that is sent for it is below that.
 *
 * libwebsockets 4.1 keeps no such header of HTTP/2: there `traceparent` in the body is the way.
 */
#include "gateway/http/server_private.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_MAX 256 /* of a later version there may be more behind what is understood here */

static uint64_t new_number(void) {
    uint64_t n = tr_random_seed();
    return n ? n : 1;
}

static void begin_new(tr_web_exchange_t *e, bool sampled) {
    e->trace.parent = (tr_traceparent_t){.trace = {new_number(), new_number()}, .sampled = sampled};
}

/* Probes, pages and what Prometheus reads begin none by themselves. */
static bool is_chosen(const tr_web_exchange_t *e) {
    int64_t one_in = e->server->config.options->trace_one_in;
    const tr_web_route_t *route = e->match.route;
    return one_in && route->role != TR_WEB_ANYBODY && strcmp(route->path, "/metrics") != 0 &&
           tr_random_seed() % (uint64_t)one_in == 0;
}

void tr_web_trace_begin(tr_web_exchange_t *e) {
    char text[HEADER_MAX];
    size_t len = tr_web_header_custom(e, "traceparent:", text, sizeof text);
    if (!e->match.route || e->upgrade)
        return;
    bool chosen = is_chosen(e);
    if (len > 0 && tr_traceparent_parse(&e->trace.parent, text))
        e->trace.parent.sampled |= chosen;
    else if (len > 0 || chosen)
        begin_new(e, chosen);
    else
        return;
    e->trace.span = new_number();
}

void tr_web_trace_write(const tr_web_exchange_t *e, char out[TR_TRACEPARENT_SIZE]) {
    tr_traceparent_t own = e->trace.parent;
    own.span = e->trace.span;
    tr_traceparent_write(&own, out);
}

void tr_web_trace_put(const tr_web_exchange_t *e, tr_web_call_t *call) {
    if (e->trace.span && !*call->traceparent)
        tr_web_trace_write(e, call->traceparent);
}

void tr_web_trace_end(tr_web_exchange_t *e) {
    tr_web_trace_t trace = e->trace;
    e->trace = (tr_web_trace_t){0};
    if (!trace.span || !trace.parent.sampled)
        return;
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_SPAN, "");
    if (!call || !(call->span = malloc(sizeof *call->span))) {
        tr_bridge_call_destroy(&call); /* out of memory: there is none, ignoring */
        return;
    }
    *call->span = (tr_web_span_t){.method = tr_web_methods[e->method],
        .route = e->match.route->path,
        .status = e->status,
        .error = e->status >= 500 ? tr_web_phrase(e->status)
                 : e->status == 0 ? "the client has gone"
                                  : NULL,
        .number = trace.span,
        .start_ns = e->began_ns,
        .end_ns = tr_clock_ns()};
    if (!trace.parent.span)
        trace.parent.span = trace.span; /* it begins the trace */
    tr_traceparent_write(&trace.parent, call->traceparent);
    tr_web_server_call(e->server, &call);
}
