/* A service's queue: what waits in it, to whom it goes, and what waited too long (service.c). */
#include "broker/core/durable/durable.h"
#include "broker/core/federation/neighbour.h"
#include "broker/core/lease.h"
#include "broker/core/mandate.h"
#include "broker/core/platform/quarantine.h"
#include "broker/core/platform/route_span.h"
#include "broker/core/service.h"

#include <stdlib.h>

static bool has_room(const tr_core_t *core, const tr_provider_t *p, const tr_lease_t *lease) {
    if (p->entry->quarantined && tr_quarantine_holds(core, p->entry, p->agent))
        return false;
    return p->leases.count < p->capacity && tr_life_of(p->entry, p->agent)->state == TR_AGENT_ACTIVE &&
           p->entry->session->state == TR_SESSION_LIVE &&
           tr_mailbox_has_room(core, p->entry, p->agent, lease->len);
}

/* Who takes it rather: an agent of this platform before those of another one, and the least loaded; load is
 * unsettled / capacity, compared without division. */
static bool is_better(const tr_provider_t *p, const tr_provider_t *than) {
    bool here = !p->entry->neighbour;
    if (!than || here != !than->entry->neighbour)
        return !than || here;
    return (uint64_t)p->leases.count * than->capacity < (uint64_t)than->leases.count * p->capacity;
}

/* What has come from a neighbour stays here, and what is far ahead of the others waits for them (foreign_durable.c). */
static bool may_have(const tr_provider_t *p, const tr_lease_t *lease) {
    return !p->entry->neighbour || (!tr_lease_stays(lease) && tr_queue_is_near(lease));
}

/* The best provider with room, but not this one. */
tr_provider_t *tr_service_choose(
    const tr_core_t *core, tr_service_t *s, const tr_lease_t *lease, const tr_provider_t *but_not) {
    tr_provider_t *best = NULL;
    for (uint32_t i = 0; i < s->providers_n; i++) {
        tr_provider_t *p = &s->providers[(s->turn + i) % s->providers_n];
        if (p == but_not || !may_have(p, lease) || !has_room(core, p, lease))
            continue;
        if (is_better(p, best))
            best = p;
    }
    if (best)
        s->turn = (uint32_t)(best - s->providers) + 1;
    return best;
}

/* It may have come before, or comes out of its order: what a provider of a durable service had on its way, and never got, goes to another one who
 * may have later ones already. A mailbox has one, and keeps its order. */
static bool is_flagged(const tr_lease_t *lease) {
    const char *agent;
    bool moved = lease->given && lease->block && !tr_service_is_mailbox(lease->block->queue->service, &agent);
    return lease->attempt || lease->seen || moved;
}

/* False when out of memory. */
/* Of an agent of this platform. What a mailbox gets was tapped when it came. */
static bool is_request(const tr_core_t *core, const tr_provider_t *p, const tr_lease_t *lease) {
    const char *agent;
    uint64_t slot = lease->number >> TR_LEASE_SLOT_SHIFT;
    return !p->entry->neighbour && slot < core->services_n &&
           !tr_service_is_mailbox(core->services[slot], &agent);
}

static void tap(tr_core_t *core, const tr_provider_t *p, const tr_record_t *record) {
    char to[TR_NAME_MAX + 1];
    tr_entry_agent_name(p->entry, p->agent, to);
    tr_tap_delivery(core, NULL, record, to);
}

bool tr_service_deliver(tr_core_t *core, tr_provider_t *p, tr_lease_t *lease) {
    tr_record_t r = tr_lease_record(lease);
    tr_record_header_t h = r.h;
    h.dst = tr_session_route(p->entry->session, p->agent);
    h.id = lease->number;
    h.attempt = lease->attempt;
    h.flags |= TR_FLAG_LEASED | (is_flagged(lease) ? TR_FLAG_REDELIVERED : 0);
    if (lease
            ->block) /* also where the receiver asked for it: only what the sender numbered comes back to him as durable */
        h.flags |= TR_FLAG_DURABLE;
    h.flags &= (uint8_t)~TR_FLAG_STAYS;
    tr_reason_t why = p->entry->neighbour && lease->block ? tr_proxy_forward(core, p->entry, lease, &h)
                                                          : tr_mailbox_push(core, p->entry, &r, &h, NULL);
    if (why != TR_REASON_NONE)
        return false;
    lease->until_ms = core->now.mono_ms + (int64_t)core->config.message_lease_ms;
    tr_leases_append(&p->leases, lease);
    if (h.flags & TR_FLAG_MANDATE)
        tr_mandate_give(core, &r, p->entry, p->agent, lease->seen && !lease->given);
    lease->given = true;
    core->stats.leased++;
    core->stats.redelivered += (h.flags & TR_FLAG_REDELIVERED) != 0;
    if (core->tapped && is_request(core, p, lease))
        tap(core, p, &r);
    if (h.marks & TR_MARK_TRACED)
        tr_deliver_span(core, &(tr_record_t){h, r.bytes, r.envelope, r.content, r.content_len}, p->entry,
            p->agent, lease->taken_ms);
    return true;
}

