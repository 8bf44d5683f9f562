/*
 * Buffers for bundles, and the pool that keeps a few of them.
 *
 * A buffer is one heap block: this head, then its bytes. The pool is safe for threads, because a buffer that
 * was handed to ZeroMQ comes back from its I/O thread. Buffers larger than TR_BUF_SIZE are made for one
 * record and freed after it.
 */
#ifndef TR_BASE_POOL_H
#define TR_BASE_POOL_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* Measured: with half of it, deliveries on the topic stream fell from 21.9 to 16.6 million a second, as a
 * frame of 64 KiB is freed at the end of its receiver's heap, which goes back to the kernel each time. */
#define TR_BUF_SIZE (128u * 1024u)

typedef struct tr_buf {
    struct tr_buf *next; /* for whoever holds it: a list */
    struct tr_pool *pool;
    uint32_t len;
    uint32_t cap;
    uint8_t data[];
} tr_buf_t;

typedef struct tr_pool {
    pthread_mutex_t lock;
    tr_buf_t *idle;
    size_t idle_n;
    size_t idle_max;
} tr_pool_t;

/* idle_max: how many buffers of TR_BUF_SIZE are kept for later. */
void tr_pool_init(tr_pool_t *self, size_t idle_max);
/* Frees what it keeps. Every buffer must be back. */
void tr_pool_finish(tr_pool_t *self);
/* A buffer with len 0 and room for at least `size` bytes (TR_BUF_SIZE at the least); NULL when
 * out of memory. */
tr_buf_t *tr_pool_get(tr_pool_t *self, size_t size);
/* Back to its pool. NULL-safe. Any thread. */
void tr_buf_release(tr_buf_t *buf);

#endif
