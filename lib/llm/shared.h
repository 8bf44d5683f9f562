/*
 * What the processes of a fleet share of a model server: the limiter and the cache of the ports (rate.h, cache.h) on a Redis
 * server. Neither waits for it: a thread asks (lib/redis/courier.h). Where it cannot be reached the limits are those of each
 * process, as without it, and the cache has nothing.
 *
 * Threads: one, that of the loop.
 */
#ifndef TR_LLM_SHARED_H
#define TR_LLM_SHARED_H

#include "lib/llm/cache.h"
#include "lib/llm/config.h"
#include "lib/llm/rate.h"

typedef struct tr_llm_shared tr_llm_shared_t;

/* -ENOTSUP: this build has no Redis; -EINVAL, -EPERM and others of the password's file. The loop is borrowed. */
int tr_llm_shared_open(tr_llm_loop_t *loop, const tr_llm_shared_config_t *config,
    tr_llm_shared_t **ret_shared, tr_error_t *error);
/* After its limiter and cache. NULL-safe. */
void tr_llm_shared_close(tr_llm_shared_t **self);

/* Each takes the local one over, on failure too: it stands before the server, keeps this process's order, limits and equal questions, and is all there
 * is where the server is away. -ENOMEM. */
int tr_llm_rate_shared(tr_llm_shared_t *shared, tr_llm_rate_t *local, tr_llm_rate_t **ret_rate);
int tr_llm_cache_shared(tr_llm_shared_t *shared, tr_llm_cache_t *local, tr_llm_cache_t **ret_cache);

#endif
