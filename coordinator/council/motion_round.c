/* The end of a round, and what follows from it. */
#include "coordinator/council/motion_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (256u << 20)
#define WHY_MAX   1024u

/* ---- counting ---- */

typedef struct counting {
    tr_arena_t arena;
    tr_count_t count;
    tr_ruling_t ruling;
    tr_voter_t *voters; /* by seat */
    uint64_t lost;
} counting_t;

static int carry_votes(const tr_motion_t *self, counting_t *c) {
    c->voters = tr_arena_alloc(&c->arena, self->seat_count * sizeof *c->voters);
    if (!c->voters)
        return -ENOMEM;
    for (size_t i = 0; i < self->seat_count; i++) {
        const tr_seat_t *seat = &self->seats[i];
        c->voters[i] = (tr_voter_t){
            .votes = seat->state == TR_SEAT_VOTED || seat->state == TR_SEAT_ABSTAINED,
            .delegate = seat->state == TR_SEAT_DELEGATED ? seat->delegate : TR_NOBODY,
            .weight = seat->weight,
        };
    }
    return tr_delegate_votes(c->voters, self->seat_count, &c->arena, &c->lost);
}

static int count_votes(const tr_motion_t *self, counting_t *c) {
    size_t n = 0;
    int rc = carry_votes(self, c);
    tr_ballot_t *ballots = rc == 0 ? tr_arena_alloc(&c->arena, self->seat_count * sizeof *ballots) : NULL;
    if (!ballots)
        return -ENOMEM;
    for (size_t i = 0; i < self->seat_count; i++)
        if (c->voters[i].votes)
            ballots[n++] = (tr_ballot_t){
                c->voters[i].weight, self->seats[i].state == TR_SEAT_ABSTAINED, self->seats[i].marks};
    tr_poll_t poll = self->poll;
    tr_error_t error = {0};
    poll.options = self->option_count;
    rc = tr_count(&poll, ballots, n, &c->arena, &c->count, &error);
    return rc == 0 ? tr_decide(&c->count, &self->rules, &c->arena, &c->ruling) : rc;
}

/* ---- opinions ---- */

static void drop_opinions(tr_motion_t *self) {
    for (size_t i = 0; i < self->opinion_count; i++)
        free(self->opinions[i].reason);
    free(self->opinions);
    self->opinions = NULL;
    self->opinion_count = 0;
}

/* Whose reason for `option` comes next: the surest of those that are not taken yet. */
static tr_seat_t *surest(tr_motion_t *self, size_t option) {
    tr_seat_t *best = NULL;
    for (size_t i = 0; i < self->seat_count; i++) {
        tr_seat_t *seat = &self->seats[i];
        if (seat->state == TR_SEAT_VOTED && seat->reason &&
            tr_motion_favourite(self, seat->marks) == option &&
            (!best || seat->confidence > best->confidence))
            best = seat;
    }
    return best;
}

/* What was said for the options in play moves from the seats into the opinions; without memory for it nothing is told. */
static void gather_opinions(tr_motion_t *self) {
    drop_opinions(self);
    self->opinions = calloc(self->option_count * TR_MOTION_OPINIONS_MAX, sizeof *self->opinions);
    for (size_t option = 0; option < self->option_count && self->opinions; option++) {
        tr_seat_t *seat;
        for (size_t i = 0;
             i < TR_MOTION_OPINIONS_MAX && self->in_play[option] && (seat = surest(self, option)); i++) {
            self->opinions[self->opinion_count++] = (tr_opinion_t){option, seat->confidence, seat->reason};
            seat->reason = NULL;
        }
    }
}

/* ---- the next round ---- */

void tr_motion_begin_round(tr_motion_t *self, int64_t now_ms) {
    self->state = TR_MOTION_VOTING;
    self->round++;
    self->answered = 0;
    self->deadline_ms = now_ms + self->within_ms;
    for (size_t i = 0; i < self->seat_count; i++) {
        tr_seat_t *seat = &self->seats[i];
        tr_motion_clear_seat(seat);
        seat->state = TR_SEAT_WAITING;
        seat->delegate = TR_NOBODY;
        seat->confidence = 0;
        memset(seat->marks, 0, TR_MOTION_OPTIONS_MAX * sizeof *seat->marks);
    }
}

/* The worse half is out of play, but not one that shares a place with one that is not; two stay at least. */
static void drop_options(tr_motion_t *self) {
    size_t left = 0, kept = 0, place = 0;
    for (size_t i = 0; i < self->option_count; i++)
        left += self->in_play[i];
    for (size_t want = left / 2 < 2 ? 2 : (left + 1) / 2; kept < want && place < self->option_count; place++)
        for (size_t i = 0; i < self->option_count; i++)
            kept += self->in_play[i] && self->count.places[i] == place + 1;
    for (size_t i = 0; i < self->option_count; i++)
        self->in_play[i] = self->in_play[i] && self->count.places[i] <= place;
}

