/*
 * Durable messages for another platform: they are on our disk, in the mailbox that we keep for the agent there (or the
 * queue of the service), whose provider is the proxy. They are leased to the neighbour with the place that they have
 * in our journal. He takes them like those of a producer, one for each lane of each of our queues, so that what comes
 * to him twice has one effect, and says STORED when they are on his disk: then ours are settled. So a message that
 * was acknowledged is on one disk or the other, or on both, at any moment.
 *
 * He remembers a window of those that he took (dedup.h), and believes to have had what has left it. One that is with a provider of ours, or that
 * he had no room for, may stay open for as long as it likes while later ones go to him, and would then be settled by his word without
 * anybody having it. So what is half a window or more above the lowest open number of its lane goes to no neighbour (tr_queue_is_near): it
 * waits, or a provider of ours has it, until that one is settled.
 */
#include "broker/core/durable/durable.h"
#include "broker/core/federation/neighbour.h"
#include "broker/core/lease.h"

#include <stdio.h>

/* ---- over there ---- */

bool tr_foreign_origin(tr_neighbour_t *n, tr_record_t *record) {
    if (record->content_len < TR_ORIGIN_SIZE)
        return false;
    record->content_len -= TR_ORIGIN_SIZE;
    record->h.length -= TR_ORIGIN_SIZE;
    const uint8_t *at = record->content + record->content_len;
    n->origin.queue = tr_get64(at);
    n->origin.epoch = tr_get64(at + 8);
    n->origin.number = tr_get64(at + 16);
    return true;
}

tr_reason_t tr_foreign_producer(tr_core_t *core, tr_session_t *from, const tr_record_t *record,
    tr_producer_t **ret_producer, uint64_t *ret_id) {
    const tr_neighbour_t *n = from->neighbour;
    tr_reason_t why = TR_REASON_BAD_RECORD;
    char name[2 * TR_PRODUCER_MAX + 2];
    unsigned lane = tr_priority(record->h.priority);
    if (!n->origin.number)
        return why;
    snprintf(name, sizeof name, "@%s/%llu/%u", n->platform, (unsigned long long)n->origin.queue, lane);
    tr_producer_t *p = tr_producer_get(core, name, n->origin.epoch, from, &why);
    if (!p)
        return why;
    p->session = from;
    p->seen_ms = core->now.wall_ms;
    p->origin = n->origin.queue;
    p->lane = (uint8_t)lane;
    *ret_producer = p;
    *ret_id = n->origin.number;
    return TR_REASON_NONE;
}

/* ---- here ---- */

static tr_provider_t *provider_of(tr_service_t *s, const tr_session_t *from) {
    for (uint32_t i = 0; i < s->providers_n; i++)
        if (s->providers[i].entry->session == from)
            return &s->providers[i];
    return NULL;
}

/* Mostly the first ones in his hands: he stores them in their order. */
static void settle_range(tr_core_t *core, tr_provider_t *p, unsigned lane, uint64_t first, uint64_t count) {
    tr_lease_list_t kept = {0};
    tr_lease_t *lease;
    uint64_t left = count;
    while (left && (lease = tr_leases_shift(&p->leases))) {
        const tr_block_t *b = lease->block;
        if (!b || b->lane != lane || b->first + lease->at - first >= count) {
            tr_leases_append(&kept, lease);
            continue;
        }
        left--;
        core->stats.leased--;
        core->stats.delivered++;
        b->queue->service->settled++;
        tr_queue_settle(core, lease);
    }
    tr_leases_prepend(&p->leases, &kept);
}

void tr_foreign_stored(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    tr_queue_t *q = core->durable ? tr_map_find_ptr(&core->durable->queues, (const char *)&record->h.id,
                                        sizeof record->h.id)
                                  : NULL;
    tr_provider_t *p = q ? provider_of(q->service, from) : NULL;
    for (uint32_t at = 0; p && at + 16 <= record->content_len; at += 16)
        settle_range(
            core, p, record->h.priority, tr_get64(record->content + at), tr_get64(record->content + at + 8));
    if (p)
        tr_service_dispatch(core, q->service);
}

/* The proxy of whom the mailbox is for, where that is an agent of this neighbour's. */
static tr_entry_t *owner_of(tr_core_t *core, const tr_neighbour_t *n, const tr_service_t *s) {
    const char *agent;
    tr_aid_t aid;
    tr_reason_t why;
    if (!tr_service_is_mailbox(s, &agent) || tr_aid_parse(&aid, agent, strlen(agent)) < 0 ||
        strcmp(aid.platform, n->platform) != 0)
        return NULL;
    return tr_proxy_find(core, &aid, &why);
}

void tr_foreign_mailboxes(tr_core_t *core, tr_neighbour_t *n) {
    for (uint32_t i = 0; core->durable && n->journal && i < core->services_n; i++) {
        tr_service_t *s = core->services[i];
        tr_entry_t *e = s->durable ? owner_of(core, n, s) : NULL; /* without a queue: with its next message */
        if (e)
            tr_service_provide(
                core, s, e, e->first, core->config.queue_in_hand); /* no memory: with the next link */
    }
}
