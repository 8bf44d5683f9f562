/*
 * Recovery: a pure function of what stands in the journal. The shell gives all pairs in the order of their keys (journal_code.h), so
 * that a block meets its queue and its state. Messages are counted and checked, not kept: they are read again when somebody is there
 * for them, so that a long backlog costs no memory.
 */
#include "broker/core/durable/stream.h"
#include "broker/core/mandate.h"
#include "broker/core/platform/conduct.h"
#include "broker/core/platform/quarantine.h"

#include "lib/store/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int on_version(tr_core_t *core, const tr_pair_t *pair) {
    if (pair->value_len != 4 || tr_get32(pair->value) != TR_JOURNAL_VERSION)
        return -EPROTO;
    core->durable->versioned = true;
    return 0;
}

static int on_producer(tr_core_t *core, const tr_pair_t *pair) {
    char name[2 * TR_PRODUCER_MAX + 2];
    size_t len = pair->key_len - 1;
    if (len >= sizeof name)
        return -EBADMSG;
    memcpy(name, pair->key + 1, len);
    name[len] = 0;
    return tr_producer_recover(core, name, pair->value, pair->value_len) ? 0 : -EBADMSG;
}

static bool made_for(tr_core_t *core, tr_queue_t *q, const tr_pair_t *pair) {
    size_t len = pair->value_len > TR_QUEUE_VALUE ? pair->value_len - TR_QUEUE_VALUE : 0;
    const tr_made_for_t whom = {(const char *)pair->value + TR_QUEUE_VALUE, len, NULL};
    return tr_maker_charge(core, &whom, TR_MADE_QUEUE, &q->maker);
}

static int on_queue(tr_core_t *core, const tr_pair_t *pair) {
    tr_durable_t *d = core->durable;
    if ((pair->value_len < TR_QUEUE_VALUE || pair->value_len > TR_QUEUE_VALUE + TR_MAKER_MAX) &&
        pair->value_len != TR_QUEUE_OLD_VALUE)
        return -EBADMSG;
    uint64_t id = tr_get64(pair->value), next = d->next_queue;
    tr_service_t *s = tr_service_get(core, (const char *)pair->key + 1, pair->key_len - 1, true);
    if (!s)
        return -ENOMEM;
    d->next_queue = id;
    tr_queue_t *q = tr_queue_of(core, s, NULL);
    if (!q || !made_for(core, q, pair))
        return -ENOMEM;
    if (d->next_queue < next) /* they come by name, not by number */
        d->next_queue = next;
    q->since_ms = (int64_t)tr_get64(pair->value + 8);
    s->durable_policy = pair->value[16];
    if (pair->value_len >= TR_QUEUE_VALUE)
        q->limits = (tr_queue_limits_t){.records = tr_get64(pair->value + 17),
            .bytes = tr_get64(pair->value + 25),
            .age_ms = (int64_t)tr_get64(pair->value + 33)};
    q->written = true;
    return 0;
}

static tr_queue_t *place_of(const tr_core_t *core, const tr_pair_t *pair, tr_block_place_t *place) {
    if (!tr_key_place(pair->key, pair->key_len, place) || place->lane >= TR_PRIORITIES)
        return NULL;
    return tr_map_find_ptr(&core->durable->queues, (const char *)&place->queue, sizeof place->queue);
}

static int on_lane(tr_core_t *core, const tr_pair_t *pair) {
    tr_block_place_t place;
    tr_queue_t *q = place_of(core, pair, &place);
    if (!q || (pair->value_len != TR_LANE_VALUE && pair->value_len != TR_LANE_OLD_VALUE))
        return -EBADMSG;
    tr_lane_t *lane = &q->lanes[place.lane];
    lane->reserved = lane->reserving = tr_get64(pair->value);
    lane->kept = pair->value_len == TR_LANE_VALUE ? tr_get64(pair->value + 8) : 0;
    return 0;
}

static int on_state(tr_core_t *core, const tr_pair_t *pair) {
    tr_block_place_t place;
    tr_queue_t *q = place_of(core, pair, &place);
    uint32_t count = pair->value_len >= 4 ? tr_get32(pair->value) : 0;
    size_t bits = ((size_t)count + 7) / 8, len = pair->value_len - 4;
    if (!q || !count || (len != bits && len != bits + count))
        return -EBADMSG;
    tr_old_state_t *s = malloc(sizeof *s + len);
    if (!s)
        return -ENOMEM;
    *s = (tr_old_state_t){.next = q->old_states,
        .first = place.first,
        .lane = place.lane,
        .count = count,
        .attempts = len > bits};
    memcpy(s->bytes, pair->value + 4, len);
    q->old_states = s;
    return 0;
}

/* States come in the order of their blocks and are kept the other way round, so this looks through all of a queue's: they are few,
 * a block is seldom settled in part. */
static const tr_old_state_t *state_of(const tr_queue_t *q, const tr_block_place_t *place) {
    for (const tr_old_state_t *s = q->old_states; s; s = s->next)
        if (s->lane == place->lane && s->first == place->first)
            return s;
    return NULL;
}

static void say_corrupt(tr_core_t *core, const tr_queue_t *q, const tr_block_place_t *place, uint32_t n) {
    char detail[128];
    snprintf(detail, sizeof detail, "%u messages of the block at %u/%llu are not what was written", n,
        place->lane, (unsigned long long)place->first);
    tr_event(core, TR_EVENT_CORRUPT, q->service->name, detail);
}

static void count_message(tr_core_t *core, tr_queue_t *q, tr_lane_t *lane, uint32_t length) {
    lane->away++;
    lane->away_bytes += length;
    q->records++;
    q->bytes += length;
    core->stats.accepted++;
    core->stats.queued++;
    core->stats.queued_bytes += length;
}

