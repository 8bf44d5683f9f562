#include "broker/core/durable/journal_code.h"

#include "lib/store/journal_batch.h"

#include <endian.h>
#include <zlib.h>

static void add_byte(tr_key_t *key, unsigned byte) {
    key->bytes[key->len++] = (uint8_t)byte;
}

static void add_number(tr_key_t *key, uint64_t number) {
    number = htobe64(number);
    memcpy(key->bytes + key->len, &number, sizeof number);
    key->len += sizeof number;
}

static uint64_t read_number(const uint8_t *at) {
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return be64toh(number);
}

tr_key_t tr_key_named(tr_key_type_t type, const char *name) {
    tr_key_t key = {0};
    size_t len = strlen(name);
    add_byte(&key, type);
    if (len > sizeof key.bytes - 1)
        len = sizeof key.bytes - 1; /* names are shorter: checked where they come in */
    memcpy(key.bytes + 1, name, len);
    key.len += len;
    return key;
}

tr_key_t tr_key_numbered(tr_key_type_t type, uint64_t number) {
    tr_key_t key = {0};
    add_byte(&key, type);
    add_number(&key, number);
    return key;
}

tr_key_t tr_key_of_lane(uint64_t queue, unsigned lane) {
    tr_key_t key = tr_key_numbered(TR_KEY_LANE, queue);
    add_byte(&key, lane);
    return key;
}

tr_key_t tr_key_of_block(tr_key_type_t type, uint64_t queue, unsigned lane, uint64_t first) {
    tr_key_t key = tr_key_numbered(type, queue);
    add_byte(&key, lane);
    add_number(&key, first);
    return key;
}

tr_key_t tr_key_of_sub(uint64_t queue, const char *pattern, size_t len) {
    tr_key_t key = tr_key_numbered(TR_KEY_SUB, queue);
    memcpy(key.bytes + key.len, pattern, len);
    key.len += len;
    return key;
}

bool tr_key_place(const void *key, size_t len, tr_block_place_t *ret_place) {
    const uint8_t *k = key;
    bool lane = len == 10 && k[0] == TR_KEY_LANE;
    bool block = len == 18 && (k[0] == TR_KEY_STATE || k[0] == TR_KEY_BLOCK || k[0] == TR_KEY_STREAM_BLOCK);
    if (!lane && !block)
        return false;
    *ret_place = (tr_block_place_t){
        .queue = read_number(k + 1), .lane = k[9], .first = block ? read_number(k + 10) : 0};
    return true;
}

uint64_t tr_key_number(const void *key) {
    return read_number((const uint8_t *)key + 1);
}

static uint32_t crc(uint32_t seed, const void *bytes, size_t len) {
    return (uint32_t)crc32_z(seed, bytes, len);
}

void tr_block_add(tr_buffer_t *value, const tr_record_t *record, int64_t wall_ms) {
    uint8_t head[TR_MESSAGE_HEADER + TR_RECORD_HEADER];
    size_t body = record->h.length - TR_RECORD_HEADER;
    tr_put32(head + 4, record->h.length);
    tr_put64(head + 8, (uint64_t)wall_ms);
    tr_record_header_write(&record->h, head + TR_MESSAGE_HEADER);
    uint32_t sum = crc(0, head + 8, sizeof head - 8);
    tr_put32(head, crc(sum, record->envelope, body));
    tr_buffer_put(value, head, sizeof head);
    tr_buffer_put(value, record->envelope, body);
}

void tr_block_close(tr_buffer_t *value, const tr_key_t *key, uint32_t count) {
    uint8_t *head = (uint8_t *)value->data;
    tr_put32(head + 4, count);
    tr_put32(head, crc(crc(0, key->bytes, key->len), head + 4, 4));
}

bool tr_block_open(
    tr_block_reader_t *self, const void *key, size_t key_len, const void *value, size_t value_len) {
    const uint8_t *v = value;
    if (value_len < TR_BLOCK_HEADER || tr_get32(v) != crc(crc(0, key, key_len), v + 4, 4))
        return false;
    uint32_t count = tr_get32(v + 4);
    *self =
        (tr_block_reader_t){.at = v + TR_BLOCK_HEADER, .end = v + value_len, .count = count, .left = count};
    return true;
}

