/*
 * The cache port: answers of servers, as they came, by a hash of all that matters for them (who was asked, for what, with what).
 *
 * A look-up is answered later, from the loop, so that the cache may be a server that the fleet shares; the one there is now
 * is the memory of this process (cache_local.c: the least recently used go first). A cache that fails is one that has nothing.
 *
 * Threads: one.
 */
#ifndef TR_LLM_CACHE_H
#define TR_LLM_CACHE_H

#include "lib/base/error.h"
#include "lib/llm/loop.h"

#include <stddef.h>

#define TR_LLM_CACHE_KEY 65 /* hexadecimal digits and a NUL */

typedef struct tr_llm_cache tr_llm_cache_t;

/* One look-up. Zeroed; it stays where it is until it was answered or forgotten. */
typedef struct tr_llm_lookup {
    /* value NULL = it has none so young. Borrowed. */
    void (*answer)(void *arg, const char *value, size_t len);
    void *arg;
    int64_t not_before_wall_ms; /* what was stored before is too old */
    bool waits;
    char key[TR_LLM_CACHE_KEY];
    tr_llm_timer_t timer; /* this and what follows is the cache's */
    tr_llm_cache_t *cache;
    struct tr_llm_lookup *next, *previous;
} tr_llm_lookup_t;

typedef struct tr_llm_cache_ops {
    /* key, answer, arg and not_before are set. 0 or negative errno. */
    int (*get)(tr_llm_cache_t *self, tr_llm_lookup_t *lookup);
    void (*forget)(tr_llm_cache_t *self, tr_llm_lookup_t *lookup);
    /* Copies. keep_ms: nobody will want it when it is older. */
    void (*put)(tr_llm_cache_t *self, const char *key, const char *value, size_t len, int64_t keep_ms);
    void (*destroy)(tr_llm_cache_t *self);
} tr_llm_cache_ops_t;

struct tr_llm_cache {
    const tr_llm_cache_ops_t *ops;
};

/* At most so many entries and bytes. The loop is borrowed. -ENOMEM. */
int tr_llm_cache_local(tr_llm_loop_t *loop, size_t entries, size_t bytes, tr_llm_cache_t **ret_cache);

/* The key of a text: BLAKE2b, 256 bits. */
void tr_llm_cache_key(const char *text, size_t len, char out[TR_LLM_CACHE_KEY]);

#endif
