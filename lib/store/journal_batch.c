#include "lib/store/journal_batch.h"

#include <errno.h>
#include <string.h>

static void put_u32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get_u32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void tr_journal_op_head(
    uint8_t ret_head[TR_JOURNAL_OP_HEAD], uint8_t type, size_t key_len, size_t value_len) {
    ret_head[0] = type;
    put_u32(ret_head + 1, (uint32_t)key_len);
    put_u32(ret_head + 5, (uint32_t)value_len);
}

void tr_journal_op_put(
    tr_buffer_t *out, uint8_t type, const void *key, size_t key_len, const void *value, size_t value_len) {
    uint8_t head[TR_JOURNAL_OP_HEAD];
    tr_journal_op_head(head, type, key_len, value_len);
    tr_buffer_put(out, head, sizeof head);
    tr_buffer_put(out, key, key_len);
    tr_buffer_put(out, value, value_len);
}

void tr_journal_reader_init(tr_journal_reader_t *self, const void *bytes, size_t len) {
    self->at = bytes;
    self->end = len ? self->at + len : self->at;
}

int tr_journal_reader_next(tr_journal_reader_t *self, tr_journal_op_t *ret_op) {
    size_t left = (size_t)(self->end - self->at);
    if (left == 0)
        return 0;
    if (left < TR_JOURNAL_OP_HEAD)
        return -EBADMSG;
    const uint8_t *head = self->at;
    uint32_t key_len = get_u32(head + 1), value_len = get_u32(head + 5);
    left -= TR_JOURNAL_OP_HEAD;
    if (key_len > left || value_len > left - key_len)
        return -EBADMSG;
    const uint8_t *key = head + TR_JOURNAL_OP_HEAD;
    *ret_op = (tr_journal_op_t){
        .type = head[0], .key = key, .key_len = key_len, .value = key + key_len, .value_len = value_len};
    self->at = key + key_len + value_len;
    return 1;
}
