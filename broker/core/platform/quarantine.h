/*
 * Quarantine: an agent, and all that it has set to work, send nothing and get nothing until they are let go. By
 * name, so that coming back does not help. Whom an agent has set to work is known from what was handed on under
 * a mandate within the last hour (mandate.h), and from those whom they did.
 *
 * Neighbours are told who is (federation/interest.h), and hold whom these have set to work there, because of `name@platform`; of them they tell
 * their own neighbours. Who is held because of an agent over there is let go when its platform says that it holds that one no more, and not while
 * the link is down. Each is held because of one that was held before, so a circle of those who set each other to work ends too.
 *
 * Each is held for the sake of those that were meant, here or on another platform: of all of them, so that letting one go frees nobody who is held
 * for another one as well. Of those that are not meant over there, but held for somebody else's sake, only the first one counts: or two platforms
 * would hold each other's agents for ever, each for the other's.
 *
 * Where there is a journal they are in it too, so that a broker that ends lets nobody go.
 *
 * An entry knows whether anybody of it is in quarantine, so that nothing else is asked while nobody is.
 */
#ifndef TR_BROKER_QUARANTINE_H
#define TR_BROKER_QUARANTINE_H

#include "broker/core/platform/platform.h"

#define TR_QUARANTINED_MAX 4096u
#define TR_CAUSES_MAX      32u /* of one */

/* Why it is held. */
typedef struct tr_cause {
    char because[TR_AID_MAX + 1]; /* whose work it did; its own name where it is the one that was meant */
    char by[TR_AID_MAX + 1];      /* who said so */
    char reason[TR_REASON_TEXT_MAX + 1];
    int64_t since_ms; /* wall */
} tr_cause_t;

typedef struct tr_quarantined {
    char name[TR_NAME_MAX + 1];
    bool range;         /* it has been here, and was one: its members are held, also when they are away */
    tr_cause_t *causes; /* one at least; the first is its own, where it was meant itself */
    size_t causes_n;
} tr_quarantined_t;

typedef struct tr_quarantine {
    tr_map_t names; /* -> tr_quarantined_t */
    uint32_t n;
} tr_quarantine_t;

/* NULL where it is not held; one of a range is found by its own name alone. */
tr_quarantined_t *tr_quarantined_find(const tr_core_t *core, const char *name);
/* To be asked where entry->quarantined. */
bool tr_quarantine_holds(const tr_core_t *core, const tr_entry_t *entry, uint32_t agent);
/* Of one that may be away. */
bool tr_quarantine_holds_name(const tr_core_t *core, const char *name);
/* Whether the record's sender, who may be away, is; false for those of other platforms. */
bool tr_quarantine_holds_sender(tr_core_t *core, const tr_record_t *record);
/* Whether it is one of another platform, which has told that it holds him. */
bool tr_quarantine_held_elsewhere(tr_core_t *core, const tr_record_t *record);
/* A new entry learns whether anybody of it is. */
void tr_quarantine_mark(tr_core_t *core);
void tr_quarantine_finish(tr_core_t *core);

/* The neighbour tells that it holds that agent of its own; `meant`: not for another one's sake. To be followed by tr_quarantine_stop_sent. */
void tr_quarantine_foreign(tr_core_t *core, tr_neighbour_t *neighbour, const char *name, bool meant);
/* What waits here to leave, of all who were told since, goes back: once for all of them, since it looks at all that waits. */
void tr_quarantine_stop_sent(tr_core_t *core, tr_neighbour_t *neighbour);
/* It has told all whom it holds: who is held because of another one is let go. */
void tr_quarantine_settle(tr_core_t *core, tr_neighbour_t *neighbour);
/* To be told when the first link is about to be made. */
void tr_quarantine_interest(tr_core_t *core);

/* From the journal. 0, -EBADMSG, -ENOMEM. */
struct tr_pair;
int tr_quarantine_recover(tr_core_t *core, const struct tr_pair *pair);

/* The AMS's actions. */
void tr_handle_quarantine(tr_answer_t *a);
void tr_handle_quarantine_release(tr_answer_t *a);
void tr_handle_quarantine_list(tr_answer_t *a);

#endif
