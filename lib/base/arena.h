/*
 * An arena: memory that is given out piece by piece and taken back all at once. For decoding: a reset keeps
 * the first block, so that decoding in a loop allocates nothing. One thread.
 */
#ifndef TR_BASE_ARENA_H
#define TR_BASE_ARENA_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_arena_block {
    struct tr_arena_block *next;
    size_t used, cap;
} tr_arena_block_t;

typedef struct tr_arena {
    tr_arena_block_t *first, *last;
    size_t total, limit; /* bytes in blocks; never more than limit */
} tr_arena_t;

/* Allocates nothing yet. limit: bytes at most, in all. */
void tr_arena_init(tr_arena_t *self, size_t limit);
void tr_arena_finish(tr_arena_t *self);
/* The same, and what was in it is overwritten first: for secrets. */
void tr_arena_wipe(tr_arena_t *self);
void tr_arena_reset(tr_arena_t *self);
/* 16-byte aligned, not cleared; NULL at the limit or out of memory. */
void *tr_arena_alloc(tr_arena_t *self, size_t size);
/* A C string of len bytes; NULL as above. */
char *tr_arena_strn(tr_arena_t *self, const char *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif
