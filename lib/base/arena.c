#include "lib/base/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 2048
#define ALIGN      16

void tr_arena_init(tr_arena_t *self, size_t limit) {
    *self = (tr_arena_t){.limit = limit};
}

static void free_from(tr_arena_t *self, tr_arena_block_t *block) {
    while (block) {
        tr_arena_block_t *next = block->next;
        self->total -= block->cap;
        free(block);
        block = next;
    }
}

void tr_arena_finish(tr_arena_t *self) {
    free_from(self, self->first);
    *self = (tr_arena_t){.limit = self->limit};
}

void tr_arena_wipe(tr_arena_t *self) {
    for (tr_arena_block_t *b = self->first; b; b = b->next)
        explicit_bzero(b + 1, ALIGN + b->cap);
    tr_arena_finish(self);
}

void tr_arena_reset(tr_arena_t *self) {
    if (!self->first)
        return;
    free_from(self, self->first->next);
    self->first->next = NULL;
    self->first->used = 0;
    self->last = self->first;
}

static tr_arena_block_t *add_block(tr_arena_t *self, size_t size) {
    size_t cap = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    if (cap > self->limit || self->total > self->limit - cap)
        return NULL;
    tr_arena_block_t *block = malloc(sizeof *block + ALIGN + cap);
    if (!block)
        return NULL;
    *block = (tr_arena_block_t){.cap = cap};
    if (self->last)
        self->last->next = block;
    else
        self->first = block;
    self->last = block;
    self->total += cap;
    return block;
}

static char *block_data(tr_arena_block_t *block) {
    size_t p = (size_t)(block + 1);
    return (char *)block + (((p + ALIGN - 1) & ~(size_t)(ALIGN - 1)) - (size_t)block);
}

void *tr_arena_alloc(tr_arena_t *self, size_t size) {
    if (size > self->limit)
        return NULL;
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    tr_arena_block_t *block = self->last;
    if (!block || block->cap - block->used < size)
        block = add_block(self, size);
    if (!block)
        return NULL;
    void *p = block_data(block) + block->used;
    block->used += size;
    return p;
}

char *tr_arena_strn(tr_arena_t *self, const char *text, size_t len) {
    char *p = tr_arena_alloc(self, len + 1);
    if (!p)
        return NULL;
    memcpy(p, text, len);
    p[len] = 0;
    return p;
}
