#include "lib/llm/cache.h"

#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/base/random.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    struct entry *newer, *older; /* by use */
    char key[TR_LLM_CACHE_KEY];
    int64_t stored_wall_ms;
    size_t len;
    char value[];
} entry_t;

typedef struct local {
    tr_llm_cache_t base;
    tr_llm_loop_t *loop;
    tr_map_t entries;
    entry_t *newest, *oldest;
    size_t bytes, entries_max, bytes_max;
} local_t;

void tr_llm_cache_key(const char *text, size_t len, char out[TR_LLM_CACHE_KEY]) {
    unsigned char hash[32];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)text, len, NULL, 0);
    sodium_bin2hex(out, TR_LLM_CACHE_KEY, hash, sizeof hash);
}

/* ---- the order of use ---- */

static void link_newest(local_t *self, entry_t *e) {
    e->newer = NULL;
    e->older = self->newest;
    if (e->older)
        e->older->newer = e;
    else
        self->oldest = e;
    self->newest = e;
}

static void unlink_entry(local_t *self, entry_t *e) {
    if (e->newer)
        e->newer->older = e->older;
    else
        self->newest = e->older;
    if (e->older)
        e->older->newer = e->newer;
    else
        self->oldest = e->newer;
}

static size_t size_of(const entry_t *e) {
    return sizeof *e + e->len + TR_LLM_CACHE_KEY;
}

static void drop(local_t *self, entry_t *e) {
    tr_map_delete(&self->entries, e->key, strlen(e->key));
    unlink_entry(self, e);
    self->bytes -= size_of(e);
    free(e);
}

/* ---- the port ---- */

static entry_t *find(local_t *self, const char *key) {
    return tr_map_find_ptr(&self->entries, key, strlen(key));
}

static void on_due(void *arg) {
    tr_llm_lookup_t *lookup = arg;
    local_t *self = (local_t *)lookup->cache;
    entry_t *e = find(self, lookup->key);
    lookup->waits = false;
    if (!e || e->stored_wall_ms < lookup->not_before_wall_ms) {
        lookup->answer(lookup->arg, NULL, 0);
        return;
    }
    unlink_entry(self, e);
    link_newest(self, e);
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
    entry_t *e = find(self, key);
    (void)keep_ms;
    if (e)
        drop(self, e);
    e = len < self->bytes_max ? malloc(sizeof *e + len) : NULL;
    if (!e)
        return;
    *e = (entry_t){.stored_wall_ms = tr_clock_wall_ms(), .len = len};
    memcpy(e->key, key, strlen(key) + 1);
    memcpy(e->value, value, len);
    if (tr_map_put(&self->entries, key, strlen(key), (uintptr_t)e) < 0) {
        free(e);
        return;
    }
    link_newest(self, e);
    self->bytes += size_of(e);
    while (self->oldest && (self->bytes > self->bytes_max || self->entries.count > self->entries_max))
        drop(self, self->oldest);
}

static void destroy(tr_llm_cache_t *base) {
    local_t *self = (local_t *)base;
    while (self->oldest)
        drop(self, self->oldest);
    tr_map_finish(&self->entries);
    free(self);
}

static const tr_llm_cache_ops_t local_ops = {get, forget, put, destroy};

int tr_llm_cache_local(tr_llm_loop_t *loop, size_t entries, size_t bytes, tr_llm_cache_t **ret_cache) {
    local_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->base.ops = &local_ops;
    self->loop = loop;
    self->entries_max = entries;
    self->bytes_max = bytes;
    tr_map_init(&self->entries, tr_random_seed());
    *ret_cache = &self->base;
    return 0;
}
