/* Streams: declaring them, writing to them, forgetting what is old (stream.h). */
#include "broker/core/durable/stream.h"
#include "broker/core/federation/interest.h"

#include "lib/store/journal_batch.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK_BYTES 65536u
#define PIECE_BYTES 262144u
#define SYNC_MS     1000
#define END_MARK                                                                                             \
    " end" /* in place of a consumer's name, which has no space: below this number all were used, and forgotten */
#define FIELD_TOPIC 0x5a /* of the envelope: 11, bytes (proto/acl.proto) */

tr_stream_t *tr_stream_find(const tr_core_t *core, const char *name) {
    for (tr_stream_t *s = core->durable ? core->durable->streams : NULL; s; s = s->next)
        if (!strcmp(s->name, name))
            return s;
    return NULL;
}

static uint32_t free_slot(const tr_durable_t *d) {
    uint32_t slot = 0;
    for (const tr_stream_t *s = d->streams; s; s = s->next)
        if (s->slot >= slot)
            slot = s->slot + 1;
    for (uint32_t i = 0; slot == TR_STREAMS_MAX && i < TR_STREAMS_MAX; i++) {
        const tr_stream_t *s = d->streams;
        while (s && s->slot != i)
            s = s->next;
        if (!s)
            return i;
    }
    return slot;
}

static tr_stream_t *stream_new(tr_core_t *core, const char *name, const char *pattern) {
    tr_durable_t *d = core->durable;
    uint32_t slot = free_slot(d);
    tr_stream_t *s = slot < TR_STREAMS_MAX ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return NULL;
    s->slot = slot;
    s->id = d->next_stream++;
    memcpy(s->name, name, strlen(name) + 1);
    memcpy(s->pattern, pattern, strlen(pattern) + 1);
    s->first = s->tail = s->synced = s->marked = 1;
    s->since_ms = core->now.wall_ms;
    tr_buffer_init(&s->open, 0);
    s->next = d->streams;
    d->streams = s;
    d->streams_version++;
    core->tapped |= !strncmp(pattern, "$tap", 4);
    tr_interest_pattern(core, pattern, strlen(pattern), 1);
    return s;
}

tr_reason_t tr_stream_declare(
    tr_core_t *core, const char *name, const char *pattern, const tr_stream_limits_t *limits) {
    size_t len = strlen(name);
    tr_stream_t *s = tr_stream_find(core, name);
    if (len > TR_STREAM_NAME_MAX || !tr_name_valid(name, len))
        return TR_REASON_BAD_NAME;
    if (!tr_pattern_valid(pattern, strlen(pattern)))
        return TR_REASON_BAD_TOPIC;
    if (s && strcmp(s->pattern, pattern) != 0)
        return TR_REASON_DUPLICATE_NAME;
    if (!s && !(s = stream_new(core, name, pattern)))
        return TR_REASON_LIMIT;
    s->limits = *limits;
    s->written = false;
    return TR_REASON_NONE;
}

static void stream_free(tr_stream_t *s) {
    while (s->consumers) {
        tr_consumer_t *next = s->consumers->next;
        free(s->consumers);
        s->consumers = next;
    }
    tr_buffer_finish(&s->open);
    free(s);
}

static tr_key_t consumer_key(const tr_stream_t *s, const char *name) {
    tr_key_t key = tr_key_numbered(TR_KEY_CONSUMER, s->id);
    size_t len = strlen(name);
    memcpy(key.bytes + key.len, name, len);
    key.len += len;
    return key;
}

/* Its declaration, its consumers, its blocks. */
static bool erase(tr_batch_t *batch, const tr_stream_t *s) {
    tr_key_t name = tr_key_named(TR_KEY_STREAM, s->name);
    tr_key_t from = tr_key_of_block(TR_KEY_STREAM_BLOCK, s->id, 0, 0);
    tr_key_t to = tr_key_of_block(TR_KEY_STREAM_BLOCK, s->id, 1, 0);
    bool good = tr_batch_more(batch, TR_JOURNAL_DELETE, &name, NULL, 0) &&
                tr_batch_more(batch, TR_JOURNAL_DELETE_RANGE, &from, to.bytes, to.len);
    tr_key_t mark = consumer_key(s, END_MARK);
    good = good && tr_batch_more(batch, TR_JOURNAL_DELETE, &mark, NULL, 0);
    for (const tr_consumer_t *c = s->consumers; c && good; c = c->next) {
        tr_key_t key = consumer_key(s, c->name);
        good = tr_batch_more(batch, TR_JOURNAL_DELETE, &key, NULL, 0);
    }
    return good;
}

