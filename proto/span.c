#include "proto/span.h"

#include "proto/record.h"
#include "proto/traceparent.h"

#include <errno.h>

const char *const tr_span_keys[TR_SPAN_KEYS] = {
    [TR_SPAN_TO] = "messaging.destination.name",
    [TR_SPAN_CONVERSATION] = "messaging.message.conversation_id",
    [TR_SPAN_SIZE] = "messaging.message.body.size",
    [TR_SPAN_FROM] = "troupe.from",
    [TR_SPAN_AHEAD] = "troupe.queue.ahead",
    [TR_SPAN_TRIES] = "troupe.queue.tries",
};

static const char *const kinds[] = {"internal", "producer", "consumer", "client", "server"};

#define KINDS     (sizeof kinds / sizeof *kinds)
#define AT_PARENT 32

/* ---- packing ---- */

static uint8_t kind_of(const char *kind) {
    for (uint8_t i = 1; kind && i < KINDS; i++)
        if (strcmp(kind, kinds[i]) == 0)
            return i;
    return 0;
}

static uint8_t cut(tr_span_text_t text) {
    size_t len = text.len;
    if (len > TR_SPAN_TEXT_MAX)
        for (len = TR_SPAN_TEXT_MAX; len && ((uint8_t)text.text[len] & 0xc0) == 0x80;)
            len--;
    return (uint8_t)len;
}

static void append(tr_content_writer_t *w, const void *bytes, size_t len) {
    if (len && msgpack_sbuffer_write(&w->buffer, bytes, len) != 0)
        w->failed = true;
}

static void pack_key(tr_content_writer_t *w, const char *key) {
    for (unsigned i = 0; i < TR_SPAN_KEYS; i++)
        if (key == tr_span_keys[i]) {
            tr_write_uint(w, i);
            return;
        }
    tr_write_str(w, key);
}

static bool is_said(const tr_field_t *field) {
    return field->type != TR_FIELD_IS_TEXT || field->text;
}

static void pack_attributes(tr_content_writer_t *w, const tr_field_t *fields) {
    size_t n = 0;
    for (const tr_field_t *f = fields; f->key; f++)
        n += is_said(f);
    if (!n)
        return;
    tr_write_map(w, n);
    for (const tr_field_t *f = fields; f->key; f++)
        if (is_said(f)) {
            pack_key(w, f->key);
            tr_write_field_value(w, f);
        }
}

void tr_span_pack(tr_content_writer_t *w, const tr_span_packed_t *s, const tr_field_t *attributes) {
    uint8_t head[TR_SPAN_HEADER];
    size_t began = w->buffer.size;
    head[4] = kind_of(s->kind);
    head[5] = cut(s->name);
    head[6] = cut(s->agent);
    head[7] = cut(s->error);
    tr_put64(head + 8, s->trace[0]);
    tr_put64(head + 16, s->trace[1]);
    tr_put64(head + 24, s->span);
    tr_put64(head + AT_PARENT, s->parent);
    tr_put64(head + 40, (uint64_t)s->start_us);
    tr_put64(head + 48, (uint64_t)s->took_us);
    append(w, head, sizeof head);
    append(w, s->name.text, head[5]);
    append(w, s->agent.text, head[6]);
    append(w, s->error.text, head[7]);
    if (attributes)
        pack_attributes(w, attributes);
    else
        append(w, s->attributes, s->attributes_len);
    if (!w->failed)
        tr_put32((uint8_t *)w->buffer.data + began, (uint32_t)(w->buffer.size - began));
}

/* ---- reading ---- */

static tr_span_text_t next_text(const uint8_t **at, size_t len) {
    tr_span_text_t text = {(const char *)*at, len};
    *at += len;
    return text;
}

/* Of the first of `left` bytes, with all that its header says of what is behind it; or -EBADMSG. */
static int64_t checked_length(const uint8_t *at, size_t left) {
    if (left < TR_SPAN_HEADER)
        return -EBADMSG;
    uint32_t length = tr_get32(at);
    if (length > left || length < TR_SPAN_HEADER + (uint32_t)at[5] + at[6] + at[7] || at[4] >= KINDS ||
        !at[5])
        return -EBADMSG;
    return length;
}

