/* What providers have in hand: each request is leased to one of them until he settles it (service.c). */
#include "broker/core/durable/durable.h"
#include "broker/core/federation/neighbour.h"
#include "broker/core/lease.h"
#include "broker/core/mandate.h"
#include "broker/core/platform/quarantine.h"
#include "broker/core/service.h"

/* It leaves his hands undone: what came with it to spend is not his any more. */
static void take_mandate(tr_core_t *core, const tr_provider_t *p, const tr_lease_t *lease) {
    tr_record_t r = tr_lease_record(lease);
    if (r.h.flags & TR_FLAG_MANDATE)
        tr_mandate_take_back(core, &r, p->entry, p->agent);
}

/* Delivered once too often: fails, and false. */
static bool try_again(tr_core_t *core, const tr_provider_t *from, tr_lease_t *lease) {
    take_mandate(core, from, lease);
    core->stats.leased--;
    if (lease->unsent) {
        lease->unsent = false;
        return true;
    }
    if (++lease->attempt < core->config.tries_max) {
        tr_queue_again(core, lease);
        return true;
    }
    tr_lease_fail(core, lease, TR_REASON_TRIES, "delivered too often without an answer");
    return false;
}

/* A durable message that a neighbour did not take, or has not said to have: he knows what he has already, so that no
 * try is lost with it. */
static bool is_forwarded(const tr_provider_t *p, const tr_lease_t *lease) {
    return p->entry->neighbour && lease->block;
}

static void take_forwarded(tr_core_t *core, const tr_provider_t *from, const tr_lease_t *lease) {
    take_mandate(core, from, lease);
    core->stats.leased--;
}

/* Gives a provider's requests back to the front of the queue, in their order. */
void tr_hands_take_back(tr_core_t *core, tr_service_t *s, tr_provider_t *from) {
    tr_lease_list_t again = {0};
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(&from->leases))) {
        if (is_forwarded(from, lease))
            take_forwarded(core, from, lease);
        else if (!try_again(core, from, lease))
            continue;
        tr_leases_append(&again, lease);
    }
    tr_service_requeue(core, s, &again);
}

void tr_service_take_away(tr_core_t *core, const tr_entry_t *entry, uint32_t agent, uint32_t count) {
    for (uint32_t i = 0; i < core->services_n && entry->services_n; i++) {
        tr_service_t *s = core->services[i];
        for (uint32_t j = 0; j < s->providers_n; j++)
            if (s->providers[j].entry == entry && s->providers[j].agent - agent < count)
                tr_hands_take_back(core, s, &s->providers[j]);
        tr_service_dispatch(core, s);
    }
}

/* Only what is durable has a time, and is extended. A neighbour has all the time that its link stands: he answers when it is on his disk.
 * What is still on its way out to a slow process is not in its hands: its time has not begun. */
static bool lease_is_over(const tr_core_t *core, const tr_provider_t *p, tr_lease_t *lease) {
    if (!lease->block || is_forwarded(p, lease) || lease->until_ms > core->now.mono_ms)
        return false;
    if (!tr_mailbox_waits(p->entry, p->agent, lease->number))
        return true;
    lease->until_ms = core->now.mono_ms + (int64_t)core->config.message_lease_ms;
    return false;
}

/* To the front of the queue, in their order; the others stay in his hands. */
static void take_back_those(tr_core_t *core, tr_service_t *s, tr_provider_t *p,
    bool (*its)(const tr_core_t *core, const tr_provider_t *p, tr_lease_t *lease)) {
    tr_lease_list_t all = p->leases, again = {0};
    p->leases = (tr_lease_list_t){0};
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(&all))) {
        if (!its(core, p, lease))
            tr_leases_append(&p->leases, lease);
        else if (try_again(core, p, lease))
            tr_leases_append(&again, lease);
    }
    tr_service_requeue(core, s, &again);
}

/* A durable message is leased for a time only: who has not settled it by then, nor said that it is still in
 * work, has it no more. */
void tr_hands_take_back_overdue(tr_core_t *core, tr_service_t *s, tr_provider_t *p) {
    take_back_those(core, s, p, lease_is_over);
}

static bool is_unsent(const tr_core_t *core, const tr_provider_t *p, tr_lease_t *lease) {
    (void)core;
    (void)p;
    return lease->unsent;
}

void tr_service_take_unsent(tr_core_t *core, const tr_entry_t *entry, uint32_t agent, uint32_t count) {
    for (uint32_t i = 0; i < core->services_n && entry->services_n; i++) {
        tr_service_t *s = core->services[i];
        for (uint32_t j = 0; j < s->providers_n; j++)
            if (s->providers[j].entry == entry && s->providers[j].agent - agent < count)
                take_back_those(core, s, &s->providers[j], is_unsent);
        tr_service_dispatch(core, s);
    }
}