/* Damaged messages are counted as the others: they are missed when they are read again. */
static int on_block(tr_core_t *core, const tr_pair_t *pair) {
    tr_block_place_t place;
    tr_block_reader_t reader;
    tr_queue_t *q = place_of(core, pair, &place);
    if (!q)
        return -EBADMSG;
    if (!tr_block_open(&reader, pair->key, pair->key_len, pair->value, pair->value_len)) {
        q->damaged = true;
        say_corrupt(core, q, &place, 0);
        return 0;
    }
    tr_lane_t *lane = &q->lanes[place.lane];
    const tr_old_state_t *state = state_of(q, &place);
    uint32_t bad = 0;
    for (uint32_t at = 0; at < reader.count; at++) {
        tr_block_message_t m = {0};
        bool there = tr_block_next(&reader, &m);
        if (state && state->count == reader.count && state->bytes[at / 8] >> at % 8 & 1)
            continue;
        bad += !there || !m.good;
        count_message(core, q, lane, there && m.good ? m.record.h.length : 0);
        if (!there && reader.count - at > UINT16_MAX)
            return -EBADMSG; /* no block has so many: its header lies */
    }
    if (bad)
        say_corrupt(core, q, &place, bad);
    if (lane->tail == 1)
        lane->loaded = place.first;
    lane->tail = lane->synced = place.first + reader.count;
    return 0;
}

static int on_last_queue(tr_core_t *core, const tr_pair_t *pair) {
    if (pair->value_len != TR_LAST_QUEUE_VALUE)
        return -EBADMSG;
    uint64_t last = tr_get64(pair->value);
    if (core->durable->next_queue <= last)
        core->durable->next_queue = last + 1;
    return 0;
}

static int on_letter(tr_core_t *core, const tr_pair_t *pair) {
    if (pair->key_len != 9)
        return -EBADMSG;
    tr_letter_recover(core, tr_key_number(pair->key), pair->value, pair->value_len);
    return 0;
}

int tr_core_recover(tr_core_t *self, const void *key, size_t key_len, const void *value, size_t value_len) {
    static int (*const handlers[])(tr_core_t *, const tr_pair_t *) = {
        [TR_KEY_VERSION - TR_KEY_VERSION] = on_version,
        [TR_KEY_PRODUCER - TR_KEY_VERSION] = on_producer,
        [TR_KEY_QUEUE - TR_KEY_VERSION] = on_queue,
        [TR_KEY_LANE - TR_KEY_VERSION] = on_lane,
        [TR_KEY_STATE - TR_KEY_VERSION] = on_state,
        [TR_KEY_BLOCK - TR_KEY_VERSION] = on_block,
        [TR_KEY_LETTER - TR_KEY_VERSION] = on_letter,
        [TR_KEY_STREAM - TR_KEY_VERSION] = tr_stream_recover,
        [TR_KEY_CONSUMER - TR_KEY_VERSION] = tr_consumer_recover,
        [TR_KEY_STREAM_BLOCK - TR_KEY_VERSION] = tr_stream_block_recover,
        [TR_KEY_SUB - TR_KEY_VERSION] = tr_durable_sub_recover,
        [TR_KEY_QUARANTINED - TR_KEY_VERSION] = tr_quarantine_recover,
        [TR_KEY_SECRET - TR_KEY_VERSION] = tr_mandate_secret_recover,
        [TR_KEY_GRANT - TR_KEY_VERSION] = tr_grant_recover,
        [TR_KEY_HANDED - TR_KEY_VERSION] = tr_handed_recover,
        [TR_KEY_CONDUCT - TR_KEY_VERSION] = tr_conduct_recover,
        [TR_KEY_LAST_QUEUE - TR_KEY_VERSION] = on_last_queue,
    };
    const tr_pair_t pair = {.key = key, .key_len = key_len, .value = value, .value_len = value_len};
    unsigned type = key_len ? pair.key[0] - (unsigned)TR_KEY_VERSION : UINT32_MAX;
    if (type >= sizeof handlers / sizeof *handlers)
        return -EPROTO; /* of a version after this one */
    if (type && !self->durable->versioned)
        return -EPROTO;
    return handlers[type](self, &pair);
}

/* No number is used twice, for other brokers take it for the same message. (Nor are many left out: who has taken a message far behind
 * believes that he had all before it.) */
static void begin_lane(tr_lane_t *lane) {
    bool empty = lane->tail == 1;
    uint64_t used = lane->kept ? lane->kept : empty ? lane->reserved : 0;
    if (lane->tail < used)
        lane->tail = lane->synced = used;
    if (empty)
        lane->loaded = lane->tail;
    lane->seen = lane->reserved < lane->tail ? lane->reserved : lane->tail;
}

int tr_core_recovered(tr_core_t *self, tr_core_now_t now) {
    tr_durable_t *d = self->durable;
    self->now = now;
    tr_producers_recovered(self);
    for (uint32_t i = 0; i < self->services_n; i++)
        for (unsigned j = 0; self->services[i]->durable && j < TR_PRIORITIES; j++)
            begin_lane(&self->services[i]->durable->lanes[j]);
    tr_streams_recovered(self);
    tr_durable_subs_review(self);
    if (d->versioned)
        return 0;
    tr_batch_t *batch = tr_batch_open(self);
    if (!batch)
        return -ENOMEM;
    uint8_t version[4];
    tr_key_t key = tr_key_named(TR_KEY_VERSION, "");
    tr_put32(version, TR_JOURNAL_VERSION);
    return tr_batch_more(batch, TR_JOURNAL_PUT, &key, version, sizeof version) ? 0 : -ENOMEM;
}
