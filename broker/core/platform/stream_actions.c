/* What the AMS does with streams: list, declare, read a page, remember a consumer's position, forget. */
#include "broker/core/durable/stream.h"
#include "broker/core/guard.h"
#include "broker/core/platform/platform.h"

#include "lib/store/journal_batch.h"

#include <stdlib.h>

#define PAGE_MAX    1000u
#define PAGE_BYTES  (1u << 20)
#define MESSAGE_MAX (TR_MESSAGE_HEADER + 64u) /* what an event takes in the answer beside its record, about */

static bool has_journal(tr_answer_t *a) {
    if (!a->core->durable)
        tr_answer_refuse(a, "unsupported-function", "this broker keeps no journal (--journal)");
    return a->core->durable != NULL;
}

static tr_stream_t *named(tr_answer_t *a) {
    char name[TR_STREAM_NAME_MAX + 1];
    if (!has_journal(a))
        return NULL;
    if (tr_value_copy(tr_value_get(a->request, "stream"), name, sizeof name) < 0) {
        tr_answer_refuse(a, "missing-argument", "stream");
        return NULL;
    }
    tr_stream_t *s = tr_stream_find(a->core, name);
    if (!s) {
        tr_answer_refuse(a, "unrecognised-parameter-value", "there is no stream of this name");
        return NULL;
    }
    if (tr_guard_subscribe(a->core, a->session, s->pattern, strlen(s->pattern)))
        return s;
    tr_answer_refuse(a, "unauthorised", tr_guard_words(a->core, "", NULL));
    return NULL;
}

static void write_consumers(tr_content_writer_t *w, const tr_stream_t *s) {
    size_t n = 0;
    for (const tr_consumer_t *c = s->consumers; c; c = c->next)
        n++;
    tr_write_str(w, "consumers");
    tr_write_array(w, n);
    for (const tr_consumer_t *c = s->consumers; c; c = c->next) {
        tr_write_map(w, 2);
        tr_write_kv(w, "name", c->name);
        tr_write_kv_uint(w, "position", c->position);
    }
}

static void write_stream(tr_content_writer_t *w, const tr_stream_t *s) {
    tr_write_map(w, 11);
    tr_write_kv(w, "stream", s->name);
    tr_write_kv(w, "pattern", s->pattern);
    tr_write_kv_uint(w, "first", s->first);
    tr_write_kv_uint(w, "tail", s->tail);
    tr_write_kv_uint(w, "records", s->records);
    tr_write_kv_uint(w, "bytes", s->bytes);
    tr_write_kv_uint(w, "dropped", s->dropped);
    tr_write_kv_uint(w, "max-age-ms", s->limits.age_ms);
    tr_write_kv_uint(w, "max-bytes", s->limits.bytes);
    tr_write_kv_uint(w, "max-records", s->limits.records);
    write_consumers(w, s);
}

void tr_handle_streams(tr_answer_t *a) {
    size_t n = 0;
    if (!has_journal(a))
        return;
    for (const tr_stream_t *s = a->core->durable->streams; s; s = s->next)
        n++;
    tr_write_map(&a->content, 1);
    tr_write_str(&a->content, "streams");
    tr_write_array(&a->content, n);
    for (const tr_stream_t *s = a->core->durable->streams; s; s = s->next)
        write_stream(&a->content, s);
}

static uint64_t limit(const tr_answer_t *a, const char *name) {
    int64_t n = tr_value_int(tr_value_get(a->request, name), 0);
    return n > 0 ? (uint64_t)n : 0;
}

static const char *refusal(tr_reason_t why) {
    switch (why) {
    case TR_REASON_BAD_NAME: return "stream: a name of 1 to 64 of A-Z a-z 0-9 . _ - + ~";
    case TR_REASON_BAD_TOPIC: return "pattern: not a topic pattern";
    case TR_REASON_DUPLICATE_NAME:
        return "there is a stream of this name with another pattern: drop it first";
    default: return "no room for more streams (256)";
    }
}

void tr_handle_stream_declare(tr_answer_t *a) {
    char name[TR_STREAM_NAME_MAX + 1], pattern[TR_TOPIC_MAX + 1];
    if (!has_journal(a))
        return;
    if (tr_value_copy(tr_value_get(a->request, "stream"), name, sizeof name) < 0 ||
        tr_value_copy(tr_value_get(a->request, "pattern"), pattern, sizeof pattern) < 0) {
        tr_answer_refuse(a, "missing-argument", "stream, pattern");
        return;
    }
    if (!tr_guard_subscribe(a->core, a->session, pattern, strlen(pattern))) {
        tr_answer_refuse(a, "unauthorised", tr_guard_words(a->core, "", NULL));
        return;
    }
    tr_stream_limits_t limits = {
        .age_ms = limit(a, "max-age-ms"), .bytes = limit(a, "max-bytes"), .records = limit(a, "max-records")};
    tr_reason_t why = tr_stream_declare(a->core, name, pattern, &limits);
    if (why != TR_REASON_NONE) {
        tr_answer_refuse(a, "unrecognised-parameter-value", refusal(why));
        return;
    }
    tr_answer_done(a);
    tr_answer_when_stored(a);
}

void tr_handle_stream_drop(tr_answer_t *a) {
    tr_stream_t *s = named(a);
    if (!s)
        return;
    if (!tr_stream_drop(a->core, s)) {
        tr_answer_fail(a, "out of memory");
        return;
    }
    tr_answer_done(a);
    tr_answer_when_stored(a);
}

