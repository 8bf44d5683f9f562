#include "kbd/cache.h"

#include "lib/base/clock.h"

#include <sodium.h>

static const char *const ways[] = {"hit", "miss", NULL};

void tr_kb_cache_init(tr_kb_cache_t *self, size_t bytes) {
    *self = (tr_kb_cache_t){0};
    tr_lru_init(&self->answers, SIZE_MAX, bytes);
    tr_map_init(&self->hits, (uint64_t)tr_clock_ns());
}

void tr_kb_cache_finish(tr_kb_cache_t *self) {
    tr_lru_finish(&self->answers);
    tr_map_finish(&self->hits);
}

void tr_kb_cache_key(const tr_kb_namespace_t *ns, uint64_t vectors, const void *question, size_t len,
    tr_kb_cache_key_t *ret_key) {
    crypto_generichash_state state;
    const uint64_t state_of[] = {(uint64_t)ns->number, ns->version, vectors};
    crypto_generichash_init(&state, NULL, 0, TR_KB_CACHE_KEY);
    crypto_generichash_update(&state, (const unsigned char *)state_of, sizeof state_of);
    crypto_generichash_update(&state, question, len);
    crypto_generichash_final(&state, ret_key->bytes, TR_KB_CACHE_KEY);
}

static const char *key_of(const tr_kb_cache_key_t *key) {
    return (const char *)key->bytes;
}

static void count_hit(tr_kb_cache_t *self, const tr_kb_namespace_t *ns) {
    const char *name = (const char *)&ns->number;
    uint64_t *hits = tr_map_find(&self->hits, name, sizeof ns->number);
    if (hits)
        ++*hits;
    else
        tr_map_put(&self->hits, name, sizeof ns->number, 1); /* without memory it is not told, ignoring */
}

const void *tr_kb_cache_find(
    tr_kb_cache_t *self, const tr_kb_namespace_t *ns, const tr_kb_cache_key_t *key, size_t *ret_len) {
    const tr_lru_entry_t *entry = tr_lru_use(&self->answers, key_of(key), TR_KB_CACHE_KEY);
    tr_counter_inc(&self->searches[entry == NULL]);
    if (!entry)
        return NULL;
    count_hit(self, ns);
    *ret_len = entry->len;
    return entry->value;
}

void tr_kb_cache_put(tr_kb_cache_t *self, const tr_kb_cache_key_t *key, const void *answer, size_t len) {
    tr_lru_put(&self->answers, key_of(key), TR_KB_CACHE_KEY, answer, len); /* or it is not kept, ignoring */
    tr_gauge_set(&self->bytes, (int64_t)self->answers.bytes);
}

void tr_kb_cache_clear(tr_kb_cache_t *self) {
    size_t bytes = self->answers.bytes_max;
    tr_lru_finish(&self->answers);
    tr_lru_init(&self->answers, SIZE_MAX, bytes);
    tr_gauge_set(&self->bytes, 0);
}

void tr_kb_cache_drop(tr_kb_cache_t *self, const tr_kb_namespace_t *ns) {
    tr_map_delete(&self->hits, (const char *)&ns->number, sizeof ns->number);
}

uint64_t tr_kb_cache_hits(const tr_kb_cache_t *self, const tr_kb_namespace_t *ns) {
    const uint64_t *hits = tr_map_find(&self->hits, (const char *)&ns->number, sizeof ns->number);
    return hits ? *hits : 0;
}

int tr_kb_cache_register(const tr_kb_cache_t *self, tr_metrics_t *metrics, tr_error_t *error) {
    int rc = tr_metrics_counter(metrics,
        &(tr_metric_t){"troupe_knowledge_searches_total",
            "Searches, by whether the answer was that of an earlier one (hit).", {"cache"}, {ways}},
        self->searches, error);
    return rc < 0 ? rc
                  : tr_metrics_gauge(metrics,
                        &(tr_metric_t){"troupe_knowledge_cache_bytes", "Answers to searches that are kept."},
                        &self->bytes, error);
}
