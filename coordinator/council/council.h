/*
 * The council: decisions that have not ended, whom they wait for, and what they have led to. What happens to one is stored
 * and then followed: voters are asked (fipa-request {"action": "vote"}, see motion_tell.c), a round that is over is counted,
 * the mediator is asked. All of it after the commit, as with tasks (coordinator.h).
 */
#ifndef TR_COORDINATOR_COUNCIL_COUNCIL_H
#define TR_COORDINATOR_COUNCIL_COUNCIL_H

#include "coordinator/coordinator.h"
#include "coordinator/council/motion.h"

#define TR_PERSON "person:" /* a voter that is none of the agents: it is not asked */

/* One that was asked and has not answered. */
typedef struct tr_canvass {
    struct tr_canvass *next, **link; /* in the coordinator's list of all */
    struct tr_held *held;            /* NULL: nobody waits for the answer any more */
    size_t place;                    /* in held->asked */
    tr_conversation_t *conversation;
} tr_canvass_t;

typedef struct tr_held {
    tr_coordinator_t *coordinator;
    tr_motion_t *decision;
    tr_canvass_t **asked; /* by seat, and the mediator behind them; NULL where nobody is asked */
    tr_timer_t *timer;    /* of the round's end */
    tr_timer_t *retry;    /* of those who could not be asked yet */
} tr_held_t;

/* NULL where it has ended, or there is none. */
tr_held_t *tr_council_find(const tr_coordinator_t *self, const char *id);
/* Opens one: as tr_motion_new; key may be NULL. */
int tr_council_open(tr_coordinator_t *self, const char *id, const char *key, tr_value_t wish, int64_t now_ms,
    tr_error_t *error);
/* As tr_motion_check and tr_motion_apply, and what follows. */
int tr_council_happen(tr_held_t *held, const tr_motion_event_t *event, tr_error_t *error);
/* The same, with {"reason": reason} for its value, NULL: none. */
int tr_council_happen_because(
    tr_held_t *held, tr_motion_what_t what, const char *who, const char *reason, tr_error_t *error);
/* One that may have ended long ago, out of the store. -ENOENT. tr_motion_destroy it. */
int tr_council_load(tr_coordinator_t *self, const char *id, tr_motion_t **ret, tr_error_t *error);
/* The same; each of its events is also given to `seen`, with *ret as it is after that. Negative: that ends it. */
int tr_council_replay(tr_store_t *store, const char *id, tr_motion_t **ret, tr_store_replayed_fn seen,
    void *arg, tr_error_t *error);
/* Stores an event of one that is not held, and what is told of it now. 0, -ENOMEM. */
int tr_council_record(
    tr_coordinator_t *self, const tr_motion_t *decision, const tr_motion_event_t *event, tr_error_t *error);

/* ---- canvass.c: asking ---- */

/* Those who have not said anything in this round, or the mediator. */
void tr_canvass(tr_held_t *held);
/* Nobody is asked any more; who was is told so. */
void tr_canvass_end(tr_held_t *held);
/* The conversations went with the host. */
void tr_canvass_finish(tr_coordinator_t *self);

#endif
