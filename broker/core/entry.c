/*
 * Entries: registered agents. NAME is one agent; a range is NAME-0 .. NAME-(n-1) as one entry, so that a
 * million agents cost one registration. Names are unique over both: NAME-7 cannot be registered beside a
 * range NAME that holds it, nor the other way round.
 */
#include "broker/core/federation/neighbour.h"
#include "broker/core/platform/conduct.h"
#include "broker/core/platform/df_watch.h"
#include "broker/core/platform/move.h"
#include "broker/core/platform/quarantine.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MEMBER_SUFFIX_MAX 9 /* "-16777215" */

/* Splits "reader-12" into 6 and 12; false where the name does not end so, or not in the shortest writing of
 * the number. */
bool tr_entry_split_member(const char *name, size_t len, size_t *ret_prefix, uint32_t *ret_index) {
    size_t digits = 0;
    while (digits < len && isdigit((unsigned char)name[len - digits - 1]))
        digits++;
    if (!digits || digits > 8 || digits + 2 > len || name[len - digits - 1] != '-')
        return false;
    if (digits > 1 && name[len - digits] == '0')
        return false;
    uint32_t v = 0;
    for (size_t i = len - digits; i < len; i++)
        v = v * 10 + (uint32_t)(name[i] - '0');
    *ret_prefix = len - digits - 1;
    *ret_index = v;
    return true;
}

static tr_entry_t *find_range(tr_core_t *core, const char *name, size_t len, uint32_t *ret_index) {
    size_t prefix;
    if (!core->ranges || !tr_entry_split_member(name, len, &prefix, ret_index))
        return NULL;
    tr_entry_t *e = tr_map_find_ptr(&core->names, name, prefix);
    return e && e->range && *ret_index < e->count ? e : NULL;
}

tr_entry_t *tr_entry_find(tr_core_t *core, const char *name, size_t len, uint32_t *ret_agent) {
    uint32_t index = 0;
    tr_entry_t *e = tr_map_find_ptr(&core->names, name, len);
    if (!e || e->range)
        e = find_range(core, name, len, &index);
    if (e)
        *ret_agent = e->first + index;
    return e;
}

tr_entry_t *tr_entry_named(tr_core_t *core, const char *name, uint32_t *ret_agent, uint32_t *ret_count) {
    tr_entry_t *e = tr_map_find_ptr(&core->names, name, strlen(name));
    if (e) {
        *ret_agent = e->first;
        *ret_count = e->count;
        return e;
    }
    *ret_count = 1;
    return tr_entry_find(core, name, strlen(name), ret_agent);
}

static bool member_exists(const tr_core_t *core, const char *prefix, size_t len, uint32_t count) {
    size_t cursor = 0, member_prefix;
    uint32_t index;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&core->names, &cursor)))
        if (tr_entry_split_member(slot->key, slot->key_len, &member_prefix, &index) && member_prefix == len &&
            !memcmp(slot->key, prefix, len) && index < count)
            return true;
    return false;
}

/* Whoever had the name and lost its connection need not be waited for: its successor is here. */
static void take_over(tr_core_t *core, const tr_session_t *s, const char *name, size_t len) {
    const tr_entry_t *e = tr_map_find_ptr(&core->names, name, len);
    if (e && e->session != s && e->session->state == TR_SESSION_LOST)
        tr_session_close(core, e->session, TR_REASON_AGENT_GONE);
}

static bool name_taken(tr_core_t *core, const char *name, size_t len, uint32_t count, bool range) {
    uint32_t index;
    if (tr_map_find(&core->names, name, len) || tr_platform_find(name, len))
        return true;
    return range ? member_exists(core, name, len, count) : find_range(core, name, len, &index) != NULL;
}

/* Agent numbers for a new entry: behind the last one, or, when those have run out, the first gap that is wide
 * enough. */
static bool place(const tr_session_t *s, uint32_t count, uint32_t *ret_first, uint32_t *ret_at) {
    if (count <= TR_ROUTE_AGENTS_MAX - s->next_agent) {
        *ret_first = s->next_agent;
        *ret_at = s->entries_n;
        return true;
    }
    uint32_t from = 0;
    for (uint32_t i = 0; i <= s->entries_n; i++) {
        uint32_t to = i < s->entries_n ? s->entries[i]->first : TR_ROUTE_AGENTS_MAX;
        if (to - from >= count) {
            *ret_first = from;
            *ret_at = i;
            return true;
        }
        from = i < s->entries_n ? to + s->entries[i]->count : from;
    }
    return false;
}