bool tr_stream_drop(tr_core_t *core, tr_stream_t *stream) {
    tr_batch_t *batch = tr_batch_open(core);
    size_t before = batch ? batch->more.size : 0;
    if (!batch || !erase(batch, stream)) {
        if (batch)
            batch->more.size = before;
        return false;
    }
    batch->sync = true;
    tr_stream_t **p = &core->durable->streams;
    while (*p != stream)
        p = &(*p)->next;
    *p = stream->next;
    core->durable->streams_version++;
    tr_interest_pattern(core, stream->pattern, strlen(stream->pattern), -1);
    stream_free(stream);
    return true;
}

const tr_consumer_t *tr_stream_consumer(const tr_stream_t *stream, const char *name) {
    for (const tr_consumer_t *c = stream->consumers; c; c = c->next)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

bool tr_stream_commit(tr_stream_t *stream, const char *consumer, uint64_t position) {
    tr_consumer_t *c = (tr_consumer_t *)(uintptr_t)tr_stream_consumer(stream, consumer);
    uint32_t n = 0;
    for (const tr_consumer_t *other = stream->consumers; other; other = other->next)
        n++;
    if (!c) {
        c = n < TR_CONSUMERS_MAX ? calloc(1, sizeof *c) : NULL;
        if (!c)
            return false;
        memcpy(c->name, consumer, strlen(consumer) + 1);
        c->next = stream->consumers;
        stream->consumers = c;
    }
    c->position = position < stream->tail ? position : stream->tail;
    c->dirty = true;
    return true;
}

/* The topic as a field of the envelope; its name is shorter than 256 bytes. */
static size_t topic_field(const tr_topic_t *topic, uint8_t out[TR_TOPIC_MAX + 3]) {
    size_t head = 2;
    out[0] = FIELD_TOPIC;
    out[1] = (uint8_t)topic->name_len;
    if (topic->name_len > 127) {
        out[1] = (uint8_t)(topic->name_len | 0x80);
        out[head++] = 1;
    }
    memcpy(out + head, topic->name, topic->name_len);
    return head + topic->name_len;
}

bool tr_record_with_topic(tr_core_t *core, const tr_topic_t *topic, const tr_record_t *record,
    const tr_record_header_t *h, tr_record_t *ret) {
    uint8_t field[TR_TOPIC_MAX + 3];
    size_t more = topic_field(topic, field), content = h->length - TR_RECORD_HEADER - h->envelope_len;
    tr_buffer_t *scratch =
        &core->durable->scratch; /* not the arena: it may hold a request that this follows from */
    core->durable->scratch_version++;
    scratch->size = 0;
    scratch->failed = false;
    tr_buffer_put(scratch, record->envelope, h->envelope_len);
    tr_buffer_put(scratch, field, more);
    tr_buffer_put(scratch, record->envelope + h->envelope_len, content);
    if (scratch->failed || h->envelope_len + more > TR_ENVELOPE_MAX)
        return false;
    *ret = (tr_record_t){.h = *h, .envelope = (const uint8_t *)scratch->data};
    ret->h.envelope_len = (uint16_t)(h->envelope_len + more);
    ret->h.length = (uint32_t)(h->length + more);
    return true;
}

/* A full block goes into the batch ahead of its end. False when out of memory. */
static bool close_block(tr_stream_t *s, tr_batch_t *batch) {
    tr_key_t key = tr_key_of_block(TR_KEY_STREAM_BLOCK, s->id, 0, s->open_first);
    tr_block_close(&s->open, &key, s->open_count);
    if (!tr_batch_more(batch, TR_JOURNAL_PUT, &key, s->open.data, s->open.size))
        return false;
    tr_buffer_finish(&s->open);
    s->open_count = 0;
    return true;
}

/* Room in the open block, for this number. Numbers in a block have no holes. */
static bool open_block(tr_stream_t *s, tr_batch_t *batch, uint64_t number) {
    static const uint8_t header[TR_BLOCK_HEADER];
    bool full = s->open_count && (s->open_count == TR_STREAM_BLOCK_MAX || s->open.size >= BLOCK_BYTES ||
                                     number != s->open_first + s->open_count);
    if (full && !close_block(s, batch))
        return false;
    if (s->open_count)
        return true;
    s->open.size = 0;
    tr_buffer_put(&s->open, header, sizeof header);
    s->open_first = number;
    return !s->open.failed;
}

static bool add(tr_core_t *core, tr_stream_t *s, tr_batch_t *batch, const tr_record_t *r, uint64_t number) {
    bool room = batch && batch->more.size < core->config.unsynced_bytes && open_block(s, batch, number);
    size_t before = s->open.size;
    if (room)
        tr_block_add(&s->open, r, core->now.wall_ms);
    if (room && !s->open.failed)
        return true;
    s->open.failed = false;
    s->open.size = before;
    return false;
}

/* Of the oldest block nothing is known. */
static void forget_oldest(tr_stream_t *s) {
    s->oldest_ms = 0;
    s->oldest_records = s->oldest_bytes = 0;
}

/* While the disk is behind, or memory is short, a number is missing. */
static void append(tr_core_t *core, tr_stream_t *s, const tr_record_t *r) {
    tr_durable_t *d = core->durable;
    uint64_t number = s->tail++;
    tr_batch_t *batch = tr_batch_open(core);
    if (!add(core, s, batch, r, number)) {
        s->dropped++;
        return;
    }
    s->open_count++;
    s->blocks_end = number + 1;
    s->bytes += r->h.length + TR_MESSAGE_HEADER;
    if (!s->records++) {
        s->first = number;
        forget_oldest(s);
        s->oldest_ms = core->now.wall_ms;
    }
    batch->wanted = true;
    if (core->now.mono_ms - d->streams_synced_ms < SYNC_MS)
        return;
    batch->sync = true;
    d->streams_synced_ms = core->now.mono_ms;
}

/* The platform's own topics are only in streams that ask for them. */
static bool is_in(const tr_stream_t *s, const char *topic, size_t len) {
    return (topic[0] != '$' || s->pattern[0] == '$') &&
           tr_pattern_matches(s->pattern, strlen(s->pattern), topic, len);
}

bool tr_streams_tap(const tr_core_t *core) {
    for (const tr_stream_t *s = core->durable ? core->durable->streams : NULL; s; s = s->next)
        if (!strncmp(s->pattern, "$tap", 4))
            return true;
    return false;
}

bool tr_streams_match(const tr_core_t *core, const char *topic, size_t len) {
    for (const tr_stream_t *s = core->durable ? core->durable->streams : NULL; s; s = s->next)
        if (is_in(s, topic, len))
            return true;
    return false;
}

static void match(const tr_core_t *core, tr_topic_t *topic) {
    memset(topic->in_streams, 0, sizeof topic->in_streams);
    for (const tr_stream_t *s = core->durable->streams; s; s = s->next)
        if (tr_pattern_matches(s->pattern, strlen(s->pattern), topic->name, topic->name_len) &&
            (topic->name[0] != '$' ||
                s->pattern[0] == '$')) /* the platform's own only where they are meant */
            topic->in_streams[s->slot / 64] |= 1ull << s->slot % 64;
    topic->streams_version = core->durable->streams_version;
}

bool tr_topic_in_streams(const tr_core_t *core, tr_topic_t *topic) {
    uint64_t any = 0;
    if (!core->durable || !core->durable->streams)
        return false;
    if (topic->streams_version != core->durable->streams_version)
        match(core, topic);
    for (size_t i = 0; i < sizeof topic->in_streams / sizeof *topic->in_streams; i++)
        any |= topic->in_streams[i];
    return any != 0;
}

void tr_stream_append(tr_core_t *core, const tr_topic_t *topic, const tr_topic_t *named,
    const tr_record_t *record, const tr_record_header_t *h) {
    tr_record_t r;
    bool good = tr_record_with_topic(core, named, record, h, &r);
    for (tr_stream_t *s = core->durable->streams; s; s = s->next) {
        if (!(topic->in_streams[s->slot / 64] >> s->slot % 64 & 1))
            continue;
        if (good) {
            append(core, s, &r);
        } else {
            s->tail++;
            s->dropped++;
        }
    }
}

static void put_declaration(tr_buffer_t *ops, const tr_stream_t *s) {
    uint8_t value[56 + TR_TOPIC_MAX];
    size_t len = strlen(s->pattern);
    tr_key_t key = tr_key_named(TR_KEY_STREAM, s->name);
    tr_put64(value, s->id);
    tr_put64(value + 8, (uint64_t)s->since_ms);
    tr_put64(value + 16, s->limits.age_ms);
    tr_put64(value + 24, s->limits.bytes);
    tr_put64(value + 32, s->limits.records);
    memcpy(value + 40, s->pattern, len);
    tr_batch_put(ops, &key, value, 40 + len);
}

static void put_consumer(tr_buffer_t *ops, const tr_stream_t *s, const tr_consumer_t *c) {
    uint8_t value[8];
    tr_key_t key = consumer_key(s, c->name);
    tr_put64(value, c->position);
    tr_batch_put(ops, &key, value, sizeof value);
}

/* The last numbers were dropped: no block tells the next broker that they were given out. */
static bool is_unmarked(const tr_stream_t *s) {
    return s->tail > s->blocks_end && s->tail > s->marked;
}

static void put_end(tr_buffer_t *ops, const tr_stream_t *s) {
    uint8_t value[8];
    tr_key_t key = consumer_key(s, END_MARK);
    tr_put64(value, s->tail);
    tr_batch_put(ops, &key, value, sizeof value);
}

void tr_streams_lay_out(tr_core_t *core, tr_buffer_t *ops) {
    for (tr_stream_t *s = core->durable->streams; s; s = s->next) {
        if (!s->written)
            put_declaration(ops, s);
        if (is_unmarked(s))
            put_end(ops, s);
        for (const tr_consumer_t *c = s->consumers; c; c = c->next)
            if (c->dirty)
                put_consumer(ops, s, c);
        if (!s->open_count)
            continue;
        tr_key_t key = tr_key_of_block(TR_KEY_STREAM_BLOCK, s->id, 0, s->open_first);
        tr_block_close(&s->open, &key, s->open_count);
        tr_batch_put(ops, &key, s->open.data, s->open.size);
    }
}

void tr_streams_clean(tr_core_t *core, const tr_batch_t *batch) {
    tr_durable_t *d = core->durable;
    d->streams_unsynced = !batch->sync && (d->streams_unsynced || tr_streams_dirty(core));
    for (tr_stream_t *s = d->streams; s; s = s->next) {
        s->handed[batch->number % TR_BATCHES_OUT] = s->tail;
        s->marked = is_unmarked(s) ? s->tail : s->marked;
        s->written = true;
        for (tr_consumer_t *c = s->consumers; c; c = c->next)
            c->dirty = false;
        tr_buffer_finish(&s->open);
        s->open_count = 0;
    }
}

void tr_streams_synced(tr_core_t *core, const tr_batch_t *batch) {
    for (tr_stream_t *s = core->durable->streams; s; s = s->next)
        if (s->handed[batch->number % TR_BATCHES_OUT] > s->synced)
            s->synced = s->handed[batch->number % TR_BATCHES_OUT];
}

void tr_streams_want_sync(tr_core_t *core) {
    tr_durable_t *d = core->durable;
    tr_batch_t *batch = d->streams_unsynced || tr_streams_dirty(core) ? tr_batch_open(core) : NULL;
    if (!batch)
        return;
    batch->sync = batch->wanted = true;
    d->streams_synced_ms = core->now.mono_ms;
    tr_batch_flush_now(core);
}

void tr_streams_recovered(tr_core_t *core) {
    for (tr_stream_t *s = core->durable->streams; s; s = s->next)
        s->synced = s->tail;
}

bool tr_streams_dirty(const tr_core_t *core) {
    for (const tr_stream_t *s = core->durable->streams; s; s = s->next) {
        if (!s->written || s->open_count || is_unmarked(s))
            return true;
        for (const tr_consumer_t *c = s->consumers; c; c = c->next)
            if (c->dirty)
                return true;
    }
    return false;
}

/* Whether the oldest block goes. Whole blocks do: so many stay that there are never fewer records than the limit says; that there are no more bytes
 * than it says, but for the youngest block, which stays. What the oldest block is (0 = not known) is looked at first. */
static bool too_much(const tr_core_t *core, const tr_stream_t *s) {
    const tr_stream_limits_t *l = &s->limits;
    bool old = l->age_ms && (!s->oldest_ms || core->now.wall_ms - s->oldest_ms > (int64_t)l->age_ms);
    return s->records &&
           (old || (l->bytes && s->bytes > l->bytes && s->records > s->oldest_records) ||
               (l->records && s->records > l->records && s->records - s->oldest_records >= l->records));
}

/* Ahead of the deletion of a block, which may be the last one: numbers are not used twice. */
static bool mark_end(tr_batch_t *batch, tr_stream_t *s, uint64_t end) {
    uint8_t value[8];
    tr_key_t key = consumer_key(s, END_MARK);
    if (end <= s->marked)
        return true; /* it says so already */
    tr_put64(value, end);
    if (!tr_batch_more(batch, TR_JOURNAL_PUT, &key, value, sizeof value))
        return false;
    s->marked = end;
    return true;
}

/* Its youngest message tells the age of a block; of one that is damaged nothing is known, and it is as old as can be. */
static void look_at_oldest(tr_stream_t *s, const tr_journal_op_t *op) {
    tr_block_reader_t block;
    tr_block_message_t m = {0};
    bool good =
        tr_block_open(&block, op->key, op->key_len, op->value, op->value_len) && tr_block_next(&block, &m);
    s->oldest_ms = good ? m.wall_ms : 1;
    s->oldest_records = good ? block.count : 0;
    s->oldest_bytes = op->value_len - TR_BLOCK_HEADER;
    while (good && tr_block_next(&block, &m))
        s->oldest_ms = m.wall_ms;
}

static void trim_block(tr_core_t *core, tr_stream_t *s, tr_batch_t *batch, const tr_journal_op_t *op) {
    tr_block_place_t place;
    if (!tr_key_place(op->key, op->key_len, &place))
        return;
    s->first = place.first;
    look_at_oldest(s, op);
    if (!too_much(core, s))
        return;
    tr_key_t key = tr_key_of_block(TR_KEY_STREAM_BLOCK, s->id, 0, place.first);
    uint64_t n = s->oldest_records, bytes = s->oldest_bytes;
    if (!mark_end(batch, s, place.first + n) || !tr_batch_more(batch, TR_JOURNAL_DELETE, &key, NULL, 0))
        return; /* out of memory: on the next tick */
    s->records -= n < s->records ? n : s->records;
    s->bytes -= bytes < s->bytes ? bytes : s->bytes;
    s->first = place.first + n;
    forget_oldest(s);
}

static tr_stream_t *by_id(const tr_core_t *core, uint64_t id) {
    tr_stream_t *s = core->durable->streams;
    while (s && s->id != id)
        s = s->next;
    return s;
}

static void trim(tr_core_t *core, tr_stream_t *s);

/* All that there was then was to be found, and nothing was: numbers that were dropped, or blocks that are damaged. */
static void pass_by(tr_stream_t *s) {
    if (s->trimmed_tail > s->first)
        s->first = s->trimmed_tail;
    if (s->first == s->tail)
        s->records = s->bytes = 0;
}

static void on_oldest(tr_core_t *core, tr_read_t *read, const tr_found_t *found) {
    tr_stream_t *s = by_id(core, read->id);
    tr_batch_t *batch = s ? tr_batch_open(core) : NULL;
    tr_journal_reader_t reader;
    tr_journal_op_t op;
    if (!s)
        return;
    s->trimming = false;
    if (!batch || found->failed)
        return;
    tr_journal_reader_init(&reader, found->pairs, found->len);
    bool any = false;
    while (tr_journal_reader_next(&reader, &op) > 0 && (!any || too_much(core, s))) {
        trim_block(core, s, batch, &op);
        any = true;
    }
    if (!any) { /* what it holds was still on its way, or is gone */
        forget_oldest(s);
        s->oldest_ms = core->now.wall_ms;
        pass_by(s);
    } else if (too_much(core, s)) {
        trim(core, s);
    }
}

static void trim(tr_core_t *core, tr_stream_t *s) {
    tr_read_t read = {.done = on_oldest, .id = s->id};
    tr_key_t from = tr_key_of_block(TR_KEY_STREAM_BLOCK, s->id, 0, s->first);
    tr_key_t to = tr_key_of_block(TR_KEY_STREAM_BLOCK, s->id, 1, 0);
    s->trimming = tr_read_ask(core, &read, &from, &to, PIECE_BYTES);
    s->trimmed_tail = s->synced == s->tail ? s->tail : 0;
}

void tr_streams_tick(tr_core_t *core) {
    if (core->now.mono_ms - core->durable->streams_synced_ms >= SYNC_MS)
        tr_streams_want_sync(core);
    for (tr_stream_t *s = core->durable->streams; s; s = s->next)
        if (!s->trimming && too_much(core, s))
            trim(core, s);
}

void tr_streams_finish(tr_core_t *core) {
    while (core->durable->streams) {
        tr_stream_t *next = core->durable->streams->next;
        stream_free(core->durable->streams);
        core->durable->streams = next;
    }
}

int tr_stream_recover(tr_core_t *core, const tr_pair_t *pair) {
    char name[TR_STREAM_NAME_MAX + 1], pattern[TR_TOPIC_MAX + 1];
    size_t len = pair->key_len - 1, pattern_len = pair->value_len - 40;
    if (pair->value_len < 41 || pattern_len > TR_TOPIC_MAX || len > TR_STREAM_NAME_MAX)
        return -EBADMSG;
    memcpy(name, pair->key + 1, len);
    memcpy(pattern, pair->value + 40, pattern_len);
    name[len] = pattern[pattern_len] = 0;
    uint64_t next = core->durable->next_stream, id = tr_get64(pair->value);
    core->durable->next_stream = id;
    tr_stream_limits_t limits = {.age_ms = tr_get64(pair->value + 16),
        .bytes = tr_get64(pair->value + 24),
        .records = tr_get64(pair->value + 32)};
    if (tr_stream_declare(core, name, pattern, &limits) != TR_REASON_NONE)
        return -EBADMSG;
    core->durable->next_stream = next > id ? next : id + 1; /* they come by name, not by number */
    tr_stream_t *s = tr_stream_find(core, name);
    s->since_ms = (int64_t)tr_get64(pair->value + 8);
    s->written = true;
    return 0;
}

int tr_consumer_recover(tr_core_t *core, const tr_pair_t *pair) {
    char name[TR_STREAM_NAME_MAX + 1];
    size_t len = pair->key_len - 9;
    if (pair->key_len < 10 || len > TR_STREAM_NAME_MAX || pair->value_len != 8)
        return -EBADMSG;
    memcpy(name, pair->key + 9, len);
    name[len] = 0;
    tr_stream_t *s = by_id(core, tr_key_number(pair->key));
    if (!s)
        return -EBADMSG;
    if (!strcmp(name, END_MARK)) {
        s->first = s->tail = s->marked = tr_get64(pair->value);
        return 0;
    }
    uint64_t tail = s->tail;
    s->tail = UINT64_MAX; /* its blocks come later */
    bool done = tr_stream_commit(s, name, tr_get64(pair->value));
    s->tail = tail;
    if (!done)
        return -ENOMEM;
    s->consumers->dirty = false;
    return 0;
}

int tr_stream_block_recover(tr_core_t *core, const tr_pair_t *pair) {
    tr_block_place_t place;
    tr_block_reader_t block;
    if (!tr_key_place(pair->key, pair->key_len, &place))
        return -EBADMSG;
    tr_stream_t *s = by_id(core, place.queue);
    if (!s || !tr_block_open(&block, pair->key, pair->key_len, pair->value, pair->value_len)) {
        tr_event(core, TR_EVENT_CORRUPT, s ? s->name : "stream",
            "a block of publications is not what was written");
        return 0;
    }
    if (!s->records)
        s->first = place.first;
    s->records += block.count;
    s->bytes += pair->value_len - TR_BLOCK_HEADER;
    s->blocks_end = place.first + block.count;
    if (s->blocks_end > s->tail)
        s->tail = s->blocks_end;
    return 0;
}
