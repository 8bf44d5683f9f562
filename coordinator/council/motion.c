#include "coordinator/council/motion_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_SEED UINT64_C(0x7f4a7c15) /* names are no secret here, and a decision has 10000 at most */

const char *const tr_motion_state_words[] = {
    "voting", "mediation", "waiting_person", "decided", "undecided", "cancelled", NULL};
const char *const tr_motion_what_words[] = {
    "opened", "ballot", "declined", "counted", "mediated", "settled", "cancelled", "truth", NULL};
const char *const tr_seat_state_words[] = {"waiting", "voted", "abstained", "delegated", "declined", NULL};

bool tr_motion_ended(tr_motion_state_t state) {
    return state >= TR_MOTION_DECIDED;
}

size_t tr_motion_seat(const tr_motion_t *self, const char *voter) {
    const uint64_t *index = tr_map_find(&self->seat_of, voter, strlen(voter));
    return index ? (size_t)*index : TR_NOBODY;
}

size_t tr_motion_option(const tr_motion_t *self, tr_value_t name) {
    for (size_t i = 0; i < self->option_count; i++)
        if (tr_value_equals(name, self->options[i]))
            return i;
    return TR_NOBODY;
}

int tr_motion_was_right(const tr_motion_t *self, const tr_seat_t *seat) {
    size_t favourite = seat->state == TR_SEAT_VOTED ? tr_motion_favourite(self, seat->marks) : TR_NOBODY;
    return self->truth == TR_NOBODY || favourite == TR_NOBODY ? -1 : favourite == self->truth;
}

/* ---- its life ---- */

int tr_motion_new(const char *id, const tr_motion_event_t *opened, tr_motion_t **ret, tr_error_t *error) {
    tr_motion_t *self = calloc(1, sizeof *self);
    *ret = NULL;
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    snprintf(self->id, sizeof self->id, "%s", id);
    tr_map_init(&self->seat_of, MAP_SEED);
    tr_arena_init(&self->arena, 1);
    self->winner = self->truth = TR_NOBODY;
    int rc = tr_motion_read_wish(self, opened->value, error);
    if (rc < 0) {
        tr_motion_destroy(&self);
        return rc;
    }
    self->created_ms = self->changed_ms = opened->at_ms;
    tr_motion_begin_round(self, opened->at_ms);
    *ret = self;
    return 0;
}

void tr_motion_destroy(tr_motion_t **self_p) {
    tr_motion_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->opinion_count; i++)
        free(self->opinions[i].reason);
    for (size_t i = 0; i < self->seat_count; i++)
        tr_motion_clear_seat(&self->seats[i]);
    for (size_t i = 0; i < self->option_count; i++)
        free(self->options[i]);
    if (self->seats)
        free(self->seats[0].marks);
    free(self->opinions);
    free(self->seats);
    free(self->question);
    free(self->context);
    free(self->trace);
    free(self->mediator);
    free(self->why);
    tr_map_finish(&self->seat_of);
    tr_arena_finish(&self->arena);
    free(self);
    *self_p = NULL;
}

/* ---- what voters say ---- */

void tr_motion_clear_seat(tr_seat_t *seat) {
    free(seat->reason);
    free(seat->by);
    free(seat->fallback);
    free(seat->proposal);
    seat->reason = seat->by = seat->fallback = seat->proposal = NULL;
}

enum { REASON, BY, FALLBACK };

const tr_remark_t tr_motion_remarks[TR_REMARKS] = {
    [REASON] = {"reason", TR_MOTION_REASON_MAX},
    [BY] = {"by", TR_MOTION_BY_MAX},
    [FALLBACK] = {"fallback", TR_MOTION_FALLBACK_MAX},
};

