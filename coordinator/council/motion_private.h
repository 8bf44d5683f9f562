#ifndef TR_COORDINATOR_COUNCIL_MOTION_PRIVATE_H
#define TR_COORDINATOR_COUNCIL_MOTION_PRIVATE_H

#include "coordinator/council/motion.h"

/* motion_wish.c: reads the wish into a decision that is all zero. 0, -EINVAL, -ENOMEM. */
int tr_motion_read_wish(tr_motion_t *self, tr_value_t wish, tr_error_t *error);
/* A new C string of a text of 1 to `most` bytes. -EINVAL with the key. */
int tr_motion_read_text(tr_value_t map, const char *key, size_t most, char **ret, tr_error_t *error);

/* motion_digest.c: as tr_motion_digest, of what was kept. */
int tr_motion_say(
    const tr_motion_t *self, const tr_motion_event_t *event, tr_content_writer_t *w, tr_error_t *error);

/* What a ballot says. */
typedef struct tr_said {
    tr_seat_state_t state;
    size_t delegate, proposal_len;
    const char *proposal; /* of the ballot, not ended by 0; NULL */
    int32_t marks[TR_MOTION_OPTIONS_MAX];
} tr_said_t;

/* motion.c: of its texts. */
void tr_motion_clear_seat(tr_seat_t *seat);
/* Why something was said, and by what: a text that a value may have beside the rest. */
typedef struct tr_remark {
    const char *key;
    size_t most; /* bytes that are kept */
} tr_remark_t;

#define TR_REMARKS 3
extern const tr_remark_t tr_motion_remarks[TR_REMARKS]; /* the reason first */
/* That of a value, cut where it is long, between two characters; not ended by 0. NULL: there is none. */
const char *tr_motion_remark(tr_value_t value, const tr_remark_t *remark, size_t *ret_len);

/* motion_ballot.c: the key of its method's votes. */
const char *tr_motion_said_in(const tr_motion_t *self);
/* 0 or -EINVAL. */
int tr_motion_read_ballot(const tr_motion_t *self, tr_value_t ballot, tr_said_t *ret, tr_error_t *error);
/* The best mark's option where it is one alone, else TR_NOBODY. */
size_t tr_motion_favourite(const tr_motion_t *self, const int32_t *marks);

/* motion_round.c: counts the round, and what follows from it. 0, -ENOMEM (nothing has changed). */
int tr_motion_count(tr_motion_t *self, int64_t now_ms);
/* Takes up options that a mediator named, and begins the last round. 0, -EINVAL, -ENOMEM. */
int tr_motion_mediate(tr_motion_t *self, tr_value_t options, int64_t now_ms, tr_error_t *error);
/* What comes where the rules decide nothing. */
void tr_motion_escalate(tr_motion_t *self, bool took_part);
void tr_motion_begin_round(tr_motion_t *self, int64_t now_ms);

#endif
