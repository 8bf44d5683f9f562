/* A set of certificates, found by key: two tables of hashes would be more code than a look that only
 * handshakes pay for, so both are sorted arrays. */
#include "lib/cert/cert.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct key_entry {
    const tr_cert_t *cert;
    size_t at; /* of the certificate's keys */
} key_entry_t;

struct tr_cert_book {
    atomic_uint holders;
    tr_cert_t **certs; /* by name */
    size_t count;
    key_entry_t *keys; /* by key */
    size_t keys_n;
    uint64_t hash; /* of what is in all of them */
};

static const uint8_t *key_of(const key_entry_t *entry) {
    return entry->cert->keys[entry->at].bytes;
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(tr_cert_t *const *)a)->name, (*(tr_cert_t *const *)b)->name);
}

static int by_key(const void *a, const void *b) {
    return memcmp(key_of(a), key_of(b), TR_KEY_SIZE);
}

static void sort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *)) {
    if (n > 1)
        qsort(base, n, size, compare);
}

/* A key that two certificates have says nothing about who has it: it is nobody's. */
static void drop_shared_keys(tr_cert_book_t *b) {
    size_t kept = 0;
    for (size_t i = 0, next; i < b->keys_n; i = next) {
        for (next = i + 1; next < b->keys_n && by_key(&b->keys[i], &b->keys[next]) == 0; next++)
            ;
        if (next == i + 1)
            b->keys[kept++] = b->keys[i];
    }
    b->keys_n = kept;
}

static void index_keys(tr_cert_book_t *b) {
    for (size_t i = 0; i < b->count; i++)
        for (size_t k = 0; k < b->certs[i]->keys_n; k++)
            b->keys[b->keys_n++] = (key_entry_t){b->certs[i], k};
    sort(b->keys, b->keys_n, sizeof *b->keys, by_key);
    drop_shared_keys(b);
}

/* ---- the mark ---- */

/* FNV-1a */
static uint64_t hash(uint64_t h, const void *bytes, size_t len) {
    const uint8_t *p = bytes;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3ull;
    return h;
}

/* With its end, and a list with its length: what follows cannot be taken for a part of it. */
static uint64_t hash_list(uint64_t h, const tr_strings_t *list) {
    const uint64_t count = list->count;
    h = hash(h, &count, sizeof count);
    for (size_t i = 0; i < list->count; i++)
        h = hash(h, list->items[i], strlen(list->items[i]) + 1);
    return h;
}

static uint64_t hash_cert(uint64_t h, const tr_cert_t *c) {
    const tr_rights_t *r = &c->rights;
    const tr_strings_t *const lists[] = {
        &r->names, &r->publish, &r->subscribe, &r->offer, &r->ask, &r->verbs, &r->platforms};
    const int64_t times[] = {c->made_ms, c->not_after_ms, c->revoked_ms, (int64_t)c->keys_n};
    const uint64_t limits[] = {
        c->limits.messages_per_s, c->limits.bytes_per_s, c->limits.connections, c->limits.mailbox_bytes};
    h = hash(h, c->name, strlen(c->name) + 1);
    h = hash(h, times, sizeof times);
    h = hash(h, limits, sizeof limits);
    for (size_t i = 0; i < c->keys_n; i++) {
        h = hash(h, c->keys[i].bytes, TR_KEY_SIZE);
        h = hash(h, &c->keys[i].until_ms, sizeof c->keys[i].until_ms);
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        h = hash_list(h, lists[i]);
    return h;
}

void tr_cert_book_mark(const tr_cert_book_t *self, char out[TR_CERT_MARK_TEXT]) {
    snprintf(out, TR_CERT_MARK_TEXT, "%zu-%016" PRIx64, self->count, self->hash);
}

/* ---- its life ---- */

tr_cert_book_t *tr_cert_book_new(tr_cert_t **certs, size_t count) {
    tr_cert_book_t *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    atomic_init(&b->holders, 1);
    b->certs = calloc(count + 1, sizeof *b->certs);
    b->keys = calloc(count * TR_CERT_KEYS_MAX + 1, sizeof *b->keys);
    if (!b->certs || !b->keys) {
        tr_cert_book_release(&b);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        b->certs[i] = certs[i];
        certs[i] = NULL;
    }
    sort(b->certs, count, sizeof *b->certs, by_name);
    b->count = count;
    index_keys(b);
    b->hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < count; i++)
        b->hash = hash_cert(b->hash, b->certs[i]);
    return b;
}

tr_cert_book_t *tr_cert_book_hold(const tr_cert_book_t *self) {
    tr_cert_book_t *b = (tr_cert_book_t *)(uintptr_t)self; /* only the count of its holders changes */
    if (b)
        atomic_fetch_add(&b->holders, 1);
    return b;
}

void tr_cert_book_release(tr_cert_book_t **self) {
    tr_cert_book_t *b = *self;
    *self = NULL;
    if (!b || atomic_fetch_sub(&b->holders, 1) > 1)
        return;
    for (size_t i = 0; i < b->count; i++)
        tr_cert_destroy(&b->certs[i]);
    free(b->certs);
    free(b->keys);
    free(b);
}

size_t tr_cert_book_count(const tr_cert_book_t *self) {
    return self->count;
}

tr_cert_state_t tr_cert_book_judge(
    const tr_cert_book_t *self, const uint8_t key[TR_KEY_SIZE], int64_t wall_ms, const tr_cert_t **ret_cert) {
    size_t low = 0, high = self->keys_n;
    *ret_cert = NULL;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = memcmp(key, key_of(&self->keys[mid]), TR_KEY_SIZE);
        if (order == 0) {
            *ret_cert = self->keys[mid].cert;
            return tr_cert_state(*ret_cert, self->keys[mid].at, wall_ms);
        }
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return TR_CERT_UNKNOWN;
}

const tr_cert_t *tr_cert_book_find(const tr_cert_book_t *self, const char *name) {
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(name, self->certs[mid]->name);
        if (order == 0)
            return self->certs[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

int64_t tr_cert_book_next_revocation(const tr_cert_book_t *self, int64_t after_ms) {
    int64_t next = 0;
    for (size_t i = 0; i < self->count; i++) {
        int64_t at = self->certs[i]->revoked_ms;
        if (at > after_ms && (!next || at < next))
            next = at;
    }
    return next;
}