/* The same for a number that it has had before: free, unless all of them have been used meanwhile. */
static bool place_again(const tr_session_t *s, uint32_t first, uint32_t count, uint32_t *ret_at) {
    uint32_t at = 0;
    while (at < s->entries_n && s->entries[at]->first < first)
        at++;
    *ret_at = at;
    bool below = !at || s->entries[at - 1]->first + s->entries[at - 1]->count <= first;
    return below && (at == s->entries_n || first + count <= s->entries[at]->first);
}

static int insert(tr_session_t *s, tr_entry_t *e, uint32_t at) {
    tr_entry_t **entries = realloc(s->entries, (s->entries_n + 1) * sizeof *entries);
    if (!entries)
        return -ENOMEM;
    memmove(entries + at + 1, entries + at, (s->entries_n - at) * sizeof *entries);
    entries[at] = e;
    s->entries = entries;
    s->entries_n++;
    if (e->first + e->count > s->next_agent)
        s->next_agent = e->first + e->count;
    return 0;
}

static tr_entry_t *entry_new(tr_core_t *core, tr_session_t *s, const char *name, uint32_t count) {
    tr_entry_t *e = calloc(1, sizeof *e);
    if (!e || !(e->name = strdup(name))) {
        free(e);
        return NULL;
    }
    e->session = s;
    e->name_len = strlen(name);
    e->range = count > 1;
    e->supervisor = !e->range && !strcmp(name, "fleet");
    e->count = count > 1 ? count : 1;
    e->mailbox.owner = e;
    e->since_ms = e->life.since_ms = core->now.wall_ms;
    return e;
}

static void entry_free(tr_entry_t *e) {
    tr_life_finish(e);
    tr_audience_finish(&e->muted);
    tr_audience_finish(&e->told);
    free(e->behaviour);
    free(e->name);
    free(e);
}

/* NULL when out of memory, or of numbers. */
static tr_entry_t *add(tr_core_t *core, tr_session_t *s, const char *name, uint32_t count) {
    uint32_t at;
    tr_entry_t *e = entry_new(core, s, name, count);
    if (!e || !place(s, e->count, &e->first, &at) || insert(s, e, at) < 0) {
        if (e)
            entry_free(e);
        return NULL;
    }
    if (tr_map_put(&core->names, name, e->name_len, (uint64_t)(uintptr_t)e) == 0)
        return e;
    memmove(s->entries + at, s->entries + at + 1, (--s->entries_n - at) * sizeof *s->entries);
    entry_free(e);
    return NULL;
}

int tr_entry_add(tr_core_t *core, tr_session_t *s, const char *name, uint32_t count, tr_entry_t **ret_entry) {
    size_t len = strlen(name);
    if (!tr_name_valid(name, len))
        return -TR_REASON_BAD_NAME;
    if (count > TR_ROUTE_AGENTS_MAX)
        return -TR_REASON_LIMIT;
    if (count > 1 && len + MEMBER_SUFFIX_MAX > TR_NAME_MAX)
        return -TR_REASON_BAD_NAME;
    take_over(core, s, name, len);
    if (name_taken(core, name, len, count, count > 1))
        return -TR_REASON_DUPLICATE_NAME;
    tr_entry_t *e = add(core, s, name, count);
    if (!e)
        return -TR_REASON_LIMIT;
    core->ranges += e->range;
    core->stats.agents += e->count;
    if (core->quarantine)
        tr_quarantine_mark(core);
    if (core->conduct)
        e->conduct = (uint8_t)tr_conduct_of(core, e->name);
    *ret_entry = e;
    return 0;
}

tr_entry_t *tr_entry_add_proxy(tr_core_t *core, tr_session_t *s, const char *aid, size_t len) {
    char name[TR_AID_MAX + 1];
    if (len > TR_AID_MAX)
        return NULL;
    memcpy(name, aid, len);
    name[len] = 0;
    return add(core, s, name, 1);
}

