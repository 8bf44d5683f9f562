/*
 * Services: a message to `svc:NAME` goes to one of its providers, the one with the most room, and stays
 * leased to it until the provider settles it. A provider that dies, or that gives a request back, has it
 * delivered to another one; after tries_max deliveries it fails to its sender. What no provider has room for
 * waits in the service's queue, the highest priority first; what its only free provider has just given back
 * rests until the next tick.
 *
 *   service.c        which there are, and who provides them
 *   service_queue.c  what waits, and to whom it goes
 *   service_hands.c  what providers have in hand: settled, extended, given back, taken back
 *
 * An agent's durable mailbox is a service as well, with that agent as its only provider (durable.h).
 */
#include "broker/core/service.h"
#include "broker/core/durable/durable.h"
#include "broker/core/federation/interest.h"
#include "broker/core/lease.h"

#include <errno.h>
#include <stdlib.h>

#define SEARCH_AGAIN_MS 1000

static uint64_t first_number(uint32_t slot) {
    return (uint64_t)slot << TR_LEASE_SLOT_SHIFT;
}

static bool idle(const tr_service_t *s) {
    return !s->providers_n && !s->queued && !s->durable;
}

/* A service that nobody offers and nobody waits for gives its place to a new one when places run out. Its
 * old routes and delivery numbers are not taken for those of the new one. A search that found none is not repeated for each name. */
static tr_service_t *take_over(tr_core_t *core, const char *name, size_t len) {
    if (core->services_full_ms && core->now.mono_ms - core->services_full_ms < SEARCH_AGAIN_MS)
        return NULL;
    for (uint32_t i = 0; i < core->services_n; i++) {
        tr_service_t *s = core->services[(core->services_taken + i) % core->services_n];
        if (!idle(s))
            continue;
        core->services_taken = s->slot + 1;
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
    core->services_full_ms = core->now.mono_ms;
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
    s->next_number = first_number(s->slot) + 1 + (tr_core_random(core) >> 28);
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
            tr_service_uncount(core, s, lease);
            tr_lease_give_back(core, lease);
        }
    }
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

static void remove_provider(tr_core_t *core, tr_service_t *s, uint32_t at) {
    tr_provider_t leaving = s->providers[at];
    leaving.entry->services_n--;
    s->providers[at] = s->providers[--s->providers_n];
    if (!s->providers_n) {
        s->orphaned_ms = core->now.mono_ms;
        core->services_full_ms = 0; /* here may be a place */
    }
    tr_interest_service(core, s);
    tr_hands_take_back(core, s, &leaving);
    if (!has_local(s))
        give_back_foreign(core, s);
    tr_service_dispatch(core, s);
}

/* What it has in hand goes to others, so copies that have not left for it must not. */
void tr_service_withdraw(tr_core_t *core, tr_service_t *service, const tr_entry_t *entry, uint32_t agent) {
    for (uint32_t i = service->providers_n; i-- > 0;) {
        const tr_provider_t *p = &service->providers[i];
        if (p->entry != entry || p->agent != agent)
            continue;
        if (p->leases.head)
            tr_mailbox_return_numbers(
                core, p->entry, agent, first_number(service->slot), first_number(service->slot + 1) - 1);
        remove_provider(core, service, i);
    }
}

void tr_service_withdraw_all(tr_core_t *core, const tr_entry_t *entry) {
    for (uint32_t i = 0; i < core->services_n && entry->services_n; i++)
        for (uint32_t j = core->services[i]->providers_n; j-- > 0;)
            if (core->services[i]->providers[j].entry == entry)
                remove_provider(core, core->services[i], j);
}

void tr_service_carry(tr_core_t *core, const tr_entry_t *entry) {
    for (uint32_t i = 0; i < core->services_n && entry->services_n; i++)
        for (uint32_t j = 0; j < core->services[i]->providers_n; j++)
            if (core->services[i]->providers[j].entry == entry)
                core->services[i]->providers[j].agent = entry->first;
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
