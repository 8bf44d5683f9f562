/*
 * What stands in the journal: keys and values. Numbers in keys are big-endian, so that keys sort by them; numbers
 * in values are little-endian. Every message has a CRC-32 of its own, over the time it was taken at and its
 * bytes, and every block one over its key and count, so that neither a flipped bit nor a block in the wrong
 * place passes for a message.
 */
#ifndef TR_BROKER_JOURNAL_CODE_H
#define TR_BROKER_JOURNAL_CODE_H

#include "lib/base/buffer.h"
#include "proto/aid.h"
#include "proto/record.h"
#include "proto/topic.h"

#include <stdbool.h>

/* First byte of each key. What is read at a start comes in this order, so that a block meets its queue and its
 * state. */
typedef enum tr_key_type {
    TR_KEY_VERSION = '1',
    TR_KEY_PRODUCER = '2',     /* name */
    TR_KEY_QUEUE = '3',        /* name */
    TR_KEY_LANE = '4',         /* queue, lane */
    TR_KEY_STATE = '5',        /* queue, lane, first: what became of a block's messages */
    TR_KEY_BLOCK = '6',        /* queue, lane, first */
    TR_KEY_LETTER = '7',       /* number: a dead letter */
    TR_KEY_STREAM = '8',       /* name */
    TR_KEY_CONSUMER = '9',     /* stream, name */
    TR_KEY_STREAM_BLOCK = ':', /* stream, 0, first */
    TR_KEY_SUB =
        ';', /* queue, pattern: a durable subscription; its value is the name of a certificate, or empty */
    TR_KEY_QUARANTINED = '<', /* name (quarantine.c) */
    TR_KEY_SECRET = '=',      /* of the next two: their numbers are keyed hashes (mandate.c) */
    TR_KEY_GRANT = '>',       /* path: what may be spent on it */
    TR_KEY_HANDED = '?',      /* pair: who has set whom to work */
    TR_KEY_CONDUCT = '@',     /* name: the policy of its mailbox, one byte (conduct.c) */
    TR_KEY_LAST_QUEUE = 'A',  /* the number that a queue was given last, though none has it any more */
} tr_key_type_t;

#define TR_JOURNAL_VERSION 1u
#define TR_QUEUE_VALUE                                                                                       \
    41u /* of a QUEUE: id, since when (Unix ms), whether all that comes is durable, its own limits; behind it its maker's name, if any */
#define TR_LAST_QUEUE_VALUE 8u
#define TR_LANE_VALUE                                                                                        \
    16u /* of a LANE: below the first they may have been delivered, below the second all numbers are used up */
#define TR_LANE_OLD_VALUE  8u  /* the first alone */
#define TR_QUEUE_OLD_VALUE 17u /* of one that was written before queues had limits of their own */
#define TR_KEY_MAX         (1u + 8u + TR_TOPIC_MAX) /* bytes */

typedef struct tr_key {
    size_t len;
    uint8_t bytes[TR_KEY_MAX];
} tr_key_t;

tr_key_t tr_key_named(tr_key_type_t type, const char *name);
tr_key_t tr_key_numbered(tr_key_type_t type, uint64_t number);
tr_key_t tr_key_of_lane(uint64_t queue, unsigned lane);
tr_key_t tr_key_of_block(tr_key_type_t type, uint64_t queue, unsigned lane, uint64_t first);

tr_key_t tr_key_of_sub(uint64_t queue, const char *pattern, size_t len);
/* All keys of a type that belong to a queue are from tr_key_numbered(type, queue) up to and without that of queue + 1. */

typedef struct tr_block_place {
    uint64_t queue;
    uint64_t first;
    unsigned lane;
} tr_block_place_t;
/* Of a LANE, STATE or BLOCK key; false where it is none. */
bool tr_key_place(const void *key, size_t len, tr_block_place_t *ret_place);

/* Of a numbered key. */
uint64_t tr_key_number(const void *key);

#define TR_BLOCK_HEADER   8u  /* crc, count */
#define TR_MESSAGE_HEADER 16u /* crc, length, taken at (Unix ms) */

/* Adds a message to a block's value that begins with TR_BLOCK_HEADER free bytes; where memory is out the
 * buffer fails. */
void tr_block_add(tr_buffer_t *value, const tr_record_t *record, int64_t wall_ms);
/* Fills in the header. */
void tr_block_close(tr_buffer_t *value, const tr_key_t *key, uint32_t count);

typedef struct tr_block_reader {
    const uint8_t *at, *end;
    uint32_t count, left;
} tr_block_reader_t;

typedef struct tr_block_message {
    bool good; /* its bytes are those that were written */
    int64_t wall_ms;
    tr_record_t record; /* only of a good one; lives in the value */
} tr_block_message_t;

/* False where it is no block, or the block of another key. */
bool tr_block_open(
    tr_block_reader_t *self, const void *key, size_t key_len, const void *value, size_t value_len);
/* The next message; false at the end, or where the rest cannot be read (`left` is then not 0). */
bool tr_block_next(tr_block_reader_t *self, tr_block_message_t *ret_message);

/* A dead letter. */
typedef struct tr_letter_info {
    tr_reason_t reason;
    unsigned attempts;
    int64_t wall_ms;   /* when it was given up */
    const char *queue; /* service or mailbox that it was in; not NUL-terminated when read */
    size_t queue_len;  /* when read */
    tr_record_t record;
} tr_letter_info_t;
void tr_letter_write(tr_buffer_t *value, const tr_letter_info_t *letter);
/* False where the bytes are none, or not those that were written. The result lives in them. */
bool tr_letter_read(tr_letter_info_t *ret_letter, const void *value, size_t len);

/* Operations of a batch (lib/store/journal_batch.h). */
void tr_batch_put(tr_buffer_t *ops, const tr_key_t *key, const void *value, size_t len);
void tr_batch_delete(tr_buffer_t *ops, const tr_key_t *key);

#endif
