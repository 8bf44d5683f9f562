/*
 * An agent that is moved to another process: its entry stays what it is, with its name, its life, its mailbox and all that points to it,
 * and goes to another session, under another number there. Only what knows that number is told the new one.
 *
 * Who knows its old route sends to a route that nobody has any more, and is told the new one by its name, as for one that came back
 * (route.c); so no order is lost, since all of it goes by this core. What was told of its old route (MUTE) is taken back first.
 */
#include "broker/core/platform/df_watch.h"

bool tr_entry_carry(tr_core_t *core, tr_entry_t *entry, tr_session_t *to, const uint32_t *number) {
    tr_session_t *from = entry->session;
    tr_scope_t old = tr_entry_scope(entry);
    tr_unmute_all(core, &entry->muted, old);
    tr_service_take_away(core, entry, entry->first, entry->count);
    uint32_t was = entry->first;
    if (!tr_entry_rehouse(entry, to, number))
        return false;
    entry->passive = 0;
    tr_mailbox_carry(core, entry, from, old.first);
    tr_service_carry(core, entry);
    tr_core_subscriptions_carry(core, entry, was);
    tr_df_carry(core, entry);
    tr_df_watch_carry(core, entry);
    tr_publish_announce(core, to);
    return true;
}

void tr_entry_renew(tr_core_t *core, tr_entry_t *entry) {
    uint32_t was = entry->first;
    if (!tr_entry_renumber(entry))
        return; /* there is no other number: it keeps this one, ignoring */
    tr_service_carry(core, entry);
    if (entry->subscriptions_n)
        tr_core_subscriptions_carry(core, entry, was);
}
