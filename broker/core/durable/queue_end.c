/*
 * The end of a durable queue: its messages, its subscriptions and itself leave the journal in one batch. Somebody orders it (queue_actions.c),
 * or nobody has any use for it. A durable message makes a queue for whatever name it is for, so those that are of no use for a while are given
 * up: which hold nothing and have no dead letters, and whose agent has not said that all to it is durable, nor that it wants topics there,
 * nor has anybody set limits.
 * The next durable message makes a new one.
 *
 * Other brokers know a queue's messages by its number (foreign_durable.c), so that no number is given twice: the last one that was given is
 * in the journal where the queues themselves do not tell it any more.
 */
#include "broker/core/durable/durable.h"
#include "broker/core/lease.h"

#include "lib/store/journal.h"

#include <stdlib.h>

#define LOOK_EVERY_MS 1000
#define LOOK_AT_ONCE  4096u
#define END_AT_ONCE   256u /* of those: what each costs the journal adds up */

/* Nothing of it is on its way to the disk or from there, so that nothing points to it but what is taken away below. */
static bool is_still(const tr_queue_t *q) {
    for (unsigned i = 0; i < TR_PRIORITIES; i++) {
        const tr_lane_t *l = &q->lanes[i];
        if (l->open || l->unsynced || l->reserving != l->reserved || l->reading)
            return false;
    }
    return true;
}

static bool erase(const tr_core_t *core, tr_batch_t *batch, const tr_queue_t *q) {
    static const tr_key_type_t types[] = {TR_KEY_LANE, TR_KEY_STATE, TR_KEY_BLOCK, TR_KEY_SUB};
    tr_key_t name = tr_key_named(TR_KEY_QUEUE, q->service->name), last = tr_key_named(TR_KEY_LAST_QUEUE, "");
    uint8_t number[TR_LAST_QUEUE_VALUE];
    size_t before = batch->more.size;
    tr_put64(number, core->durable->next_queue - 1);
    bool good = tr_batch_more(batch, TR_JOURNAL_DELETE, &name, NULL, 0) &&
                tr_batch_more(batch, TR_JOURNAL_PUT, &last, number, sizeof number);
    for (size_t i = 0; i < sizeof types / sizeof *types && good; i++) {
        tr_key_t from = tr_key_numbered(types[i], q->id), to = tr_key_numbered(types[i], q->id + 1);
        good = tr_batch_more(batch, TR_JOURNAL_DELETE_RANGE, &from, to.bytes, to.len);
    }
    if (!good)
        batch->more.size = before;
    return good;
}

static void uncount(tr_core_t *core, uint64_t records, uint64_t bytes) {
    core->stats.queued -= records;
    core->stats.queued_bytes -= bytes;
    core->stats.dropped[TR_REASON_AGENT_GONE] += records;
}

static void drop_list(tr_core_t *core, tr_service_t *s, tr_lease_list_t *list) {
    tr_lease_list_t all = *list;
    tr_lease_t *lease;
    *list = (tr_lease_list_t){0};
    while ((lease = tr_leases_shift(&all))) {
        if (!lease->block) {
            tr_leases_append(list, lease);
            continue;
        }
        s->queued--;
        s->queue_bytes -= lease->len;
        uncount(core, 1, lease->len);
        free(lease);
    }
}

static void clean_out(tr_core_t *core, const tr_queue_t *q) {
    for (tr_block_t **p = q->blocks ? &core->durable->dirty_blocks : NULL; p && *p;)
        if ((*p)->queue == q)
            *p = (*p)->next_dirty;
        else
            p = &(*p)->next_dirty;
    for (unsigned i = 0; i < TR_PRIORITIES; i++) {
        drop_list(core, q->service, &q->service->queue[i]);
        uncount(core, q->lanes[i].away, q->lanes[i].away_bytes);
    }
    drop_list(core, q->service, &q->service->resting);
}

/* One of which no provider has anything in hand. */
static tr_reason_t end(tr_core_t *core, tr_queue_t *q, bool sync) {
    tr_service_t *s = q->service;
    if (!is_still(q))
        return TR_REASON_BUSY;
    tr_batch_t *batch = tr_batch_open(core);
    if (!batch || !erase(core, batch, q))
        return TR_REASON_LIMIT;
    batch->sync |= sync;
    clean_out(core, q);
    if (q->subs) /* it goes through those of all queues */
        tr_durable_subs_forget(core, q);
    tr_map_delete(&core->durable->queues, (const char *)&q->id, sizeof q->id);
    s->durable = NULL;
    s->durable_policy = false;
    core->services_full_ms = 0;
    core->stats.queues--;
    tr_maker_release(core, q->maker, TR_MADE_QUEUE);
    tr_queue_free(q);
    return TR_REASON_NONE;
}

tr_reason_t tr_queue_drop(tr_core_t *core, tr_queue_t *queue) {
    return queue->service->providers_n ? TR_REASON_BUSY : end(core, queue, true);
}

/* ---- what is of no use ---- */

/* An agent that is there for its mailbox, or a proxy that is, gets a new one with the next durable message. */
static bool is_useless(const tr_queue_t *q) {
    const tr_service_t *s = q->service;
    const char *agent;
    bool wanted = s->durable_policy || q->subs || q->box || q->damaged || q->limits.records ||
                  q->limits.bytes || q->limits.age_ms;
    return !wanted && !q->records && !s->queued && (!s->providers_n || tr_service_is_mailbox(s, &agent));
}

/* False: later. */
static bool give_up(tr_core_t *core, tr_queue_t *q) {
    tr_service_t *s = q->service;
    if (end(core, q, false) != TR_REASON_NONE)
        return false;
    while (s->providers_n)
        tr_service_withdraw(core, s, s->providers[0].entry, s->providers[0].agent);
    return true;
}

/* Whether it was given up. */
static bool look_at(tr_core_t *core, tr_queue_t *q) {
    bool was = q->idle && q->idle_requests == q->service->requests;
    q->idle = is_useless(q);
    if (!q->idle || !was) {
        q->idle_ms = core->now.mono_ms;
        q->idle_requests = q->service->requests;
        return false;
    }
    return core->now.mono_ms - q->idle_ms >= core->config.queue_idle_ms && give_up(core, q);
}

void tr_queues_tick(tr_core_t *core) {
    tr_durable_t *d = core->durable;
    if (core->now.mono_ms - d->looked_ms < LOOK_EVERY_MS || core->shutdown)
        return;
    d->looked_ms = core->now.mono_ms;
    for (uint32_t i = 0, ended = 0; i < LOOK_AT_ONCE && ended < END_AT_ONCE && i < core->services_n; i++) {
        if (d->looked >= core->services_n)
            d->looked = 0;
        tr_queue_t *q = core->services[d->looked++]->durable;
        ended += q && look_at(core, q);
    }
}
