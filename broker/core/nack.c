/*
 * What could not be delivered goes back to its sender: the original envelope, so that the sender knows which
 * conversation it was, a reason, and when to try again. NACKs count against credit like messages, and who lets
 * many of them wait gets no credit himself, so that nobody fills memory with them and none is lost.
 */
#include "broker/core/state.h"

#include "proto/link.pb-c.h"

#define NACKS_HELD       8192
#define NACKS_HELD_BYTES (4u << 20)

bool tr_nacks_wait(const tr_session_t *session) {
    return session->nacks.records > NACKS_HELD || session->nacks.bytes > NACKS_HELD_BYTES;
}

/* What a process can cause after its credit has ended, and a mailbox that fails at once: only who does not keep
 * to its credit comes over it. */
static bool too_many(const tr_core_t *core, const tr_session_t *session) {
    const tr_core_config_t *c = &core->config;
    return session->nacks.records >= NACKS_HELD + c->window_records + c->mailbox_records ||
           session->nacks.bytes >= NACKS_HELD_BYTES + c->window_bytes + c->mailbox_bytes;
}

static void put(tr_core_t *core, tr_entry_t *to, const tr_record_header_t *h, const uint8_t *envelope,
    const uint8_t *body) {
    uint8_t *at = tr_outbox_add(&to->session->data, core->pool, h->length, &to->session->nacks);
    if (!at)
        return;
    tr_record_header_write(h, at);
    memcpy(at + TR_RECORD_HEADER, envelope, h->envelope_len);
    memcpy(at + TR_RECORD_HEADER + h->envelope_len, body, h->length - TR_RECORD_HEADER - h->envelope_len);
    core->stats.nacks++;
    core->stats.queued++;
    core->stats.queued_bytes += h->length;
    core->stats.accepted++; /* a record like any other from here on */
    tr_session_dirty(core, to->session);
}

/* Who has sent it may have been moved to another process since. */
static tr_entry_t *sender_of(tr_core_t *core, const tr_record_t *record, tr_route_t *ret_route) {
    tr_entry_t *e = tr_entry_of_route(core, record->h.src);
    size_t len = 0;
    uint32_t agent;
    *ret_route = record->h.src;
    if (e)
        return e;
    const char *aid = tr_envelope_sender(record->envelope, record->h.envelope_len, &len);
    const char *at = aid ? memchr(aid, '@', len) : NULL;
    e = aid ? tr_entry_find(core, aid, at ? (size_t)(at - aid) : len, &agent) : NULL;
    if (!e || !e->moved || e->neighbour || !tr_entry_is_sender(core, e, agent, aid, len))
        return NULL;
    *ret_route = tr_session_route(e->session, agent);
    return e;
}

void tr_nack(
    tr_core_t *core, const tr_record_t *record, tr_reason_t reason, const char *detail, uint32_t retry_ms) {
    if (record->h.flags & TR_FLAG_NO_NACK)
        return;
    tr_route_t route;
    tr_entry_t *to = sender_of(core, record, &route);
    if (!to || to->ending || to->session->state == TR_SESSION_CLOSING)
        return; /* its sender is gone as well */
    uint8_t body[256];
    Troupe__Nack m = TROUPE__NACK__INIT;
    m.detail = (char *)(uintptr_t)(detail ? detail : "");
    m.retry_after_ms = retry_ms;
    if (troupe__nack__get_packed_size(&m) > sizeof body)
        m.detail = (char *)(uintptr_t) "";
    size_t len = troupe__nack__pack(&m, body);
    if (too_many(core, to->session)) {
        core->stats.accepted++;
        core->stats.dropped[reason]++;
        return;
    }
    tr_record_header_t h = record->h;
    h.length = TR_RECORD_HEADER + record->h.envelope_len + (uint32_t)len;
    h.kind = TR_KIND_NACK;
    h.reason = (uint16_t)reason;
    h.dst = !to->neighbour ? route : to->spoke ? to->spoke : to->remote;
    h.src = record->h.dst;
    put(core, to, &h, record->envelope, body);
}

void tr_nack_pass(tr_core_t *core, tr_entry_t *to, const tr_record_t *nack) {
    if (to->ending || to->session->state == TR_SESSION_CLOSING)
        return;
    if (!too_many(core, to->session)) {
        put(core, to, &nack->h, nack->envelope, nack->content);
        return;
    }
    core->stats.accepted++;
    core->stats.dropped[nack->h.reason < TR_REASON_MAX ? nack->h.reason : TR_REASON_NONE]++;
}
