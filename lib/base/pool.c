#include "lib/base/pool.h"

#include <stdlib.h>

void tr_pool_init(tr_pool_t *self, size_t idle_max) {
    pthread_mutex_init(&self->lock, NULL);
    self->idle = NULL;
    self->idle_n = 0;
    self->idle_max = idle_max;
}

void tr_pool_finish(tr_pool_t *self) {
    while (self->idle) {
        tr_buf_t *buf = self->idle;
        self->idle = buf->next;
        free(buf);
    }
    self->idle_n = 0;
    pthread_mutex_destroy(&self->lock);
}

static tr_buf_t *take_idle(tr_pool_t *self) {
    pthread_mutex_lock(&self->lock);
    tr_buf_t *buf = self->idle;
    if (buf) {
        self->idle = buf->next;
        self->idle_n--;
    }
    pthread_mutex_unlock(&self->lock);
    return buf;
}

tr_buf_t *tr_pool_get(tr_pool_t *self, size_t size) {
    if (size > UINT32_MAX - sizeof(tr_buf_t))
        return NULL;
    tr_buf_t *buf = size <= TR_BUF_SIZE ? take_idle(self) : NULL;
    if (!buf) {
        size_t cap = size > TR_BUF_SIZE ? size : TR_BUF_SIZE;
        buf = malloc(sizeof *buf + cap);
        if (!buf)
            return NULL;
        buf->cap = (uint32_t)cap;
    }
    buf->next = NULL;
    buf->pool = self;
    buf->len = 0;
    return buf;
}

void tr_buf_release(tr_buf_t *buf) {
    if (!buf)
        return;
    tr_pool_t *pool = buf->pool;
    if (buf->cap == TR_BUF_SIZE) {
        pthread_mutex_lock(&pool->lock);
        if (pool->idle_n < pool->idle_max) {
            buf->next = pool->idle;
            pool->idle = buf;
            pool->idle_n++;
            buf = NULL;
        }
        pthread_mutex_unlock(&pool->lock);
    }
    free(buf);
}