static bool is_option(const tr_motion_t *self, const char *text) {
    for (size_t i = 0; i < self->option_count; i++)
        if (strcmp(self->options[i], text) == 0)
            return true;
    return false;
}

/* Whose proposal comes next: the surest one's, and of those that are as sure the first one's. What was an option before is none. */
static tr_seat_t *next_proposer(const tr_motion_t *self) {
    tr_seat_t *best = NULL;
    for (size_t i = 0; i < self->seat_count; i++) {
        tr_seat_t *seat = &self->seats[i];
        if (seat->proposal && !is_option(self, seat->proposal) &&
            (!best || seat->confidence > best->confidence))
            best = seat;
    }
    return best;
}

static void refine_options(tr_motion_t *self) {
    tr_seat_t *seat;
    drop_options(self);
    for (size_t n = 0; n < TR_MOTION_PROPOSALS_MAX && self->option_count < TR_MOTION_OPTIONS_MAX &&
                       (seat = next_proposer(self));
         n++) {
        self->in_play[self->option_count] = true;
        self->options[self->option_count++] = seat->proposal;
        seat->proposal = NULL;
    }
}

/* ---- what follows ---- */

void tr_motion_escalate(tr_motion_t *self, bool took_part) {
    if (took_part && self->mediator && !self->mediated)
        self->state = TR_MOTION_MEDIATION;
    else
        self->state = self->person ? TR_MOTION_WAITING_PERSON : TR_MOTION_UNDECIDED;
}

static void conclude(tr_motion_t *self, int64_t now_ms) {
    const tr_ruling_t *o = &self->ruling;
    bool took_part = o->verdict != TR_VERDICT_NO_BALLOTS && o->verdict != TR_VERDICT_NO_QUORUM;
    bool agreed = took_part && o->best_count == 1 && o->support >= self->agreement;
    bool last = self->round >= self->rounds || self->mediated || !took_part;
    if (last ? o->verdict == TR_VERDICT_DECIDED : agreed) {
        self->state = TR_MOTION_DECIDED;
        self->winner = o->winner;
        return;
    }
    if (last) {
        tr_motion_escalate(self, took_part);
        if (self->state == TR_MOTION_MEDIATION)
            gather_opinions(self);
        return;
    }
    refine_options(self);
    gather_opinions(self);
    tr_motion_begin_round(self, now_ms);
}

int tr_motion_count(tr_motion_t *self, int64_t now_ms) {
    char why[WHY_MAX];
    counting_t c = {0};
    tr_arena_init(&c.arena, ARENA_MAX);
    int rc = count_votes(self, &c);
    if (rc == 0)
        tr_ruling_explain(
            &c.ruling, &c.count, &self->rules, (const char *const *)self->options, why, sizeof why);
    char *kept = rc == 0 ? strdup(why) : NULL;
    if (!kept) {
        tr_arena_finish(&c.arena);
        return rc < 0 ? rc : -ENOMEM;
    }
    for (size_t i = 0; i < self->seat_count; i++)
        self->seats[i].carried_by = c.voters[i].carried_by;
    tr_arena_finish(&self->arena);
    free(self->why);
    self->why = kept;
    self->arena = c.arena;
    self->count = c.count;
    self->ruling = c.ruling;
    self->lost = c.lost;
    self->counted = true;
    conclude(self, now_ms);
    return 0;
}

/* ---- mediation ---- */

/* The option's index, a new one's as well; -EINVAL, -ENOMEM. */
static int take_up(tr_motion_t *self, tr_value_t name, tr_error_t *error) {
    size_t len, option = tr_motion_option(self, name);
    const char *text = tr_value_str(name, &len);
    if (option != TR_NOBODY)
        return (int)option;
    if (!text || len == 0 || len > TR_MOTION_OPTION_MAX || memchr(text, '\0', len) ||
        self->option_count == TR_MOTION_OPTIONS_MAX)
        return tr_error_set(error, -EINVAL,
            "options: expected texts of 1 to %u bytes, %u options in all at most", TR_MOTION_OPTION_MAX,
            TR_MOTION_OPTIONS_MAX);
    char *copy = strndup(text, len);
    if (!copy)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->options[self->option_count] = copy;
    return (int)self->option_count++;
}

int tr_motion_mediate(tr_motion_t *self, tr_value_t options, int64_t now_ms, tr_error_t *error) {
    bool in_play[TR_MOTION_OPTIONS_MAX] = {false};
    size_t n = tr_value_size(options), before = self->option_count;
    int option = tr_value_is_array(options) && n
                     ? 0
                     : tr_error_set(error, -EINVAL, "options: expected a list of texts");
    for (size_t i = 0; i < n && option >= 0; i++)
        if ((option = take_up(self, tr_value_at(options, i), error)) >= 0)
            in_play[option] = true;
    if (option < 0) {
        while (self->option_count > before)
            free(self->options[--self->option_count]);
        return option;
    }
    memcpy(self->in_play, in_play, sizeof in_play);
    self->mediated = true;
    tr_motion_begin_round(self, now_ms);
    return 0;
}
