/* The durable side of a service: taking messages into blocks, and what becomes of them (durable.h). */
#include "broker/core/durable/durable.h"
#include "broker/core/lease.h"

#include <stdlib.h>

#define BLOCK_BYTES   65536u
#define RESERVE_AHEAD 8192u
#define MAILBOX       "agent " /* no service's name has a space */

static void lanes_init(tr_queue_t *q) {
    for (unsigned i = 0; i < TR_PRIORITIES; i++)
        q->lanes[i] =
            (tr_lane_t){.tail = 1, .synced = 1, .loaded = 1, .reserved = 1, .reserving = 1, .seen = 1};
}

tr_queue_t *tr_queue_of(tr_core_t *core, tr_service_t *service, const tr_session_t *by) {
    tr_durable_t *d = core->durable;
    tr_maker_t *maker;
    char name[TR_MAKER_MAX + 1];
    if (service->durable)
        return service->durable;
    if (!tr_maker_charge(core, &(tr_made_for_t){name, tr_maker_name(by, name), by}, TR_MADE_QUEUE, &maker))
        return NULL;
    tr_queue_t *q = calloc(1, sizeof *q);
    if (q)
        *q = (tr_queue_t){.id = d->next_queue,
            .service = service,
            .box = tr_letter_box_find(core, service->name, strlen(service->name)),
            .maker = maker,
            .since_ms = core->now.wall_ms};
    if (!q || tr_map_put(&d->queues, (const char *)&q->id, sizeof q->id, (uint64_t)(uintptr_t)q) < 0) {
        tr_maker_release(core, maker, TR_MADE_QUEUE);
        free(q);
        return NULL;
    }
    lanes_init(q);
    d->next_queue++;
    core->stats.queues++;
    service->durable = q;
    return q;
}

bool tr_queue_policy(tr_core_t *core, tr_service_t *service, bool durable, const tr_session_t *by) {
    if (!core->durable || service->durable_policy == durable) {
        service->durable_policy = durable;
        return true;
    }
    tr_queue_t *q = tr_queue_of(core, service, by);
    if (!q)
        return false;
    service->durable_policy = durable;
    return tr_batch_queue(core, q);
}

bool tr_service_is_mailbox(const tr_service_t *service, const char **ret_agent) {
    *ret_agent = service->name + strlen(MAILBOX);
    return !strncmp(service->name, MAILBOX, strlen(MAILBOX));
}

bool tr_queue_name_is_mailbox(const char *queue, size_t queue_len, const char *agent, size_t agent_len) {
    size_t begin = strlen(MAILBOX);
    return queue_len == begin + agent_len && !memcmp(queue, MAILBOX, begin) &&
           !memcmp(queue + begin, agent, agent_len);
}

tr_service_t *tr_mailbox_service(tr_core_t *core, const char *agent, bool create) {
    char name[sizeof MAILBOX + TR_AID_MAX]; /* of an agent of another platform its AID */
    size_t len = strlen(agent);
    if (len > TR_AID_MAX)
        return NULL;
    memcpy(name, MAILBOX, strlen(MAILBOX));
    memcpy(name + strlen(MAILBOX), agent, len + 1);
    len += strlen(MAILBOX);
    tr_service_t *s = tr_service_get(core, name, len, create);
    if (!s || s->durable || !create)
        return s;
    uint32_t number; /* its agent may be there already */
    tr_entry_t *owner = tr_entry_find(core, agent, strlen(agent), &number);
    if (owner && tr_service_provide(core, s, owner, number, core->config.queue_in_hand) < 0)
        return NULL; /* out of memory: the next message tries again */
    return s;
}

void tr_block_link(tr_queue_t *queue, tr_block_t *block) {
    block->queue = queue;
    block->all_next = queue->blocks;
    block->all_prev = &queue->blocks;
    if (queue->blocks)
        queue->blocks->all_prev = &block->all_next;
    queue->blocks = block;
}

void tr_block_free(tr_block_t *block) {
    *block->all_prev = block->all_next;
    if (block->all_next)
        block->all_next->all_prev = block->all_prev;
    tr_lane_t *lane = &block->queue->lanes[block->lane];
    if (lane->oldest == block)
        lane->oldest = NULL;
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(&block->leases)))
        free(lease);
    tr_buffer_finish(&block->value);
    free(block->settled);
    free(block->attempts);
    free(block);
}

void tr_queue_free(tr_queue_t *queue) {
    while (queue->blocks)
        tr_block_free(queue->blocks);
    while (queue->old_states) {
        tr_old_state_t *next = queue->old_states->next;
        free(queue->old_states);
        queue->old_states = next;
    }
    free(queue);
}