bool tr_block_next(tr_block_reader_t *self, tr_block_message_t *ret_message) {
    size_t room = (size_t)(self->end - self->at);
    if (!self->left || room < TR_MESSAGE_HEADER)
        return false;
    uint32_t length = tr_get32(self->at + 4);
    if (length < TR_RECORD_HEADER || length > room - TR_MESSAGE_HEADER)
        return false;
    const uint8_t *bytes = self->at + TR_MESSAGE_HEADER;
    tr_block_message_t m = {.wall_ms = (int64_t)tr_get64(self->at + 8), .record = {.bytes = bytes}};
    m.good = tr_get32(self->at) == crc(0, self->at + 8, 8 + (size_t)length);
    tr_record_header_read(&m.record.h, bytes);
    m.good = m.good && m.record.h.length == length && m.record.h.envelope_len <= length - TR_RECORD_HEADER;
    if (m.good) {
        m.record.envelope = bytes + TR_RECORD_HEADER;
        m.record.content = m.record.envelope + m.record.h.envelope_len;
        m.record.content_len = length - TR_RECORD_HEADER - m.record.h.envelope_len;
    }
    self->at = bytes + length;
    self->left--;
    *ret_message = m;
    return true;
}

#define LETTER_HEADER 20u /* crc, reason, attempts, 0, when, length of the queue's name, 0 */

void tr_letter_write(tr_buffer_t *value, const tr_letter_info_t *letter) {
    uint8_t head[LETTER_HEADER] = {0}, header[TR_RECORD_HEADER];
    const tr_record_t *r = &letter->record;
    size_t name = strlen(letter->queue), body = r->h.length - TR_RECORD_HEADER;
    tr_put16(head + 4, (uint16_t)letter->reason);
    head[6] = (uint8_t)letter->attempts;
    tr_put64(head + 8, (uint64_t)letter->wall_ms);
    tr_put16(head + 16, (uint16_t)name);
    tr_record_header_write(&r->h, header);
    uint32_t sum = crc(crc(0, head + 4, sizeof head - 4), letter->queue, name);
    tr_put32(head, crc(crc(sum, header, sizeof header), r->envelope, body));
    tr_buffer_put(value, head, sizeof head);
    tr_buffer_put(value, letter->queue, name);
    tr_buffer_put(value, header, sizeof header);
    tr_buffer_put(value, r->envelope, body);
}

bool tr_letter_read(tr_letter_info_t *ret_letter, const void *value, size_t len) {
    const uint8_t *v = value;
    if (len < LETTER_HEADER + TR_RECORD_HEADER || tr_get32(v) != crc(0, v + 4, len - 4))
        return false;
    size_t name = tr_get16(v + 16), record = len - LETTER_HEADER - name;
    if (name > len - LETTER_HEADER - TR_RECORD_HEADER)
        return false;
    tr_letter_info_t l = {.reason = tr_get16(v + 4),
        .attempts = v[6],
        .wall_ms = (int64_t)tr_get64(v + 8),
        .queue = (const char *)v + LETTER_HEADER,
        .queue_len = name,
        .record = {.bytes = v + LETTER_HEADER + name}};
    tr_record_header_read(&l.record.h, l.record.bytes);
    if (l.record.h.length != record || l.record.h.envelope_len > record - TR_RECORD_HEADER)
        return false;
    l.record.envelope = l.record.bytes + TR_RECORD_HEADER;
    l.record.content = l.record.envelope + l.record.h.envelope_len;
    l.record.content_len = (uint32_t)(record - TR_RECORD_HEADER - l.record.h.envelope_len);
    *ret_letter = l;
    return true;
}

void tr_batch_put(tr_buffer_t *ops, const tr_key_t *key, const void *value, size_t len) {
    tr_journal_op_put(ops, TR_JOURNAL_PUT, key->bytes, key->len, value, len);
}

void tr_batch_delete(tr_buffer_t *ops, const tr_key_t *key) {
    tr_journal_op_put(ops, TR_JOURNAL_DELETE, key->bytes, key->len, NULL, 0);
}
