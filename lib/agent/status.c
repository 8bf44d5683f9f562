/* What an agent does, said to the AMS, which asks for `troupe why`: how its behaviour fares, whose answers it waits for,
 * in which conversations it is. Only the broker speaks by a route of the platform, so nobody else learns it. */
#include "lib/agent/protocol/conversation.h"

#include <string.h>

#define LISTED_MAX 16u /* requests and conversations that are told one by one */

static const char *const status_names[] = {
    [TR_AGENT_NEW] = "new",
    [TR_AGENT_RUNNING] = "running",
    [TR_AGENT_BACKOFF] = "backoff",
    [TR_AGENT_ENDED] = "ended",
    [TR_AGENT_PASSIVE] = "passive",
    [TR_AGENT_AWAY] = "moving",
};

static int64_t wall_of(int64_t mono_ms) {
    return mono_ms ? tr_clock_wall_ms() + mono_ms - tr_clock_ms() : 0;
}

/* Both passes see the same: where `w` is NULL, they are counted only. */
static size_t each_request(const tr_agent_t *agent, tr_content_writer_t *w) {
    size_t n = 0, cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&agent->hosted->host->pending, &cursor))) {
        const tr_pending_t *p = (const tr_pending_t *)(uintptr_t)slot->value;
        if (p->agent != agent || n++ >= LISTED_MAX || !w)
            continue;
        tr_write_map(w, 4);
        tr_write_kv(w, "receiver", p->receiver);
        tr_write_kv(w, "performative", tr_performative_name(p->act));
        tr_write_kv(w, "conversation_id", p->conversation);
        tr_write_kv_int(w, "until_ms", wall_of(p->timer ? p->timer->due_ms : 0));
    }
    return n;
}

static void write_conversation(tr_content_writer_t *w, const tr_conversation_t *c) {
    const char *peer = c->provider ? c->provider : tr_conversation_text(c, TR_TEXT_PEER);
    tr_write_map(w, 6);
    tr_write_kv(w, "conversation_id", tr_conversation_text(c, TR_TEXT_ID));
    tr_write_kv(w, "protocol", c->machine.protocol->name);
    tr_write_kv(w, "role", c->role == TR_INITIATOR ? "initiator" : "participant");
    tr_write_kv(w, "peer", peer && *peer ? peer : tr_conversation_text(c, TR_TEXT_SERVICE));
    tr_write_kv(w, "state", tr_machine_state_name(&c->machine));
    tr_write_kv_int(w, "until_ms", wall_of(c->due_ms));
}

static void write_conversations(tr_content_writer_t *w, const tr_conversations_t *store) {
    size_t n = store ? store->count : 0, written = 0;
    tr_write_kv_uint(w, "conversations_total", n);
    tr_write_str(w, "conversations");
    tr_write_array(w, n < LISTED_MAX ? n : LISTED_MAX);
    for (size_t i = 0; store && i < store->cap; i++)
        for (const tr_conversation_t *c = store->buckets[i]; c && written < LISTED_MAX;
             c = c->next, written++)
            write_conversation(w, c);
}

static void write_requests(tr_content_writer_t *w, const tr_agent_t *agent) {
    size_t n = each_request(agent, NULL);
    tr_write_kv_uint(w, "requests_total", n);
    tr_write_str(w, "requests");
    tr_write_array(w, n < LISTED_MAX ? n : LISTED_MAX);
    each_request(agent, w);
}

static void write_failure(tr_content_writer_t *w, const tr_agent_more_t *more) {
    uint32_t n = more ? more->failures : 0, kept = n < TR_FAILURES_KEPT ? n : TR_FAILURES_KEPT;
    const tr_failure_t *last = n ? &more->failed[(n - 1) % TR_FAILURES_KEPT] : NULL;
    tr_write_kv_uint(w, "failures", n);
    tr_write_kv(w, "last_error", last ? strerror(-last->code) : NULL);
    tr_write_str(w, "last_error_ms");
    if (last)
        tr_write_int(w, last->at_ms);
    else
        tr_write_nil(w);
    tr_write_str(w, "errors"); /* the last one first */
    tr_write_array(w, kept);
    for (uint32_t i = 1; i <= kept; i++) {
        const tr_failure_t *f = &more->failed[(n - i) % TR_FAILURES_KEPT];
        tr_write_map(w, 2);
        tr_write_kv(w, "error", strerror(-f->code));
        tr_write_kv_int(w, "at_ms", f->at_ms);
    }
}

static size_t count_waiting(const tr_agent_more_t *more) {
    size_t n = 0;
    for (const tr_message_t *m = more ? more->waiting : NULL; m; m = m->next)
        n++;
    return n;
}

bool tr_status_answer(const tr_message_t *message) {
    const tr_record_header_t *h = &message->record.h;
    if (h->kind != TR_KIND_MESSAGE || h->performative != TR_QUERY_REF ||
        tr_route_type(h->src) != TR_ROUTE_PLATFORM)
        return false;
    const tr_agent_t *agent = message->agent;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 10);
    tr_write_kv(&w, "status", status_names[agent->status]);
    write_failure(&w, agent->more);
    tr_write_kv_uint(&w, "waiting", count_waiting(agent->more));
    write_requests(&w, agent);
    write_conversations(&w, agent->more ? agent->more->conversations : NULL);
    tr_reply_content(message->agent, message, TR_INFORM, &w); /* what cannot be sent the AMS does without */
    return true;
}
