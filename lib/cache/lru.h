/* Values by key, bounded in number and bytes: the least recently used go first. Knows no clock: what times mean is its
 * user's affair. Threads: one. */
#ifndef TR_CACHE_LRU_H
#define TR_CACHE_LRU_H

#include "lib/base/map.h"

typedef struct tr_lru_entry {
    struct tr_lru_entry *newer, *older;  /* by use */
    int64_t stored_ms, fresh_ms, end_ms; /* the user's, 0 at first */
    size_t key_len, len;
    char *value; /* len bytes */
    char key[];  /* and the value behind it */
} tr_lru_entry_t;

typedef struct tr_lru {
    tr_map_t entries;
    tr_lru_entry_t *newest, *oldest;
    size_t bytes; /* with what an entry costs itself */
    size_t entries_max, bytes_max;
} tr_lru_t;

void tr_lru_init(tr_lru_t *self, size_t entries_max, size_t bytes_max);
void tr_lru_finish(tr_lru_t *self);
/* Borrowed until the next put or drop; NULL where there is none. It is the most recently used now. */
tr_lru_entry_t *tr_lru_use(tr_lru_t *self, const char *key, size_t key_len);
/* Copies, in the place of what was there. NULL without memory, or where it is larger than all may be: then nothing is there. */
tr_lru_entry_t *tr_lru_put(tr_lru_t *self, const char *key, size_t key_len, const void *value, size_t len);
/* NULL-safe. */
void tr_lru_drop(tr_lru_t *self, tr_lru_entry_t *entry);

#endif
