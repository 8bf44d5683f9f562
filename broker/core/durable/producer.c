/*
 * Producers: who sends durable messages, known by a name that outlives its connections, and which of its numbers were taken
 * (dedup.h). What a producer sends again after a lost connection has no second effect. A producer that begins anew counts its epoch
 * up: its numbers start again, and the one before it is fenced off.
 */
#include "broker/core/durable/durable.h"

#include "lib/store/journal.h"

#include <stdio.h>
#include <stdlib.h>

#define PRODUCER_BYTES  (16u + TR_DEDUP_BYTES)
#define STORED_MAX      2048u /* ranges in one record */
#define FORGET_EVERY_MS 1000
#define FORGET_AT_ONCE  256u

/* Its maker's name is the first part of its own. */
static bool charge(tr_core_t *core, const char *name, const tr_session_t *by, tr_maker_t **ret_maker) {
    const char *end = strchr(name, '/');
    const tr_made_for_t whom = {name, end ? (size_t)(end - name) : 0, by};
    return tr_maker_charge(core, &whom, TR_MADE_PRODUCER, ret_maker);
}

static tr_producer_t *producer_new(tr_core_t *core, const char *name, const tr_session_t *by) {
    tr_durable_t *d = core->durable;
    tr_maker_t *maker;
    if (d->producers.count >= core->config.producers_max) {
        snprintf(d->words, sizeof d->words, "this broker knows %u producers, as many as it may",
            core->config.producers_max);
        return NULL;
    }
    if (!charge(core, name, by, &maker))
        return NULL;
    tr_producer_t *p = calloc(1, sizeof *p);
    if (!p || !(p->name = strdup(name)) ||
        tr_map_put(&d->producers, name, strlen(name), (uint64_t)(uintptr_t)p) < 0) {
        if (p)
            free(p->name);
        free(p);
        tr_maker_release(core, maker, TR_MADE_PRODUCER);
        return NULL;
    }
    p->maker = maker;
    core->stats.producers++;
    p->number = d->next_producer++;
    return p;
}

tr_producer_t *tr_producer_get(
    tr_core_t *core, const char *name, uint64_t epoch, const tr_session_t *by, tr_reason_t *ret_why) {
    tr_producer_t *p = tr_map_find_ptr(&core->durable->producers, name, strlen(name));
    if (!p && !(p = producer_new(core, name, by))) {
        *ret_why = TR_REASON_LIMIT;
        return NULL;
    }
    if (epoch < p->epoch) {
        *ret_why = TR_REASON_OLD_EPOCH;
        return NULL;
    }
    if (epoch > p->epoch) {
        p->epoch = epoch;
        p->taken = (tr_dedup_t){0};
        tr_producer_dirty(core, p);
    }
    return p;
}

static void hear(const tr_core_t *core, tr_producer_t *producer) {
    producer->seen_ms = core->now.wall_ms;
    producer->heard_ms = core->now.mono_ms;
}

void tr_producer_silent(tr_core_t *core, tr_session_t *session) {
    tr_producer_t *p = session->producer;
    if (!p)
        return;
    hear(core, p);
    p->sessions--;
    if (p->session == session)
        p->session = NULL;
    session->producer = NULL;
}

void tr_producers_silent(tr_core_t *core, const tr_session_t *session) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while (core->durable && (slot = tr_map_next(&core->durable->producers, &cursor))) {
        tr_producer_t *p = (tr_producer_t *)(uintptr_t)slot->value;
        if (p->session == session)
            p->session = NULL;
    }
}

/* One that spoke as it before may go on: a HELLO that comes late, or once more, must not silence who says something after it. Who is of an
 * older life is fenced off by its epoch. */
void tr_producer_speaks(tr_core_t *core, tr_producer_t *producer, tr_session_t *session) {
    tr_producer_silent(core, session);
    producer->sessions++;
    producer->session = session;
    session->producer_epoch = producer->epoch;
    hear(core, producer);
    session->producer = producer;
}

void tr_producer_dirty(tr_core_t *core, tr_producer_t *producer) {
    hear(core, producer);
    if (producer->dirty)
        return;
    producer->dirty = true;
    producer->next_dirty = core->durable->dirty_producers;
    core->durable->dirty_producers = producer;
}

void tr_producer_write(tr_buffer_t *ops, const tr_producer_t *producer) {
    uint8_t value[PRODUCER_BYTES];
    tr_key_t key = tr_key_named(TR_KEY_PRODUCER, producer->name);
    tr_put64(value, producer->epoch);
    tr_put64(value + 8, (uint64_t)producer->seen_ms);
    size_t len = tr_dedup_write(&producer->taken, value + 16);
    tr_batch_put(ops, &key, value, 16 + len);
}

bool tr_producer_recover(tr_core_t *core, const char *name, const void *value, size_t len) {
    const uint8_t *v = value;
    tr_dedup_t taken;
    if (len < 16 || !tr_dedup_read(&taken, v + 16, len - 16))
        return false;
    tr_producer_t *p = producer_new(core, name, NULL);
    if (!p)
        return false;
    p->epoch = tr_get64(v);
    p->seen_ms = (int64_t)tr_get64(v + 8);
    p->taken = taken;
    return true;
}

