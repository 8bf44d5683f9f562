/*
 * What comes of a decision that an assistant has put to a group: it is looked at until it has ended, or until nobody waits for it any more, so that a user
 * is told what was decided, and not only that somebody decides.
 */
#ifndef TR_AGENTD_BEHAVIOURS_ASSISTANT_DECISION_H
#define TR_AGENTD_BEHAVIOURS_ASSISTANT_DECISION_H

#include "agentd/behaviours/talk.h"

typedef struct tr_awaited tr_awaited_t;

/* Zeroed = empty. A behaviour embeds it in its state. */
typedef struct tr_awaiting {
    tr_awaited_t *first;
} tr_awaiting_t;

/*
 * Waits for the decision of the turn's "answer", asking the turn's "to", and ends the turn (tr_talk_end) with what came of it: also in "answer", without
 * its history. Some seconds at most; one that goes on then is told by its id.
 */
void tr_assistant_await(tr_awaiting_t *self, tr_talk_t *talk, const tr_message_t *under, json_t *turn);
/* For fini. */
void tr_awaiting_finish(tr_awaiting_t *self);

/* What is to be said of a decision as svc:decisions shows it; also of one that goes on. A new reference. Pure. */
json_t *tr_assistant_decided(const json_t *decision);

#endif
