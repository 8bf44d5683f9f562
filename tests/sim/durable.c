#include "tests/sim/durable.h"

#include "broker/core/durable/journal_code.h"
#include "broker/core/durable/stream.h"
#include "lib/store/journal_batch.h"
#include "proto/bundle.h"
#include "tests/sim/actor.h"
#include "tests/sim/disk.h"
#include "tests/sim/proc.h"

#include <stdlib.h>

#define CALM_NS   (4 * SIM_SECOND)
#define LOSS_NS   (1500 * SIM_MS)
#define FORGET_NS (3 * SIM_SECOND) /* a tick, a read and a write */

typedef struct stored_key {
    uint64_t proc, start, id; /* a producer, its epoch, its number */
} stored_key_t;

static const sim_broker_t *home_of(const sim_ledger_t *self, unsigned actor) {
    return sim_home(self->world, sim_actor_proc(self->world, actor));
}

void sim_durable_sent(sim_ledger_t *self, uint32_t letter, uint64_t id) {
    const sim_proc_t *p = sim_actor_proc(self->world, sim_letter(self, letter)->from);
    stored_key_t key = {p->index, p->starts, id};
    if (tr_map_put(&self->stored, (const char *)&key, sizeof key, letter) < 0)
        abort();
}

/* A NACK that says why it could not be delivered means that it was stored before, and that news is lost. */
void sim_durable_told(sim_ledger_t *self, uint32_t letter, const tr_message_t *failure) {
    sim_letter_t *l = sim_letter(self, letter);
    tr_reason_t why = failure ? tr_message_reason(failure) : TR_REASON_NONE;
    sim_say(self->world, "%s: letter %u is %s", sim_actor_name(self->world, l->from), letter,
        failure ? tr_reason_name(why) : "stored");
    if (l->outcomes++)
        sim_fail(self->world, "letter %u had two outcomes", letter);
    l->acknowledged = !failure;
    l->refused = failure && why != TR_REASON_TRIES && why != TR_REASON_POISON && why != TR_REASON_EXPIRED &&
                 why != TR_REASON_TOO_OLD;
    if (why == TR_REASON_FORBIDDEN && !l->forbidden)
        sim_fail(self->world, "letter %u was refused as forbidden, and it is not", letter);
    if (l->acknowledged && l->forbidden)
        sim_fail(self->world, "letter %u was acknowledged, and its sender may not send it", letter);
    if (l->acknowledged && !(l->synced & sim_broker_bit(home_of(self, l->from))))
        sim_fail(self->world, "letter %u was acknowledged, and it is not on disk", letter);
    if (l->refused && l->deliveries)
        sim_fail(self->world, "letter %u was not taken (%s), and yet delivered", letter, tr_reason_name(why));
}

/* Who keeps it for longer than its lease says so in time, by himself: where nothing is wrong nobody else gets it meanwhile. */
static void check_kept(const sim_ledger_t *self, uint32_t letter, const char *to) {
    const sim_plan_t *p = &self->world->plan;
    for (unsigned i = 0; p->calm && !p->withdraws && i < p->actors_n; i++)
        for (const sim_kept_t *k = sim_actor(self->world, i)->kept; k; k = k->next)
            if (k->number == letter)
                sim_fail(self->world,
                    "%s got letter %u, which %s has in hand, and its link extends the lease", to, letter,
                    sim_actor_name(self->world, i));
}

void sim_durable_delivered(sim_ledger_t *self, uint32_t letter, unsigned actor, const tr_message_t *message) {
    sim_letter_t *l = sim_letter(self, letter);
    const char *to = sim_actor_name(self->world, actor);
    bool again = tr_message_redelivered(message);
    check_kept(self, letter, to);
    if (!(l->synced & sim_broker_bit(home_of(self, actor))))
        sim_fail(self->world, "%s got letter %u, which is not on its broker's disk", to, letter);
    if (l->refused && l->kind == SIM_DURABLE)
        sim_fail(self->world, "%s got letter %u, which its sender was told is not taken", to, letter);
    if (!again && l->unflagged++) /* the first one may be late, and come after the second */
        sim_fail(self->world, "one effect: %s got letter %u twice, and nothing says so", to, letter);
    if (!again && !l->requeued)
        sim_check_order(self, letter, actor, 0x100u + l->lane * 2u + (l->kind == SIM_DURABLE));
    l->deliveries++;
}