void tr_handle_stream_commit(tr_answer_t *a) {
    char consumer[TR_STREAM_NAME_MAX + 1];
    tr_stream_t *s = named(a);
    int64_t position = tr_value_int(tr_value_get(a->request, "position"), -1);
    if (!s)
        return;
    if (tr_value_copy(tr_value_get(a->request, "consumer"), consumer, sizeof consumer) < 0 || position < 0 ||
        !tr_name_valid(consumer, strlen(consumer))) {
        tr_answer_refuse(a, "missing-argument", "consumer, position");
        return;
    }
    if (tr_stream_commit(s, consumer, (uint64_t)position))
        tr_answer_done(a);
    else
        tr_answer_refuse(a, "unauthorised", "this stream has as many consumers as it may");
}

/* Where a page begins: at a number, where a consumer is, or at the beginning. */
static uint64_t begin_of(const tr_answer_t *a, const tr_stream_t *s) {
    char consumer[TR_STREAM_NAME_MAX + 1];
    int64_t from = tr_value_int(tr_value_get(a->request, "from"), 0);
    if (from > 0)
        return (uint64_t)from;
    if (tr_value_copy(tr_value_get(a->request, "consumer"), consumer, sizeof consumer) == 0) {
        const tr_consumer_t *c = tr_stream_consumer(s, consumer);
        if (c)
            return c->position;
    }
    return s->first;
}

/* What of the blocks found is on the page: counted first, written second. */
typedef struct page {
    uint64_t from, next;
    uint64_t end;  /* what is not below may be lost yet */
    uint64_t seen; /* all below was looked at */
    size_t events, max, bytes;
    tr_content_writer_t *out; /* NULL = only count */
} page_t;

static bool on_page(page_t *page, uint64_t number, const tr_block_message_t *m) {
    if (number < page->from)
        return true;
    size_t bytes = m->good ? m->record.h.length + MESSAGE_MAX : 0;
    if (page->events == page->max || (page->events && page->bytes + bytes > PAGE_BYTES))
        return false;
    page->next = number + 1;
    if (!m->good)
        return true; /* damaged: a number that is missing */
    page->events++;
    page->bytes += bytes;
    if (!page->out)
        return true;
    tr_write_map(page->out, 3);
    tr_write_kv_uint(page->out, "sequence", number);
    tr_write_kv_int(page->out, "time_ms", m->wall_ms);
    tr_write_str(page->out, "record");
    tr_write_bin(page->out, m->record.bytes, m->record.h.length);
    return true;
}

/* False where the page is full before all was looked at. */
static bool fill(page_t *page, const tr_found_t *found) {
    tr_journal_reader_t reader;
    tr_journal_op_t op;
    tr_journal_reader_init(&reader, found->pairs, found->len);
    while (tr_journal_reader_next(&reader, &op) > 0) {
        tr_block_place_t place;
        tr_block_reader_t block;
        tr_block_message_t m;
        if (!tr_key_place(op.key, op.key_len, &place) ||
            !tr_block_open(&block, op.key, op.key_len, op.value, op.value_len))
            continue;
        for (uint64_t number = place.first; number < page->end && tr_block_next(&block, &m); number++)
            if (!on_page(page, number, &m))
                return false;
        page->seen = place.first + block.count;
    }
    return true;
}

static void read_on(tr_answer_t *a, const tr_stream_t *s, uint64_t from);

static void write_page(
    tr_answer_t *a, const tr_stream_t *s, const page_t *count, bool more, const tr_found_t *found) {
    tr_content_writer_t *w = &a->content;
    tr_write_map(w, 7);
    tr_write_kv(w, "stream", s->name);
    tr_write_kv_uint(w, "from", count->from);
    tr_write_kv_uint(w, "first", s->first);
    tr_write_kv_uint(w, "tail", s->tail);
    tr_write_kv_uint(w, "next", count->next);
    tr_write_kv_bool(w, "more", more);
    tr_write_str(w, "events");
    tr_write_array(w, count->events);
    page_t page = {.from = count->from, .end = count->end, .max = count->max, .out = w};
    fill(&page, found);
}

static void page_found(tr_answer_t *a, const tr_found_t *found) {
    const tr_stream_t *s = named(a);
    if (!s)
        return;
    int64_t max = tr_value_int(tr_value_get(a->request, "max-results"), PAGE_MAX);
    page_t count = {.from = begin_of(a, s),
        .end = s->synced,
        .max = max < 1          ? 1
               : max > PAGE_MAX ? PAGE_MAX
                                : (size_t)max};
    count.next = count.from;
    bool whole = fill(&count, found);
    if (whole && found->more && !count.events) { /* not there yet */
        read_on(a, s, count.seen);
        return;
    }
    if (whole && !found->more && !count.events && count.next < s->synced)
        count.next = s->synced; /* what is between is missing */
    write_page(a, s, &count, !whole || found->more, found);
}

static void read_on(tr_answer_t *a, const tr_stream_t *s, uint64_t from) {
    tr_key_t begin = tr_key_of_block(TR_KEY_STREAM_BLOCK, s->id, 0, from);
    tr_key_t end = tr_key_of_block(TR_KEY_STREAM_BLOCK, s->id, 1, 0);
    tr_answer_read(a, &begin, &end, 2 * PAGE_BYTES, page_found);
}

/* A page may begin within a block, whose key is that of its first number: so the read begins a block's length before. */
void tr_handle_stream_read(tr_answer_t *a) {
    const tr_stream_t *s = named(a);
    if (!s)
        return;
    uint64_t from = begin_of(a, s);
    tr_streams_want_sync(a->core);
    read_on(a, s, from > TR_STREAM_BLOCK_MAX ? from - TR_STREAM_BLOCK_MAX + 1 : 0);
}
