/*
 * Answers to the last searches, for who asks the same again: bounded in bytes, the least recently used go first.
 *
 * The key of an answer has the version of its namespace and how many vectors were made for it, so that what is changed is never answered from here: it
 * is not found, and goes when its place is needed. Versions of what was not committed come again: then all is to be cleared.
 *
 * One thread; what is counted may be read by any.
 */
#ifndef TR_KBD_CACHE_H
#define TR_KBD_CACHE_H

#include "kbd/store.h"
#include "lib/base/metrics.h"
#include "lib/cache/lru.h"

#define TR_KB_CACHE_KEY 32u

typedef struct tr_kb_cache {
    tr_lru_t answers;
    tr_map_t hits;            /* by the namespace's number */
    tr_counter_t searches[2]; /* that were answered from here, and that were not */
    tr_gauge_t bytes;
} tr_kb_cache_t;

typedef struct tr_kb_cache_key {
    uint8_t bytes[TR_KB_CACHE_KEY];
} tr_kb_cache_key_t;

/* bytes: of answers with what an entry costs; 0 = none are kept. */
void tr_kb_cache_init(tr_kb_cache_t *self, size_t bytes);
void tr_kb_cache_finish(tr_kb_cache_t *self);

/* vectors: that were made in this namespace since the process began. question: all that the answer depends on but those. */
void tr_kb_cache_key(const tr_kb_namespace_t *ns, uint64_t vectors, const void *question, size_t len,
    tr_kb_cache_key_t *ret_key);
/* The answer, borrowed until the next put; NULL: there is none. Counts it as one search. */
const void *tr_kb_cache_find(
    tr_kb_cache_t *self, const tr_kb_namespace_t *ns, const tr_kb_cache_key_t *key, size_t *ret_len);
/* Copies. Where it is too large, or there is no memory, nothing is kept. */
void tr_kb_cache_put(tr_kb_cache_t *self, const tr_kb_cache_key_t *key, const void *answer, size_t len);
void tr_kb_cache_clear(tr_kb_cache_t *self);
void tr_kb_cache_drop(tr_kb_cache_t *self, const tr_kb_namespace_t *ns); /* its count */

/* How many searches in a namespace were answered from here. */
uint64_t tr_kb_cache_hits(const tr_kb_cache_t *self, const tr_kb_namespace_t *ns);
int tr_kb_cache_register(const tr_kb_cache_t *self, tr_metrics_t *metrics, tr_error_t *error);

#endif
