/*
 * Services: a message to `svc:NAME` goes to one of its providers, the one with the most room, and stays
 * leased to it until the provider settles it. A provider that dies, or that gives a request back, has it
 * delivered to another one; after tries_max deliveries it fails to its sender. What no provider has room for
 * waits in the service's queue, the highest priority first; what its only free provider has just given back
 * rests until the next tick.
 *
 * An agent's durable mailbox is a service as well, with that agent as its only provider (durable.h).
 */
#include "broker/durable.h"
#include "broker/interest.h"
#include "broker/lease.h"
#include "broker/mandate.h"
#include "broker/quarantine.h"

#include <errno.h>
#include <stdlib.h>

/* A delivery number says which service it is of. */
#define LEASE_SLOT_SHIFT 40

static bool idle(const tr_service_t *s) {
    return !s->providers_n && !s->queued && !s->durable;
}

/* A service that nobody offers and nobody waits for gives its place to a new one when places run out. Its
 * old routes and delivery numbers are not taken for those of the new one. */
static tr_service_t *take_over(tr_core_t *core, const char *name, size_t len) {
    for (uint32_t i = 0; i < core->services_n; i++) {
        tr_service_t *s = core->services[i];
        if (!idle(s))
            continue;
        char *copy = strndup(name, len);
        if (!copy || tr_map_put(&core->service_names, name, len, (uint64_t)(uintptr_t)s) < 0) {
            free(copy);
            return NULL;
        }
        tr_unmute_all(core, &s->muted, (tr_scope_t){tr_service_route(s), 1});
        tr_map_delete(&core->service_names, s->name, strlen(s->name));
        free(s->name);
        s->name = copy;
        s->generation++;
        s->requests = s->settled = 0;
        return s;
    }
    return NULL;
}

static tr_service_t *service_new(tr_core_t *core, const char *name, size_t len) {
    if (core->services_n == TR_ROUTE_SLOTS_MAX || core->services_n >= core->config.services_max)
        return take_over(core, name, len);
    tr_service_t **services = realloc(core->services, (core->services_n + 1) * sizeof *services);
    if (!services)
        return NULL;
    core->services = services;
    tr_service_t *s = calloc(1, sizeof *s);
    if (!s || !(s->name = strndup(name, len)) ||
        tr_map_put(&core->service_names, name, len, (uint64_t)(uintptr_t)s) < 0) {
        if (s)
            free(s->name);
        free(s);
        return NULL;
    }
    s->slot = core->services_n;
    s->generation = (uint16_t)tr_core_random(core);
    /* Anywhere within its range, so that numbers of a broker before this one are hardly those of this one. */
    s->next_number = ((uint64_t)s->slot << LEASE_SLOT_SHIFT) + 1 + (tr_core_random(core) >> 28);
    core->services[core->services_n++] = s;
    core->stats.services++;
    return s;
}

tr_service_t *tr_service_get(tr_core_t *core, const char *name, size_t len, bool create) {
    tr_service_t *s = tr_map_find_ptr(&core->service_names, name, len);
    return s || !create ? s : service_new(core, name, len);
}

tr_service_t *tr_service_of_route(tr_core_t *core, tr_route_t route) {
    uint32_t slot = tr_route_slot(route);
    if (slot >= core->services_n || core->services[slot]->generation != tr_route_generation(route))
        return NULL;
    return core->services[slot];
}

tr_route_t tr_service_route(const tr_service_t *service) {
    return tr_route(TR_ROUTE_SERVICE, service->slot, service->generation, 0);
}

static bool has_room(const tr_core_t *core, const tr_provider_t *p, const tr_lease_t *lease) {
    if (p->entry->quarantined && tr_quarantine_holds(core, p->entry, p->agent))
        return false;
    return p->leases.count < p->capacity && p->entry->state == TR_AGENT_ACTIVE &&
           p->entry->session->state == TR_SESSION_LIVE && tr_mailbox_has_room(core, p->entry, lease->len);
}

/* Who takes it rather: an agent of this platform before those of another one, and the least loaded; load is
 * unsettled / capacity, compared without division. */
static bool is_better(const tr_provider_t *p, const tr_provider_t *than) {
    bool here = !p->entry->neighbour;
    if (!than || here != !than->entry->neighbour)
        return !than || here;
    return (uint64_t)p->leases.count * than->capacity < (uint64_t)than->leases.count * p->capacity;
}