void tr_lease_give_back(tr_core_t *core, tr_lease_t *lease) {
    tr_foreign_answer(core, lease, TR_FLAG_RELEASE);
    core->stats.returned++;
    free(lease);
}

void tr_lease_fail(tr_core_t *core, tr_lease_t *lease, tr_reason_t why, const char *detail) {
    if (tr_lease_is_foreign(lease)) {
        tr_lease_give_back(core, lease);
        return;
    }
    tr_record_t r = tr_lease_record(lease);
    r.h.attempt = lease->attempt;
    core->stats.dead_letters++;
    tr_sys_dead_letter(core, &r, why);
    tr_nack(core, &r, why, detail, 0);
    tr_queue_bury(core, lease, why);
}

/* Senders that were told to wait may go on when a quarter of the limits is left over. */
static void let_go_on(tr_core_t *core, tr_service_t *s) {
    const tr_core_config_t *c = &core->config;
    if (s->muted.n && s->queued <= c->service_records / 4 && s->queue_bytes <= c->service_bytes / 4)
        tr_unmute_all(core, &s->muted, (tr_scope_t){tr_service_route(s), 1});
}

void tr_service_uncount(tr_core_t *core, tr_service_t *s, const tr_lease_t *lease) {
    core->stats.queued--;
    core->stats.queued_bytes -= lease->len;
    s->queued--;
    s->queue_bytes -= lease->len;
    let_go_on(core, s);
}

void tr_service_count(tr_core_t *core, tr_service_t *s, const tr_lease_t *lease) {
    core->stats.queued++;
    core->stats.queued_bytes += lease->len;
    s->queued++;
    s->queue_bytes += lease->len;
}

static void prepend_by_priority(tr_service_t *s, tr_lease_list_t *leases) {
    tr_lease_list_t lists[TR_PRIORITIES] = {0};
    tr_lease_t *l;
    while ((l = tr_leases_shift(leases)))
        tr_leases_append(&lists[tr_lease_priority(l)], l);
    for (unsigned i = 0; i < TR_PRIORITIES; i++)
        tr_leases_prepend(&s->queue[i], &lists[i]);
}

/* To the front of the queue, in their order. */
void tr_service_requeue(tr_core_t *core, tr_service_t *s, tr_lease_list_t *leases) {
    for (const tr_lease_t *l = leases->head; l; l = l->next)
        tr_service_count(core, s, l);
    prepend_by_priority(s, leases);
}

/* A publication has something else in that place (durable_sub.c). */
static bool expired(const tr_core_t *core, const tr_lease_t *lease) {
    tr_record_header_t h = tr_lease_record(lease).h;
    return h.kind == TR_KIND_MESSAGE && h.deadline_ms && h.deadline_ms < (uint64_t)core->now.wall_ms;
}

static tr_lease_list_t *next_list(tr_service_t *s) {
    for (unsigned i = TR_PRIORITIES; i-- > 0;)
        if (s->queue[i].head)
            return &s->queue[i];
    return NULL;
}

static bool is_held(tr_core_t *core, const tr_lease_t *lease) {
    tr_record_t r = tr_lease_record(lease);
    return tr_quarantine_holds_sender(core, &r);
}

bool tr_lease_fail_held(tr_core_t *core, tr_lease_t *lease) {
    if (!is_held(core, lease))
        return false;
    tr_lease_fail(core, lease, TR_REASON_QUARANTINED, "its sender is in quarantine");
    return true;
}

/* Hands queued requests to providers as long as one has room. What is on disk waits there while the broker
 * drains. */
