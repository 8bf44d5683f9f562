/*
 * Subscriptions to searches of the DF (fipa-subscribe, SC00035): who subscribes to a search is told what it finds, and then each
 * entry that comes to match it, changes, or matches no more.
 *
 * A change is written down when it happens and told at the next flush, since it may happen in the middle of anything. A
 * subscriber that has no room, or is not active, is told nothing one by one: it has fallen behind, and is told all that
 * matches anew once it can be. So nobody's memory grows, and nobody misses anything for good.
 *
 * What one change and one tick may cost is bounded for all subscriptions together, and so is their memory: those for whom nothing is
 * left have fallen behind, and take their turns at the ticks; a subscription for which there is no room is refused.
 */
#ifndef TR_BROKER_DF_WATCH_H
#define TR_BROKER_DF_WATCH_H

#include "broker/core/platform/platform.h"

#define TR_DF_WATCHES_MAX 4096u
#define TR_DF_WATCHES_OF  64u        /* of one agent */
#define TR_DF_WATCH_BYTES (2u << 20) /* the requests of all */
#define TR_DF_CHANGES_MAX 1024u      /* between two flushes: beyond them all have fallen behind */

/* The acts subscribe and cancel, to the DF. */
void tr_df_subscribe(tr_answer_t *a, const tr_acl_t *acl);
void tr_df_cancel(tr_answer_t *a, const tr_acl_t *acl);

/* An entry was registered (before NULL), modified, or has ended (after NULL). */
void tr_df_changed(tr_core_t *core, const tr_df_entry_t *before, const tr_df_entry_t *after);
void tr_df_watch_flush(tr_core_t *core);
void tr_df_watch_tick(tr_core_t *core);
/* After the only agent of an entry got another number (carry.c). */
void tr_df_watch_carry(tr_core_t *core, const tr_entry_t *entry);
/* All of an entry that ends. */
void tr_df_watch_forget(tr_core_t *core, const tr_entry_t *entry);
void tr_df_watch_finish(tr_core_t *core);

#endif
