/*
 * Spans are packed as they end, into the batch that is to be sent; that goes when it is large or a tenth of a second old,
 * as an INFORM to the AMS that nobody answers. What finds no credit is given up and counted: tracing waits for nothing.
 *
 * A handled message has a span of its own, and its traceparent, as its behaviour reads it, is that span's: so whatever
 * carries it on (a reply, a conversation, a call of a model) is a child without knowing.
 */
#include "lib/agent/traced.h"

#include "lib/base/random.h"
#include "proto/performative.h"
#include "proto/span.h"

#include <stdlib.h>

#define FLUSH_MS    100
#define BATCH_SPANS 256u
#define BATCH_BYTES 16384u
#define NAME_SIZE   48

struct tr_tracing {
    tr_content_writer_t spans; /* packed, one behind the other */
    tr_content_writer_t told;  /* the batch with them in it; both keep their memory */
    size_t n;
    int64_t wall_ns;   /* Unix time less that of tr_clock_ns, as it was when the batch began */
    tr_agent_t *agent; /* who sends them */
    tr_timer_t *timer;
    uint64_t dropped;
    uint64_t random;
    int64_t second; /* of tr_clock_ns, that stands for `begun` */
    uint32_t begun; /* by chance, in that second */
    uint64_t
        fresh; /* a trace that was made and has no span yet: the one that its first message will have; 0 = none */
};

static tr_tracing_t *tracing_of(tr_host_t *host) {
    if (host->tracing)
        return host->tracing;
    tr_tracing_t *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    tr_content_writer_init(&t->spans);
    tr_content_writer_init(&t->told);
    t->random = tr_random_seed();
    return host->tracing = t;
}

/* splitmix64; never 0 */
static uint64_t new_number(tr_tracing_t *t) {
    uint64_t z = t->random += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    return z ? z : 1;
}

static void new_trace(tr_tracing_t *t, tr_traceparent_t *ret) {
    *ret = (tr_traceparent_t){.trace = {new_number(t), new_number(t)}, .sampled = true};
}

/* ---- the batch ---- */

int tr_traced_tell(tr_agent_t *agent, tr_content_writer_t *w) {
    const void *content;
    size_t len;
    char aid[TR_AID_MAX + 1];
    const char *ams = "ams";
    if (tr_content_writer_take(w, &content, &len) < 0)
        return -ENOMEM;
    tr_acl_t acl = {.performative = TR_INFORM,
        .flags = TR_FLAG_NO_NACK,
        .sender = tr_agent_aid(agent, aid),
        .receivers = {.items = &ams, .count = 1},
        .ontology = "fipa-agent-management",
        .content = content,
        .content_len = len};
    tr_hosted_t *hosted = agent->hosted;
    return tr_link_send(hosted->host->link, &(tr_outgoing_t){.from = hosted->registration,
                                                .agent = agent->index,
                                                .kind = TR_KIND_MESSAGE,
                                                .name = ams,
                                                .acl = &acl});
}

static bool write_batch(tr_tracing_t *t) {
    tr_content_writer_t *w = &t->told;
    const void *spans;
    size_t len;
    tr_content_writer_clear(w);
    if (tr_content_writer_take(&t->spans, &spans, &len) < 0)
        return false;
    tr_write_map(w, 3);
    tr_write_kv(w, "action", "spans");
    tr_write_kv_uint(w, "dropped", t->dropped);
    tr_write_str(w, "spans");
    tr_write_bin(w, spans, len);
    return true;
}

void tr_traced_flush(tr_host_t *host) {
    tr_tracing_t *t = host->tracing;
    if (!t || !t->n)
        return;
    if (write_batch(t) && tr_traced_tell(t->agent, &t->told) == 0)
        t->dropped = 0;
    else
        t->dropped += t->n;
    tr_content_writer_clear(&t->spans);
    t->n = 0;
    if (t->timer)
        tr_timers_remove(&host->timers, t->timer);
    t->timer = NULL;
}

static void on_timer(tr_agent_t *agent, void *state, void *arg) {
    (void)agent, (void)state;
    tr_host_t *host = arg;
    host->tracing->timer = NULL; /* the host frees it */
    tr_traced_flush(host);
}

