#include "lib/cache/lru.h"

#include "lib/base/random.h"

#include <stdlib.h>
#include <string.h>

static void link_newest(tr_lru_t *self, tr_lru_entry_t *e) {
    e->newer = NULL;
    e->older = self->newest;
    if (e->older)
        e->older->newer = e;
    else
        self->oldest = e;
    self->newest = e;
}

static void unlink_entry(tr_lru_t *self, tr_lru_entry_t *e) {
    if (e->newer)
        e->newer->older = e->older;
    else
        self->newest = e->older;
    if (e->older)
        e->older->newer = e->newer;
    else
        self->oldest = e->newer;
}

/* The entry, and the key's copy in the map. */
static size_t size_for(size_t key_len, size_t len) {
    return sizeof(tr_lru_entry_t) + 2 * key_len + len;
}

void tr_lru_init(tr_lru_t *self, size_t entries_max, size_t bytes_max) {
    *self = (tr_lru_t){.entries_max = entries_max, .bytes_max = bytes_max};
    tr_map_init(&self->entries, tr_random_seed());
}

void tr_lru_finish(tr_lru_t *self) {
    while (self->oldest)
        tr_lru_drop(self, self->oldest);
    tr_map_finish(&self->entries);
}

tr_lru_entry_t *tr_lru_use(tr_lru_t *self, const char *key, size_t key_len) {
    tr_lru_entry_t *e = tr_map_find_ptr(&self->entries, key, key_len);
    if (!e || e == self->newest)
        return e;
    unlink_entry(self, e);
    link_newest(self, e);
    return e;
}

void tr_lru_drop(tr_lru_t *self, tr_lru_entry_t *e) {
    if (!e)
        return;
    tr_map_delete(&self->entries, e->key, e->key_len);
    unlink_entry(self, e);
    self->bytes -= size_for(e->key_len, e->len);
    free(e);
}

static tr_lru_entry_t *make(const char *key, size_t key_len, const void *value, size_t len) {
    tr_lru_entry_t *e = malloc(sizeof *e + key_len + len);
    if (!e)
        return NULL;
    *e = (tr_lru_entry_t){.key_len = key_len, .len = len, .value = e->key + key_len};
    memcpy(e->key, key, key_len);
    if (len)
        memcpy(e->value, value, len);
    return e;
}

tr_lru_entry_t *tr_lru_put(tr_lru_t *self, const char *key, size_t key_len, const void *value, size_t len) {
    bool fits = self->entries_max && key_len < self->bytes_max && len < self->bytes_max &&
                size_for(key_len, len) <= self->bytes_max;
    tr_lru_entry_t *e = fits ? make(key, key_len, value, len) : NULL;
    tr_lru_drop(self, tr_map_find_ptr(&self->entries, key, key_len));
    if (!e)
        return NULL;
    if (tr_map_put(&self->entries, key, key_len, (uintptr_t)e) < 0) {
        free(e);
        return NULL;
    }
    link_newest(self, e);
    self->bytes += size_for(key_len, len);
    while (self->bytes > self->bytes_max || self->entries.count > self->entries_max)
        tr_lru_drop(self, self->oldest);
    return e;
}
