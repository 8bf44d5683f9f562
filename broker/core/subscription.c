/*
 * Subscriptions of agents through their links: a pattern each. Topics cache who matches and look again when the version changes; where
 * subscriptions were only added since, at the new ones alone, so that a hundred thousand agents that subscribe one after the other cost a
 * hundred thousand looks and not their square.
 */
#include "broker/core/federation/interest.h"

#include <stdlib.h>

typedef struct subscription_key {
    uint8_t bytes[sizeof(tr_entry_t *) + sizeof(uint32_t) + TR_TOPIC_MAX];
    size_t len;
} subscription_key_t;

static subscription_key_t key_of(const tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len) {
    subscription_key_t key;
    memcpy(key.bytes, &entry, sizeof entry);
    memcpy(key.bytes + sizeof entry, &agent, sizeof agent);
    memcpy(key.bytes + sizeof entry + sizeof agent, pattern, len);
    key.len = sizeof entry + sizeof agent + len;
    return key;
}

static tr_subscription_t *find(
    const tr_core_t *core, const tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len) {
    if (len > TR_TOPIC_MAX)
        return NULL;
    subscription_key_t key = key_of(entry, agent, pattern, len);
    return tr_map_find_ptr(&core->subscription_keys, (const char *)key.bytes, key.len);
}

static tr_subscription_t *subscription_new(
    tr_core_t *core, tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len) {
    subscription_key_t key = key_of(entry, agent, pattern, len);
    tr_subscription_t *s = calloc(1, sizeof *s);
    if (!s || tr_map_put(&core->subscription_keys, (const char *)key.bytes, key.len, (uintptr_t)s) < 0) {
        free(s);
        return NULL;
    }
    s->entry = entry;
    s->agent = agent;
    s->pattern_len = (uint32_t)len;
    memcpy(s->pattern, pattern, len);
    return s;
}

static void link_to_entry(tr_subscription_t *s) {
    s->next = s->entry->subscriptions;
    s->prev = &s->entry->subscriptions;
    if (s->next)
        s->next->prev = &s->next;
    s->entry->subscriptions = s;
    s->entry->subscriptions_n++;
}

tr_reason_t tr_core_subscribe(
    tr_core_t *core, tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len) {
    if (!tr_pattern_valid(pattern, len))
        return TR_REASON_BAD_TOPIC;
    if (len >= 4 && !memcmp(pattern, "$tap", 4))
        return TR_REASON_FORBIDDEN;
    if (find(core, entry, agent, pattern, len))
        return TR_REASON_NONE;
    /* What other brokers want is bounded where they tell it (foreign_interest.c). */
    if (!entry->neighbour &&
        core->subscriptions_n - core->subscriptions_far >= core->config.subscriptions_max)
        return TR_REASON_LIMIT;
    uint32_t n = core->subscriptions_n;
    if (!(n & (n - 1))) { /* the array doubles at powers of two */
        tr_subscription_t **grown = realloc(core->subscriptions, (n ? n * 2 : 1) * sizeof *grown);
        if (!grown)
            return TR_REASON_LIMIT;
        core->subscriptions = grown;
    }
    tr_subscription_t *s = subscription_new(core, entry, agent, pattern, len);
    if (!s)
        return TR_REASON_LIMIT;
    s->at = n;
    core->subscriptions[core->subscriptions_n++] = s;
    link_to_entry(s);
    core->subscriptions_far += entry->neighbour != NULL;
    core->stats.subscriptions++;
    core->subs_version++;
    if (!entry->neighbour)
        tr_interest_pattern(core, pattern, len, 1);
    return TR_REASON_NONE;
}

static void remove_one(tr_core_t *core, tr_subscription_t *s) {
    subscription_key_t key = key_of(s->entry, s->agent, s->pattern, s->pattern_len);
    tr_map_delete(&core->subscription_keys, (const char *)key.bytes, key.len);
    *s->prev = s->next;
    if (s->next)
        s->next->prev = s->prev;
    s->entry->subscriptions_n--;
    if (!s->entry->neighbour)
        tr_interest_pattern(core, s->pattern, s->pattern_len, -1);
    core->gaps_pending -= s->gap > 0;
    tr_subscription_t *last = core->subscriptions[--core->subscriptions_n];
    core->subscriptions[s->at] = last;
    last->at = s->at;
    core->subscriptions_far -= s->entry->neighbour != NULL;
    core->stats.subscriptions--;
    core->subs_version++; /* topics drop their pointers to it before they use them again */
    core->subs_renewed++;
    free(s);
}

bool tr_core_unsubscribe(
    tr_core_t *core, const tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len) {
    tr_subscription_t *s = find(core, entry, agent, pattern, len);
    if (s)
        remove_one(core, s);
    return s != NULL;
}

void tr_core_unsubscribe_all(tr_core_t *core, const tr_entry_t *entry) {
    while (entry->subscriptions)
        remove_one(core, entry->subscriptions);
}

void tr_core_subscriptions_carry(tr_core_t *core, tr_entry_t *entry, uint32_t old) {
    for (tr_subscription_t *s = entry->subscriptions, *next; s; s = next) {
        subscription_key_t was = key_of(entry, old, s->pattern, s->pattern_len),
                           is = key_of(entry, entry->first, s->pattern, s->pattern_len);
        next = s->next;
        tr_map_delete(&core->subscription_keys, (const char *)was.bytes, was.len);
        s->agent = entry->first;
        if (tr_map_put(&core->subscription_keys, (const char *)is.bytes, is.len, (uintptr_t)s) < 0)
            remove_one(core, s); /* out of memory: its process asks for it again */
    }
    core->subs_version++; /* topics are announced to its session */
    core->subs_renewed++;
}