int64_t tr_span_unpack(tr_span_packed_t *ret, const uint8_t *at, size_t left) {
    int64_t length = checked_length(at, left);
    if (length < 0)
        return length;
    const uint8_t *end = at + length, *texts = at + TR_SPAN_HEADER;
    tr_span_packed_t s = {.trace = {tr_get64(at + 8), tr_get64(at + 16)},
        .span = tr_get64(at + 24),
        .parent = tr_get64(at + AT_PARENT),
        .start_us = (int64_t)tr_get64(at + 40),
        .took_us = (int64_t)tr_get64(at + 48),
        .kind = kinds[at[4]]};
    s.name = next_text(&texts, at[5]);
    s.agent = next_text(&texts, at[6]);
    s.error = next_text(&texts, at[7]);
    s.attributes = texts;
    s.attributes_len = (size_t)(end - texts);
    *ret = s;
    return length;
}

int tr_spans_check(const uint8_t *bytes, size_t len, size_t *ret_spans, size_t *ret_roots) {
    size_t spans = 0, roots = 0;
    while (len) {
        int64_t taken = checked_length(bytes, len);
        if (taken < 0)
            return (int)taken;
        roots += !tr_get64(bytes + AT_PARENT);
        bytes += taken;
        len -= (size_t)taken;
        spans++;
    }
    *ret_spans = spans;
    *ret_roots = roots;
    return 0;
}

/* ---- as a map ---- */

static void write_text(tr_content_writer_t *w, const char *key, tr_span_text_t text) {
    tr_write_str(w, key);
    tr_write_strn(w, text.text, text.len);
}

static void write_id(tr_content_writer_t *w, const char *key, uint64_t id) {
    char text[TR_SPAN_ID_SIZE];
    tr_span_id_write(id, text);
    tr_write_kv(w, key, text);
}

/* A str, or the number of one; NULL: neither. */
static bool write_key(tr_content_writer_t *w, tr_value_t key) {
    int64_t number = tr_value_int(key, -1);
    size_t len;
    const char *text = tr_value_str(key, &len);
    if (text)
        tr_write_strn(w, text, len);
    else if (number >= 0 && number < TR_SPAN_KEYS)
        tr_write_str(w, tr_span_keys[number]);
    else
        return false;
    return true;
}

static void write_attributes(tr_content_writer_t *w, tr_value_t map) {
    const msgpack_object_map *m = &map->via.map;
    tr_write_map(w, m->size);
    for (uint32_t i = 0; i < m->size; i++) {
        if (!write_key(w, &m->ptr[i].key))
            tr_write_str(w, "?");
        tr_write_value(w, &m->ptr[i].val);
    }
}

void tr_span_write(tr_content_writer_t *w, const tr_span_packed_t *s) {
    char trace[TR_TRACE_ID_SIZE];
    tr_content_t told;
    bool has = s->attributes_len && tr_content_init(&told, s->attributes, s->attributes_len) == 0;
    bool maps = has && tr_value_is_map(&told.root);
    tr_trace_id_write(s->trace, trace);
    tr_write_map(w, 7u + (s->parent != 0) + (s->error.len > 0) + maps);
    tr_write_kv(w, "trace", trace);
    write_id(w, "span", s->span);
    if (s->parent)
        write_id(w, "parent", s->parent);
    write_text(w, "name", s->name);
    tr_write_kv(w, "kind", s->kind);
    write_text(w, "agent", s->agent);
    tr_write_kv_int(w, "start_us", s->start_us);
    tr_write_kv_int(w, "took_us", s->took_us);
    if (s->error.len)
        write_text(w, "error", s->error);
    if (maps) {
        tr_write_str(w, "attributes");
        write_attributes(w, &told.root);
    }
    if (has)
        tr_content_finish(&told);
}
