#ifndef TR_COORDINATOR_COUNCIL_DECISION_PRIVATE_H
#define TR_COORDINATOR_COUNCIL_DECISION_PRIVATE_H

#include "coordinator/council/decision.h"

/* decision_wish.c: reads the wish into a decision that is all zero. 0, -EINVAL, -ENOMEM. */
int tr_decision_read_wish(tr_decision_t *self, tr_value_t wish, tr_error_t *error);
/* A new C string of a text of 1 to `most` bytes. -EINVAL with the key. */
int tr_decision_read_text(tr_value_t map, const char *key, size_t most, char **ret, tr_error_t *error);

/* What a ballot says. */
typedef struct tr_said {
    tr_seat_state_t state;
    size_t delegate;
    int32_t marks[TR_DECISION_OPTIONS_MAX];
} tr_said_t;

/* decision_ballot.c: 0 or -EINVAL. */
int tr_decision_read_ballot(const tr_decision_t *self, tr_value_t ballot, tr_said_t *ret, tr_error_t *error);
/* The best mark's option where it is one alone, else TR_NOBODY. */
size_t tr_decision_favourite(const tr_decision_t *self, const int32_t *marks);

/* decision_round.c: counts the round, and what follows from it. 0, -ENOMEM (nothing has changed). */
int tr_decision_count(tr_decision_t *self, int64_t now_ms);
/* Takes up options that a mediator named, and begins the last round. 0, -EINVAL, -ENOMEM. */
int tr_decision_mediate(tr_decision_t *self, tr_value_t options, int64_t now_ms, tr_error_t *error);
/* What comes where the rules decide nothing. */
void tr_decision_escalate(tr_decision_t *self, bool took_part);
void tr_decision_begin_round(tr_decision_t *self, int64_t now_ms);

#endif
