/*
 * Batches: what one or more turns of the core write, as one (durable.h). The open batch gathers blocks, acknowledgements and letters;
 * its operations are laid out when it is handed over: first what was put down as it happened (`more`), among it the ends of queues, streams
 * and producers, and then what there is now, which may be new ones of the same names. Where memory runs out meanwhile, it stays open and is
 * tried again: nothing of it has been promised.
 */
#include "broker/core/durable/stream.h"

#include "lib/store/journal_batch.h"

#include <stdlib.h>

#define OUT_MAX 2u /* one is being synced, one waits for it */

tr_batch_t *tr_batch_open(tr_core_t *core) {
    tr_durable_t *d = core->durable;
    if (d->open)
        return d->open;
    tr_batch_t *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->blocks_end = &b->blocks;
    b->answers_end = &b->answers;
    tr_buffer_init(&b->more, 0);
    d->open = b;
    return b;
}

bool tr_batch_ack(tr_batch_t *batch, tr_producer_t *producer, uint64_t id) {
    if (batch->acks_n == batch->acks_cap) {
        size_t cap = batch->acks_cap ? batch->acks_cap * 2 : 64;
        tr_ack_t *grown = realloc(batch->acks, cap * sizeof *grown);
        if (!grown)
            return false;
        batch->acks = grown;
        batch->acks_cap = cap;
    }
    batch->acks[batch->acks_n++] = (tr_ack_t){.producer = producer, .epoch = producer->epoch, .id = id};
    batch->sync = batch->wanted = true;
    producer->unsynced++;
    return true;
}

void tr_batch_unack(tr_batch_t *batch) {
    batch->acks[--batch->acks_n].producer->unsynced--;
}

bool tr_batch_more(tr_batch_t *batch, uint8_t type, const tr_key_t *key, const void *value, size_t len) {
    size_t before = batch->more.size;
    tr_journal_op_put(&batch->more, type, key->bytes, key->len, value, len);
    if (batch->more.failed) {
        batch->more.failed = false;
        batch->more.size = before;
        return false;
    }
    batch->wanted = true;
    return true;
}

/* Out of memory: asked again when the next message wants to leave. */
void tr_batch_reserve(tr_core_t *core, tr_queue_t *queue, unsigned lane, uint64_t upto) {
    tr_batch_t *batch = tr_batch_open(core);
    tr_reservation_t *r = batch ? malloc(sizeof *r) : NULL;
    if (!r)
        return;
    *r = (tr_reservation_t){.next = batch->reservations, .queue = queue, .lane = lane, .upto = upto};
    batch->reservations = r;
    batch->sync = batch->wanted = true;
    queue->lanes[lane].reserving = upto;
}

static void put_queue(tr_buffer_t *ops, const tr_queue_t *q) {
    uint8_t value[TR_QUEUE_VALUE + TR_MAKER_MAX];
    tr_key_t key = tr_key_named(TR_KEY_QUEUE, q->service->name);
    size_t maker = q->maker ? strlen(q->maker->name) : 0;
    tr_put64(value, q->id);
    tr_put64(value + 8, (uint64_t)q->since_ms);
    value[16] = q->service->durable_policy;
    tr_put64(value + 17, q->limits.records);
    tr_put64(value + 25, q->limits.bytes);
    tr_put64(value + 33, (uint64_t)q->limits.age_ms);
    if (maker)
        memcpy(value + TR_QUEUE_VALUE, q->maker->name, maker);
    tr_batch_put(ops, &key, value, TR_QUEUE_VALUE + maker);
}

/* Its first block may be in this batch, too, and write it once more. */
bool tr_batch_queue(tr_core_t *core, tr_queue_t *queue) {
    tr_batch_t *batch = tr_batch_open(core);
    if (!batch)
        return false;
    size_t before = batch->more.size;
    put_queue(&batch->more, queue);
    if (batch->more.failed) {
        batch->more.failed = false;
        batch->more.size = before;
        return false;
    }
    batch->wanted = true;
    return true;
}

static void put_block(tr_buffer_t *ops, tr_block_t *b) {
    if (!b->count)
        return; /* memory ran out for the message that it was made for */
    if (!b->queue->written)
        put_queue(ops, b->queue);
    tr_key_t key = tr_key_of_block(TR_KEY_BLOCK, b->queue->id, b->lane, b->first);
    tr_block_close(&b->value, &key, b->count);
    tr_batch_put(ops, &key, b->value.data, b->value.size);
}

static void put_lane(tr_buffer_t *ops, const tr_queue_t *q, unsigned lane) {
    uint8_t value[TR_LANE_VALUE];
    tr_key_t key = tr_key_of_lane(q->id, lane);
    tr_put64(value, q->lanes[lane].reserving);
    tr_put64(value + 8, q->lanes[lane].tail);
    tr_batch_put(ops, &key, value, sizeof value);
}

