/*
 * Each operation is one script with the lock's key and the counter's; what it says is the same however often it is run
 * with one nonce. So when a connection breaks, and nobody knows whether the script ran, it is simply run again.
 *
 * Numbers in the server's Lua are doubles: microseconds since 1970 are below 2^53 until the year 2255.
 */
#include "lib/lock/lock_redis.h"

#include "lib/redis/redis.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_SIZE (TR_REDIS_PREFIX_MAX + TR_LOCK_NAME_MAX + 16)

/* KEYS: the lock, the counter. ARGV: nonce, lease in ms. */
static const char take_script[] =
    "local v = redis.call('GET', KEYS[1])\n"
    "if v then\n"
    "  local token, nonce = string.match(v, '^(%d+) (%d+)$')\n"
    "  if nonce ~= ARGV[1] then return {1, redis.call('PTTL', KEYS[1])} end\n"
    "  redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
    "  return {0, token}\n"
    "end\n"
    "local t = redis.call('TIME')\n"
    "local last = tonumber(redis.call('GET', KEYS[2]) or '0')\n"
    "local token = string.format('%.0f', math.max(last + 1, t[1] * 1000000 + t[2]))\n"
    "redis.call('SET', KEYS[2], token)\n"
    "redis.call('SET', KEYS[1], token .. ' ' .. ARGV[1], 'PX', ARGV[2])\n"
    "return {0, token}\n";

/* ARGV: what the key has to be, lease in ms. */
static const char renew_script[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {2} end\n"
                                   "redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
                                   "return {0}\n";

static const char release_script[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {2} end\n"
                                     "redis.call('DEL', KEYS[1])\n"
                                     "return {0}\n";

typedef struct server {
    tr_lock_store_t base;
    tr_redis_t *redis;
} server_t;

typedef struct script {
    const char *text;
    const char *name; /* the lock's */
    const char *who;
    int64_t lease_ms;
} script_t;

static int run(server_t *self, const script_t *script, redisReply **ret_reply, tr_error_t *error) {
    char lock[KEY_SIZE], counter[KEY_SIZE], lease[24];
    snprintf(lock, sizeof lock, "{%s}:lock:%s", tr_redis_prefix(self->redis), script->name);
    snprintf(counter, sizeof counter, "{%s}:token", tr_redis_prefix(self->redis));
    snprintf(lease, sizeof lease, "%" PRId64, script->lease_ms);
    const char *argv[] = {script->text, "2", lock, counter, script->who, lease};
    return tr_redis_run(self->redis, sizeof argv / sizeof *argv, argv, NULL, ret_reply, error);
}

static int take(tr_lock_store_t *base, const char *name, uint64_t nonce, int64_t lease_ms,
    uint64_t *ret_token, int64_t *ret_left_ms, tr_error_t *error) {
    server_t *self = (server_t *)base;
    redisReply *reply = NULL;
    char who[24];
    snprintf(who, sizeof who, "%" PRIu64, nonce);
    int r = run(self, &(script_t){take_script, name, who, lease_ms}, &reply, error);
    if (r < 0)
        return r;
    const redisReply *second = reply->elements >= 2 ? reply->element[1] : NULL;
    if (r == 0 && second && second->type == REDIS_REPLY_STRING)
        *ret_token = strtoull(second->str, NULL, 10);
    else if (r == TR_LOCK_BUSY && second && second->type == REDIS_REPLY_INTEGER)
        *ret_left_ms = second->integer;
    else
        r = tr_redis_refuse(self->redis, -EIO, "an answer of another shape", error);
    freeReplyObject(reply);
    return r;
}

static void write_value(const tr_lock_t *lock, char out[48]) {
    snprintf(out, 48, "%" PRIu64 " %" PRIu64, lock->token, lock->nonce);
}

static int renew(tr_lock_store_t *base, const tr_lock_t *lock, int64_t lease_ms, tr_error_t *error) {
    char value[48];
    write_value(lock, value);
    return run((server_t *)base, &(script_t){renew_script, lock->name, value, lease_ms}, NULL, error);
}

static int release(tr_lock_store_t *base, const tr_lock_t *lock, tr_error_t *error) {
    char value[48];
    write_value(lock, value);
    return run((server_t *)base, &(script_t){release_script, lock->name, value, 0}, NULL, error);
}

static void destroy(tr_lock_store_t *base) {
    server_t *self = (server_t *)base;
    tr_redis_destroy(&self->redis);
    free(self);
}

static const tr_lock_ops_t redis_ops = {take, renew, release, destroy};

int tr_lock_redis(const tr_redis_options_t *server, const tr_lock_clock_t *clock, tr_lock_store_t **ret_store,
    tr_error_t *error) {
    server_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->base = (tr_lock_store_t){&redis_ops, clock ? *clock : tr_lock_clock_boot()};
    int r = tr_redis_new(server, &self->redis, error);
    if (r < 0) {
        free(self);
        return r;
    }
    *ret_store = &self->base;
    return 0;
}
