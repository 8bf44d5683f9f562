#include "proto/outbox.h"

#include <stdlib.h>

static tr_chunk_t *chunk_new(tr_pool_t *pool, uint32_t length) {
    tr_chunk_t *chunk = malloc(sizeof *chunk);
    tr_buf_t *buf = chunk ? tr_pool_get(pool, (size_t)length + TR_BUNDLE_HEADER) : NULL;
    if (!buf) {
        free(chunk);
        return NULL;
    }
    tr_bundle_begin(buf);
    chunk->next = NULL;
    chunk->buf = buf;
    chunk->since_ms = 0;
    chunk->records = chunk->runs_n = 0;
    return chunk;
}

/* False where the chunk has no run left for another account. */
static bool charge(tr_chunk_t *chunk, tr_account_t *account, uint32_t length) {
    if (!account)
        return true;
    tr_run_t *run = chunk->runs_n ? &chunk->runs[chunk->runs_n - 1] : NULL;
    if (!run || run->account != account) {
        if (chunk->runs_n == TR_CHUNK_RUNS)
            return false;
        run = &chunk->runs[chunk->runs_n++];
        *run = (tr_run_t){.account = account};
    }
    run->records++;
    run->bytes += length;
    account->records++;
    account->bytes += length;
    return true;
}

static tr_chunk_t *add_chunk(tr_outbox_t *self, tr_pool_t *pool, uint32_t length) {
    tr_chunk_t *chunk = chunk_new(pool, length);
    if (!chunk)
        return NULL;
    if (self->tail)
        self->tail->next = chunk;
    else
        self->head = chunk;
    self->tail = chunk;
    return chunk;
}

static bool is_full(const tr_outbox_t *self, const tr_chunk_t *chunk, uint32_t length) {
    return (self->records_max && chunk->records >= self->records_max) ||
           length > chunk->buf->cap - chunk->buf->len ||
           (self->bytes_max && chunk->buf->len - TR_BUNDLE_HEADER + (uint64_t)length > self->bytes_max);
}

static uint32_t half(uint64_t window) {
    return window < 2 ? 1 : window / 2 < UINT32_MAX ? (uint32_t)(window / 2) : UINT32_MAX;
}

void tr_outbox_fit(tr_outbox_t *self, uint64_t window_records, uint64_t window_bytes) {
    self->records_max = half(window_records);
    self->bytes_max = half(window_bytes);
}

uint8_t *tr_outbox_add(tr_outbox_t *self, tr_pool_t *pool, uint32_t length, tr_account_t *account) {
    tr_chunk_t *chunk = self->tail;
    if (!chunk || is_full(self, chunk, length) || !charge(chunk, account, length)) {
        chunk = add_chunk(self, pool, length);
        if (!chunk)
            return NULL;
        charge(chunk, account, length);
    }
    chunk->records++;
    return tr_bundle_add(chunk->buf, length);
}

tr_chunk_t *tr_outbox_take(tr_outbox_t *self) {
    tr_chunk_t *chunk = self->head;
    if (!chunk)
        return NULL;
    self->head = chunk->next;
    if (!self->head)
        self->tail = NULL;
    chunk->next = NULL;
    tr_bundle_end(chunk->buf, chunk->records);
    for (uint32_t i = 0; i < chunk->runs_n; i++) {
        chunk->runs[i].account->records -= chunk->runs[i].records;
        chunk->runs[i].account->bytes -= chunk->runs[i].bytes;
    }
    return chunk;
}

void tr_outbox_append(tr_outbox_t *self, tr_outbox_t *from) {
    if (!from->head)
        return;
    if (self->tail)
        self->tail->next = from->head;
    else
        self->head = from->head;
    self->tail = from->tail;
    from->head = from->tail = NULL;
}

void tr_chunk_free(tr_chunk_t *chunk) {
    if (!chunk)
        return;
    tr_buf_release(chunk->buf);
    free(chunk);
}

void tr_outbox_finish(tr_outbox_t *self) {
    tr_chunk_t *chunk;
    while ((chunk = tr_outbox_take(self)))
        tr_chunk_free(chunk);
}
