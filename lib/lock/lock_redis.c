/*
 * Each operation is one script with the lock's key and the counter's; what it says is the same however often it is run
 * with one nonce. So when a connection breaks, and nobody knows whether the script ran, it is simply run again.
 *
 * Numbers in the server's Lua are doubles: microseconds since 1970 are below 2^53 until the year 2255.
 */
#include "lib/lock/lock_redis.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define PREFIX_MAX 64u
#define KEY_SIZE   (PREFIX_MAX + TR_LOCK_NAME_MAX + 16)

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
    redisContext *connection; /* NULL = none */
    char *host, *password;
    char prefix[PREFIX_MAX + 1];
    uint16_t port;
    struct timeval timeout;
} server_t;

/* ---- the connection ---- */

static void close_connection(server_t *self) {
    if (self->connection)
        redisFree(self->connection);
    self->connection = NULL;
}

static int refuse(server_t *self, int code, const char *what, tr_error_t *error) {
    return tr_error_set(error, code, "Redis at %s:%u: %s", self->host, self->port, what);
}

static int authenticate(server_t *self, tr_error_t *error) {
    if (!self->password)
        return 0;
    redisReply *reply = redisCommand(self->connection, "AUTH %s", self->password);
    int r = 0;
    if (!reply)
        r = refuse(self, -EIO, self->connection->errstr, error);
    else if (reply->type == REDIS_REPLY_ERROR)
        r = refuse(self, -EACCES, reply->str, error);
    freeReplyObject(reply);
    return r;
}

static int open_connection(server_t *self, tr_error_t *error) {
    if (self->connection)
        return 0;
    self->connection = self->host[0] == '/' ? redisConnectUnixWithTimeout(self->host, self->timeout)
                                            : redisConnectWithTimeout(self->host, self->port, self->timeout);
    if (!self->connection)
        return refuse(self, -ENOMEM, "out of memory", error);
    int r = 0;
    if (self->connection->err || redisSetTimeout(self->connection, self->timeout) != REDIS_OK)
        r = refuse(self, -ECONNREFUSED, self->connection->errstr, error);
    if (r == 0)
        r = authenticate(self, error);
    if (r < 0)
        close_connection(self);
    return r;
}

/* ---- scripts ---- */

typedef struct script {
    const char *text;
    const char *name; /* the lock's */
    const char *who;
    int64_t lease_ms;
} script_t;

static int run_once(server_t *self, const script_t *script, redisReply **ret_reply, tr_error_t *error) {
    char lock[KEY_SIZE], counter[KEY_SIZE], lease[24];
    snprintf(lock, sizeof lock, "{%s}:lock:%s", self->prefix, script->name);
    snprintf(counter, sizeof counter, "{%s}:token", self->prefix);
    snprintf(lease, sizeof lease, "%" PRId64, script->lease_ms);
    const char *argv[] = {"EVAL", script->text, "2", lock, counter, script->who, lease};
    int r = open_connection(self, error);
    if (r < 0)
        return r;
    *ret_reply = redisCommandArgv(self->connection, sizeof argv / sizeof *argv, argv, NULL);
    if (*ret_reply)
        return 0;
    r = refuse(self, -EIO, self->connection->errstr, error);
    close_connection(self);
    return r;
}

/* The answer's first number, and the reply for the rest of it, which the caller frees; or a negative errno. */
static int run(server_t *self, const script_t *script, redisReply **ret_reply, tr_error_t *error) {
    bool fresh = !self->connection;
    redisReply *reply = NULL;
    int r = run_once(self, script, &reply, error);
    if (r < 0 && !fresh)
        r = run_once(self, script, &reply, error);
    if (r < 0)
        return r;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements >= 1 &&
        reply->element[0]->type == REDIS_REPLY_INTEGER)
        r = (int)reply->element[0]->integer;
    else
        r = refuse(
            self, -EIO, reply->type == REDIS_REPLY_ERROR ? reply->str : "an answer of another shape", error);
    if (r < 0)
        freeReplyObject(reply);
    else
        *ret_reply = reply;
    return r;
}

/* Where only the number counts. */
static int run_plain(server_t *self, const script_t *script, tr_error_t *error) {
    redisReply *reply = NULL;
    int r = run(self, script, &reply, error);
    freeReplyObject(reply);
    return r;
}

/* ---- the port ---- */

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
        r = refuse(self, -EIO, "an answer of another shape", error);
    freeReplyObject(reply);
    return r;
}

static void write_value(const tr_lock_t *lock, char out[48]) {
    snprintf(out, 48, "%" PRIu64 " %" PRIu64, lock->token, lock->nonce);
}

static int renew(tr_lock_store_t *base, const tr_lock_t *lock, int64_t lease_ms, tr_error_t *error) {
    char value[48];
    write_value(lock, value);
    return run_plain((server_t *)base, &(script_t){renew_script, lock->name, value, lease_ms}, error);
}

static int release(tr_lock_store_t *base, const tr_lock_t *lock, tr_error_t *error) {
    char value[48];
    write_value(lock, value);
    return run_plain((server_t *)base, &(script_t){release_script, lock->name, value, 0}, error);
}

static void destroy(tr_lock_store_t *base) {
    server_t *self = (server_t *)base;
    close_connection(self);
    free(self->host);
    free(self->password);
    free(self);
}

static const tr_lock_ops_t redis_ops = {take, renew, release, destroy};

int tr_lock_redis(const tr_lock_redis_options_t *options, tr_lock_store_t **ret_store, tr_error_t *error) {
    const char *prefix = options->prefix ? options->prefix : "troupe";
    if (!*prefix || strlen(prefix) > PREFIX_MAX || strpbrk(prefix, "{}"))
        return tr_error_set(
            error, -EINVAL, "prefix \"%s\": expected 1 to %u bytes without braces", prefix, PREFIX_MAX);
    server_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int64_t timeout_ms = options->timeout_ms ? options->timeout_ms : 1000;
    self->base = (tr_lock_store_t){&redis_ops, options->clock ? *options->clock : tr_lock_clock_boot()};
    self->timeout = (struct timeval){timeout_ms / 1000, timeout_ms % 1000 * 1000};
    self->port = options->port;
    strcpy(self->prefix, prefix);
    self->host = strdup(options->host);
    self->password = options->password ? strdup(options->password) : NULL;
    if (!self->host || (options->password && !self->password)) {
        destroy(&self->base);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    *ret_store = &self->base;
    return 0;
}
