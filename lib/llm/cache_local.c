#include "lib/llm/cache.h"

#include "lib/base/clock.h"
#include "lib/cache/lru.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

typedef struct local {
    tr_llm_cache_t base;
    tr_llm_loop_t *loop;
    tr_lru_t entries;
} local_t;

void tr_llm_cache_key(const char *text, size_t len, char out[TR_LLM_CACHE_KEY]) {
    unsigned char hash[32];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)text, len, NULL, 0);
    sodium_bin2hex(out, TR_LLM_CACHE_KEY, hash, sizeof hash);
}

static void on_due(void *arg) {
    tr_llm_lookup_t *lookup = arg;
    local_t *self = (local_t *)lookup->cache;
    const tr_lru_entry_t *e = tr_lru_use(&self->entries, lookup->key, strlen(lookup->key));
    lookup->waits = false;
    if (!e || e->stored_ms < lookup->not_before_wall_ms)
        lookup->answer(lookup->arg, NULL, 0);
    else
        lookup->answer(lookup->arg, e->value, e->len);
}

static int get(tr_llm_cache_t *base, tr_llm_lookup_t *lookup) {
    lookup->cache = base;
    lookup->waits = true;
    return tr_llm_timer_at(((local_t *)base)->loop, &lookup->timer, 0, on_due, lookup);
}

static void forget(tr_llm_cache_t *base, tr_llm_lookup_t *lookup) {
    if (lookup->waits)
        tr_llm_timer_stop(((local_t *)base)->loop, &lookup->timer);
    lookup->waits = false;
}

/* How long it is wanted is not looked at: who asks says how old it may be, and the least used goes first. */
static void put(tr_llm_cache_t *base, const char *key, const char *value, size_t len, int64_t keep_ms) {
    local_t *self = (local_t *)base;
    tr_lru_entry_t *e = tr_lru_put(&self->entries, key, strlen(key), value, len);
    (void)keep_ms;
    if (e)
        e->stored_ms = tr_clock_wall_ms();
}

static void destroy(tr_llm_cache_t *base) {
    local_t *self = (local_t *)base;
    tr_lru_finish(&self->entries);
    free(self);
}

static const tr_llm_cache_ops_t local_ops = {get, forget, put, destroy};

int tr_llm_cache_local(tr_llm_loop_t *loop, size_t entries, size_t bytes, tr_llm_cache_t **ret_cache) {
    local_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->base.ops = &local_ops;
    self->loop = loop;
    tr_lru_init(&self->entries, entries, bytes);
    *ret_cache = &self->base;
    return 0;
}