const char *tr_motion_remark(tr_value_t value, const tr_remark_t *remark, size_t *ret_len) {
    size_t len = 0;
    const char *text = tr_value_str(tr_value_get(value, remark->key), &len);
    if (!text || len == 0 || memchr(text, '\0', len))
        return NULL;
    if (len > remark->most)
        for (len = remark->most; len && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    *ret_len = len;
    return text;
}

/* NULL: there is none, or no memory. */
static char *copy_remark(tr_value_t value, size_t which) {
    size_t len;
    const char *text = tr_motion_remark(value, &tr_motion_remarks[which], &len);
    return text ? strndup(text, len) : NULL;
}

static char *copy_reason(tr_value_t value) {
    return copy_remark(value, REASON);
}

static int take_seat(
    const tr_motion_t *self, const tr_motion_event_t *e, tr_seat_t **ret, tr_error_t *error) {
    size_t seat = e->who ? tr_motion_seat(self, e->who) : TR_NOBODY;
    if (self->state != TR_MOTION_VOTING)
        return tr_error_set(
            error, -EPROTO, "it is not being voted on: it is %s", tr_motion_state_words[self->state]);
    if (seat == TR_NOBODY)
        return tr_error_set(error, -ENOENT, "%.200s is none of its voters", e->who ? e->who : "nobody");
    *ret = &self->seats[seat];
    return 0;
}

static void answer(tr_motion_t *self, tr_seat_t *seat, tr_seat_state_t state, tr_value_t value) {
    self->answered += seat->state == TR_SEAT_WAITING;
    seat->state = state;
    tr_motion_clear_seat(seat);
    seat->reason = copy_reason(value);
    seat->by = copy_remark(value, BY);
    seat->fallback = copy_remark(value, FALLBACK);
}

static int take_ballot(tr_motion_t *self, const tr_motion_event_t *e, tr_error_t *error) {
    tr_seat_t *seat = NULL;
    tr_said_t said;
    int rc = take_seat(self, e, &seat, error);
    if (rc == 0)
        rc = tr_motion_read_ballot(self, e->value, &said, error);
    if (rc < 0)
        return rc;
    if (said.delegate == (size_t)(seat - self->seats))
        return tr_error_set(error, -EINVAL, "delegate: expected another one of the voters");
    char *proposal = said.proposal ? strndup(said.proposal, said.proposal_len) : NULL;
    if (said.proposal && !proposal)
        return tr_error_set(error, -ENOMEM, "out of memory");
    double confidence = tr_value_double(tr_value_get(e->value, "confidence"), 0);
    answer(self, seat, said.state, e->value);
    seat->ballots++;
    seat->proposal = proposal;
    seat->delegate = said.delegate;
    seat->confidence = confidence >= 0 && confidence <= 1 ? confidence : 0;
    memcpy(seat->marks, said.marks, sizeof said.marks);
    return 0;
}

int tr_motion_check(const tr_motion_t *self, const tr_motion_event_t *event, tr_error_t *error) {
    tr_seat_t *seat = NULL;
    if (event->what != TR_MOTION_BALLOT)
        return 0;
    int rc = take_seat(self, event, &seat, error);
    if (rc < 0)
        return rc;
    return seat->ballots < TR_MOTION_BALLOTS_MAX
               ? 0
               : tr_error_set(error, -EPROTO, "%.200s has voted %u times in this round, and may not again",
                     seat->voter, TR_MOTION_BALLOTS_MAX);
}

/* What it has said stays, where it has said something. */
static int take_decline(tr_motion_t *self, const tr_motion_event_t *e, tr_error_t *error) {
    tr_seat_t *seat = NULL;
    int rc = take_seat(self, e, &seat, error);
    if (rc == 0 && seat->state == TR_SEAT_WAITING)
        answer(self, seat, TR_SEAT_DECLINED, e->value);
    return rc;
}

/* ---- what else happens ---- */

bool tr_motion_over(const tr_motion_t *self, int64_t now_ms) {
    return self->state == TR_MOTION_VOTING &&
           (self->answered == self->seat_count || now_ms >= self->deadline_ms);
}

static int take_count(tr_motion_t *self, const tr_motion_event_t *e, tr_error_t *error) {
    if (self->state != TR_MOTION_VOTING)
        return tr_error_set(error, -EPROTO, "it is not being voted on");
    int rc = tr_motion_count(self, e->at_ms);
    return rc < 0 ? tr_error_set(error, rc, "cannot count: %s", strerror(-rc)) : 0;
}

static int take_mediation(tr_motion_t *self, const tr_motion_event_t *e, tr_error_t *error) {
    if (self->state != TR_MOTION_MEDIATION)
        return tr_error_set(error, -EPROTO, "no mediator is asked");
    if (tr_value_is_map(e->value))
        return tr_motion_mediate(self, tr_value_get(e->value, "options"), e->at_ms, error);
    self->mediated = true;
    tr_motion_escalate(self, true);
    return 0;
}

/* The option that a person names. */
static int read_option(const tr_motion_t *self, const tr_motion_event_t *e, size_t *ret, tr_error_t *error) {
    size_t option = tr_motion_option(self, tr_value_get(e->value, "option"));
    if (option == TR_NOBODY)
        return tr_error_set(error, -EINVAL, "option: expected one of its options");
    *ret = option;
    return 0;
}

static int settle(tr_motion_t *self, const tr_motion_event_t *e, tr_error_t *error) {
    char why[TR_MOTION_REASON_MAX + 512], *reason;
    size_t option = 0;
    if (self->state != TR_MOTION_WAITING_PERSON)
        return tr_error_set(error, -EPROTO, "it does not wait for a person");
    int rc = read_option(self, e, &option, error);
    if (rc < 0)
        return rc;
    reason = copy_reason(e->value);
    snprintf(why, sizeof why, "%.256s chose it%s%s", e->who ? e->who : "a person", reason ? ": " : "",
        reason ? reason : "");
    free(reason);
    if (!(reason = strdup(why)))
        return tr_error_set(error, -ENOMEM, "out of memory");
    free(self->why);
    self->why = reason;
    self->winner = option;
    self->state = TR_MOTION_DECIDED;
    return 0;
}

static int cancel(tr_motion_t *self, const tr_motion_event_t *e, tr_error_t *error) {
    if (tr_motion_ended(self->state))
        return tr_error_set(error, -EPROTO, "it has ended already");
    free(self->why);
    self->why = copy_reason(e->value);
    self->state = TR_MOTION_CANCELLED;
    return 0;
}

static int learn(tr_motion_t *self, const tr_motion_event_t *e, tr_error_t *error) {
    if (self->state != TR_MOTION_DECIDED && self->state != TR_MOTION_UNDECIDED)
        return tr_error_set(error, -EPROTO, "it has not been voted on to the end");
    int rc = read_option(self, e, &self->truth, error);
    if (rc == 0)
        self->truth_edition = (unsigned)tr_value_int(tr_value_get(e->value, "edition"), 1);
    return rc;
}

static int apply(tr_motion_t *self, const tr_motion_event_t *event, tr_error_t *error) {
    switch (event->what) {
    case TR_MOTION_BALLOT: return take_ballot(self, event, error);
    case TR_MOTION_DECLINED: return take_decline(self, event, error);
    case TR_MOTION_COUNTED: return take_count(self, event, error);
    case TR_MOTION_MEDIATED: return take_mediation(self, event, error);
    case TR_MOTION_SETTLED: return settle(self, event, error);
    case TR_MOTION_ENDED: return cancel(self, event, error);
    case TR_MOTION_TRUTH: return learn(self, event, error);
    default: return tr_error_set(error, -EPROTO, "it is open already");
    }
}

int tr_motion_apply(tr_motion_t *self, const tr_motion_event_t *event, tr_error_t *error) {
    int rc = apply(self, event, error);
    if (rc == 0)
        self->changed_ms = event->at_ms;
    return rc;
}
