/* Subscriptions of agents through their links: a pattern each. Topics cache who matches and look again when
 * the version changes. */
#include "broker/core/federation/interest.h"

#include <stdlib.h>

static uint32_t find(
    const tr_core_t *core, const tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len) {
    for (uint32_t i = 0; i < core->subscriptions_n; i++) {
        const tr_subscription_t *s = core->subscriptions[i];
        if (s->entry == entry && s->agent == agent && s->pattern_len == len &&
            !memcmp(s->pattern, pattern, len))
            return i;
    }
    return UINT32_MAX;
}

tr_reason_t tr_core_subscribe(
    tr_core_t *core, tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len) {
    if (!tr_pattern_valid(pattern, len))
        return TR_REASON_BAD_TOPIC;
    if (len >= 4 && !memcmp(pattern, "$tap", 4))
        return TR_REASON_FORBIDDEN;
    if (find(core, entry, agent, pattern, len) != UINT32_MAX)
        return TR_REASON_NONE;
    if (core->subscriptions_n >= core->config.subscriptions_max)
        return TR_REASON_LIMIT;
    uint32_t n = core->subscriptions_n;
    if (!(n & (n - 1))) { /* the array doubles at powers of two */
        tr_subscription_t **grown = realloc(core->subscriptions, (n ? n * 2 : 1) * sizeof *grown);
        if (!grown)
            return TR_REASON_LIMIT;
        core->subscriptions = grown;
    }
    tr_subscription_t *s = calloc(1, sizeof *s);
    if (!s)
        return TR_REASON_LIMIT;
    s->entry = entry;
    s->agent = agent;
    s->pattern_len = (uint32_t)len;
    memcpy(s->pattern, pattern, len);
    core->subscriptions[core->subscriptions_n++] = s;
    entry->subscriptions_n++;
    core->stats.subscriptions++;
    core->subs_version++;
    if (!entry->neighbour)
        tr_interest_pattern(core, pattern, len, 1);
    return TR_REASON_NONE;
}

static void remove_at(tr_core_t *core, uint32_t at) {
    tr_subscription_t *s = core->subscriptions[at];
    s->entry->subscriptions_n--;
    if (!s->entry->neighbour)
        tr_interest_pattern(core, s->pattern, s->pattern_len, -1);
    core->gaps_pending -= s->gap > 0;
    core->subscriptions[at] = core->subscriptions[--core->subscriptions_n];
    core->stats.subscriptions--;
    core->subs_version++; /* topics drop their pointers to it before they use them again */
    free(s);
}

bool tr_core_unsubscribe(
    tr_core_t *core, const tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len) {
    uint32_t at = find(core, entry, agent, pattern, len);
    if (at == UINT32_MAX)
        return false;
    remove_at(core, at);
    return true;
}

void tr_core_unsubscribe_all(tr_core_t *core, const tr_entry_t *entry) {
    for (uint32_t i = core->subscriptions_n; i-- > 0 && entry->subscriptions_n;)
        if (core->subscriptions[i]->entry == entry)
            remove_at(core, i);
}
