/*
 * The cache of a fleet: an answer is a text in Redis, with when it was stored before it, and ends there by itself. The cache of
 * this process comes first, so that the same is asked of the server once at a time, and what it had is here from then on.
 */
#include "lib/llm/shared_private.h"

#include "lib/base/clock.h"
#include "proto/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_LEAST_MS 1000
#define STAMP         8u

static const char get_script[] = "local v = redis.call('GET', KEYS[1])\n"
                                 "if v then return {1, v} end\n"
                                 "return {0}\n";
static const char put_script[] = "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
                                 "return {0}\n";

typedef struct server {
    tr_llm_cache_t base;
    tr_llm_shared_t *shared;
    tr_llm_cache_t *local;
} server_t;

/* A look-up in this process, and then on the server. */
typedef struct query {
    server_t *owner;
    tr_llm_lookup_t local, *outer;
    tr_redis_errand_t *errand; /* NULL = the server has no question of it */
} query_t;

static void name_key(const char *key, char out[TR_LLM_CACHE_KEY + 8]) {
    snprintf(out, TR_LLM_CACHE_KEY + 8, "answer:%s", key);
}

static void answer(const query_t *q, const char *value, size_t len) {
    q->outer->answer(q->outer->arg, value, len);
}

static void on_server(void *arg, int number, const char *value, size_t len) {
    query_t *q = arg;
    q->errand = NULL;
    int64_t stored = number == 1 && value && len >= STAMP ? (int64_t)tr_get64((const uint8_t *)value) : 0;
    bool there = stored && stored >= q->outer->not_before_wall_ms;
    if (there)
        q->owner->local->ops->put(q->owner->local, q->outer->key, value + STAMP, len - STAMP,
            (tr_llm_keep_t){.stored_wall_ms = stored});
    answer(q, there ? value + STAMP : NULL, there ? len - STAMP : 0);
}

static void on_local(void *arg, const char *value, size_t len) {
    query_t *q = arg;
    char key[TR_LLM_CACHE_KEY + 8];
    name_key(q->outer->key, key);
    if (value || tr_redis_courier_send(q->owner->shared->courier,
                     &(tr_redis_script_t){.text = get_script, .key = key}, on_server, q, &q->errand) < 0)
        answer(q, value, len);
}

static void forget(tr_llm_cache_t *base, tr_llm_lookup_t *lookup) {
    server_t *self = (server_t *)base;
    query_t *q = lookup->query;
    if (!q)
        return;
    lookup->query = NULL;
    if (q->errand)
        tr_redis_courier_forget(self->shared->courier, q->errand);
    self->local->ops->forget(self->local, &q->local);
    free(q);
}

static int get(tr_llm_cache_t *base, tr_llm_lookup_t *lookup) {
    server_t *self = (server_t *)base;
    query_t *q = calloc(1, sizeof *q);
    if (!q)
        return -ENOMEM;
    q->owner = self;
    q->outer = lookup;
    q->local =
        (tr_llm_lookup_t){.answer = on_local, .arg = q, .not_before_wall_ms = lookup->not_before_wall_ms};
    memcpy(q->local.key, lookup->key, sizeof q->local.key);
    forget(base, lookup); /* of another provider's before */
    int r = self->local->ops->get(self->local, &q->local);
    if (r < 0)
        free(q);
    else
        lookup->query = q;
    return r;
}

/* A larger one than the server is to be given is not kept. */
static void put(tr_llm_cache_t *base, const char *key, const char *value, size_t len, tr_llm_keep_t keep) {
    server_t *self = (server_t *)base;
    self->local->ops->put(self->local, key, value, len, keep);
    char name[TR_LLM_CACHE_KEY + 8], lasts[24],
        *stamped = len < TR_REDIS_VALUE_MAX - STAMP ? malloc(STAMP + len) : NULL;
    if (!stamped)
        return;
    name_key(key, name);
    tr_put64((uint8_t *)stamped, (uint64_t)tr_clock_wall_ms());
    memcpy(stamped + STAMP, value, len);
    int n = snprintf(
        lasts, sizeof lasts, "%" PRId64, keep.keep_ms > KEEP_LEAST_MS ? keep.keep_ms : KEEP_LEAST_MS);
    tr_redis_script_t script = {.text = put_script,
        .key = name,
        .arguments = {stamped, lasts},
        .lengths = {STAMP + len, (size_t)n},
        .n = 2};
    tr_redis_courier_send(
        self->shared->courier, &script, NULL, NULL, NULL); /* else it is not kept, ignoring */
    free(stamped);
}

static void destroy(tr_llm_cache_t *base) {
    server_t *self = (server_t *)base;
    self->local->ops->destroy(self->local);
    free(self);
}

static const tr_llm_cache_ops_t shared_ops = {get, forget, put, destroy};

int tr_llm_cache_shared(tr_llm_shared_t *shared, tr_llm_cache_t *local, tr_llm_cache_t **ret_cache) {
    server_t *self = calloc(1, sizeof *self);
    if (!self) {
        local->ops->destroy(local);
        return -ENOMEM;
    }
    self->base.ops = &shared_ops;
    self->shared = shared;
    self->local = local;
    *ret_cache = &self->base;
    return 0;
}
