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
    tr_llm_lookup_t
        *first; /* of those that ask or wait, the youngest first: as many as there are calls in flight */
} local_t;

void tr_llm_cache_key(const char *text, size_t len, char out[TR_LLM_CACHE_KEY]) {
    unsigned char hash[32];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)text, len, NULL, 0);
    sodium_bin2hex(out, TR_LLM_CACHE_KEY, hash, sizeof hash);
}

/* ---- who asks, and who waits for him ---- */

static void enlist(local_t *self, tr_llm_lookup_t *lookup, tr_llm_lookup_state_t state) {
    lookup->state = state;
    lookup->next = self->first;
    lookup->previous = NULL;
    if (self->first)
        self->first->previous = lookup;
    self->first = lookup;
}

static void delist(local_t *self, tr_llm_lookup_t *lookup) {
    if (lookup->previous)
        lookup->previous->next = lookup->next;
    else
        self->first = lookup->next;
    if (lookup->next)
        lookup->next->previous = lookup->previous;
    lookup->state = TR_LLM_LOOKUP_OVER;
}

/* The oldest of those in this state. */
static tr_llm_lookup_t *find(const local_t *self, const char *key, tr_llm_lookup_state_t state) {
    tr_llm_lookup_t *found = NULL;
    for (tr_llm_lookup_t *l = self->first; l; l = l->next)
        if (l->state == state && strcmp(l->key, key) == 0)
            found = l;
    return found;
}

static void on_due(void *arg);

/* Where there is no memory it finds nothing at once. */
static void look(local_t *self, tr_llm_lookup_t *lookup) {
    lookup->state = TR_LLM_LOOKUP_DUE;
    if (tr_llm_timer_at(self->loop, &lookup->timer, 0, on_due, lookup) < 0)
        lookup->answer(lookup->arg, NULL, 0);
}

static void on_due(void *arg) {
    tr_llm_lookup_t *lookup = arg;
    local_t *self = (local_t *)lookup->cache;
    const tr_lru_entry_t *e = tr_lru_use(&self->entries, lookup->key, strlen(lookup->key));
    lookup->state = TR_LLM_LOOKUP_OVER;
    if (e && e->stored_ms >= lookup->not_before_wall_ms) {
        lookup->answer(lookup->arg, e->value, e->len);
    } else if (find(self, lookup->key, TR_LLM_LOOKUP_ASKS)) {
        enlist(self, lookup, TR_LLM_LOOKUP_WAITS);
    } else {
        enlist(self, lookup, TR_LLM_LOOKUP_ASKS);
        lookup->answer(lookup->arg, NULL, 0);
    }
}

static int get(tr_llm_cache_t *base, tr_llm_lookup_t *lookup) {
    lookup->cache = base;
    lookup->state = TR_LLM_LOOKUP_DUE;
    int r = tr_llm_timer_at(((local_t *)base)->loop, &lookup->timer, 0, on_due, lookup);
    if (r < 0)
        lookup->state = TR_LLM_LOOKUP_OVER;
    return r;
}

/* Of those that wait the oldest, or all, look again. */
static void wake(local_t *self, const char *key, bool all) {
    for (tr_llm_lookup_t *l; (l = find(self, key, TR_LLM_LOOKUP_WAITS));) {
        delist(self, l);
        look(self, l);
        if (!all)
            return;
    }
}

static void forget(tr_llm_cache_t *base, tr_llm_lookup_t *lookup) {
    local_t *self = (local_t *)base;
    bool asked = lookup->state == TR_LLM_LOOKUP_ASKS;
    if (lookup->state == TR_LLM_LOOKUP_DUE)
        tr_llm_timer_stop(self->loop, &lookup->timer);
    else if (lookup->state != TR_LLM_LOOKUP_OVER)
        delist(self, lookup);
    lookup->state = TR_LLM_LOOKUP_OVER;
    if (asked)
        wake(self, lookup->key, false);
}

/* How long it is wanted is not looked at: who asks says how old it may be, and the least used goes first. */
static void put(tr_llm_cache_t *base, const char *key, const char *value, size_t len, tr_llm_keep_t keep) {
    local_t *self = (local_t *)base;
    tr_lru_entry_t *e = tr_lru_put(&self->entries, key, strlen(key), value, len);
    tr_llm_lookup_t *asked = find(self, key, TR_LLM_LOOKUP_ASKS);
    if (e)
        e->stored_ms = keep.stored_wall_ms ? keep.stored_wall_ms : tr_clock_wall_ms();
    if (asked)
        delist(self, asked);
    wake(self, key, e != NULL); /* what was too large to be kept is asked for again, by one after the other */
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