void tr_traced_forget(tr_host_t *host, const tr_agent_t *agent) {
    if (host->tracing && host->tracing->agent == agent) {
        tr_traced_flush(host);
        host->tracing->agent = NULL;
    }
    if (host->traced.message && host->traced.message->agent == agent)
        host->traced.message = NULL;
}

void tr_traced_finish(tr_host_t *host) {
    if (!host->tracing)
        return;
    tr_content_writer_finish(&host->tracing->spans);
    tr_content_writer_finish(&host->tracing->told);
    free(host->tracing);
    host->tracing = NULL;
}

/* ---- a span ---- */

typedef struct place {
    tr_traceparent_t parent; /* span 0: it begins the trace */
    uint64_t span;
} place_t;

static void note(tr_agent_t *agent, const place_t *place, const tr_span_t *span) {
    tr_host_t *host = agent->hosted->host;
    tr_tracing_t *t = tracing_of(host);
    char aid[TR_AID_MAX + 1];
    if (!t)
        return;
    if (!t->n++)
        t->wall_ns = tr_clock_wall_ns() - tr_clock_ns();
    tr_span_pack(&t->spans,
        &(tr_span_packed_t){.trace = {place->parent.trace[0], place->parent.trace[1]},
            .span = place->span,
            .parent = place->parent.span,
            .start_us = (t->wall_ns + span->start_ns) / 1000,
            .took_us = (span->end_ns - span->start_ns) / 1000,
            .kind = span->kind,
            .name = tr_span_text(span->name),
            .agent = tr_span_text(tr_agent_aid(agent, aid)),
            .error = tr_span_text(span->error)},
        span->attributes);
    t->agent = agent;
    if (t->n >= BATCH_SPANS || t->spans.buffer.size >= BATCH_BYTES)
        tr_traced_flush(host);
    else if (!t->timer)
        t->timer = tr_timers_add(&host->timers, tr_clock_ms() + FLUSH_MS, NULL, on_timer, host);
}

void tr_trace_span(tr_agent_t *agent, const char *traceparent, const tr_span_t *span) {
    tr_host_t *host = agent->hosted->host;
    place_t place;
    if (!traceparent && host->traced.message)
        traceparent = tr_message_acl(host->traced.message)->traceparent;
    tr_tracing_t *t = tr_traceparent_sampled(traceparent) ? tracing_of(host) : NULL;
    if (!t || !tr_traceparent_parse(&place.parent, traceparent))
        return;
    place.span = span->number ? span->number : new_number(t);
    if (place.parent.span == place.span)
        place.parent.span = 0;
    note(agent, &place, span);
}

void tr_trace_new(tr_agent_t *agent, char out[TR_TRACEPARENT_SIZE]) {
    tr_tracing_t *t = tracing_of(agent->hosted->host);
    tr_traceparent_t place;
    out[0] = 0;
    if (!t)
        return;
    new_trace(t, &place);
    t->fresh = place.span = new_number(t);
    tr_traceparent_write(&place, out);
}

/* ---- what is received ---- */

static bool begin(tr_message_t *m) {
    const tr_acl_t *acl = tr_message_acl(m);
    tr_tracing_t *t = acl ? tracing_of(m->host) : NULL;
    bool is_news = m->type == TR_MESSAGE_DIRECT || m->type == TR_MESSAGE_EVENT;
    if (!t || !is_news || !tr_traceparent_parse(&m->parent, acl->traceparent) || !m->parent.sampled)
        return false;
    m->span = new_number(t);
    m->began_ns = tr_clock_ns();
    m->acl.traceparent = tr_traced_context(m);
    return true;
}

void tr_traced_begin(tr_message_t *message) {
    if (message->span || begin(message))
        message->host->traced.message = message;
}

const char *tr_traced_context(tr_message_t *message) {
    char text[TR_TRACEPARENT_SIZE];
    tr_traceparent_t own = message->parent;
    own.span = message->span;
    tr_traceparent_write(&own, text);
    return tr_arena_strn(&message->arena, text, sizeof text - 1);
}