/* The best provider with room, but not this one. What has come from a neighbour stays here. */
static tr_provider_t *choose(
    const tr_core_t *core, tr_service_t *s, const tr_lease_t *lease, const tr_provider_t *but_not) {
    tr_provider_t *best = NULL;
    for (uint32_t i = 0; i < s->providers_n; i++) {
        tr_provider_t *p = &s->providers[(s->turn + i) % s->providers_n];
        if (p == but_not || (tr_lease_stays(lease) && p->entry->neighbour) || !has_room(core, p, lease))
            continue;
        if (is_better(p, best))
            best = p;
    }
    if (best)
        s->turn = (uint32_t)(best - s->providers) + 1;
    return best;
}

/* False when out of memory. */
static bool deliver(tr_core_t *core, tr_provider_t *p, tr_lease_t *lease) {
    tr_record_t r = tr_lease_record(lease);
    tr_record_header_t h = r.h;
    h.dst = tr_session_route(p->entry->session, p->agent);
    h.id = lease->number;
    h.attempt = lease->attempt;
    h.flags |= TR_FLAG_LEASED | (lease->attempt || lease->seen ? TR_FLAG_REDELIVERED : 0);
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
        tr_mandate_give(core, &r, p->entry, p->agent);
    core->stats.leased++;
    core->stats.redelivered += (h.flags & TR_FLAG_REDELIVERED) != 0;
    return true;
}

static void give_back(tr_core_t *core, tr_lease_t *lease) {
    tr_foreign_answer(core, lease, TR_FLAG_RELEASE);
    core->stats.returned++;
    free(lease);
}

/* It leaves his hands undone: what came with it to spend is not his any more. */
static void take_mandate(tr_core_t *core, const tr_provider_t *p, const tr_lease_t *lease) {
    tr_record_t r = tr_lease_record(lease);
    if (r.h.flags & TR_FLAG_MANDATE)
        tr_mandate_take_back(core, &r, p->entry, p->agent);
}

static void fail(tr_core_t *core, tr_lease_t *lease, tr_reason_t why, const char *detail) {
    if (tr_lease_is_foreign(lease)) {
        give_back(core, lease);
        return;
    }
    tr_record_t r = tr_lease_record(lease);
    r.h.attempt = lease->attempt;
    core->stats.dead_letters++;
    tr_sys_dead_letter(core, &r, why);
    tr_nack(core, &r, why, detail, 0);
    tr_queue_bury(core, lease, why);
}

static void unqueue(tr_core_t *core, tr_service_t *s, const tr_lease_t *lease) {
    core->stats.queued--;
    core->stats.queued_bytes -= lease->len;
    s->queued--;
    s->queue_bytes -= lease->len;
}

