/*
 * An outbox: records that wait to leave, already laid out as the bundles they will leave in.
 *
 * A chunk is one future bundle. It knows how many of its records belong to which account (a mailbox), as
 * runs, so that sending a chunk settles the accounts without reading the records again.
 */
#ifndef TR_PROTO_OUTBOX_H
#define TR_PROTO_OUTBOX_H

#include "lib/base/pool.h"
#include "proto/bundle.h"

#include <stdbool.h>

/* What one mailbox has queued. */
typedef struct tr_account {
    void *owner; /* the entry whose mailbox it is, or NULL */
    uint32_t records;
    uint64_t bytes;
} tr_account_t;

#define TR_CHUNK_RUNS 6

typedef struct tr_run {
    tr_account_t *account;
    uint32_t records;
    uint32_t bytes;
} tr_run_t;

typedef struct tr_chunk {
    struct tr_chunk *next;
    tr_buf_t *buf;
    int64_t since_ms; /* when its first record came, by whoever adds them; 0 = not said */
    uint32_t records;
    uint32_t runs_n;
    tr_run_t runs[TR_CHUNK_RUNS];
} tr_chunk_t;

typedef struct tr_outbox {
    tr_chunk_t *head, *tail;
    /* Of one chunk: no more than the window that it must fit into; 0 = as many as fit. */
    uint32_t records_max;
    uint32_t bytes_max; /* unless a single record is longer */
} tr_outbox_t;

/* Its chunks take at most half of a receiver's window: that much is free as soon as he has given credit for the other half. */
void tr_outbox_fit(tr_outbox_t *self, uint64_t window_records, uint64_t window_bytes);
/* An empty one with the limits of another. */
static inline tr_outbox_t tr_outbox_like(const tr_outbox_t *other) {
    return (tr_outbox_t){.records_max = other->records_max, .bytes_max = other->bytes_max};
}
/* Room for a record at the end, its bytes to be written by the caller. account may be NULL. NULL when out of
 * memory. */
uint8_t *tr_outbox_add(tr_outbox_t *self, tr_pool_t *pool, uint32_t length, tr_account_t *account);
/* Takes the first chunk off, its count written, and settles its accounts; NULL when empty. The caller owns
 * it. */
tr_chunk_t *tr_outbox_take(tr_outbox_t *self);
/* Puts every chunk of `from` behind those of self. */
void tr_outbox_append(tr_outbox_t *self, tr_outbox_t *from);
void tr_chunk_free(tr_chunk_t *chunk);
void tr_outbox_finish(tr_outbox_t *self);

#endif