void tr_service_dispatch(tr_core_t *core, tr_service_t *s) {
    tr_lease_list_t *list;
    while ((list = next_list(s)) && !(s->durable && core->shutdown)) {
        tr_provider_t *p =
            tr_queue_may_go(core, list->head) ? tr_service_choose(core, s, list->head, NULL) : NULL;
        if (!p)
            break;
        tr_lease_t *lease = tr_leases_shift(list);
        tr_service_uncount(core, s, lease);
        if (expired(core, lease)) {
            tr_lease_fail(core, lease, TR_REASON_EXPIRED, "reply-by passed in the service's queue");
        } else if (tr_lease_fail_held(core, lease)) {
            continue;
        } else if (p->entry->neighbour && !tr_proxy_takes(core, p->entry, lease->len)) {
            tr_lease_fail(
                core, lease, TR_REASON_TOO_LARGE, "the broker of that platform takes no record so long");
        } else if (!tr_service_deliver(core, p, lease)) {
            tr_service_requeue(core, s, &(tr_lease_list_t){lease, lease, 1});
            break;
        }
    }
    let_go_on(core, s);
    if (s->durable)
        tr_queue_fill(core, s->durable);
}

void tr_service_wake(tr_core_t *core, const tr_entry_t *entry) {
    for (uint32_t i = 0; i < core->services_n && entry->services_n; i++)
        if (core->services[i]->queued)
            tr_service_dispatch(core, core->services[i]);
}

void tr_service_enqueue(tr_core_t *core, tr_service_t *s, tr_lease_t *lease) {
    lease->number = s->next_number++;
    if (!lease->taken_ms)
        lease->taken_ms = core->now.wall_ms;
    tr_service_count(core, s, lease);
    tr_leases_append(&s->queue[tr_lease_priority(lease)], lease);
}

tr_lease_t *tr_lease_new(const tr_record_t *record) {
    tr_lease_t *lease = malloc(sizeof *lease + record->h.length);
    if (!lease)
        return NULL;
    *lease = (tr_lease_t){.len = record->h.length};
    tr_record_header_write(&record->h, lease->record);
    memcpy(lease->record + TR_RECORD_HEADER, record->envelope, record->h.length - TR_RECORD_HEADER);
    return lease;
}

static bool too_old(const tr_core_t *core, const tr_lease_t *lease) {
    int64_t age_ms = lease->block ? tr_queue_age_ms(core, lease->block->queue) : 0;
    return age_ms && core->now.wall_ms - lease->taken_ms > age_ms;
}

/* Why a request waits no more. */
static tr_reason_t overdue(const tr_core_t *core, const tr_service_t *s, const tr_lease_t *lease) {
    bool orphaned = !s->durable && !s->providers_n &&
                    core->now.mono_ms - s->orphaned_ms > (int64_t)core->config.service_wait_ms;
    return orphaned               ? TR_REASON_NO_PROVIDER
           : expired(core, lease) ? TR_REASON_EXPIRED
           : too_old(core, lease) ? TR_REASON_TOO_OLD
                                  : TR_REASON_NONE;
}

/* What waited too long: for a provider, for its own deadline, or in a durable queue; or is of one in quarantine. */
static void fail_overdue(tr_core_t *core, tr_service_t *s, tr_lease_list_t *list) {
    tr_lease_list_t waiting = *list;
    *list = (tr_lease_list_t){0};
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(&waiting))) {
        tr_reason_t why = overdue(core, s, lease);
        if (why == TR_REASON_NONE && !is_held(core, lease)) {
            tr_leases_append(list, lease);
            continue;
        }
        tr_service_uncount(core, s, lease);
        if (why != TR_REASON_NONE || !tr_lease_fail_held(core, lease))
            tr_lease_fail(core, lease, why, "nobody took it in time");
    }
}

void tr_service_tick(tr_core_t *core) {
    for (uint32_t i = 0; i < core->services_n; i++) {
        tr_service_t *s = core->services[i];
        prepend_by_priority(s, &s->resting);
        for (unsigned j = 0; j < TR_PRIORITIES; j++)
            if (s->queue[j].head)
                fail_overdue(core, s, &s->queue[j]);
        for (uint32_t j = 0; s->durable && j < s->providers_n; j++)
            tr_hands_take_back_overdue(core, s, &s->providers[j]);
        tr_service_dispatch(core, s);
    }
}