void sim_durable_heard(sim_ledger_t *self, uint32_t letter, unsigned actor, const tr_message_t *message) {
    sim_letter_t *l = sim_letter(self, letter);
    sim_check_allowed(self, letter, actor);
    if (!(l->synced & sim_broker_bit(home_of(self, actor))))
        sim_fail(self->world, "%s hears letter %u, which is not on disk", sim_actor_name(self->world, actor),
            letter);
    if (!tr_message_redelivered(message) && !l->requeued) /* nor does it come twice */
        sim_check_order(self, letter, actor, 0x1000u + l->topic);
    l->deliveries++;
}

void sim_durable_finished(sim_ledger_t *self, uint32_t letter) {
    sim_say(self->world, "letter %u is dealt with", letter);
    sim_letter(self, letter)->finished = true;
}

/* A letter in a broker's journal. */
typedef struct found {
    sim_broker_t *broker;
    uint32_t letter; /* 0: something else */
    char type;       /* of the key */
    tr_reason_t why; /* it is a dead letter */
    tr_block_place_t place;
    uint64_t number; /* in its lane */
    uint64_t batch;
} found_t;
typedef void (*found_fn)(const found_t *found);

/* Calls fn for each letter of a pair of the journal. */
static void each_letter(found_t f, const tr_journal_op_t *op, found_fn fn) {
    tr_block_reader_t block;
    tr_block_message_t m;
    tr_letter_info_t dead;
    f.type = *(const char *)op->key;
    if (op->type != TR_JOURNAL_PUT)
        return;
    if (f.type == TR_KEY_LETTER && tr_letter_read(&dead, op->value, op->value_len)) {
        f.letter = sim_letter_read(dead.record.content, dead.record.content_len);
        f.why = dead.reason;
        fn(&f);
        return;
    }
    if ((f.type != TR_KEY_BLOCK && f.type != TR_KEY_STREAM_BLOCK) ||
        !tr_block_open(&block, op->key, op->key_len, op->value, op->value_len) ||
        !tr_key_place(op->key, op->key_len, &f.place))
        return;
    for (f.number = f.place.first; tr_block_next(&block, &m); f.number++) {
        f.letter = sim_letter_read(m.record.content, m.record.content_len);
        fn(&f);
    }
}

static sim_place_t place_of(const found_t *f) {
    bool queued = f->type == TR_KEY_BLOCK;
    return (sim_place_t){f->broker->index, queued ? f->place.queue : 0, f->place.lane, f->number};
}

/* It is on disk, and stands there for ever: other brokers know it by its place. */
static void is_placed(sim_ledger_t *self, uint32_t letter, const sim_place_t *place) {
    if (!place->queue || self->world->brokers_n < 2)
        return;
    const uint64_t *before = tr_map_find(&self->placed, (const char *)place, sizeof *place);
    if (before && *before != letter)
        sim_fail(self->world, "letter %u gets the number %llu of queue %llu of %s, which letter %u has had",
            letter, (unsigned long long)place->number, (unsigned long long)place->queue,
            self->world->brokers[place->broker]->platform, (unsigned)*before);
    if (tr_map_put(&self->placed, (const char *)place, sizeof *place, letter) < 0)
        abort();
}

/* What has not waited for as long as it may is no dead letter for that. */
static void check_age(const found_t *f) {
    sim_world_t *w = f->broker->world;
    int64_t age_ms = (w->now_ns - sim_letter(w->ledger, f->letter)->sent_ns) / SIM_MS;
    if (f->why == TR_REASON_TOO_OLD && age_ms < w->plan.core.queue_age_ms &&
        !w->plan.faults[SIM_FAULT_BROKER_WALL])
        sim_fail(w, "letter %u is a dead one for its age: %lld ms of %lld", f->letter, (long long)age_ms,
            (long long)w->plan.core.queue_age_ms);
}

static void remember(const found_t *f) {
    sim_ledger_t *self = f->broker->world->ledger;
    if (!f->letter)
        return;
    check_age(f);
    if (self->writing_n == self->writing_cap) {
        self->writing_cap = self->writing_cap ? self->writing_cap * 2 : 64;
        self->writing = sim_grow(self->writing, self->writing_cap * sizeof *self->writing);
    }
    self->writing[self->writing_n++] =
        (sim_writing_t){f->letter, f->broker, f->batch, self->world->now_ns, place_of(f)};
}

/* A stream forgets its oldest publications, and what stays is never less than it is to hold. */
static void check_forgets(const sim_broker_t *b, const tr_journal_op_t *op) {
    const sim_plan_t *p = &b->world->plan;
    const tr_stream_t *s = b->core->durable->streams;
    tr_block_place_t place;
    if (op->type != TR_JOURNAL_DELETE || *(const char *)op->key != TR_KEY_STREAM_BLOCK ||
        !tr_key_place(op->key, op->key_len, &place) || !s || p->stream_age_ms || p->stream_bytes)
        return;
    if (!p->stream_records || s->tail - s->first < p->stream_records)
        sim_fail(b->world,
            "stream: what was published before %llu is forgotten, the next one is %llu, and it is to hold "
            "%llu",
            (unsigned long long)s->first, (unsigned long long)s->tail, (unsigned long long)p->stream_records);
}