void tr_service_take_all_unsent(tr_core_t *core) {
    for (uint32_t i = 0; i < core->services_n; i++) {
        tr_service_t *s = core->services[i];
        for (uint32_t j = 0; j < s->providers_n; j++)
            take_back_those(core, s, &s->providers[j], is_unsent);
        tr_service_dispatch(core, s);
    }
}

/* Whatever its capacity: it had it before. */
static bool has_room_now(const tr_core_t *core, const tr_provider_t *p, const tr_lease_t *lease) {
    bool held = p->entry->quarantined && tr_quarantine_holds(core, p->entry, p->agent);
    return !held && tr_life_of(p->entry, p->agent)->state == TR_AGENT_ACTIVE &&
           tr_mailbox_has_room(core, p->entry, p->agent, lease->len);
}

/* Behind one that waits for room the others wait too: what has never left keeps its order. */
static void repeat(tr_core_t *core, tr_service_t *s, tr_provider_t *p) {
    tr_lease_list_t leases = p->leases, queued = {0};
    p->leases = (tr_lease_list_t){0};
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(&leases)))
        if (try_again(core, p, lease) && !tr_lease_fail_held(core, lease) &&
            (queued.head || !has_room_now(core, p, lease) || !tr_service_deliver(core, p, lease)))
            tr_leases_append(&queued, lease);
    tr_service_requeue(core, s, &queued);
}

void tr_service_repeat(tr_core_t *core, tr_session_t *session) {
    tr_mailbox_return_leased(core, session);
    for (uint32_t i = 0; i < core->services_n; i++) {
        tr_service_t *s = core->services[i];
        for (uint32_t j = 0; j < s->providers_n; j++)
            if (s->providers[j].entry->session == session)
                repeat(core, s, &s->providers[j]);
        tr_service_dispatch(core, s);
    }
}

/* Of a neighbour there is one, its broker. */
static tr_provider_t *find_provider(tr_service_t *s, const tr_session_t *from, uint32_t agent) {
    for (uint32_t i = 0; i < s->providers_n; i++)
        if (s->providers[i].entry->session == from && (from->neighbour || s->providers[i].agent == agent))
            return &s->providers[i];
    return NULL;
}

static tr_provider_t *provider_of(tr_core_t *core, const tr_session_t *session, const tr_record_t *copy) {
    uint64_t slot = copy->h.id >> TR_LEASE_SLOT_SHIFT;
    if (slot >= core->services_n)
        return NULL;
    return find_provider(core->services[slot], session, tr_route_agent(copy->h.dst));
}

static tr_lease_t *lease_of_copy(
    tr_core_t *core, const tr_session_t *session, const tr_record_t *copy, tr_unsent_t *last) {
    tr_lease_t *before, *lease = NULL;
    tr_provider_t *p = provider_of(core, session, copy);
    if (p && last->of == p && last->lease->next && last->lease->next->number == copy->h.id)
        lease = last->lease->next;
    else if (p)
        lease = tr_leases_find(&p->leases, copy->h.id, &before);
    if (lease)
        *last = (tr_unsent_t){p, lease};
    return lease;
}

void tr_service_unsent(
    tr_core_t *core, const tr_session_t *session, const tr_record_t *copy, tr_unsent_t *last) {
    tr_lease_t *lease = lease_of_copy(core, session, copy, last);
    if (lease)
        lease->unsent = true;
}

static bool is_copy(const tr_record_t *record) {
    return (record->h.flags & TR_FLAG_LEASED) &&
           (record->h.kind == TR_KIND_MESSAGE || record->h.kind == TR_KIND_PUBLISH);
}

/* Its receiver says in time that he is at work on it, by the time that he believes to have. What has waited for a moment only is not looked at. */
void tr_service_leaves(tr_core_t *core, const tr_session_t *session, const tr_chunk_t *chunk) {
    int64_t whole_ms = (int64_t)core->config.message_lease_ms,
            waited_ms = core->now.wall_ms - chunk->since_ms;
    if (!core->durable || session->neighbour || !chunk->since_ms ||
        (waited_ms >= 0 && waited_ms <= whole_ms / 8))
        return;
    tr_bundle_reader_t reader;
    tr_record_t record;
    tr_unsent_t last = {0};
    tr_bundle_open(&reader, chunk->buf->data, chunk->buf->len, UINT32_MAX);
    while (tr_bundle_next(&reader, &record) > 0) {
        tr_lease_t *lease = is_copy(&record) ? lease_of_copy(core, session, &record, &last) : NULL;
        if (lease)
            lease->until_ms = core->now.mono_ms + whole_ms;
    }
}

/* The numbers of a neighbour's agents are his own; and what was on its way to him costs no try (is_forwarded). */
static void bring_back(tr_core_t *core, const tr_record_t *record, tr_unsent_t *last) {
    const tr_session_t *s = tr_session_of_route(core, record->h.dst);
    if (s && is_copy(record))
        tr_service_unsent(core, s, record, last);
}

void tr_core_unsent(tr_core_t *self, const void *bundle, size_t len) {
    tr_bundle_reader_t reader;
    tr_record_t record;
    tr_unsent_t last = {0};
    tr_bundle_open(&reader, bundle, len, UINT32_MAX);
    while (tr_bundle_next(&reader, &record) > 0)
        bring_back(self, &record, &last);
}

