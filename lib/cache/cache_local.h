/* A cache in the memory of this process: bounded in bytes, the least recently used go first. Threads: any, at the same time. */
#ifndef TR_CACHE_CACHE_LOCAL_H
#define TR_CACHE_CACHE_LOCAL_H

#include "lib/cache/cache.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Milliseconds that never go back. */
typedef struct tr_cache_clock {
    int64_t (*now_ms)(void *arg);
    void *arg;
} tr_cache_clock_t;

/* bytes: of keys, values and what an entry costs. clock NULL = tr_clock_ms. -ENOMEM. */
int tr_cache_local(size_t bytes, const tr_cache_clock_t *clock, tr_cache_t **ret_cache);

#ifdef __cplusplus
}
#endif

#endif