/* Not by address: the same events give the same order. */
static int compare(const void *a, const void *b) {
    const tr_ack_t *x = a, *y = b;
    if (x->producer != y->producer)
        return x->producer->number < y->producer->number ? -1 : 1;
    if (x->epoch != y->epoch)
        return x->epoch < y->epoch ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* To all who speak as it, for which of them has sent these is not known any more: more than one do where a HELLO came twice. Where
 * there is none, it asks again when it is back. */
static void tell(tr_core_t *core, const tr_producer_t *p, const uint8_t *body, size_t len) {
    tr_record_header_t h = {.kind = TR_KIND_STORED};
    if (p->session && p->session->neighbour) {
        h.id = p->origin;
        h.priority = p->lane;
        tr_control_send(core, p->session, &h, body, len);
        return;
    }
    if (p->session && p->sessions == 1) {
        tr_control_send(core, p->session, &h, body, len);
        return;
    }
    for (uint32_t i = 0; p->sessions && i < core->sessions_n; i++) {
        tr_session_t *s = core->sessions[i];
        if (s && s->producer == p && s->producer_epoch == p->epoch)
            tr_control_send(core, s, &h, body, len);
    }
}

/* A run of one producer's acks, as ranges of {first, count}. Returns how many acks went into the record. */
static size_t send_stored(tr_core_t *core, const tr_ack_t *acks, size_t n) {
    uint8_t body[STORED_MAX * 16];
    size_t ranges = 0, i = 0;
    if (acks[0].epoch != acks[0].producer->epoch)
        return n; /* of the one before it: these numbers mean others now */
    while (i < n && ranges < STORED_MAX) {
        uint64_t first = acks[i].id, last = first;
        for (i++; i < n && acks[i].id <= last + 1;
             i++) /* the same number twice: sent again before it was on disk */
            last = acks[i].id;
        tr_put64(body + ranges * 16, first);
        tr_put64(body + ranges * 16 + 8, last - first + 1);
        ranges++;
    }
    tell(core, acks[0].producer, body, ranges * 16);
    return i;
}

void tr_producers_stored(tr_core_t *core, tr_ack_t *acks, size_t n) {
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++)
        sorted = compare(&acks[i - 1], &acks[i]) <= 0;
    if (!sorted)
        qsort(acks, n, sizeof *acks, compare);
    core->stats.stored += n;
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && acks[end].producer == acks[i].producer && acks[end].epoch == acks[i].epoch)
            acks[end++].producer->unsynced--;
        while (i < end)
            i += send_stored(core, acks + i, end - i);
    }
}

static void forget(tr_core_t *core, tr_batch_t *batch, tr_producer_t *p) {
    tr_key_t key = tr_key_named(TR_KEY_PRODUCER, p->name);
    if (!tr_batch_more(batch, TR_JOURNAL_DELETE, &key, NULL, 0))
        return; /* out of memory: later */
    tr_map_delete(&core->durable->producers, p->name, strlen(p->name));
    tr_maker_release(core, p->maker, TR_MADE_PRODUCER);
    core->stats.producers--;
    free(p->name);
    free(p);
}

/* How long one has been silent is known by the wall clock alone, which may have jumped: a quarter of the time is left to come back in
 * all the same. */
void tr_producers_recovered(tr_core_t *core) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&core->durable->producers, &cursor))) {
        tr_producer_t *p = (tr_producer_t *)(uintptr_t)slot->value;
        int64_t seen_ms = p->seen_ms > 0 ? p->seen_ms : 0; /* a damaged one */
        int64_t silent = core->now.wall_ms - seen_ms, most = core->config.dedup_ms / 4 * 3;
        p->heard_ms = core->now.mono_ms - (silent < 0 ? 0 : silent > most ? most : silent);
    }
}

/* One that has been silent for longer than the window lasts will not send again what it sent then. */
void tr_producer_tick(tr_core_t *core) {
    tr_durable_t *d = core->durable;
    if (core->now.mono_ms - d->forgot_ms < FORGET_EVERY_MS)
        return;
    d->forgot_ms = core->now.mono_ms;
    size_t cursor = 0, n = 0;
    const tr_map_slot_t *slot;
    tr_producer_t *old[FORGET_AT_ONCE];
    int64_t before = core->now.mono_ms - core->config.dedup_ms;
    while (n < FORGET_AT_ONCE && (slot = tr_map_next(&d->producers, &cursor))) {
        tr_producer_t *p = (tr_producer_t *)(uintptr_t)slot->value;
        if (!p->sessions && !p->unsynced && !p->dirty && p->heard_ms < before)
            old[n++] = p;
    }
    tr_batch_t *batch = n ? tr_batch_open(core) : NULL;
    for (size_t i = 0; batch && i < n; i++)
        forget(core, batch, old[i]);
}
