/* The durable side of a core: each message in one place, within the limits, and none at work before it may be. */
#include "broker/core/durable/stream.h"
#include "tests/sim/actor.h"
#include "tests/sim/check.h"

#include <stdlib.h>

/* What was found of one queue. */
typedef struct census {
    const sim_broker_t *broker;
    const tr_queue_t *queue;
    uint64_t records, bytes;                   /* all */
    uint64_t resident_records, resident_bytes; /* of them in memory */
    uint64_t unsynced_bytes;
} census_t;

/* Its place in the journal is that of an unsettled message. */
static void count_lease(census_t *c, const tr_lease_t *l, bool in_hand) {
    const tr_block_t *b = l->block;
    const tr_lane_t *lane = &c->queue->lanes[b->lane];
    if (b->queue != c->queue || l->at >= b->count || (b->settled && b->settled[l->at / 8] >> l->at % 8 & 1))
        sim_fail(
            c->broker->world, "a message of %s is leased, and not in its queue", c->queue->service->name);
    if (in_hand && b->first + l->at >= lane->reserved)
        sim_fail(c->broker->world,
            "message %llu of %s was delivered, and that it may have been is not on disk",
            (unsigned long long)(b->first + l->at), c->queue->service->name);
    c->resident_records++;
    c->resident_bytes += l->len;
}

static void count_leases(census_t *c, const tr_lease_list_t *list, bool in_hand) {
    for (const tr_lease_t *l = list->head; l; l = l->next)
        if (l->block)
            count_lease(c, l, in_hand);
}

/* In the service: on disk and in memory. */
static void count_service(census_t *c) {
    const tr_service_t *s = c->queue->service;
    for (uint32_t i = 0; i < s->providers_n; i++)
        count_leases(c, &s->providers[i].leases, true);
    for (unsigned i = 0; i < TR_PRIORITIES; i++)
        count_leases(c, &s->queue[i], false);
    count_leases(c, &s->resting, false);
    c->records = c->resident_records;
    c->bytes = c->resident_bytes;
}

/* Not yet on disk, or only there. */
static void count_lanes(census_t *c) {
    for (unsigned i = 0; i < TR_PRIORITIES; i++) {
        const tr_lane_t *lane = &c->queue->lanes[i];
        c->records += lane->unsynced + lane->away;
        c->bytes += lane->unsynced_bytes + lane->away_bytes;
        c->unsynced_bytes += lane->unsynced_bytes;
        if (lane->synced > lane->tail || lane->loaded > lane->tail || lane->reserved > lane->reserving)
            sim_fail(c->broker->world, "lane %u of %s: tail %llu, synced %llu, loaded %llu", i,
                c->queue->service->name, (unsigned long long)lane->tail, (unsigned long long)lane->synced,
                (unsigned long long)lane->loaded);
    }
}

/* As many messages as the blocks say are left are in memory, so that each is in one place. (While the broker drains, what waited was
 * put aside.) */
static void count_blocks(census_t *c) {
    uint64_t left = 0;
    for (const tr_block_t *b = c->queue->blocks; b; b = b->all_next) {
        left += b->resident ? b->left : 0;
        count_leases(c, &b->leases, false);
    }
    if (left != c->resident_records && !c->broker->draining)
        sim_fail(c->broker->world, "the blocks of %s have %llu messages in memory, and %llu are there",
            c->queue->service->name, (unsigned long long)left, (unsigned long long)c->resident_records);
}

static void check_books(const census_t *c) {
    const tr_core_config_t *config = &c->broker->world->plan.core;
    const tr_queue_t *q = c->queue;
    if (c->records != q->records || c->bytes != q->bytes || c->resident_records != q->resident_records ||
        c->resident_bytes != q->resident_bytes)
        sim_fail(c->broker->world,
            "the queue of %s has %llu messages, %llu bytes, and in memory %llu, %llu; it says %llu, %llu and "
            "%llu, %llu",
            q->service->name, (unsigned long long)c->records, (unsigned long long)c->bytes,
            (unsigned long long)c->resident_records, (unsigned long long)c->resident_bytes,
            (unsigned long long)q->records, (unsigned long long)q->bytes,
            (unsigned long long)q->resident_records, (unsigned long long)q->resident_bytes);
    if (q->records > config->queue_records || q->bytes > config->queue_bytes)
        sim_fail(c->broker->world, "the queue of %s holds %llu messages, %llu bytes: more than it may",
            q->service->name, (unsigned long long)q->records, (unsigned long long)q->bytes);
}

/* Other brokers know its messages by its number. */
static void note_number(const census_t *c) {
    uint64_t *highest = &c->broker->world->ledger->queue_stored[c->broker->index];
    for (unsigned i = 0; i < TR_PRIORITIES; i++)
        if (c->queue->lanes[i].synced > 1 && c->queue->id > *highest)
            *highest = c->queue->id;
}

static void check_numbers(const sim_broker_t *b) {
    uint64_t highest = b->world->ledger->queue_stored[b->index];
    if (b->core->durable && b->core->durable->next_queue <= highest)
        sim_fail(b->world, "the next queue has the number %llu, and %llu had messages on disk",
            (unsigned long long)b->core->durable->next_queue, (unsigned long long)highest);
}

/* A consumer is nowhere that it has not been shown. */
static void check_streams(const sim_broker_t *b) {
    for (const tr_stream_t *s = b->core->durable->streams; s; s = s->next) {
        b->world->ledger->stream_dropped |= s->dropped > 0;
        for (const tr_consumer_t *c = s->consumers; c; c = c->next) {
            unsigned actor;
            if (sscanf(c->name, "a%u", &actor) == 1 && c->position > sim_actor(b->world, actor)->stream.given)
                sim_fail(b->world, "stream: %s is at %llu, and was given all below %llu", c->name,
                    (unsigned long long)c->position,
                    (unsigned long long)sim_actor(b->world, actor)->stream.given);
        }
    }
}

void sim_check_durable(const sim_broker_t *broker) {
    const tr_core_t *core = broker->core;
    uint64_t unsynced = 0;
    for (uint32_t i = 0; i < core->services_n; i++) {
        census_t c = {.broker = broker, .queue = core->services[i]->durable};
        if (!c.queue)
            continue;
        count_service(&c);
        count_lanes(&c);
        count_blocks(&c);
        check_books(&c);
        note_number(&c);
        unsynced += c.unsynced_bytes;
    }
    if (unsynced != core->stats.unsynced_bytes || unsynced > core->config.unsynced_bytes)
        sim_fail(broker->world,
            "%llu bytes are on their way to the disk, it says %llu, and %llu are the limit",
            (unsigned long long)unsynced, (unsigned long long)core->stats.unsynced_bytes,
            (unsigned long long)core->config.unsynced_bytes);
    check_numbers(broker);
    check_streams(broker);
}
