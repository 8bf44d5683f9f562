/*
 * Spans of traces, packed: as libtroupe tells them in batches, and as a broker keeps them until somebody asks. One is a header of
 * fixed size and its texts behind it, so that noting it allocates nothing and taking a batch is a look at its lengths; written out
 * they are the maps of docs/protocol.md, section 15 (trace).
 *
 *   offset size (little-endian)
 *        0    4 length   of this span, all of it
 *        4    1 kind     place in: internal, producer, consumer, client, server
 *        5    1 name     bytes
 *        6    1 agent    bytes
 *        7    1 error    bytes; 0 = it did not fail
 *        8   16 trace    the high half first
 *       24    8 span
 *       32    8 parent   0 = it begins the trace
 *       40    8 start    Unix time in microseconds
 *       48    8 took     microseconds
 *       56      name, agent, error; then the attributes, a msgpack map to the end: none where there is nothing
 *
 * A key of an attribute is a str, or the number of one that has many of them (tr_span_key).
 */
#ifndef TR_PROTO_SPAN_H
#define TR_PROTO_SPAN_H

#include "proto/content.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_SPAN_HEADER 56u
#define TR_SPAN_TEXT_MAX                                                                                     \
    255u /* bytes of a name, an agent, an error: longer ones are cut, between characters */

typedef enum tr_span_key {
    TR_SPAN_TO,           /* messaging.destination.name */
    TR_SPAN_CONVERSATION, /* messaging.message.conversation_id */
    TR_SPAN_SIZE,         /* messaging.message.body.size */
    TR_SPAN_FROM,         /* troupe.from */
    TR_SPAN_AHEAD,        /* troupe.queue.ahead */
    TR_SPAN_TRIES,        /* troupe.queue.tries */
    TR_SPAN_KEYS,
} tr_span_key_t;

/* For the fields of attributes: whose key is this very pointer is packed as its number. */
extern const char *const tr_span_keys[TR_SPAN_KEYS];

typedef struct tr_span_text {
    const char *text; /* not NUL-terminated */
    size_t len;
} tr_span_text_t;

typedef struct tr_span_packed {
    uint64_t trace[2], span, parent; /* parent 0: it begins the trace */
    int64_t start_us, took_us;
    const char *kind;
    tr_span_text_t name, agent, error; /* error of length 0: it did not fail */
    const uint8_t *attributes;         /* msgpack, as it was told; not looked at */
    size_t attributes_len;
} tr_span_packed_t;

static inline tr_span_text_t tr_span_text(const char *text) {
    return (tr_span_text_t){text, text ? strlen(text) : 0};
}

/* Appends it, with these fields for attributes (NULL = none; a text of NULL is left out) in place of what the span says of them. */
void tr_span_pack(tr_content_writer_t *w, const tr_span_packed_t *span, const tr_field_t *attributes);
/* Reads the first of `left` bytes. What it takes of them, or -EBADMSG. Borrows the bytes. */
int64_t tr_span_unpack(tr_span_packed_t *ret, const uint8_t *at, size_t left);
/* Writes it out as a map. Attributes that are none are left out. */
void tr_span_write(tr_content_writer_t *w, const tr_span_packed_t *span);

/* Of a batch. 0, with how many they are and how many of them begin a trace, or -EBADMSG. */
int tr_spans_check(const uint8_t *bytes, size_t len, size_t *ret_spans, size_t *ret_roots);

#ifdef __cplusplus
}
#endif

#endif
