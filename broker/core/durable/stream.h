/*
 * Streams: topics with memory. A stream is a pattern; every publication on a topic that matches is written to the journal under the
 * stream's own sequence, 1, 2, 3 ..., with the topic's name in its envelope. Nobody waits for it: what a crash of the machine may lose
 * is what was published within the last second. A number that is missing was dropped because the disk was behind.
 *
 * A stream forgets its oldest publications, whole blocks of them, by age, bytes and number. A consumer is a name with a position, kept
 * in the journal; it reads pages from there (AMS, stream-read) and says how far it is (stream-commit).
 */
#ifndef TR_BROKER_STREAM_H
#define TR_BROKER_STREAM_H

#include "broker/core/durable/durable.h"

#define TR_STREAM_NAME_MAX  64u /* bytes */
#define TR_STREAMS_MAX      256u
#define TR_CONSUMERS_MAX    1024u /* of one stream */
#define TR_STREAM_BLOCK_MAX 1024u /* publications in one block */

typedef struct tr_stream_limits {
    uint64_t age_ms, bytes, records; /* 0 = not limited */
} tr_stream_limits_t;

typedef struct tr_consumer {
    struct tr_consumer *next;
    uint64_t position; /* it has all below */
    bool dirty;
    char name[TR_STREAM_NAME_MAX + 1];
} tr_consumer_t;

struct tr_stream {
    tr_stream_t *next;
    uint64_t id;
    uint32_t slot; /* its bit in a topic */
    char name[TR_STREAM_NAME_MAX + 1];
    char pattern[TR_TOPIC_MAX + 1];
    tr_stream_limits_t limits;
    int64_t since_ms;     /* wall */
    uint64_t first, tail; /* the oldest that is kept, and the next one's number */
    uint64_t synced;      /* all below are on disk: pages end here, so that what they have shown stays */
    uint64_t
        handed[TR_BATCHES_OUT]; /* `tail` as the batches that are out were handed over, by their numbers */
    uint64_t records, bytes;
    int64_t oldest_ms;                     /* wall, of the youngest of the oldest block; 0 = not known */
    uint64_t oldest_records, oldest_bytes; /* of that block; 0 = not known */
    uint64_t dropped;
    tr_consumer_t *consumers;
    tr_buffer_t open; /* the block of the open batch */
    uint64_t open_first;
    uint32_t open_count;
    uint64_t blocks_end;   /* the number behind the last one that is in a block */
    uint64_t marked;       /* the journal says, besides, that all below were given out (END_MARK) */
    bool written;          /* the journal has its declaration as it is */
    bool trimming;         /* a piece is being read to be deleted */
    uint64_t trimmed_tail; /* `tail` when it was asked for, where all was on disk then; 0 */
};

/* NULL where there is none. */
tr_stream_t *tr_stream_find(const tr_core_t *core, const char *name);
/* Declares it, or changes its limits. TR_REASON_NONE, _BAD_NAME, _BAD_TOPIC, _DUPLICATE_NAME (another pattern), _LIMIT. */
tr_reason_t tr_stream_declare(
    tr_core_t *core, const char *name, const char *pattern, const tr_stream_limits_t *limits);
/* Forgets it and all that is in it. False when out of memory. */
bool tr_stream_drop(tr_core_t *core, tr_stream_t *stream);
/* How far a consumer is: made where it is new. False: too many, or out of memory. */
bool tr_stream_commit(tr_stream_t *stream, const char *consumer, uint64_t position);
const tr_consumer_t *tr_stream_consumer(const tr_stream_t *stream, const char *name);

/* The record with its topic's name behind its envelope, until the next one. False when out of memory, or when there is no room in the
 * envelope. */
bool tr_record_with_topic(tr_core_t *core, const tr_topic_t *topic, const tr_record_t *record,
    const tr_record_header_t *h, tr_record_t *ret);
/* Of a topic that has one, with the name of `named` in it. `h` is as it is published. */
void tr_stream_append(tr_core_t *core, const tr_topic_t *topic, const tr_topic_t *named,
    const tr_record_t *record, const tr_record_header_t *h);
/* Puts what is new into a batch. */
void tr_streams_lay_out(tr_core_t *core, tr_buffer_t *ops);
void tr_streams_clean(tr_core_t *core, const tr_batch_t *batch);
/* The batch, and all before it, are on disk. */
void tr_streams_synced(tr_core_t *core, const tr_batch_t *batch);
/* What was published and committed until now shall be on disk before what is read next. */
void tr_streams_want_sync(tr_core_t *core);
/* After recovery, when all is on disk. */
void tr_streams_recovered(tr_core_t *core);
/* Whether one is of the wire tap. */
bool tr_streams_tap(const tr_core_t *core);
bool tr_streams_dirty(const tr_core_t *core);
void tr_streams_tick(tr_core_t *core);
void tr_streams_finish(tr_core_t *core);

/* Recovery. 0 or a negative errno. */
int tr_stream_recover(tr_core_t *core, const tr_pair_t *pair);
int tr_consumer_recover(tr_core_t *core, const tr_pair_t *pair);
int tr_stream_block_recover(tr_core_t *core, const tr_pair_t *pair);

/* stream_actions.c */
struct tr_answer;
typedef struct tr_answer tr_answer_t;
void tr_handle_streams(tr_answer_t *a);
void tr_handle_stream_declare(tr_answer_t *a);
void tr_handle_stream_drop(tr_answer_t *a);
void tr_handle_stream_read(tr_answer_t *a);
void tr_handle_stream_commit(tr_answer_t *a);

#endif