/* What was published within the last seconds; it need not be forgotten yet. */
static void count_published(sim_broker_t *b, const tr_journal_op_t *op) {
    tr_block_reader_t block;
    sim_published_t *now = &b->published[0];
    if (op->type != TR_JOURNAL_PUT || *(const char *)op->key != TR_KEY_STREAM_BLOCK ||
        !tr_block_open(&block, op->key, op->key_len, op->value, op->value_len))
        return;
    if (b->world->now_ns - now->since_ns > FORGET_NS) {
        b->published[1] = *now;
        *now = (sim_published_t){.since_ns = b->world->now_ns};
    }
    now->records += block.count;
    now->bytes += op->value_len;
}

void sim_durable_written(sim_broker_t *broker, const tr_core_out_t *batch) {
    tr_journal_reader_t reader;
    tr_journal_op_t op;
    tr_journal_reader_init(&reader, batch->detail, batch->len);
    while (tr_journal_reader_next(&reader, &op) > 0) {
        check_forgets(broker, &op);
        count_published(broker, &op);
        each_letter((found_t){.broker = broker, .batch = batch->number}, &op, remember);
    }
}

void sim_durable_synced(sim_broker_t *broker, uint64_t batch) {
    sim_ledger_t *l = broker->world->ledger;
    size_t kept = 0;
    for (size_t i = 0; i < l->writing_n; i++) {
        const sim_writing_t *w = &l->writing[i];
        if (w->broker != broker || w->batch > batch) {
            l->writing[kept++] = *w;
            continue;
        }
        sim_letter(l, w->letter)->synced |= sim_broker_bit(broker);
        is_placed(l, w->letter, &w->place);
    }
    l->writing_n = kept;
}

typedef struct scan {
    sim_broker_t *broker;
    found_fn fn;
} scan_t;

static bool scan_one(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    const scan_t *s = arg;
    const tr_journal_op_t op = {
        .type = TR_JOURNAL_PUT, .key = key, .key_len = key_len, .value = value, .value_len = value_len};
    each_letter((found_t){.broker = s->broker}, &op, s->fn);
    return true;
}

static void scan(sim_broker_t *b, found_fn fn) {
    tr_error_t error = {0};
    scan_t s = {b, fn};
    if (tr_journal_scan(sim_disk_journal(b->disk), &(tr_journal_range_t){0}, 0, scan_one, &s, &error) < 0)
        sim_fail(b->world, "the journal cannot be scanned: %s", error.text);
}

static void is_there(const found_t *f) {
    sim_ledger_t *l = f->broker->world->ledger;
    sim_place_t place = place_of(f);
    if (!f->letter)
        return;
    sim_letter(l, f->letter)->synced |= sim_broker_bit(f->broker);
    is_placed(l, f->letter, &place);
}

/* The end of a machine may take what was published within the last second; here the tick and the disk get half a second more. */
void sim_durable_died(sim_broker_t *broker, sim_death_t how) {
    int64_t now = broker->world->now_ns;
    bool calm = broker->disturbed_ns <= now - CALM_NS && broker->disk->mended_ns <= now - CALM_NS;
    broker->safe_ns = how == SIM_DEATH_POWER && calm && !broker->journal_failed ? now - LOSS_NS : 0;
}

static void check_lost(sim_broker_t *b, const sim_writing_t *w) {
    const sim_letter_t *l = sim_letter(b->world->ledger, w->letter);
    const sim_plan_t *p = &b->world->plan;
    if (!(l->synced & sim_broker_bit(b)) && l->kind == SIM_EVENT && w->at_ns < b->safe_ns &&
        !p->stream_records && !p->stream_age_ms)
        sim_fail(b->world, "stream: letter %u was published long before %s died, and is lost", w->letter,
            b->platform);
}

void sim_durable_recovered(sim_broker_t *broker) {
    sim_ledger_t *l = broker->world->ledger;
    if (tr_journal_disk_unsynced(broker->disk->store))
        sim_fail(broker->world, "%s begins with what is not on disk", broker->platform);
    scan(broker, is_there);
    size_t kept = 0;
    for (size_t i = 0; i < l->writing_n; i++) {
        if (l->writing[i].broker == broker)
            check_lost(broker, &l->writing[i]);
        else
            l->writing[kept++] = l->writing[i];
    }
    l->writing_n = kept;
}

