/* Reading back what is on disk only: a piece of a lane at a time, when there is room for it in memory. */
#include "broker/core/durable/durable.h"
#include "broker/core/lease.h"

#include "lib/store/journal_batch.h"

#include <stdio.h>
#include <stdlib.h>

#define PIECE_MIN 65536u

/* Memory for one lane does not wait for another one's messages: a lane with nothing in memory always reads. */
static bool may_read(const tr_core_t *core, const tr_queue_t *q, unsigned lane) {
    const tr_lane_t *l = &q->lanes[lane];
    return !l->reading && l->loaded < l->synced &&
           (!q->service->queue[lane].head || q->resident_bytes < core->config.queue_resident_bytes / 2);
}

static tr_old_state_t *take_old_state(tr_queue_t *q, unsigned lane, uint64_t first) {
    for (tr_old_state_t **p = &q->old_states; *p; p = &(*p)->next) {
        tr_old_state_t *s = *p;
        if (s->lane != lane || s->first != first)
            continue;
        *p = s->next;
        return s;
    }
    return NULL;
}

/* Takes over what the journal says of a block's messages; a state of another length is none. */
static void restore(tr_block_t *b, tr_old_state_t *state) {
    size_t bits = (b->count + 7u) / 8u;
    b->state_written = true;
    if (state->count != b->count)
        return;
    b->settled = malloc(bits);
    if (b->settled)
        memcpy(b->settled, state->bytes, bits);
    const uint8_t *attempts = state->bytes + bits;
    b->attempts = state->attempts ? malloc(b->count) : NULL;
    if (b->attempts)
        memcpy(b->attempts, attempts, b->count);
}

/* From on disk only to nowhere: what cannot be read any more. It is counted, and told. */
static void lose(tr_core_t *core, tr_queue_t *q, tr_lane_t *lane, uint64_t n) {
    if (n > lane->away)
        n = lane->away;
    if (!n)
        return;
    uint64_t bytes = n == lane->away ? lane->away_bytes : lane->away_bytes / lane->away * n;
    lane->away -= n;
    lane->away_bytes -= bytes;
    q->records -= n;
    q->bytes -= bytes;
    core->stats.queued -= n;
    core->stats.queued_bytes -= bytes;
    core->stats.dropped[TR_REASON_CORRUPT] += n;
    char detail[96];
    snprintf(
        detail, sizeof detail, "%llu messages in the journal cannot be read any more", (unsigned long long)n);
    tr_event(core, TR_EVENT_CORRUPT, q->service->name, detail);
}

static bool load_message(tr_core_t *core, tr_block_t *b, uint32_t at, const tr_block_message_t *m) {
    tr_queue_t *q = b->queue;
    tr_lease_t *lease = tr_lease_new(&m->record);
    if (!lease)
        return false;
    lease->block = b;
    lease->at = at;
    lease->taken_ms = m->wall_ms;
    lease->attempt = b->attempts ? b->attempts[at] : 0;
    lease->seen = b->first + at < q->lanes[b->lane].seen;
    if (lease->seen) /* the sender's route was another broker's: an answer goes by name */
        memset(lease->record + TR_RECORD_SRC, 0, sizeof(tr_route_t));
    q->resident_records++;
    q->resident_bytes += lease->len;
    q->lanes[b->lane].away--;
    q->lanes[b->lane].away_bytes -= lease->len;
    core->stats.queued--;
    core->stats.queued_bytes -= lease->len;
    tr_service_enqueue(core, q->service, lease);
    return true;
}

/* A message that is not what was written is not given out. One that memory ran out for stays in the journal
 * and comes with the next start. */
static void load_messages(tr_core_t *core, tr_block_t *b, tr_block_reader_t *reader) {
    uint64_t lost = 0;
    for (uint32_t at = 0; at < b->count; at++) {
        tr_block_message_t m = {0};
        bool there = tr_block_next(reader, &m);
        if (tr_block_is_settled(b, at))
            continue;
        b->left++;
        if (there && m.good && load_message(core, b, at, &m))
            continue;
        lost++;
        if (!there || !m.good) {
            tr_block_mark(b, at);
            b->left--;
        }
    }
    lose(core, b->queue, &b->queue->lanes[b->lane], lost);
    if (lost || !b->left)
        tr_block_dirty(core, b);
}

static bool load_block(
    tr_core_t *core, tr_queue_t *q, const tr_block_place_t *place, tr_block_reader_t *reader) {
    tr_block_t *b = calloc(1, sizeof *b);
    if (!b)
        return false;
    b->first = place->first;
    b->lane = (uint8_t)place->lane;
    b->count = reader->count;
    b->resident = true;
    tr_buffer_init(&b->value, 0);
    tr_block_link(q, b);
    tr_old_state_t *state = take_old_state(q, place->lane, place->first);
    if (state)
        restore(b, state);
    free(state);
    load_messages(core, b, reader);
    return true;
}

/* A block that cannot be opened is passed by: what it held is missed when all of the lane is read. */
static void load(tr_core_t *core, tr_queue_t *q, unsigned lane_at, const tr_found_t *found) {
    tr_lane_t *lane = &q->lanes[lane_at];
    tr_journal_reader_t reader;
    tr_journal_op_t op;
    tr_journal_reader_init(&reader, found->pairs, found->len);
    while (tr_journal_reader_next(&reader, &op) > 0) {
        tr_block_place_t place;
        tr_block_reader_t block;
        if (!tr_key_place(op.key, op.key_len, &place) || place.queue != q->id || place.lane != lane_at ||
            place.first < lane->loaded)
            continue;
        lane->loaded = place.first;
        if (!tr_block_open(&block, op.key, op.key_len, op.value, op.value_len)) {
            q->damaged = true;
            lane->loaded++;
            continue;
        }
        if (!load_block(core, q, &place, &block))
            return; /* out of memory: read again later */
        lane->loaded = place.first + block.count;
    }
    if (found->more || found->failed)
        return;
    lane->loaded = lane->reading_to;
    if (lane->loaded == lane->synced)
        lose(core, q, lane, lane->away);
}

static void on_read(tr_core_t *core, tr_read_t *read, const tr_found_t *found) {
    tr_queue_t *q = tr_map_find_ptr(&core->durable->queues, (const char *)&read->id, sizeof read->id);
    if (!q)
        return;
    q->lanes[read->lane].reading = false;
    if (core->shutdown)
        return; /* what is on disk stays there */
    load(core, q, read->lane, found);
    if (found->failed)
        return; /* tried again on the tick */
    tr_service_dispatch(core, q->service);
}

void tr_queue_fill(tr_core_t *core, tr_queue_t *queue) {
    if (core->shutdown)
        return;
    for (unsigned i = TR_PRIORITIES; i-- > 0;) {
        tr_lane_t *lane = &queue->lanes[i];
        if (!may_read(core, queue, i))
            continue;
        size_t piece = core->config.queue_resident_bytes / 4;
        tr_read_t read = {.done = on_read, .id = queue->id, .lane = i};
        tr_key_t from = tr_key_of_block(TR_KEY_BLOCK, queue->id, i, lane->loaded);
        tr_key_t to = tr_key_of_block(TR_KEY_BLOCK, queue->id, i, lane->synced);
        lane->reading = tr_read_ask(core, &read, &from, &to, piece > PIECE_MIN ? piece : PIECE_MIN);
        lane->reading_to = lane->synced;
    }
}