/* Whether its messages stay in memory is one answer for the whole block: what is read back later are whole
 * blocks. */
static tr_block_t *block_new(tr_core_t *core, tr_queue_t *q, unsigned lane, tr_batch_t *batch) {
    tr_lane_t *l = &q->lanes[lane];
    tr_block_t *b = calloc(1, sizeof *b);
    uint8_t header[TR_BLOCK_HEADER] = {0};
    if (!b)
        return NULL;
    tr_buffer_init(&b->value, 0);
    tr_buffer_put(&b->value, header, sizeof header);
    if (b->value.failed) {
        free(b);
        return NULL;
    }
    b->first = l->tail;
    b->lane = (uint8_t)lane;
    b->resident = l->loaded == l->tail && q->resident_bytes < core->config.queue_resident_bytes;
    tr_block_link(q, b);
    *batch->blocks_end = b;
    batch->blocks_end = &b->next;
    l->open = b;
    return b;
}

static tr_block_t *block_for(
    tr_core_t *core, tr_queue_t *q, unsigned lane, uint32_t length, tr_batch_t *batch) {
    tr_block_t *b = q->lanes[lane].open;
    if (b && (!b->count || b->value.size + TR_MESSAGE_HEADER + length <= BLOCK_BYTES))
        return b;
    return block_new(core, q, lane, batch);
}

/* False when out of memory: the block is as it was. */
static bool add_to_block(tr_block_t *b, const tr_record_t *record, int64_t wall_ms, tr_lease_t *lease) {
    size_t before = b->value.size;
    tr_block_add(&b->value, record, wall_ms);
    if (b->value.failed) {
        b->value.failed = false;
        b->value.size = before;
        return false;
    }
    if (lease) {
        lease->block = b;
        lease->at = b->count;
        tr_leases_append(&b->leases, lease);
    }
    b->count++;
    b->left++;
    b->taken_bytes += record->h.length;
    return true;
}

static void count_taken(tr_core_t *core, tr_queue_t *q, const tr_block_t *b, uint32_t length) {
    tr_lane_t *lane = &q->lanes[b->lane];
    lane->tail++;
    q->records++;
    q->bytes += length;
    lane->unsynced++;
    lane->unsynced_bytes += length;
    if (b->resident) {
        lane->loaded = lane->tail;
        q->resident_records++;
        q->resident_bytes += length;
    }
    core->stats.unsynced_bytes += length;
    core->stats.accepted++;
    core->stats.queued++;
    core->stats.queued_bytes += length;
    q->service->requests++;
}

static bool has_room(const tr_core_t *core, const tr_queue_t *q, uint32_t length) {
    const tr_core_config_t *c = &core->config;
    uint64_t records = q->limits.records ? q->limits.records : c->queue_records;
    uint64_t bytes = q->limits.bytes ? q->limits.bytes : c->queue_bytes;
    return q->records < records && q->bytes + length <= bytes &&
           core->stats.unsynced_bytes + length <= c->unsynced_bytes;
}

tr_reason_t tr_queue_push(
    tr_core_t *core, tr_queue_t *queue, const tr_record_t *record, tr_producer_t *producer, uint64_t id) {
    if (!has_room(core, queue, record->h.length))
        return TR_REASON_BUSY;
    unsigned lane = tr_priority(record->h.priority);
    tr_batch_t *batch = tr_batch_open(core);
    tr_block_t *b = batch ? block_for(core, queue, lane, record->h.length, batch) : NULL;
    if (!b)
        return TR_REASON_LIMIT;
    tr_lease_t *lease = b->resident ? tr_lease_new(record) : NULL;
    if ((b->resident && !lease) || (producer && !tr_batch_ack(batch, producer, id))) {
        free(lease);
        return TR_REASON_LIMIT;
    }
    if (!add_to_block(b, record, core->now.wall_ms, lease)) {
        free(lease);
        if (producer)
            tr_batch_unack(batch);
        return TR_REASON_LIMIT;
    }
    batch->sync = batch->wanted = true;
    batch->bytes += record->h.length;
    count_taken(core, queue, b, record->h.length);
    if (b->resident && queue->lanes[lane].tail + RESERVE_AHEAD / 2 > queue->lanes[lane].reserving)
        tr_batch_reserve(core, queue, lane, queue->lanes[lane].tail + RESERVE_AHEAD);
    return TR_REASON_NONE;
}

