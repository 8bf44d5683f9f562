/* The table of an agent's open conversations. */
#include "lib/agent/protocol/conversation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP 8

tr_conversations_t *tr_conversations_of(tr_agent_t *agent) {
    tr_agent_more_t *more = tr_agent_more(agent);
    tr_host_t *host = agent->hosted->host;
    if (!more || more->conversations)
        return more ? more->conversations : NULL;
    tr_conversations_t *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->limit = TR_CONVERSATIONS_MAX;
    store->seed = host->unique;
    store->tag = ++host->counter;
    store->next = host->conversations;
    if (store->next)
        store->next->link = &store->next;
    store->link = &host->conversations;
    host->conversations = store;
    more->conversations = store;
    return store;
}

void tr_conversations_free(tr_conversations_t *self) {
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    free(self->buckets);
    free(self->participants);
    free(self);
}

/* Ids and peers come from outside: the host's random number keeps them from colliding on purpose. */
static uint64_t hash_text(uint64_t h, const char *text) {
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 0x9e3779b97f4a7c15ull + (h >> 29);
    return h ^ h >> 32;
}

static uint32_t hash_key(const tr_conversations_t *self, const char *id, const char *peer) {
    uint64_t h = hash_text(hash_text(self->seed, id) + 1, peer) * 0xd6e8feb86659fd93ull;
    return (uint32_t)(h >> 32);
}

tr_conversation_t *tr_conversations_find(
    const tr_conversations_t *self, tr_role_t role, const char *id, const char *peer) {
    if (!self->count)
        return NULL;
    uint32_t hash = hash_key(self, id, peer);
    for (tr_conversation_t *c = self->buckets[hash & (self->cap - 1)]; c; c = c->next)
        if (c->hash == hash && c->role == role && !strcmp(tr_conversation_text(c, TR_TEXT_ID), id) &&
            !strcmp(tr_conversation_text(c, TR_TEXT_PEER), peer))
            return c;
    return NULL;
}

static int grow(tr_conversations_t *self) {
    size_t cap = self->cap ? self->cap * 2 : FIRST_CAP;
    tr_conversation_t **buckets = calloc(cap, sizeof(tr_conversation_t *));
    if (!buckets)
        return -ENOMEM;
    for (size_t i = 0; i < self->cap; i++) {
        for (tr_conversation_t *c = self->buckets[i], *next; c; c = next) {
            next = c->next;
            c->next = buckets[c->hash & (cap - 1)];
            buckets[c->hash & (cap - 1)] = c;
        }
    }
    free(self->buckets);
    self->buckets = buckets;
    self->cap = cap;
    return 0;
}

int tr_conversations_add(tr_conversations_t *self, tr_conversation_t *c) {
    if (self->count >= self->limit)
        return -ENOBUFS;
    if (self->count >= self->cap && grow(self) < 0)
        return -ENOMEM;
    c->hash = hash_key(self, tr_conversation_text(c, TR_TEXT_ID), tr_conversation_text(c, TR_TEXT_PEER));
    c->next = self->buckets[c->hash & (self->cap - 1)];
    self->buckets[c->hash & (self->cap - 1)] = c;
    self->count++;
    return 0;
}

void tr_conversations_remove(tr_conversations_t *self, tr_conversation_t *c) {
    for (tr_conversation_t **p = &self->buckets[c->hash & (self->cap - 1)]; *p; p = &(*p)->next) {
        if (*p == c) {
            *p = c->next;
            self->count--;
            return;
        }
    }
}

/* Everything that is made here begins alike, so that a late answer is known as one without remembering. */
static int print_tag(const tr_conversations_t *self, const tr_host_t *host, char *out, size_t out_size) {
    return snprintf(out, out_size, "c%08" PRIx32 "-%" PRIx64 "-",
        (uint32_t)(host->unique ^ host->unique >> 32), self->tag);
}

void tr_conversations_make_id(tr_conversations_t *self, const tr_host_t *host, char *out, size_t out_size) {
    char tag[48];
    print_tag(self, host, tag, sizeof tag);
    snprintf(out, out_size, "%s%" PRIx64, tag, ++self->made);
}

bool tr_conversations_made_id(const tr_conversations_t *self, const tr_host_t *host, const char *id) {
    char tag[48];
    int n = print_tag(self, host, tag, sizeof tag);
    return self->made && !strncmp(id, tag, (size_t)n);
}