/* Where it is among its session's. */
static uint32_t index_of(const tr_session_t *s, const tr_entry_t *entry) {
    uint32_t low = 0, high = s->entries_n;
    while (low + 1 < high) {
        uint32_t mid = (low + high) / 2;
        if (s->entries[mid]->first <= entry->first)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* What is left of a proxy's life. Its messages lie in the link's outbox, and go out. */
static void finish_proxy(tr_core_t *core, tr_entry_t *entry) {
    tr_core_unsubscribe_all(core, entry);
    tr_service_withdraw_all(core, entry);
    tr_gone_tell(core, entry);
    tr_proxy_forget(core, entry);
}

static void finish_agent(tr_core_t *core, tr_entry_t *entry, tr_reason_t reason) {
    tr_move_entry_ends(core, entry);
    tr_core_unsubscribe_all(core, entry);
    tr_df_remove_entry(core, entry);
    tr_df_watch_forget(core, entry);
    if (entry->services_n)
        tr_mailbox_return_hands(core, entry); /* before they are taken back: what never left costs no try */
    tr_service_withdraw_all(core, entry);
    tr_mailbox_fail_all(core, entry, TR_REASON_AGENT_GONE);
    tr_sys_agent(core, reason == TR_REASON_NONE ? "left" : "lost", entry, reason);
    tr_unmute_all(core, &entry->muted, tr_entry_scope(entry));
    tr_gone_tell(core, entry);
    core->ranges -= entry->range;
    core->stats.agents -= entry->count;
}

void tr_entry_remove(tr_core_t *core, tr_entry_t *entry, tr_reason_t reason) {
    tr_session_t *s = entry->session;
    entry->ending = true;
    if (entry->neighbour)
        finish_proxy(core, entry);
    else
        finish_agent(core, entry, reason);
    tr_map_delete(&core->names, entry->name, entry->name_len);
    uint32_t at = index_of(s, entry);
    memmove(s->entries + at, s->entries + at + 1, (--s->entries_n - at) * sizeof *s->entries);
    entry_free(entry);
}

bool tr_entry_rehouse(tr_entry_t *entry, tr_session_t *to, const uint32_t *number) {
    tr_session_t *from = entry->session;
    uint32_t first, at, was = entry->first, then = index_of(from, entry);
    if (number && place_again(to, *number, entry->count, &at))
        first = *number;
    else if (!place(to, entry->count, &first, &at))
        return false;
    entry->first = first;
    if (insert(to, entry, at) < 0) {
        entry->first = was;
        return false;
    }
    memmove(
        from->entries + then, from->entries + then + 1, (--from->entries_n - then) * sizeof *from->entries);
    entry->session = to;
    entry->moved = true;
    return true;
}

bool tr_entry_renumber(tr_entry_t *entry) {
    tr_session_t *s = entry->session;
    uint32_t first, at, was = index_of(s, entry);
    if (!place(s, entry->count, &first, &at))
        return false;
    at -= at > was; /* without itself */
    memmove(s->entries + was, s->entries + was + 1, (s->entries_n - was - 1) * sizeof *s->entries);
    memmove(s->entries + at + 1, s->entries + at, (s->entries_n - at - 1) * sizeof *s->entries);
    s->entries[at] = entry;
    entry->first = first;
    if (first + entry->count > s->next_agent)
        s->next_agent = first + entry->count;
    return true;
}

/* The hot path: most sessions have one entry, the rest are searched in O(log n). */
tr_entry_t *tr_entry_in_session(const tr_session_t *session, uint32_t agent) {
    uint32_t low = 0, high = session->entries_n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        tr_entry_t *e = session->entries[mid];
        if (agent < e->first)
            high = mid;
        else if (agent - e->first >= e->count)
            low = mid + 1;
        else
            return e;
    }
    return NULL;
}

tr_entry_t *tr_entry_of_route(tr_core_t *core, tr_route_t route) {
    const tr_session_t *s = tr_session_of_route(core, route);
    return s ? tr_entry_in_session(s, tr_route_agent(route)) : NULL;
}

size_t tr_entry_agent_name(const tr_entry_t *entry, uint32_t agent, char *out) {
    if (!entry->range) {
        memcpy(out, entry->name, entry->name_len + 1);
        return entry->name_len;
    }
    int n = snprintf(out, TR_NAME_MAX + 1, "%s-%u", entry->name, agent - entry->first);
    return n > TR_NAME_MAX ? TR_NAME_MAX : (size_t)n;
}

size_t tr_members_name(const tr_members_t *who, char *out) {
    if (who->count < who->entry->count)
        return tr_entry_agent_name(who->entry, who->agent, out);
    memcpy(out, who->entry->name, who->entry->name_len + 1);
    return who->entry->name_len;
}

/* Whether aid is "NAME" or "NAME@PLATFORM" of exactly this agent. */
bool tr_entry_is_sender(
    const tr_core_t *core, const tr_entry_t *entry, uint32_t agent, const char *aid, size_t len) {
    if (len < entry->name_len || memcmp(aid, entry->name, entry->name_len) != 0)
        return false;
    size_t at = entry->name_len;
    if (entry->range) {
        char digits[12];
        size_t n = (size_t)snprintf(digits, sizeof digits, "-%u", agent - entry->first);
        if (len - at < n || memcmp(aid + at, digits, n) != 0)
            return false;
        at += n;
    }
    if (at == len)
        return true;
    return aid[at] == '@' && len - at - 1 == core->platform_len &&
           !memcmp(aid + at + 1, core->platform, core->platform_len);
}
