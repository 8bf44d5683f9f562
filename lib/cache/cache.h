/*
 * A cache that many ask for the same at once: values with a time for which they are fresh, a time for which they are better
 * than nothing, and one of all who ask that computes.
 *
 * Who finds no fresh value and nobody at work gets a *claim* for compute_ms, computes, and puts the value under it, or abandons
 * it. The others meanwhile get the stale value, or are told to wait. A claim whose holder died ends by itself. A value that
 * is put under a claim that has ended is not taken, since another one may have put a newer one.
 *
 * Stores: the memory of this process (cache_local.h) and a Redis server (cache_redis.h). A cache that fails is one that
 * has nothing: compute without it.
 *
 * Threads: as the store's header says.
 */
#ifndef TR_CACHE_CACHE_H
#define TR_CACHE_CACHE_H

#include "lib/base/error.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TR_CACHE_KEY_MAX   512u     /* bytes, any */
#define TR_CACHE_VALUE_MAX 16777216 /* bytes */

/* What tr_cache_get finds; negative is an errno with a text. */
#define TR_CACHE_FRESH   0
#define TR_CACHE_STALE   1 /* another one computes a new one */
#define TR_CACHE_COMPUTE 2 /* it is the caller who computes; there may be a stale value */
#define TR_CACHE_WAIT    3 /* another one computes, and there is nothing yet: ask again within wait_ms */
/* What tr_cache_put may say. */
#define TR_CACHE_LATE 4

typedef struct tr_cache_answer {
    char *value; /* NULL = none; the caller's, to free() */
    size_t len;
    uint64_t claim;  /* of TR_CACHE_COMPUTE */
    int64_t wait_ms; /* what is left of the other's claim at TR_CACHE_WAIT and TR_CACHE_STALE */
} tr_cache_answer_t;

/* From when it is put: fresh for fresh_ms, then stale for stale_ms, then gone. Its place may be needed earlier. */
typedef struct tr_cache_keep {
    int64_t fresh_ms, stale_ms;
} tr_cache_keep_t;

typedef struct tr_cache tr_cache_t;

/* What a store does; sizes and times have been checked. */
typedef struct tr_cache_ops {
    /* claim: the number to claim with. */
    int (*get)(tr_cache_t *self, const char *key, size_t key_len, uint64_t claim, int64_t compute_ms,
        tr_cache_answer_t *ret_answer, tr_error_t *error);
    int (*put)(tr_cache_t *self, const char *key, size_t key_len, uint64_t claim, const void *value,
        size_t len, tr_cache_keep_t keep, tr_error_t *error);
    int (*abandon)(tr_cache_t *self, const char *key, size_t key_len, uint64_t claim, tr_error_t *error);
    int (*drop)(tr_cache_t *self, const char *key, size_t key_len, tr_error_t *error);
    void (*destroy)(tr_cache_t *self);
} tr_cache_ops_t;

struct tr_cache {
    const tr_cache_ops_t *ops;
};

/* Never waits for another's work. compute_ms: how long computing takes at most. -EINVAL, -ENOMEM, or what the store says. */
int tr_cache_get(tr_cache_t *self, const char *key, size_t key_len, int64_t compute_ms,
    tr_cache_answer_t *ret_answer, tr_error_t *error);
/* claim 0: whoever computes, this is the newest; claims on it end. TR_CACHE_LATE: not taken, the claim had
 * ended (or, at a server, an answer was lost, and it was taken before). */
int tr_cache_put(tr_cache_t *self, const char *key, size_t key_len, uint64_t claim, const void *value,
    size_t len, tr_cache_keep_t keep, tr_error_t *error);
/* It could not be computed: the next who asks may try. */
int tr_cache_abandon(tr_cache_t *self, const char *key, size_t key_len, uint64_t claim, tr_error_t *error);
/* What was cached is wrong: gone, and what is being computed from what was so before will not be taken. */
int tr_cache_drop(tr_cache_t *self, const char *key, size_t key_len, tr_error_t *error);
void tr_cache_destroy(tr_cache_t **self);

#ifdef __cplusplus
}
#endif

#endif
