/*
 * Locks in a Redis server (5 or newer; a primary, not a replica), by scripts that run there as one step.
 *
 * Leases end by the server's clock: one that jumps forward ends them early, one that jumps back makes them last longer.
 * A holder learns of it from tr_lock_renew, a resource from the tokens. A server that is started again without
 * persistence, or a failover, forgets locks (see lock.h for what remains true then).
 *
 * Keys: {PREFIX}:lock:NAME (text "TOKEN NONCE", gone with the lease) and {PREFIX}:token, which stays: one for all locks.
 *
 * Threads: one. A call waits for the server, for timeout_ms, and on a connection that broke once more for a new one. Errors:
 * -ECONNREFUSED nobody is there, -EACCES the password, -EIO the server was silent for too long, cut the connection twice, or cannot do
 * it (a replica, a full memory).
 */
#ifndef TR_LOCK_LOCK_REDIS_H
#define TR_LOCK_LOCK_REDIS_H

#include "lib/lock/lock.h"
#include "lib/redis/options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* clock NULL = tr_lock_clock_boot. Connects to nothing yet: the first call does. -EINVAL, -ENOMEM. */
int tr_lock_redis(const tr_redis_options_t *server, const tr_lock_clock_t *clock, tr_lock_store_t **ret_store,
    tr_error_t *error);

#ifdef __cplusplus
}
#endif

#endif
