/*
 * What the AMS does with a durable queue: its own limits, and the end of one that nobody is there for: its messages, its subscriptions and
 * itself leave the journal in one batch.
 */
#include "broker/core/durable/durable.h"
#include "broker/core/lease.h"
#include "broker/core/platform/platform.h"

#include "lib/store/journal.h"

#include <stdio.h>
#include <stdlib.h>

/* Nothing of it is on its way to the disk or from there, so that nothing points to it but what is taken away below. */
static bool is_still(const tr_queue_t *q) {
    for (unsigned i = 0; i < TR_PRIORITIES; i++) {
        const tr_lane_t *l = &q->lanes[i];
        if (l->open || l->unsynced || l->reserving != l->reserved || l->reading)
            return false;
    }
    return true;
}

static bool erase(tr_batch_t *batch, const tr_queue_t *q) {
    static const tr_key_type_t types[] = {TR_KEY_LANE, TR_KEY_STATE, TR_KEY_BLOCK, TR_KEY_SUB};
    tr_key_t name = tr_key_named(TR_KEY_QUEUE, q->service->name);
    size_t before = batch->more.size;
    bool good = tr_batch_more(batch, TR_JOURNAL_DELETE, &name, NULL, 0);
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
    for (tr_block_t **p = &core->durable->dirty_blocks; *p;)
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

tr_reason_t tr_queue_drop(tr_core_t *core, tr_queue_t *queue) {
    tr_service_t *s = queue->service;
    if (s->providers_n || !is_still(queue))
        return TR_REASON_BUSY;
    tr_batch_t *batch = tr_batch_open(core);
    if (!batch || !erase(batch, queue))
        return TR_REASON_LIMIT;
    batch->sync = true;
    clean_out(core, queue);
    tr_durable_subs_forget(core, queue);
    tr_map_delete(&core->durable->queues, (const char *)&queue->id, sizeof queue->id);
    s->durable = NULL;
    s->durable_policy = false;
    tr_queue_free(queue);
    return TR_REASON_NONE;
}

/* "name": the agent's; or "service". */
static tr_service_t *asked_for(tr_answer_t *a) {
    char agent[TR_AID_MAX + 1];
    if (tr_answer_mailbox(a, agent))
        return tr_mailbox_service(a->core, agent, false);
    size_t len;
    const char *name = tr_value_str(tr_value_get(a->request, "service"), &len);
    return name ? tr_service_get(a->core, name, len, false) : NULL;
}

/* NULL, and refused, where there is none. */
static tr_service_t *found(tr_answer_t *a) {
    if (!tr_answer_has_journal(a))
        return NULL;
    tr_service_t *s = asked_for(a);
    if (s && s->durable)
        return s;
    tr_answer_refuse(a, "unrecognised-parameter-value", "there is no durable mailbox or queue of this name");
    return NULL;
}

static bool read_limit(tr_answer_t *a, const char *key, int64_t *ret_limit) {
    *ret_limit = tr_value_int(tr_value_get(a->request, key), 0);
    if (*ret_limit < 0)
        tr_answer_refuse(a, "unrecognised-parameter-value", key);
    return *ret_limit >= 0;
}

void tr_handle_mailbox_limits(tr_answer_t *a) {
    tr_service_t *s = found(a);
    int64_t records, bytes, age;
    if (!s || !read_limit(a, "max-records", &records) || !read_limit(a, "max-bytes", &bytes) ||
        !read_limit(a, "max-age-ms", &age))
        return;
    tr_queue_limits_t before = s->durable->limits;
    s->durable->limits =
        (tr_queue_limits_t){.records = (uint64_t)records, .bytes = (uint64_t)bytes, .age_ms = age};
    if (tr_batch_queue(a->core, s->durable)) {
        tr_answer_done(a);
        tr_answer_when_stored(a);
        return;
    }
    s->durable->limits = before;
    tr_answer_fail(a, "out of memory");
}

void tr_handle_mailbox_drop(tr_answer_t *a) {
    tr_service_t *s = found(a);
    bool force = tr_value_bool(tr_value_get(a->request, "force"), false);
    char detail[80];
    if (!s)
        return;
    if (s->providers_n) {
        tr_answer_refuse(a, "unauthorised", "its agent is registered");
        return;
    }
    if (s->durable->records && !force) {
        snprintf(detail, sizeof detail, "%llu messages wait in it, and only `force` drops them",
            (unsigned long long)s->durable->records);
        tr_answer_refuse(a, "unauthorised", detail);
        return;
    }
    tr_reason_t why = tr_queue_drop(a->core, s->durable);
    if (why != TR_REASON_NONE) {
        tr_answer_refuse(a, "unauthorised",
            why == TR_REASON_BUSY ? "something of it is on its way to the disk: try again" : "out of memory");
        return;
    }
    tr_answer_done(a);
    tr_answer_when_stored(a);
}
