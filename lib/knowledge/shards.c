#include "lib/knowledge/shards.h"

#include <errno.h>
#include <sodium/crypto_shorthash.h>
#include <stdlib.h>
#include <string.h>

#define LEAVING ":leaving"

/* Known to all: it keeps no secret, and must never change. */
static const uint8_t key[crypto_shorthash_KEYBYTES] = "troupe's shards";

static uint64_t hash_of(const char *text, size_t len, uint64_t before) {
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t hash = 0;
    crypto_shorthash(out, (const uint8_t *)text, len, key);
    for (size_t i = 0; i < sizeof out; i++)
        hash |= (uint64_t)out[i] << (8 * i);
    return hash + before * 0x9e3779b97f4a7c15u;
}

/* splitmix64's finish: each bit depends on all. */
static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const tr_shard_t *)a)->name, ((const tr_shard_t *)b)->name);
}

static bool is_agent(const char *text, size_t len) {
    tr_aid_t aid;
    return tr_aid_parse(&aid, text, len) == 0 && !aid.service;
}

static int take(tr_shards_t *self, const char *name, size_t len, tr_error_t *error) {
    const char *mark = memchr(name, ':', len);
    bool leaving =
        mark && len - (size_t)(mark - name) == strlen(LEAVING) && memcmp(mark, LEAVING, strlen(LEAVING)) == 0;
    len = leaving ? (size_t)(mark - name) : len;
    if (!is_agent(name, len))
        return tr_error_set(
            error, -EINVAL, "\"%.*s\" is no name of an agent", (int)(len > 200 ? 200 : len), name);
    if (self->count == TR_SHARDS_MAX)
        return tr_error_set(error, -EINVAL, "more than %u", TR_SHARDS_MAX);
    tr_shard_t *shard = &self->items[self->count++];
    memcpy(shard->name, name, len);
    shard->name[len] = '\0';
    shard->hash = hash_of(name, len, 0);
    shard->leaving = leaving;
    return 0;
}

static int settle(tr_shards_t *self, tr_error_t *error) {
    size_t staying = 0;
    qsort(self->items, self->count, sizeof *self->items, by_name);
    for (size_t i = 0; i < self->count; i++) {
        const tr_shard_t *shard = &self->items[i];
        if (i && strcmp(shard->name, self->items[i - 1].name) == 0)
            return tr_error_set(error, -EINVAL, "%s is there twice", shard->name);
        self->print = mix(self->print + shard->hash + shard->leaving);
        staying += !shard->leaving;
    }
    return staying ? 0 : tr_error_set(error, -EINVAL, "all of them are leaving");
}

int tr_shards_read(const char *list, tr_shards_t *ret, tr_error_t *error) {
    tr_shards_t self = {0};
    int rc = 0;
    if (!list || !*list) {
        *ret = self;
        return 0;
    }
    self.items = calloc(TR_SHARDS_MAX, sizeof *self.items);
    if (!self.items)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (const char *at = list; at && rc == 0;) {
        size_t len = strcspn(at, ",");
        rc = take(&self, at, len, error);
        at = at[len] ? at + len + 1 : NULL;
    }
    self.copies = 1;
    if (rc == 0)
        rc = settle(&self, error);
    if (rc < 0)
        tr_shards_finish(&self);
    else
        *ret = self;
    return rc;
}

void tr_shards_replicate(tr_shards_t *self, size_t copies) {
    self->copies = copies;
    if (copies > 1)
        self->print = mix(self->print + copies);
}

void tr_shards_finish(tr_shards_t *self) {
    free(self->items);
    *self = (tr_shards_t){0};
}

size_t tr_shards_find(const tr_shards_t *self, const char *aid, const char *platform) {
    tr_aid_t one, other;
    if (tr_aid_parse(&one, aid, strlen(aid)) < 0 || one.service)
        return self->count;
    for (size_t i = 0; i < self->count; i++) {
        const char *name = self->items[i].name;
        if (tr_aid_parse(&other, name, strlen(name)) == 0 && strcmp(one.name, other.name) == 0 &&
            strcmp(*one.platform ? one.platform : platform, *other.platform ? other.platform : platform) == 0)
            return i;
    }
    return self->count;
}

static uint64_t document_hash(const char *ns, const char *id) {
    return hash_of(id, strlen(id), hash_of(ns, strlen(ns), 0));
}

static uint64_t claim(const tr_shards_t *self, size_t shard, uint64_t document) {
    return mix(mix(document) ^ self->items[shard].hash);
}

size_t tr_shards_owner(const tr_shards_t *self, const char *ns, const char *id) {
    size_t ranked[TR_SHARDS_MAX];
    tr_shards_rank(self, ns, id, ranked);
    return ranked[0];
}

size_t tr_shards_holders(
    const tr_shards_t *self, const char *ns, const char *id, size_t ret[TR_SHARDS_COPIES]) {
    size_t ranked[TR_SHARDS_MAX], n = 1;
    tr_shards_rank(self, ns, id, ranked);
    ret[0] = ranked[0];
    while (n < self->copies && n < self->count && !self->items[ranked[n]].leaving) {
        ret[n] = ranked[n];
        n++;
    }
    return n;
}

void tr_shards_rank(const tr_shards_t *self, const char *ns, const char *id, size_t *ret) {
    uint64_t document = document_hash(ns, id), claims[TR_SHARDS_MAX];
    for (size_t i = 0; i < self->count; i++) {
        size_t at = i;
        uint64_t mine = claim(self, i, document);
        bool leaving = self->items[i].leaving;
        while (at > 0 && (leaving == self->items[ret[at - 1]].leaving ? claims[at - 1] < mine : !leaving)) {
            claims[at] = claims[at - 1];
            ret[at] = ret[at - 1];
            at--;
        }
        claims[at] = mine;
        ret[at] = i;
    }
}
