/* What the broker of another platform says on the link to it: its agents' messages, and what became of ours. */
#include "broker/core/federation/neighbour.h"
#include "broker/core/guard.h"
#include "broker/core/lease.h"
#include "broker/core/link.h"

#include "proto/link.pb-c.h"

#include <stdio.h>

tr_reason_t tr_foreign_check(
    tr_core_t *core, tr_session_t *from, tr_record_t *record, tr_entry_t **ret_sender) {
    tr_reason_t why;
    tr_neighbour_t *n = from->neighbour;
    n->received++;
    core->stats.peer_received++;
    n->origin.number = 0;
    if ((record->h.flags & TR_FLAG_LEASED) && (record->h.flags & TR_FLAG_DURABLE) &&
        !tr_foreign_origin(n, record))
        return TR_REASON_BAD_RECORD;
    tr_entry_t *sender = tr_proxy_of_sender(core, n, record, &why);
    if (!sender)
        return why;
    record->h.src = tr_session_route(from, sender->first);
    if (!tr_performative_valid(record->h.performative))
        return TR_REASON_BAD_RECORD;
    if (!record->h.hops)
        return TR_REASON_HOPS;
    if (record->h.deadline_ms && record->h.deadline_ms < (uint64_t)core->now.wall_ms)
        return TR_REASON_EXPIRED;
    if (!tr_guard_charge(core, from, record))
        return TR_REASON_BUSY;
    sender->sent++;
    *ret_sender = sender;
    return TR_REASON_NONE;
}

/* The receiver of a message of ours, as its sender wrote it. */
static tr_entry_t *receiver_of(tr_core_t *core, const tr_neighbour_t *n, const tr_record_t *record) {
    tr_acl_t acl;
    tr_arena_reset(&core->arena);
    if (tr_acl_read(&acl, record, &core->arena) < 0 || !acl.receivers.count)
        return NULL;
    tr_entry_t *e = tr_map_find_ptr(&core->names, acl.receivers.items[0], strlen(acl.receivers.items[0]));
    return e && e->neighbour == n ? e : NULL;
}

/* Comes to the sender as one of our own would: with the proxy's route as the place where the message went. */
void tr_foreign_nack(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    tr_entry_t *to = tr_entry_of_route(core, record->h.dst);
    from->neighbour->received++;
    if (!to || to->neighbour) {
        core->stats.refused[TR_REASON_STALE_ROUTE]++; /* its sender has ended meanwhile */
        return;
    }
    size_t len;
    const char *aid = tr_envelope_sender(record->envelope, record->h.envelope_len, &len);
    if (!aid || !tr_entry_is_sender(core, to, tr_route_agent(record->h.dst), aid, len)) {
        core->stats.refused[TR_REASON_FORGED_SENDER]++; /* a refusal of what another one has sent */
        return;
    }
    tr_record_t r = *record;
    tr_entry_t *receiver = receiver_of(core, from->neighbour, record);
    r.h.flags &=
        (uint8_t)~TR_FLAG_DURABLE; /* what is durable was stored here: only this broker says what became of it */
    r.h.src = receiver ? tr_session_route(from, receiver->first) : 0;
    if (receiver && (r.h.reason == TR_REASON_NOT_FOUND || r.h.reason == TR_REASON_STALE_ROUTE))
        receiver->remote = 0; /* the next one is looked up by its name again */
    tr_nack_pass(core, to, &r);
}

void tr_foreign_resolved(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    ProtobufCAllocator a = tr_link_bodies(core);
    Troupe__Resolved *m = troupe__resolved__unpack(&a, record->content_len, record->content);
    tr_entry_t *e = m ? tr_map_find_ptr(&core->names, m->name, strlen(m->name)) : NULL;
    if (m && tr_route_type(m->route) == TR_ROUTE_TOPIC)
        tr_foreign_topic_named(core, from->neighbour, m->name, m->route);
    else if (e && e->neighbour == from->neighbour)
        e->remote = m->route;
}

/* The agents of a range have consecutive routes. Where one has come back already its route is another one. Who has
 * something to come from our journal stays, and is looked up by name again. */
void tr_foreign_gone(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    for (uint32_t i = from->entries_n; i-- > 0;) {
        tr_entry_t *e = from->entries[i];
        if (!e->remote || e->remote - record->h.src >= record->h.id)
            continue;
        if (e->services_n)
            e->remote = 0;
        else
            tr_entry_remove(core, e, TR_REASON_AGENT_GONE);
    }
}

void tr_foreign_refused(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    ProtobufCAllocator a = tr_link_bodies(core);
    Troupe__Refusal *m = troupe__refusal__unpack(&a, record->content_len, record->content);
    tr_event(core, TR_EVENT_PEER_REFUSED, from->neighbour->platform, m ? m->detail : "");
}

void tr_foreign_pong(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    uint64_t rtt = (uint64_t)core->now.mono_ms - record->h.id; /* the time that our PING said */
    if (rtt <= from->neighbour->lease_ms)
        from->neighbour->rtt_ms = (int64_t)rtt;
}

void tr_foreign_answer(tr_core_t *core, const tr_lease_t *lease, uint8_t flags) {
    tr_record_t r = tr_lease_record(lease);
    tr_session_t *to = tr_session_of_route(core, r.h.src);
    tr_record_header_t h = {.kind = TR_KIND_SETTLE, .flags = flags, .id = r.h.id};
    if (to && to->neighbour) /* otherwise it has given it to somebody else already */
        tr_control_send(core, to, &h, NULL, 0);
}