static void count_in(tr_core_t *core, tr_service_t *s, const tr_lease_t *lease) {
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
static void requeue(tr_core_t *core, tr_service_t *s, tr_lease_list_t *leases) {
    for (const tr_lease_t *l = leases->head; l; l = l->next)
        count_in(core, s, l);
    prepend_by_priority(s, leases);
}

/* A publication has something else in that place (durable_sub.c). */
static bool expired(const tr_core_t *core, const tr_lease_t *lease) {
    tr_record_header_t h = tr_lease_record(lease).h;
    return h.kind == TR_KIND_MESSAGE && h.deadline_ms && h.deadline_ms < (uint64_t)core->now.wall_ms;
}

/* Senders that were told to wait may go on when a quarter of the limits is left over. */
static void let_go_on(tr_core_t *core, tr_service_t *s) {
    const tr_core_config_t *c = &core->config;
    if (s->muted.n && s->queued <= c->service_records / 4 && s->queue_bytes <= c->service_bytes / 4)
        tr_unmute_all(core, &s->muted, (tr_scope_t){tr_service_route(s), 1});
}

static tr_lease_list_t *next_list(tr_service_t *s) {
    for (unsigned i = TR_PRIORITIES; i-- > 0;)
        if (s->queue[i].head)
            return &s->queue[i];
    return NULL;
}

/* Hands queued requests to providers as long as one has room. What is on disk waits there while the broker
 * drains. */
void tr_service_dispatch(tr_core_t *core, tr_service_t *s) {
    tr_lease_list_t *list;
    while ((list = next_list(s)) && !(s->durable && core->shutdown)) {
        tr_provider_t *p = tr_queue_may_go(core, list->head) ? choose(core, s, list->head, NULL) : NULL;
        if (!p)
            break;
        tr_lease_t *lease = tr_leases_shift(list);
        unqueue(core, s, lease);
        if (expired(core, lease)) {
            fail(core, lease, TR_REASON_EXPIRED, "reply-by passed in the service's queue");
        } else if (p->entry->neighbour && !tr_proxy_takes(core, p->entry, lease->len)) {
            fail(core, lease, TR_REASON_TOO_LARGE, "the broker of that platform takes no record so long");
        } else if (!deliver(core, p, lease)) {
            requeue(core, s, &(tr_lease_list_t){lease, lease, 1});
            break;
        }
    }
    let_go_on(core, s);
    if (s->durable)
        tr_queue_fill(core, s->durable);
}

void tr_service_enqueue(tr_core_t *core, tr_service_t *s, tr_lease_t *lease) {
    lease->number = s->next_number++;
    if (!lease->taken_ms)
        lease->taken_ms = core->now.wall_ms;
    count_in(core, s, lease);
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

static bool has_local(const tr_service_t *s) {
    for (uint32_t i = 0; i < s->providers_n; i++)
        if (!s->providers[i].entry->neighbour)
            return true;
    return false;
}

tr_reason_t tr_service_push(
    tr_core_t *core, tr_service_t *service, const tr_record_t *record, tr_session_t *from) {
    const tr_core_config_t *c = &core->config;
    bool foreign = record->h.flags & TR_FLAG_LEASED; /* a neighbour's: for agents of this platform only */
    if (foreign ? !has_local(service) : !service->providers_n && !service->queued)
        return TR_REASON_NO_PROVIDER;
    if (service->queued &&
        (service->queued >= c->service_records || service->queue_bytes + record->h.length > c->service_bytes))
        return TR_REASON_BUSY;
    tr_lease_t *lease = tr_lease_new(record);
    if (!lease)
        return TR_REASON_LIMIT;
    core->stats.accepted++;
    service->requests++;
    tr_service_enqueue(core, service, lease);
    tr_service_dispatch(core, service);
    if (service->queued > c->service_records / 2 || service->queue_bytes > c->service_bytes / 2)
        tr_mute(core, &service->muted, from, (tr_scope_t){tr_service_route(service), 1});
    return TR_REASON_NONE;
}

int tr_service_provide(
    tr_core_t *core, tr_service_t *service, tr_entry_t *entry, uint32_t agent, uint32_t capacity) {
    for (uint32_t i = 0; i < service->providers_n; i++) {
        if (service->providers[i].entry == entry && service->providers[i].agent == agent) {
            service->providers[i].capacity = capacity;
            tr_interest_service(core, service);
            tr_service_dispatch(core, service);
            return 0;
        }
    }
    tr_provider_t *grown = realloc(service->providers, (service->providers_n + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    service->providers = grown;
    grown[service->providers_n++] = (tr_provider_t){.entry = entry, .agent = agent, .capacity = capacity};
    entry->services_n++;
    tr_interest_service(core, service);
    tr_service_dispatch(core, service);
    return 0;
}

/* Delivered once too often: fails, and false. */
static bool try_again(tr_core_t *core, const tr_provider_t *from, tr_lease_t *lease) {
    take_mandate(core, from, lease);
    core->stats.leased--;
    if (++lease->attempt < core->config.tries_max) {
        tr_queue_again(core, lease);
        return true;
    }
    fail(core, lease, TR_REASON_TRIES, "delivered too often without an answer");
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
static void take_back(tr_core_t *core, tr_service_t *s, tr_provider_t *from) {
    tr_lease_list_t again = {0};
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(&from->leases))) {
        if (is_forwarded(from, lease))
            take_forwarded(core, from, lease);
        else if (!try_again(core, from, lease))
            continue;
        tr_leases_append(&again, lease);
    }
    requeue(core, s, &again);
}

/* Nobody is here any more for what neighbours have asked: they have others, perhaps. */
static void give_back_foreign(tr_core_t *core, tr_service_t *s) {
    for (unsigned i = 0; i <= TR_PRIORITIES; i++) {
        tr_lease_list_t *list = i < TR_PRIORITIES ? &s->queue[i] : &s->resting, all = *list;
        *list = (tr_lease_list_t){0};
        tr_lease_t *lease;
        while ((lease = tr_leases_shift(&all))) {
            if (!tr_lease_is_foreign(lease)) {
                tr_leases_append(list, lease);
                continue;
            }
            unqueue(core, s, lease);
            give_back(core, lease);
        }
    }
}

static void remove_provider(tr_core_t *core, tr_service_t *s, uint32_t at) {
    tr_provider_t leaving = s->providers[at];
    leaving.entry->services_n--;
    s->providers[at] = s->providers[--s->providers_n];
    if (!s->providers_n)
        s->orphaned_ms = core->now.mono_ms;
    tr_interest_service(core, s);
    take_back(core, s, &leaving);
    if (!has_local(s))
        give_back_foreign(core, s);
    tr_service_dispatch(core, s);
}

void tr_service_withdraw(tr_core_t *core, tr_service_t *service, const tr_entry_t *entry, uint32_t agent) {
    for (uint32_t i = service->providers_n; i-- > 0;)
        if (service->providers[i].entry == entry && service->providers[i].agent == agent)
            remove_provider(core, service, i);
}

void tr_service_withdraw_all(tr_core_t *core, const tr_entry_t *entry) {
    for (uint32_t i = 0; i < core->services_n && entry->services_n; i++)
        for (uint32_t j = core->services[i]->providers_n; j-- > 0;)
            if (core->services[i]->providers[j].entry == entry)
                remove_provider(core, core->services[i], j);
}

void tr_service_take_away(tr_core_t *core, const tr_entry_t *entry, uint32_t agent, uint32_t count) {
    for (uint32_t i = 0; i < core->services_n && entry->services_n; i++) {
        tr_service_t *s = core->services[i];
        for (uint32_t j = 0; j < s->providers_n; j++)
            if (s->providers[j].entry == entry && s->providers[j].agent - agent < count)
                take_back(core, s, &s->providers[j]);
        tr_service_dispatch(core, s);
    }
}

/* Whatever its capacity: it had it before. */
static bool has_room_now(const tr_core_t *core, const tr_provider_t *p, const tr_lease_t *lease) {
    bool held = p->entry->quarantined && tr_quarantine_holds(core, p->entry, p->agent);
    return !held && tr_mailbox_has_room(core, p->entry, lease->len);
}

static void repeat(tr_core_t *core, tr_service_t *s, tr_provider_t *p) {
    tr_lease_list_t leases = p->leases, queued = {0};
    p->leases = (tr_lease_list_t){0};
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(&leases)))
        if (try_again(core, p, lease) && (!has_room_now(core, p, lease) || !deliver(core, p, lease)))
            tr_leases_append(&queued, lease);
    requeue(core, s, &queued);
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

void tr_service_wake(tr_core_t *core, const tr_entry_t *entry) {
    for (uint32_t i = 0; i < core->services_n && entry->services_n; i++)
        if (core->services[i]->queued)
            tr_service_dispatch(core, core->services[i]);
}

/* Of a neighbour there is one, its broker. */
static tr_provider_t *find_provider(tr_service_t *s, const tr_session_t *from, uint32_t agent) {
    for (uint32_t i = 0; i < s->providers_n; i++)
        if (s->providers[i].entry->session == from && (from->neighbour || s->providers[i].agent == agent))
            return &s->providers[i];
    return NULL;
}

/* What a neighbour says of a message once, he will say of it again. An agent that is not there may be on its way back,
 * from the end of its broker: it is asked for as often as anything is tried. */
static bool is_final(const tr_core_t *core, const tr_lease_t *lease, tr_reason_t why) {
    if (why == TR_REASON_NOT_FOUND)
        return lease->attempt + 1u >= core->config.tries_max;
    return why != TR_REASON_NONE && why != TR_REASON_BUSY && why != TR_REASON_LIMIT &&
           why != TR_REASON_SHUTDOWN && why != TR_REASON_NO_PROVIDER && why != TR_REASON_CREDIT;
}

/* Given back: to another provider, or, where there is no other one with room, not before the next tick. */
static void release(
    tr_core_t *core, tr_service_t *s, tr_provider_t *from, tr_lease_t *lease, tr_reason_t why) {
    if (is_forwarded(from, lease) && is_final(core, lease, why)) {
        take_forwarded(core, from, lease);
        fail(core, lease, why, "the broker of that platform refused it");
        return;
    }
    if (is_forwarded(from, lease) && why != TR_REASON_NOT_FOUND)
        take_forwarded(core, from, lease);
    else if (!try_again(core, from, lease))
        return;
    tr_provider_t *other = choose(core, s, lease, from);
    if (other && deliver(core, other, lease))
        return;
    count_in(core, s, lease);
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

static bool settle_in(tr_core_t *core, tr_service_t *s, tr_session_t *from, const tr_record_t *r) {
    tr_provider_t *p = find_provider(s, from, tr_route_agent(r->h.src));
    if (p && r->h.flags & TR_FLAG_EXTEND)
        return extend(core, p, r->h.id);
    tr_lease_t *lease = p ? tr_leases_remove(&p->leases, r->h.id) : NULL;
    if (!lease)
        return false;
    if (r->h.flags & TR_FLAG_RELEASE) {
        release(
            core, s, p, lease, from->neighbour && r->h.reason < TR_REASON_MAX ? r->h.reason : TR_REASON_NONE);
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
    uint64_t slot = record->h.id >> LEASE_SLOT_SHIFT;
    bool own = from->neighbour || record->h.src == tr_session_route(from, tr_route_agent(record->h.src));
    if (!own || slot >= core->services_n || !settle_in(core, core->services[slot], from, record))
        core->stats.refused[TR_REASON_STALE_ROUTE]++; /* settled by another one meanwhile: no harm */
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

/* What waited too long: for a provider, for its own deadline, or in a durable queue. */
static void fail_overdue(tr_core_t *core, tr_service_t *s, tr_lease_list_t *list) {
    tr_lease_list_t waiting = *list;
    *list = (tr_lease_list_t){0};
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(&waiting))) {
        tr_reason_t why = overdue(core, s, lease);
        if (why == TR_REASON_NONE) {
            tr_leases_append(list, lease);
            continue;
        }
        unqueue(core, s, lease);
        fail(core, lease, why, "nobody took it in time");
    }
}

/* Only what is durable has a time, and is extended. What is still on its way out to a slow process is not in its hands: its time has not
 * begun. */
static bool lease_is_over(const tr_core_t *core, const tr_provider_t *p, tr_lease_t *lease) {
    if (!lease->block || lease->until_ms > core->now.mono_ms)
        return false;
    if (!tr_mailbox_waits(p->entry, p->agent, lease->number))
        return true;
    lease->until_ms = core->now.mono_ms + (int64_t)core->config.message_lease_ms;
    return false;
}

/* A durable message is leased for a time only: who has not settled it by then, nor said that it is still in
 * work, has it no more. */
static void take_back_overdue(tr_core_t *core, tr_service_t *s, tr_provider_t *p) {
    tr_lease_list_t all = p->leases, again = {0};
    p->leases = (tr_lease_list_t){0};
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(&all))) {
        if (!lease_is_over(core, p, lease))
            tr_leases_append(&p->leases, lease);
        else if (try_again(core, p, lease))
            tr_leases_append(&again, lease);
    }
    requeue(core, s, &again);
}

void tr_service_tick(tr_core_t *core) {
    for (uint32_t i = 0; i < core->services_n; i++) {
        tr_service_t *s = core->services[i];
        prepend_by_priority(s, &s->resting);
        for (unsigned j = 0; j < TR_PRIORITIES; j++)
            if (s->queue[j].head)
                fail_overdue(core, s, &s->queue[j]);
        for (uint32_t j = 0; s->durable && j < s->providers_n; j++)
            take_back_overdue(core, s, &s->providers[j]);
        tr_service_dispatch(core, s);
    }
}

static void free_list(tr_lease_list_t *list) {
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(list)))
        free(lease);
}

void tr_service_destroy(tr_core_t *core, tr_service_t *service) {
    (void)core;
    for (uint32_t i = 0; i < service->providers_n; i++)
        free_list(&service->providers[i].leases);
    for (unsigned i = 0; i < TR_PRIORITIES; i++)
        free_list(&service->queue[i]);
    free_list(&service->resting);
    free(service->providers);
    tr_audience_finish(&service->muted);
    free(service->name);
    free(service);
}
