/*
 * A cache in a Redis server (5 or newer), by scripts that run there as one step. Times are the server's clock's; its bound in bytes
 * is the server's maxmemory, with a policy that lets it drop keys (allkeys-lru).
 *
 * Keys: {PREFIX}:cache:KEY (a hash: value, and until when it is fresh) and {PREFIX}:claim:KEY; both end by themselves.
 *
 * Threads: one. A call waits for the server, for timeout_ms, and on a connection that broke once more for a new one. Errors:
 * -ECONNREFUSED nobody is there, -EACCES the password, -EIO the server was silent for too long, cut the connection twice, or cannot do
 * it (a replica, a full memory).
 */
#ifndef TR_CACHE_CACHE_REDIS_H
#define TR_CACHE_CACHE_REDIS_H

#include "lib/cache/cache.h"
#include "lib/redis/options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Connects to nothing yet. -EINVAL, -ENOMEM. */
int tr_cache_redis(const tr_redis_options_t *server, tr_cache_t **ret_cache, tr_error_t *error);

#ifdef __cplusplus
}
#endif

#endif
