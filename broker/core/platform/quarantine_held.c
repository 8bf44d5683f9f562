/* Who is held, and what of them may leave no more (quarantine.h). */
#include "broker/core/federation/interest.h"
#include "broker/core/platform/quarantine.h"

tr_quarantined_t *tr_quarantined_find(const tr_core_t *core, const char *name) {
    return core->quarantine ? tr_map_find_ptr(&core->quarantine->names, name, strlen(name)) : NULL;
}

bool tr_quarantine_holds_name(const tr_core_t *core, const char *name) {
    return tr_quarantined_find(core, name) != NULL;
}

bool tr_quarantine_holds(const tr_core_t *core, const tr_entry_t *entry, uint32_t agent) {
    char name[TR_NAME_MAX + 1];
    if (tr_quarantined_find(core, entry->name))
        return true; /* all of a range */
    tr_entry_agent_name(entry, agent, name);
    return entry->range && tr_quarantined_find(core, name);
}

/* Its name without this platform's; NULL where it is of another one. */
static const char *own_name(const tr_core_t *core, const tr_record_t *record, size_t *len) {
    const char *aid = tr_envelope_sender(record->envelope, record->h.envelope_len, len);
    const char *at = aid ? memchr(aid, '@', *len) : NULL;
    size_t platform_len = at ? *len - (size_t)(at - aid) - 1 : 0;
    if (!at)
        return aid;
    *len = (size_t)(at - aid);
    return platform_len == core->platform_len && !memcmp(at + 1, core->platform, platform_len) ? aid : NULL;
}

/* Of one that is away: by its name, or its range's. */
static bool holds_away(const tr_core_t *core, char *name) {
    size_t range;
    uint32_t index;
    if (tr_quarantine_holds_name(core, name))
        return true;
    if (!tr_entry_split_member(name, strlen(name), &range, &index))
        return false;
    name[range] = 0;
    const tr_quarantined_t *q = tr_quarantined_find(core, name);
    return q && q->range;
}

bool tr_quarantine_holds_sender(tr_core_t *core, const tr_record_t *record) {
    char text[TR_NAME_MAX + 1];
    size_t len = 0;
    uint32_t agent;
    const char *name = core->quarantine && core->quarantine->n ? own_name(core, record, &len) : NULL;
    if (!name || len >= sizeof text)
        return false;
    const tr_entry_t *e = tr_entry_find(core, name, len, &agent);
    memcpy(text, name, len);
    text[len] = 0;
    return e ? e->quarantined && tr_quarantine_holds(core, e, agent) : holds_away(core, text);
}

bool tr_quarantine_held_elsewhere(tr_core_t *core, const tr_record_t *record) {
    size_t len = 0;
    tr_aid_t aid;
    const char *text =
        core->federation ? tr_envelope_sender(record->envelope, record->h.envelope_len, &len) : NULL;
    if (!text || tr_aid_parse(&aid, text, len) < 0 || aid.service || !*aid.platform)
        return false;
    tr_neighbour_t *n = tr_neighbour_find(core, aid.platform);
    return n && n->quarantined && tr_neighbour_holds(n, aid.name);
}
