/* Spans of a host's agents (troupe/trace.h): noted here, and sent to the broker in batches. */
#ifndef TR_AGENT_TRACED_H
#define TR_AGENT_TRACED_H

#include "lib/agent/host_private.h"
#include "troupe/trace.h"

/* Of one that has the mark: its span begins, where it is sampled. */
void tr_traced_begin(tr_message_t *message);
/* A message begins to be handled: what is sent from now on is sent under it. Gives what tr_traced_leave needs after it. */
static inline tr_traced_t tr_traced_enter(tr_message_t *message) {
    tr_host_t *host = message->host;
    tr_traced_t before = host->traced;
    host->traced = (tr_traced_t){.handled = message};
    atomic_store_explicit(&host->busy, message, memory_order_release);
    if (message->record.h.marks & TR_MARK_TRACED)
        tr_traced_begin(message);
    return before;
}
static inline void tr_traced_leave(tr_host_t *host, tr_traced_t before) {
    host->traced = before;
    atomic_store_explicit(&host->busy, before.handled, memory_order_release);
    if (atomic_load_explicit(&host->looked_at, memory_order_relaxed))
        tr_keeper_wait(host);
}
/* The span of one that has it ends. */
void tr_traced_end(tr_message_t *message, int code);
/* It is finished: its span ends. Nothing where it is not traced. */
static inline void tr_traced_done(tr_message_t *message, int code) {
    if (message->span)
        tr_traced_end(message, code);
}
/* The traceparent of its span, for what follows from it; lives as long as the message. */
const char *tr_traced_context(tr_message_t *message);
/* Sends it with a span of its own, where it is sampled; `send` does the rest. */
int tr_traced_send(tr_agent_t *self, tr_outgoing_t *out, int (*send)(tr_agent_t *self, tr_outgoing_t *out));
/* What an agent sends of itself, not for a message that it has got: counts it, and whether it begins a trace. */
static inline bool tr_traced_begins(tr_host_t *host) {
    if (!host->trace_one_in || host->traced.handled)
        return false;
    return host->trace_gap == 0 || host->trace_gap-- == 0;
}
/* Whether tr_traced_send has anything to do. */
static inline bool tr_traced_sends(tr_host_t *host, const tr_outgoing_t *out) {
    return out->acl->traceparent || host->traced.message || tr_traced_begins(host);
}

/* Sends the AMS what it does not answer: an inform of that agent's, untraced. 0; -EAGAIN and the others of tr_link_send: it is not sent. */
int tr_traced_tell(tr_agent_t *agent, tr_content_writer_t *content);
/* Sends what is noted. */
void tr_traced_flush(tr_host_t *host);
/* An agent ends: what it has noted goes while it can be sent. */
void tr_traced_forget(tr_host_t *host, const tr_agent_t *agent);
void tr_traced_finish(tr_host_t *host);

#endif
