/*
 * The limiter of a fleet: buckets in Redis, one pair for each account, filled by the server's clock. What is in flight
 * is a sorted set of the attempts' ids by when they are given up: who died with an attempt in hand holds its place no longer than LEASE_MS.
 *
 * Scripts may be run twice, when a connection broke: each knows by the id what it has done.
 */
#include "lib/llm/rate_outer.h"
#include "lib/llm/shared_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASE_MS "900000" /* longer than any attempt */
#define KEPT_MS  "3600000"
#define ID_SIZE  17
#define KEY_SIZE (TR_LLM_RATE_KEY + 64)

/* Of both keys: the buckets, what is in flight. ARGV 1 to 3: the limits, of which 0 is none. */
#define BUCKETS                                                                                              \
    TR_LLM_NOW "local per_minute, tokens_per_minute = tonumber(ARGV[1]), tonumber(ARGV[2])\n"                \
               "local h = redis.call('HMGET', KEYS[1], 'requests', 'tokens', 'at', 'pause')\n"               \
               "local past = math.max(0, now - (tonumber(h[3]) or now))\n"                                   \
               "local burst = math.max(1, per_minute / 60)\n"                                                \
               "local requests = math.min(burst, (tonumber(h[1]) or burst) + per_minute / 60000 * past)\n"   \
               "local tokens = math.min(tokens_per_minute, (tonumber(h[2]) or tokens_per_minute)"            \
               " + tokens_per_minute / 60000 * past)\n"
#define KEEP                                                                                                 \
    "redis.call('HSET', KEYS[1], 'requests', requests, 'tokens', tokens, 'at', string.format('%.0f', "       \
    "now))\n"                                                                                                \
    "redis.call('PEXPIRE', KEYS[1], " KEPT_MS ")\n"

/* ARGV 4: the tokens that it asks for, 5: its id. Answers how long to wait, 0 = it may go, and how long of that nobody may go. */
static const char ask_script[] = BUCKETS
    "if redis.call('ZSCORE', KEYS[2], ARGV[5]) then return {0} end\n"
    "local most, wanted = tonumber(ARGV[3]), math.min(tonumber(ARGV[4]), tokens_per_minute)\n"
    "local pause = (tonumber(h[4]) or 0) - now\n"
    "local wait = pause\n"
    "if per_minute > 0 then wait = math.max(wait, math.ceil((1 - requests) * 60000 / per_minute)) end\n"
    "if tokens_per_minute > 0 then wait = math.max(wait, math.ceil((wanted - tokens) * 60000 / "
    "tokens_per_minute)) end\n"
    "redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)\n"
    "if most > 0 and redis.call('ZCARD', KEYS[2]) >= most then wait = math.max(wait, 20) end\n"
    "if wait > 0 then return {math.min(wait, 60000), string.format('%.0f', pause)} end\n"
    "if per_minute > 0 then requests = requests - 1 end\n"
    "if tokens_per_minute > 0 then tokens = tokens - tonumber(ARGV[4]) end\n" KEEP
    "redis.call('ZADD', KEYS[2], string.format('%.0f', now + " LEASE_MS "), ARGV[5])\n"
    "redis.call('PEXPIRE', KEYS[2], " LEASE_MS ")\n"
    "return {0}\n";

/* ARGV 4: the tokens that come back (less than 0: it took more), 5: its id. */
static const char leave_script[] =
    BUCKETS "if redis.call('ZREM', KEYS[2], ARGV[5]) == 1 then\n"
            "if tokens_per_minute > 0 then tokens = math.min(tokens_per_minute, tokens + tonumber(ARGV[4])) "
            "end\n" KEEP "end\n"
            "return {0}\n";

/* ARGV 4: for how long nobody goes. */
static const char pause_script[] =
    BUCKETS "local pause = math.max(tonumber(h[4]) or 0, now + tonumber(ARGV[4]))\n" KEEP
            "redis.call('HSET', KEYS[1], 'pause', string.format('%.0f', pause))\n"
            "return {0}\n";

typedef struct asking {
    tr_llm_asking_t base;
    char id[ID_SIZE];
    tr_redis_errand_t *errand; /* NULL = the server has no question of it */
    bool asked;                /* the server: it may hold a place there */
} asking_t;

/* ---- scripts ---- */

static void on_answer(void *arg, int number, const char *value, size_t len);

static int run(const tr_llm_shared_t *shared, const char *script, const char *key,
    const tr_llm_rate_config_t *limits, int64_t number, const char *id, asking_t *asking) {
    char buckets[KEY_SIZE], flight[KEY_SIZE], text[4][24];
    const int64_t values[4] = {
        limits->requests_per_minute, limits->tokens_per_minute, limits->in_flight, number};
    tr_redis_script_t s = {.text = script, .key = buckets, .second_key = flight, .n = 4};
    /* who has other limits has other buckets, or the levels of one would be nothing to the other */
    snprintf(buckets, sizeof buckets, "rate:%s:%" PRId64 ":%" PRId64, key, values[0], values[1]);
    snprintf(flight, sizeof flight, "in-flight:%s", key);
    for (size_t i = 0; i < 4; i++) {
        s.lengths[i] = (size_t)snprintf(text[i], sizeof text[i], "%" PRId64, values[i]);
        s.arguments[i] = text[i];
    }
    if (id) {
        s.arguments[s.n] = id;
        s.lengths[s.n++] = strlen(id);
    }
    return tr_redis_courier_send(
        shared->courier, &s, asking ? on_answer : NULL, asking, asking ? &asking->errand : NULL);
}

/* ---- the kind ---- */

static void begin(tr_llm_asking_t *base) {
    asking_t *a = (asking_t *)base;
    snprintf(a->id, sizeof a->id, "%016" PRIx64, tr_llm_outer_random(base->owner));
}

static void look(tr_llm_asking_t *base) {
    asking_t *a = (asking_t *)base;
    a->asked = true;
    if (run(base->owner->common, ask_script, base->key, &base->limits, (int64_t)base->local.tokens, a->id,
            a) < 0)
        tr_llm_asking_grant(
            base); /* too many wait for the server, or memory is out: by the limits of this process */
}

static void on_answer(void *arg, int number, const char *value, size_t len) {
    asking_t *a = arg;
    char paused[24] = "";
    a->errand = NULL;
    if (value && len < sizeof paused)
        memcpy(paused, value, len);
    if (number > 0 && tr_llm_asking_refused(&a->base, strtoll(paused, NULL, 10)))
        return;
    if (number > 0)
        tr_llm_asking_again(&a->base, number);
    else /* there is room, or no server */
        tr_llm_asking_grant(&a->base);
}

static void end(tr_llm_asking_t *base, int64_t back) {
    asking_t *a = (asking_t *)base;
    const tr_llm_shared_t *shared = base->owner->common;
    if (a->errand)
        tr_redis_courier_forget(shared->courier, a->errand);
    if (a->asked) /* what is lost on its way is given up there after a while, ignoring */
        run(shared, leave_script, base->key, &base->limits, back, a->id, NULL);
}

static void pause_account(
    tr_llm_outer_t *self, const char *key, const tr_llm_rate_config_t *limits, int64_t ms) {
    run(self->common, pause_script, key, limits, ms, NULL,
        NULL); /* then the others find out themselves, ignoring */
}

static const tr_llm_outer_kind_t kind = {sizeof(asking_t), begin, look, end, pause_account};

int tr_llm_rate_shared(tr_llm_shared_t *shared, tr_llm_rate_t *local, tr_llm_rate_t **ret_rate) {
    return tr_llm_outer_new(&kind, shared->loop, shared, local, ret_rate);
}