/* A block that goes may be the last trace of its numbers, by which other brokers know its messages. */
static bool is_trace(const tr_block_t *b) {
    return !b->left && b->first + b->count > b->queue->lanes[b->lane].kept;
}

/* What became of a block's messages: gone with the last one, otherwise a bit for each that is settled, and how
 * often each was delivered where one was more than once. */
static void put_state(tr_buffer_t *ops, const tr_block_t *b) {
    tr_key_t key = tr_key_of_block(TR_KEY_BLOCK, b->queue->id, b->lane, b->first);
    tr_key_t state = tr_key_of_block(TR_KEY_STATE, b->queue->id, b->lane, b->first);
    if (!b->left) {
        tr_batch_delete(ops, &key);
        if (b->state_written)
            tr_batch_delete(ops, &state);
        return;
    }
    size_t bits = (b->count + 7u) / 8u, attempts = b->attempts ? b->count : 0;
    uint8_t *value = calloc(1, 4 + bits + attempts);
    if (!value) {
        ops->failed = true;
        return;
    }
    tr_put32(value, b->count);
    if (b->settled)
        memcpy(value + 4, b->settled, bits);
    if (attempts)
        memcpy(value + 4 + bits, b->attempts, attempts);
    tr_batch_put(ops, &state, value, 4 + bits + attempts);
    free(value);
}

static bool lay_out(tr_core_t *core, const tr_batch_t *batch, tr_buffer_t *ops) {
    const tr_durable_t *d = core->durable;
    tr_buffer_init(ops, 0);
    tr_buffer_put(ops, batch->more.data, batch->more.size);
    for (tr_block_t *b = batch->blocks; b; b = b->next)
        put_block(ops, b);
    for (const tr_reservation_t *r = batch->reservations; r; r = r->next)
        put_lane(ops, r->queue, r->lane);
    for (const tr_letter_t *l = batch->letters; l; l = l->next) {
        tr_key_t key = tr_key_numbered(TR_KEY_LETTER, l->number);
        tr_batch_put(ops, &key, l->value.data, l->value.size);
    }
    for (const tr_block_t *b = d->dirty_blocks; b; b = b->next_dirty) {
        if (is_trace(b))
            put_lane(ops, b->queue, b->lane);
        put_state(ops, b);
    }
    for (const tr_producer_t *p = d->dirty_producers; p; p = p->next_dirty)
        tr_producer_write(ops, p);
    tr_streams_lay_out(core, ops);
    if (!ops->failed)
        return true;
    tr_buffer_finish(ops);
    return false;
}

static void clean_blocks(tr_durable_t *d) {
    while (d->dirty_blocks) {
        tr_block_t *b = d->dirty_blocks;
        d->dirty_blocks = b->next_dirty;
        if (is_trace(b))
            b->queue->lanes[b->lane].kept = b->queue->lanes[b->lane].tail;
        b->dirty = false;
        b->state_written = true;
        if (!b->left)
            tr_block_free(b);
    }
}

static void clean(tr_durable_t *d, tr_batch_t *batch) {
    for (tr_block_t **p = &batch->blocks; *p;) {
        tr_block_t *b = *p;
        b->queue->lanes[b->lane].open = NULL;
        b->queue->written = true;
        tr_buffer_finish(&b->value);
        if (b->count) {
            p = &b->next;
            continue;
        }
        *p = b->next;
        tr_block_free(b);
    }
    while (batch->letters) {
        tr_letter_t *next = batch->letters->next;
        tr_buffer_finish(&batch->letters->value);
        free(batch->letters);
        batch->letters = next;
    }
    tr_buffer_finish(&batch->more);
    clean_blocks(d);
    while (d->dirty_producers) {
        d->dirty_producers->dirty = false;
        d->dirty_producers = d->dirty_producers->next_dirty;
    }
}

static void hand_over(tr_core_t *core) {
    tr_durable_t *d = core->durable;
    tr_batch_t *batch = d->open;
    tr_buffer_t ops;
    if (!tr_core_out_room(core) || !lay_out(core, batch, &ops))
        return;
    batch->number = ++d->next_batch;
    clean(d, batch);
    tr_streams_clean(core, batch);
    tr_core_out_t out = {.type = TR_OUT_WRITE,
        .number = batch->number,
        .sync = batch->sync,
        .detail = ops.data,
        .len = ops.size};
    d->open = NULL;
    *d->out_end = batch;
    d->out_end = &batch->next;
    d->out_n++;
    tr_core_out(core, &out);
}