void tr_block_synced(tr_core_t *core, tr_block_t *block) {
    tr_lane_t *lane = &block->queue->lanes[block->lane];
    lane->synced = block->first + block->count;
    lane->unsynced -= block->count;
    lane->unsynced_bytes -= block->taken_bytes;
    if (!block->resident) {
        lane->away += block->count;
        lane->away_bytes += block->taken_bytes;
        tr_block_free(block);
        return;
    }
    core->stats.queued -= block->count;
    core->stats.queued_bytes -= block->taken_bytes;
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(&block->leases)))
        tr_service_enqueue(core, block->queue->service, lease);
}

void tr_block_dirty(tr_core_t *core, tr_block_t *block) {
    if (block->dirty)
        return;
    block->dirty = true;
    block->next_dirty = core->durable->dirty_blocks;
    core->durable->dirty_blocks = block;
}

/* Out of memory for the marks: should the broker end, the message comes once more, marked. */
void tr_block_mark(tr_block_t *b, uint32_t at) {
    if (!b->settled && b->count > 1)
        b->settled = calloc(1, (b->count + 7u) / 8u);
    if (b->settled)
        b->settled[at / 8] |= (uint8_t)(1u << at % 8);
}

void tr_queue_settle(tr_core_t *core, tr_lease_t *lease) {
    tr_block_t *b = lease->block;
    if (b) {
        tr_block_mark(b, lease->at);
        b->left--;
        b->queue->records--;
        b->queue->bytes -= lease->len;
        b->queue->resident_records--;
        b->queue->resident_bytes -= lease->len;
        tr_block_dirty(core, b);
    }
    free(lease);
}

void tr_queue_again(tr_core_t *core, tr_lease_t *lease) {
    tr_block_t *b = lease->block;
    if (!b)
        return;
    if (!b->attempts)
        b->attempts = calloc(b->count, 1);
    if (!b->attempts)
        return; /* out of memory: a broker after this one counts from 0 */
    b->attempts[lease->at] = lease->attempt;
    tr_block_dirty(core, b);
}

bool tr_queue_may_go(tr_core_t *core, const tr_lease_t *lease) {
    const tr_block_t *b = lease->block;
    if (!b)
        return true;
    uint64_t number = b->first + lease->at;
    tr_lane_t *lane = &b->queue->lanes[b->lane];
    if (number + RESERVE_AHEAD / 2 >= lane->reserving)
        tr_batch_reserve(core, b->queue, b->lane, number + RESERVE_AHEAD);
    return number < lane->reserved;
}

/* With the lowest number of the lane that is not settled. What is read back, or taken, is above all that is in memory, so that one that was
 * found is the oldest until all of it is settled. */
static const tr_block_t *oldest_block(tr_queue_t *q, unsigned lane) {
    tr_lane_t *l = &q->lanes[lane];
    if (l->oldest && l->oldest->left)
        return l->oldest;
    l->oldest = NULL;
    for (tr_block_t *b = q->blocks; b; b = b->all_next)
        if (b->lane == lane && b->left && (!l->oldest || b->first < l->oldest->first))
            l->oldest = b;
    return l->oldest;
}

bool tr_queue_is_near(const tr_lease_t *lease) {
    const tr_block_t *b = lease->block;
    if (!b)
        return true;
    const tr_block_t *oldest = oldest_block(b->queue, b->lane);
    uint64_t number = b->first + lease->at, lowest = oldest ? oldest->first : number;
    if (number < lowest + TR_DEDUP_WINDOW / 2)
        return true;
    for (uint32_t at = 0; at < oldest->count && tr_block_is_settled(oldest, at); at++)
        lowest++;
    return number < lowest + TR_DEDUP_WINDOW / 2;
}

static void park(tr_service_t *s, tr_lease_list_t *list) {
    tr_lease_list_t all = *list;
    *list = (tr_lease_list_t){0};
    tr_lease_t *lease;
    while ((lease = tr_leases_shift(&all))) {
        if (!lease->block) {
            tr_leases_append(list, lease);
            continue;
        }
        s->queued--;
        s->queue_bytes -= lease->len;
        tr_lane_t *lane = &s->durable->lanes[lease->block->lane];
        lane->away++;
        lane->away_bytes += lease->len;
        s->durable->resident_records--;
        s->durable->resident_bytes -= lease->len;
        free(lease);
    }
}

void tr_queue_park(tr_service_t *service) {
    for (unsigned i = 0; i < TR_PRIORITIES; i++)
        park(service, &service->queue[i]);
    park(service, &service->resting);
}
