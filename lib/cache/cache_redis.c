#include "lib/cache/cache_redis.h"

#include "lib/redis/redis.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE (TR_REDIS_PREFIX_MAX + TR_CACHE_KEY_MAX + 16)

/* Lua's numbers are doubles: milliseconds fit. */
#define NOW "local t = redis.call('TIME')\nlocal now = t[1] * 1000 + math.floor(t[2] / 1000)\n"

/* KEYS: the value, the claim. ARGV: the claim's number, how long it is for. A repetition finds its own claim. */
static const char get_script[] = //
    NOW "local v = redis.call('HMGET', KEYS[1], 'value', 'fresh')\n"
        "if v[1] and now < tonumber(v[2]) then return {0, v[1], 0} end\n"
        "local claim = redis.call('GET', KEYS[2])\n"
        "if not claim or claim == ARGV[1] then\n"
        "  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])\n"
        "  return {2, v[1], 0}\n"
        "end\n"
        "return {v[1] and 1 or 3, v[1], redis.call('PTTL', KEYS[2])}\n";

/* ARGV: the claim's number or 0, the value, fresh for, there for. */
static const char put_script[] =                                                        //
    "if ARGV[1] ~= '0' and redis.call('GET', KEYS[2]) ~= ARGV[1] then return {4} end\n" //
    NOW "redis.call('HSET', KEYS[1], 'value', ARGV[2], 'fresh', string.format('%.0f', now + ARGV[3]))\n"
    "redis.call('PEXPIRE', KEYS[1], ARGV[4])\n"
    "redis.call('DEL', KEYS[2])\n"
    "return {0}\n";

static const char abandon_script[] =
    "if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end\n"
    "return {0}\n";

static const char drop_script[] = "redis.call('DEL', KEYS[1], KEYS[2])\n"
                                  "return {0}\n";

typedef struct server {
    tr_cache_t base;
    tr_redis_t *redis;
} server_t;

/* A script's arguments as they are gathered. */
typedef struct script {
    const char *argv[8];
    size_t lengths[8];
    size_t n;
    char value_key[KEY_SIZE], claim_key[KEY_SIZE];
    char numbers[3][24];
    size_t numbers_n;
} script_t;

static void add(script_t *self, const char *text, size_t len) {
    self->argv[self->n] = text;
    self->lengths[self->n++] = len;
}

static void add_number(script_t *self, uint64_t number) {
    char *text = self->numbers[self->numbers_n++];
    int n = snprintf(text, sizeof self->numbers[0], "%" PRIu64, number);
    add(self, text, (size_t)n);
}

static void add_key(
    script_t *self, const server_t *server, const char *kind, char *out, const char *key, size_t key_len) {
    int n = snprintf(out, KEY_SIZE, "{%s}:%s:", tr_redis_prefix(server->redis), kind);
    memcpy(out + n, key, key_len);
    add(self, out, (size_t)n + key_len);
}

static void begin(script_t *self, const server_t *server, const char *text, const char *key, size_t key_len) {
    self->n = self->numbers_n = 0;
    add(self, text, strlen(text));
    add(self, "2", 1);
    add_key(self, server, "cache", self->value_key, key, key_len);
    add_key(self, server, "claim", self->claim_key, key, key_len);
}

static int read_answer(
    const server_t *self, const redisReply *reply, tr_cache_answer_t *answer, tr_error_t *error) {
    if (reply->elements != 3 || reply->element[2]->type != REDIS_REPLY_INTEGER)
        return tr_redis_refuse(self->redis, -EIO, "an answer of another shape", error);
    const redisReply *value = reply->element[1];
    answer->wait_ms = reply->element[2]->integer;
    if (value->type != REDIS_REPLY_STRING)
        return 0;
    answer->value = malloc((size_t)value->len + 1);
    if (!answer->value)
        return tr_error_set(error, -ENOMEM, "cache: out of memory");
    answer->len = (size_t)value->len;
    memcpy(answer->value, value->str, answer->len);
    return 0;
}

static int get(tr_cache_t *base, const char *key, size_t key_len, uint64_t claim, int64_t compute_ms,
    tr_cache_answer_t *ret_answer, tr_error_t *error) {
    server_t *self = (server_t *)base;
    redisReply *reply = NULL;
    script_t script;
    begin(&script, self, get_script, key, key_len);
    add_number(&script, claim);
    add_number(&script, (uint64_t)compute_ms);
    int r = tr_redis_run(self->redis, script.n, script.argv, script.lengths, &reply, error);
    if (r < 0)
        return r;
    int read = read_answer(self, reply, ret_answer, error);
    freeReplyObject(reply);
    return read < 0 ? read : r;
}

static int put(tr_cache_t *base, const char *key, size_t key_len, uint64_t claim, const void *value,
    size_t len, tr_cache_keep_t keep, tr_error_t *error) {
    server_t *self = (server_t *)base;
    script_t script;
    begin(&script, self, put_script, key, key_len);
    add_number(&script, claim);
    add(&script, len ? value : "", len);
    add_number(&script, (uint64_t)keep.fresh_ms);
    add_number(&script, (uint64_t)(keep.fresh_ms + keep.stale_ms));
    return tr_redis_run(self->redis, script.n, script.argv, script.lengths, NULL, error);
}

static int abandon(tr_cache_t *base, const char *key, size_t key_len, uint64_t claim, tr_error_t *error) {
    server_t *self = (server_t *)base;
    script_t script;
    begin(&script, self, abandon_script, key, key_len);
    add_number(&script, claim);
    return tr_redis_run(self->redis, script.n, script.argv, script.lengths, NULL, error);
}

static int drop(tr_cache_t *base, const char *key, size_t key_len, tr_error_t *error) {
    server_t *self = (server_t *)base;
    script_t script;
    begin(&script, self, drop_script, key, key_len);
    return tr_redis_run(self->redis, script.n, script.argv, script.lengths, NULL, error);
}

static void destroy(tr_cache_t *base) {
    server_t *self = (server_t *)base;
    tr_redis_destroy(&self->redis);
    free(self);
}

static const tr_cache_ops_t redis_ops = {get, put, abandon, drop, destroy};

int tr_cache_redis(const tr_redis_options_t *server, tr_cache_t **ret_cache, tr_error_t *error) {
    server_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->base.ops = &redis_ops;
    int r = tr_redis_new(server, &self->redis, error);
    if (r < 0) {
        free(self);
        return r;
    }
    *ret_cache = &self->base;
    return 0;
}