/* What a neighbour says of a message once, he will say of it again. An agent that is not there may be on its way back,
 * from the end of its broker: it is asked for as often as anything is tried. */
static bool is_final(const tr_core_t *core, const tr_lease_t *lease, tr_reason_t why) {
    if (why == TR_REASON_NOT_FOUND)
        return lease->attempt + 1u >= core->config.tries_max;
    return why != TR_REASON_NONE && why != TR_REASON_BUSY && why != TR_REASON_LIMIT &&
           why != TR_REASON_SHUTDOWN && why != TR_REASON_NO_PROVIDER && why != TR_REASON_CREDIT;
}

/* Its receiver failed with it. Once too often: it would fail with it for ever, and true. */
static bool is_poison(tr_core_t *core, const tr_provider_t *from, tr_lease_t *lease, tr_reason_t why) {
    if (why != TR_REASON_POISON || is_forwarded(from, lease) || ++lease->failures < core->config.poison_max)
        return false;
    take_forwarded(core, from, lease);
    lease->attempt++;
    tr_lease_fail(core, lease, TR_REASON_POISON, "who got it failed with it each time");
    return true;
}

/* Given back: to another provider, or, where there is no other one with room, not before the next tick. */
static void release(
    tr_core_t *core, tr_service_t *s, tr_provider_t *from, tr_lease_t *lease, tr_reason_t why) {
    if (is_poison(core, from, lease, why))
        return;
    if (is_forwarded(from, lease) && is_final(core, lease, why)) {
        take_forwarded(core, from, lease);
        tr_lease_fail(core, lease, why, "the broker of that platform refused it");
        return;
    }
    if (is_forwarded(from, lease) && why != TR_REASON_NOT_FOUND)
        take_forwarded(core, from, lease);
    else if (!try_again(core, from, lease))
        return;
    if (tr_lease_fail_held(core, lease))
        return;
    tr_provider_t *other = tr_service_choose(core, s, lease, from);
    if (other && tr_service_deliver(core, other, lease))
        return;
    tr_service_count(core, s, lease);
    tr_leases_append(&s->resting, lease);
}

/* Still in work: its time begins anew. */
static bool extend(tr_core_t *core, const tr_provider_t *p, uint64_t number) {
    tr_lease_t *before, *lease = tr_leases_find(&p->leases, number, &before);
    if (lease && tr_lease_is_foreign(lease))
        tr_foreign_answer(core, lease, TR_FLAG_EXTEND);
    if (lease)
        lease->until_ms = core->now.mono_ms + (int64_t)core->config.message_lease_ms;
    return lease != NULL;
}

/* After a resumption it may wait to leave once more, when the first copy is settled after all. */
static void take_copy_back(tr_core_t *core, const tr_provider_t *p, const tr_lease_t *lease) {
    if (lease->attempt && (p->entry->neighbour || tr_mailbox_waits(p->entry, p->agent, lease->number)))
        tr_mailbox_return_numbers(core, p->entry, p->agent, lease->number, lease->number);
}

/* Brokers give reasons, and agents one: that they failed. */
static tr_reason_t said_why(const tr_session_t *from, const tr_record_header_t *h) {
    bool known = h->reason < TR_REASON_MAX && (from->neighbour || h->reason == TR_REASON_POISON);
    return known ? (tr_reason_t)h->reason : TR_REASON_NONE;
}

static bool settle_in(tr_core_t *core, tr_service_t *s, tr_session_t *from, const tr_record_t *r) {
    tr_provider_t *p = find_provider(s, from, tr_route_agent(r->h.src));
    if (p && r->h.flags & TR_FLAG_EXTEND)
        return extend(core, p, r->h.id);
    tr_lease_t *lease = p ? tr_leases_remove(&p->leases, r->h.id) : NULL;
    if (!lease)
        return false;
    take_copy_back(core, p, lease);
    if (r->h.flags & TR_FLAG_RELEASE) {
        release(core, s, p, lease, said_why(from, &r->h));
    } else {
        core->stats.leased--;
        core->stats.delivered++;
        s->settled++;
        if (tr_lease_is_foreign(lease))
            tr_foreign_answer(core, lease, 0);
        tr_queue_settle(core, lease);
    }
    tr_service_dispatch(core, s);
    return true;
}

/* By the agent that it was delivered to, under the route of then: what a process settles late, in a session
 * that has begun anew since, is another one's. */
void tr_service_settle(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    uint64_t slot = record->h.id >> TR_LEASE_SLOT_SHIFT;
    bool own = from->neighbour || record->h.src == tr_session_route(from, tr_route_agent(record->h.src));
    if (!own || slot >= core->services_n || !settle_in(core, core->services[slot], from, record))
        core->stats.refused[TR_REASON_STALE_ROUTE]++; /* settled by another one meanwhile: no harm */
}