static void says(sim_broker_t *b, const sim_conn_t *conn, uint64_t id) {
    sim_ledger_t *l = b->world->ledger;
    stored_key_t key = {conn->proc->index, conn->start, id};
    const uint64_t *letter = tr_map_find(&l->stored, (const char *)&key, sizeof key);
    if (!letter)
        sim_fail(b->world, "%s is told that %llu is stored, which it never sent", conn->proc->name,
            (unsigned long long)id);
    if (!(sim_letter(l, (uint32_t)*letter)->synced & sim_broker_bit(b)))
        sim_fail(b->world, "letter %u is acknowledged, and it is not on disk", (unsigned)*letter);
    sim_letter(l, (uint32_t)*letter)->stored = true;
}

void sim_durable_says(sim_broker_t *broker, const sim_conn_t *conn, const tr_buf_t *buf) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    if (tr_bundle_open(&reader, buf->data, buf->len, UINT32_MAX) != TR_REASON_NONE)
        return;
    while (tr_bundle_next(&reader, &r) > 0)
        for (uint32_t at = 0; r.h.kind == TR_KIND_STORED && at + 16 <= r.content_len; at += 16)
            for (uint64_t i = 0; i < tr_get64(r.content + at + 8); i++)
                says(broker, conn, tr_get64(r.content + at) + i);
}

/* What another broker gave it, by its place in that one's journal. */
static void says_to(sim_broker_t *b, const sim_broker_t *to, sim_place_t key) {
    sim_ledger_t *l = b->world->ledger;
    const uint64_t *letter = tr_map_find(&l->placed, (const char *)&key, sizeof key);
    if (!letter)
        sim_fail(b->world, "%s tells %s that %llu of its queue %llu is stored, which never was there",
            b->platform, to->platform, (unsigned long long)key.number, (unsigned long long)key.queue);
    if (!(sim_letter(l, (uint32_t)*letter)->synced & sim_broker_bit(b)))
        sim_fail(b->world, "%s tells %s that letter %u is stored, and it is not on its disk", b->platform,
            to->platform, (unsigned)*letter);
}

void sim_durable_says_to(sim_broker_t *broker, const sim_broker_t *to, const tr_record_t *r) {
    for (uint32_t at = 0; r->h.kind == TR_KIND_STORED && at + 16 <= r->content_len; at += 16)
        for (uint64_t i = 0; i < tr_get64(r->content + at + 8); i++)
            says_to(
                broker, to, (sim_place_t){to->index, r->h.id, r->h.priority, tr_get64(r->content + at) + i});
}

static void is_dead(const found_t *f) {
    if (f->letter && f->type == TR_KEY_LETTER)
        sim_letter(f->broker->world->ledger, f->letter)->dead = true;
}

static void check_letter(sim_ledger_t *self, uint32_t number, const sim_letter_t *l) {
    if (!l->outcomes && !self->lives[l->life].over)
        sim_fail(self->world, "durable letter %u of %s had no outcome", number,
            sim_actor_name(self->world, l->from));
    if ((l->acknowledged || l->stored) && !l->finished && !l->dead && !l->dropped)
        sim_fail(self->world, "letter %u was acknowledged, and then lost (delivered %u times)", number,
            l->deliveries);
}

/* It holds no more than it may, but for what came just now. */
static void check_holds(const sim_broker_t *b) {
    uint64_t records = 0, bytes = 0;
    if (b->disturbed_ns > b->world->now_ns - FORGET_NS)
        return;
    for (int i = 0; i < 2; i++)
        if (b->world->now_ns - b->published[i].since_ns < 2 * FORGET_NS) {
            records += b->published[i].records;
            bytes += b->published[i].bytes;
        }
    for (const tr_stream_t *s = b->core->durable->streams; s; s = s->next)
        if ((s->limits.records && s->records > s->limits.records + s->oldest_records + records) ||
            (s->limits.bytes && s->bytes > s->limits.bytes + bytes && s->records > s->oldest_records))
            sim_fail(b->world, "stream: it holds %llu publications, %llu bytes, and may hold %llu, %llu",
                (unsigned long long)s->records, (unsigned long long)s->bytes,
                (unsigned long long)s->limits.records, (unsigned long long)s->limits.bytes);
}

void sim_durable_check(sim_world_t *world) {
    sim_ledger_t *self = world->ledger;
    if (!world->plan.core.journal)
        return;
    for (unsigned i = 0; i < world->brokers_n; i++) {
        scan(world->brokers[i], is_dead);
        check_holds(world->brokers[i]);
    }
    for (uint32_t i = 1; i < self->letters_n; i++)
        if (self->letters[i].kind == SIM_DURABLE && !self->letters[i].unsent)
            check_letter(self, i, &self->letters[i]);
}
