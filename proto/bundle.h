/*
 * A bundle: one ZeroMQ frame that carries many records.
 *
 *   offset size
 *        0    2 'T' 'B'
 *        2    1 version, TR_PROTOCOL_VERSION
 *        3    1 flags, 0
 *        4    4 count of records
 *        8      the records, back to back
 *
 * Reading allocates nothing; every length is checked against the bytes that are left before it is used. The
 * writer fills a tr_buf_t and is closed by writing the count.
 */
#ifndef TR_PROTO_BUNDLE_H
#define TR_PROTO_BUNDLE_H

#include "lib/base/pool.h"
#include "proto/record.h"

#define TR_BUNDLE_HEADER 8u

typedef struct tr_bundle_reader {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t left;       /* records still to come */
    uint32_t max_record; /* bytes */
} tr_bundle_reader_t;

/* TR_REASON_NONE, _BAD_BUNDLE or _BAD_VERSION. */
tr_reason_t tr_bundle_open(tr_bundle_reader_t *self, const void *bytes, size_t len, uint32_t max_record);

/*
 * The next record: 1 with *ret_record filled, 0 at a clean end, negative tr_reason_t where the rest cannot be
 * read (the records before it were good). The record lives in the bundle's bytes.
 */
static inline int tr_bundle_next(tr_bundle_reader_t *self, tr_record_t *ret_record) {
    size_t room = (size_t)(self->end - self->at);
    if (!self->left)
        return room ? -TR_REASON_BAD_BUNDLE : 0;
    if (room < TR_RECORD_HEADER)
        return -TR_REASON_BAD_BUNDLE;
    tr_record_header_t h;
    tr_record_header_read(&h, self->at);
    if (h.length > self->max_record)
        return -TR_REASON_TOO_LARGE;
    if (h.length < TR_RECORD_HEADER || h.length > room || h.envelope_len > h.length - TR_RECORD_HEADER ||
        h.envelope_len > TR_ENVELOPE_MAX)
        return -TR_REASON_BAD_RECORD;
    ret_record->h = h;
    ret_record->bytes = self->at;
    ret_record->envelope = self->at + TR_RECORD_HEADER;
    ret_record->content = ret_record->envelope + h.envelope_len;
    ret_record->content_len = h.length - TR_RECORD_HEADER - h.envelope_len;
    self->at += h.length;
    self->left--;
    return 1;
}

/* Begins a bundle in an empty buffer (room for the header is there: TR_BUF_SIZE at least). */
static inline void tr_bundle_begin(tr_buf_t *buf) {
    memcpy(buf->data, "TB\1\0\0\0\0\0", TR_BUNDLE_HEADER);
    buf->len = TR_BUNDLE_HEADER;
}

/* Room for one more record of `length` bytes, or NULL where it does not fit. The caller writes
 * all of them. */
static inline uint8_t *tr_bundle_add(tr_buf_t *buf, uint32_t length) {
    if (length > buf->cap - buf->len)
        return NULL;
    uint8_t *p = buf->data + buf->len;
    buf->len += length;
    return p;
}

/* Writes the count. More records may follow, and then another end. */
static inline void tr_bundle_end(tr_buf_t *buf, uint32_t count) {
    tr_put32(buf->data + 4, count);
}

#endif