/* "receive request": few different ones. */
static void name_span(char out[NAME_SIZE], const char *what, tr_performative_t act) {
    stpcpy(stpcpy(stpcpy(out, what), " "), act ? tr_performative_name(act) : "message");
}

void tr_traced_end(tr_message_t *m, int code) {
    char name[NAME_SIZE];
    const tr_acl_t *acl = tr_message_acl(m);
    place_t place = {.parent = m->parent, .span = m->span};
    m->span = 0;
    name_span(name, "receive", tr_message_performative(m));
    note(m->agent, &place,
        &(tr_span_t){.name = name,
            .kind = "consumer",
            .start_ns = m->began_ns,
            .end_ns = tr_clock_ns(),
            .error = code < 0 ? strerror(-code) : NULL,
            .attributes = TR_FIELDS(TR_FIELD_TEXT(tr_span_keys[TR_SPAN_FROM], acl->sender),
                TR_FIELD_TEXT(tr_span_keys[TR_SPAN_CONVERSATION], acl->conversation_id),
                TR_FIELD_INT(tr_span_keys[TR_SPAN_SIZE], (int64_t)m->record.content_len))});
}

/* ---- what is sent ---- */

/* By chance (tr_traced_begins). A number for each trace, not for each message: on the average one in so many, and those between cost nothing. */
static bool begin_trace(tr_host_t *host, tr_tracing_t *t, int64_t now_ns, tr_traceparent_t *ret) {
    int64_t second = now_ns / 1000000000;
    host->trace_gap = (uint32_t)(new_number(t) % (2 * (uint64_t)host->trace_one_in - 1));
    if (t->second != second)
        t->begun = 0;
    t->second = second;
    if (t->begun == host->trace_per_second && t->begun != TR_HOST_TRACE_ALL)
        return false;
    t->begun++;
    new_trace(t, ret);
    return true;
}

static bool place_of(tr_host_t *host, const tr_acl_t *acl, int64_t now_ns, place_t *ret) {
    tr_tracing_t *t = tracing_of(host);
    const char *context = acl->traceparent;
    if (!t)
        return false;
    if (!context && host->traced.message)
        context = tr_message_acl(host->traced.message)->traceparent;
    if (context) {
        if (!tr_traceparent_parse(&ret->parent, context) || !ret->parent.sampled)
            return false;
        if (ret->parent.span == t->fresh) {
            *ret = (place_t){.parent = ret->parent, .span = t->fresh};
            t->fresh = ret->parent.span = 0;
            return true;
        }
    } else if (!host->trace_one_in || host->traced.handled || !begin_trace(host, t, now_ns, &ret->parent)) {
        return false;
    }
    ret->span = new_number(t);
    return true;
}

int tr_traced_send(tr_agent_t *self, tr_outgoing_t *out, int (*send)(tr_agent_t *self, tr_outgoing_t *out)) {
    place_t place;
    char text[TR_TRACEPARENT_SIZE], name[NAME_SIZE];
    int64_t began = tr_clock_ns();
    if (!place_of(self->hosted->host, out->acl, began, &place))
        return send(self, out);
    tr_acl_t acl = *out->acl;
    tr_traceparent_t own = place.parent;
    own.span = place.span;
    tr_traceparent_write(&own, text);
    acl.traceparent = text;
    out->acl = &acl;
    int r = send(self, out);
    name_span(name, out->kind == TR_KIND_PUBLISH ? "publish" : "send", acl.performative);
    if (r != -EAGAIN) /* it will be sent again */
        note(self, &place,
            &(tr_span_t){.name = name,
                .kind = "producer",
                .start_ns = began,
                .end_ns = tr_clock_ns(),
                .error = r < 0 ? strerror(-r) : NULL,
                .attributes = TR_FIELDS(TR_FIELD_TEXT(tr_span_keys[TR_SPAN_TO], out->name),
                    TR_FIELD_TEXT(tr_span_keys[TR_SPAN_CONVERSATION], acl.conversation_id))});
    return r;
}
