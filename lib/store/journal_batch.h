/*
 * Operations as bytes: how batches and the results of scans travel between the threads of one process.
 *
 *     u8 type, u32 key length, u32 value length, the key, the value
 *
 * for each op, little-endian, with nothing between them.
 * The result of a scan is the same with all types TR_JOURNAL_PUT. Never on disk or on a wire.
 */
#ifndef TR_STORE_JOURNAL_BATCH_H
#define TR_STORE_JOURNAL_BATCH_H

#include "lib/base/buffer.h"
#include "lib/store/journal.h"

#define TR_JOURNAL_OP_HEAD 9u /* bytes before the key */

/* Writes the head of an op, for who puts key and value behind it by itself. */
void tr_journal_op_head(uint8_t ret_head[TR_JOURNAL_OP_HEAD], uint8_t type, size_t key_len, size_t value_len);
/* Appends one op; failure is sticky in the buffer. */
void tr_journal_op_put(
    tr_buffer_t *out, uint8_t type, const void *key, size_t key_len, const void *value, size_t value_len);

typedef struct tr_journal_reader {
    const uint8_t *at, *end;
} tr_journal_reader_t;

/* Borrows the bytes for the reader's life. */
void tr_journal_reader_init(tr_journal_reader_t *self, const void *bytes, size_t len);
/* 1: an op, which points into the bytes; 0: the end; -EBADMSG: these bytes are no batch. */
int tr_journal_reader_next(tr_journal_reader_t *self, tr_journal_op_t *ret_op);

#endif
