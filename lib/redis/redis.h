/*
 * A connection to a Redis server on which scripts are run: each as one step there, and again on a new connection where one
 * broke, so that a script must be one that repeats safely.
 *
 * A call waits for the server, for timeout_ms (twice that, where the answer comes bit by bit), and on a connection that broke once more for a new one: never call it where
 * one must not wait. Errors: -ECONNREFUSED nobody is there, -EACCES the password, -EIO the server was silent for too long, cut
 * the connection twice, or cannot do it (a replica, a full memory). Threads: one.
 */
#ifndef TR_REDIS_REDIS_H
#define TR_REDIS_REDIS_H

#include "lib/base/error.h"
#include "lib/redis/options.h"

#include <hiredis/hiredis.h>

typedef struct tr_redis tr_redis_t;

/* Connects to nothing yet: the first call does. -EINVAL, -ENOMEM. */
int tr_redis_new(const tr_redis_options_t *options, tr_redis_t **ret_redis, tr_error_t *error);
void tr_redis_destroy(tr_redis_t **self);
const char *tr_redis_prefix(const tr_redis_t *self);

/* EVAL's arguments (the script, the number of keys, keys, arguments), n of them. The script answers with an array whose first
 * element is a number, 0 or more: that is returned, with the reply, for the caller to free, unless ret_reply is NULL. */
int tr_redis_run(tr_redis_t *self, size_t n, const char *argv[], const size_t lengths[],
    redisReply **ret_reply, tr_error_t *error);
/* An error that names the server. Returns the code. */
int tr_redis_refuse(const tr_redis_t *self, int code, const char *what, tr_error_t *error);

#endif
