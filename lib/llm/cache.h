/*
 * The cache port: answers of servers, as they came, by a hash of all that matters for them (who was asked, for what, with what).
 *
 * Who finds nothing is the one who asks the server, and whoever looks for the same until he is done waits: for what he puts, or to
 * be the next, when he has put nothing by the time that he forgets his look-up.
 *
 * A look-up is answered later, from the loop, so that the cache may be a server that the fleet shares; the one there is now
 * is the memory of this process (cache_local.c: the least recently used go first), or a Redis server (shared.h). A cache that fails is one that has nothing.
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

typedef enum tr_llm_lookup_state {
    TR_LLM_LOOKUP_OVER,
    TR_LLM_LOOKUP_DUE,   /* it is looked at soon */
    TR_LLM_LOOKUP_WAITS, /* for another one, who asks the server */
    TR_LLM_LOOKUP_ASKS,  /* that is this one */
} tr_llm_lookup_state_t;

/* One look-up. Zeroed; it stays where it is until it is forgotten. */
typedef struct tr_llm_lookup {
    /* value NULL = it has none so young. Borrowed. */
    void (*answer)(void *arg, const char *value, size_t len);
    void *arg;
    int64_t not_before_wall_ms; /* what was stored before is too old */
    char key[TR_LLM_CACHE_KEY];
    tr_llm_lookup_state_t state; /* this and what follows is the cache's */
    tr_llm_timer_t timer;
    tr_llm_cache_t *cache;
    void *query; /* of a cache that asks a server; NULL = there is none */
    struct tr_llm_lookup *next, *previous;
} tr_llm_lookup_t;

typedef struct tr_llm_keep {
    int64_t keep_ms;        /* nobody will want it when it is older */
    int64_t stored_wall_ms; /* when the server said it; 0 = now */
} tr_llm_keep_t;

typedef struct tr_llm_cache_ops {
    /* key, answer, arg and not_before are set. 0 or negative errno. */
    int (*get)(tr_llm_cache_t *self, tr_llm_lookup_t *lookup);
    /* Also after it was answered; idempotent. */
    void (*forget)(tr_llm_cache_t *self, tr_llm_lookup_t *lookup);
    /* Copies. Who waits for it gets it. */
    void (*put)(tr_llm_cache_t *self, const char *key, const char *value, size_t len, tr_llm_keep_t keep);
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