static void flush(tr_core_t *core, unsigned most) {
    tr_durable_t *d = core->durable;
    if (d->out_n >= most)
        return;
    if ((d->dirty_blocks || d->dirty_producers || tr_streams_dirty(core)) && tr_batch_open(core))
        d->open->wanted = true;
    if (!d->open || !d->open->wanted)
        return;
    d->open->sync |= core->shutdown; /* the last ones too: what was settled does not come again */
    hand_over(core);
}

void tr_batch_flush(tr_core_t *core) {
    flush(core, OUT_MAX);
}

void tr_batch_flush_now(tr_core_t *core) {
    flush(core, TR_BATCHES_OUT);
}

bool tr_durable_quiet(const tr_core_t *core) {
    const tr_durable_t *d = core->durable;
    return !d || (!d->out && !(d->open && d->open->wanted) && !d->dirty_blocks && !d->dirty_producers &&
                     !tr_streams_dirty(core));
}

static void free_batch(tr_batch_t *batch) {
    while (batch->reservations) {
        tr_reservation_t *next = batch->reservations->next;
        free(batch->reservations);
        batch->reservations = next;
    }
    while (batch->letters) {
        tr_letter_t *next = batch->letters->next;
        tr_buffer_finish(&batch->letters->value);
        free(batch->letters);
        batch->letters = next;
    }
    tr_answers_forget(batch);
    tr_buffer_finish(&batch->more);
    free(batch->spent);
    free(batch->acks);
    free(batch);
}

/* On disk: its messages may leave, and its producers know. */
static void complete(tr_core_t *core, tr_batch_t *batch) {
    tr_producers_stored(core, batch->acks, batch->acks_n);
    for (const tr_reservation_t *r = batch->reservations; r; r = r->next) {
        tr_lane_t *lane = &r->queue->lanes[r->lane];
        if (r->upto > lane->reserved)
            lane->reserved = r->upto;
        tr_service_dispatch(core, r->queue->service);
    }
    core->stats.unsynced_bytes -= batch->bytes;
    tr_service_t *last = NULL;
    for (tr_block_t *b = batch->blocks, *next; b; b = next) {
        next = b->next;
        tr_service_t *s = b->queue->service;
        if (last && last != s)
            tr_service_dispatch(core, last);
        last = s;
        tr_block_synced(core, b);
    }
    if (last)
        tr_service_dispatch(core, last);
}

void tr_core_written(tr_core_t *self, uint64_t number, bool synced, tr_core_now_t now) {
    tr_durable_t *d = self->durable;
    self->now = now;
    while (d && d->out && d->out->number <= number && (synced || !d->out->sync)) {
        tr_batch_t *batch = d->out;
        d->out = batch->next;
        if (!d->out)
            d->out_end = &d->out;
        d->out_n--;
        if (synced)
            tr_streams_synced(self, batch);
        tr_letters_written(self, batch);
        complete(self, batch);
        tr_answers_stored(self, batch);
        free_batch(batch);
    }
}

void tr_core_journal_failed(tr_core_t *self, tr_core_now_t now) {
    tr_durable_t *d = self->durable;
    self->now = now;
    for (tr_batch_t *batch = d ? d->out : NULL; batch; batch = batch->next)
        tr_answers_failed(self, batch);
    if (d && d->open)
        tr_answers_failed(self, d->open);
}

tr_durable_t *tr_durable_new(tr_core_t *core) {
    tr_durable_t *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->out_end = &d->out;
    d->next_queue = d->next_letter = d->next_stream = 1;
    tr_map_init(&d->producers, tr_core_random(core));
    tr_map_init(&d->queues, tr_core_random(core));
    tr_map_init(&d->spent, tr_core_random(core));
    tr_map_init(&d->makers, tr_core_random(core));
    tr_map_init(&d->boxes, tr_core_random(core));
    tr_buffer_init(&d->scratch, 0);
    return d;
}

static void free_producers(tr_durable_t *d) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&d->producers, &cursor))) {
        tr_producer_t *p = (tr_producer_t *)(uintptr_t)slot->value;
        free(p->name);
        free(p);
    }
    tr_map_finish(&d->producers);
}

void tr_durable_finish(tr_core_t *core) {
    tr_durable_t *d = core->durable;
    if (!d)
        return;
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    tr_durable_subs_forget(core, NULL);
    while ((slot = tr_map_next(&d->queues, &cursor)))
        tr_queue_free((tr_queue_t *)(uintptr_t)slot->value);
    tr_map_finish(&d->queues);
    tr_map_finish(&d->spent);
    tr_buffer_finish(&d->scratch);
    while (d->out) {
        tr_batch_t *next = d->out->next;
        free_batch(d->out);
        d->out = next;
    }
    if (d->open)
        free_batch(d->open);
    tr_reads_drop(core);
    tr_streams_finish(core);
    free_producers(d);
    tr_makers_finish(d);
    tr_letter_boxes_finish(d);
    free(d);
    core->durable = NULL;
}
