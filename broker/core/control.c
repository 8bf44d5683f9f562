/* Records between the broker and one process about the link itself. They wait for no credit. */
#include "broker/core/state.h"

#include "proto/link.pb-c.h"

#include <stdlib.h>

static void write_record(
    uint8_t *at, const tr_record_header_t *h, uint32_t length, const void *body, size_t len) {
    tr_record_header_t out = *h;
    out.length = length;
    tr_record_header_write(&out, at);
    if (len)
        memcpy(at + TR_RECORD_HEADER, body, len);
}

bool tr_control_send(
    tr_core_t *core, tr_session_t *to, const tr_record_header_t *h, const void *body, size_t len) {
    uint32_t length = TR_RECORD_HEADER + (uint32_t)len;
    uint8_t *at = tr_outbox_add(&to->control, core->pool, length, NULL);
    if (!at)
        return false;
    write_record(at, h, length, body, len);
    tr_session_dirty(core, to);
    return true;
}

void tr_control_done(tr_core_t *core, tr_session_t *to, uint64_t id) {
    tr_record_header_t h = {.kind = TR_KIND_DONE, .id = id};
    tr_control_send(core, to, &h, NULL, 0);
}

static size_t pack_refusal(uint8_t *body, size_t size, tr_reason_t reason, const char *detail) {
    Troupe__Refusal m = TROUPE__REFUSAL__INIT;
    m.reason = reason;
    m.detail = (char *)(uintptr_t)detail;
    if (troupe__refusal__get_packed_size(&m) > size)
        m.detail = (char *)(uintptr_t) "";
    return troupe__refusal__pack(&m, body);
}

void tr_control_turn_down(
    tr_core_t *core, tr_session_t *to, uint64_t id, tr_reason_t reason, const char *detail) {
    uint8_t body[512];
    size_t len = pack_refusal(body, sizeof body, reason, detail);
    core->stats.refused[reason]++;
    tr_record_header_t h = {.kind = TR_KIND_REFUSED, .id = id, .reason = (uint16_t)reason};
    tr_control_send(core, to, &h, body, len);
}

void tr_control_refuse(
    tr_core_t *core, tr_session_t *to, uint64_t id, tr_reason_t reason, const char *detail) {
    tr_control_turn_down(core, to, id, reason, detail);
    tr_event(core, TR_EVENT_REFUSED, tr_reason_name(reason), detail);
}

void tr_control_turn_down_peer(
    tr_core_t *core, tr_peer_t peer, uint64_t id, tr_reason_t reason, const char *detail) {
    uint8_t body[512];
    size_t len = pack_refusal(body, sizeof body, reason, detail);
    core->stats.refused[reason]++;
    tr_buf_t *buf = tr_pool_get(core->pool, TR_BUF_SIZE);
    if (!buf)
        return; /* the peer asks again */
    tr_bundle_begin(buf);
    uint32_t length = TR_RECORD_HEADER + (uint32_t)len;
    tr_record_header_t h = {.kind = TR_KIND_REFUSED, .id = id, .reason = (uint16_t)reason};
    write_record(tr_bundle_add(buf, length), &h, length, body, len);
    tr_bundle_end(buf, 1);
    tr_core_out(core, &(tr_core_out_t){.type = TR_OUT_SEND, .peer = peer, .buf = buf});
}

void tr_control_refuse_peer(
    tr_core_t *core, tr_peer_t peer, uint64_t id, tr_reason_t reason, const char *detail) {
    tr_control_turn_down_peer(core, peer, id, reason, detail);
    tr_event(core, TR_EVENT_REFUSED, tr_reason_name(reason), detail);
}

void tr_control_resolved(tr_core_t *core, tr_session_t *to, const char *name, tr_route_t route) {
    uint8_t body[TR_TOPIC_MAX + TR_AID_MAX + 32];
    Troupe__Resolved m = TROUPE__RESOLVED__INIT;
    m.name = (char *)(uintptr_t)name;
    m.route = route;
    if (troupe__resolved__get_packed_size(&m) > sizeof body)
        return; /* no valid name is so long */
    size_t len = troupe__resolved__pack(&m, body);
    tr_record_header_t h = {.kind = TR_KIND_RESOLVED};
    tr_control_send(core, to, &h, body, len);
}
