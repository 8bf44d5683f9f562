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
    size_t options
        [TR_MOTION_OPTIONS_MAX]; /* which ones are counted: an index of the count -> one of the decision */
    size_t option_count;
    const char *names[TR_MOTION_OPTIONS_MAX];
    size_t place_of[TR_MOTION_OPTIONS_MAX]; /* the other way round; TR_NOBODY */
    tr_count_t count;
    tr_ruling_t ruling;
    tr_voter_t *voters; /* by seat */
    uint64_t lost;
} counting_t;

static bool is_first_edition(const tr_motion_t *self) {
    return self->rules.edition == 1;
}

/* What is not in play takes no part, or its absence would count for some and against others. Once it did. */
static void choose_options(const tr_motion_t *self, counting_t *c) {
    for (size_t i = 0; i < TR_MOTION_OPTIONS_MAX; i++) {
        bool counts = i < self->option_count && (self->in_play[i] || is_first_edition(self));
        c->place_of[i] = counts ? c->option_count : TR_NOBODY;
        if (!counts)
            continue;
        c->names[c->option_count] = self->options[i];
        c->options[c->option_count++] = i;
    }
}

static const int32_t *marks_of(const tr_seat_t *seat, counting_t *c) {
    int32_t *marks = tr_arena_alloc(&c->arena, c->option_count * sizeof *marks);
    for (size_t i = 0; i < c->option_count && marks; i++)
        marks[i] = seat->marks[c->options[i]];
    return marks;
}

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

/* The ballots that there are: NULL without memory. */
static tr_ballot_t *collect_ballots(const tr_motion_t *self, counting_t *c, size_t *ret_count) {
    size_t n = 0;
    tr_ballot_t *ballots = tr_arena_alloc(&c->arena, self->seat_count * sizeof *ballots);
    for (size_t i = 0; i < self->seat_count && ballots; i++) {
        const tr_voter_t *voter = &c->voters[i];
        const tr_seat_t *seat = &self->seats[i];
        if (!voter->votes)
            continue;
        ballots[n] =
            (tr_ballot_t){voter->weight, seat->state == TR_SEAT_ABSTAINED, marks_of(seat, c), voter->carries};
        if (!ballots[n++].marks)
            return NULL;
    }
    *ret_count = n;
    return ballots;
}

/* `keep` is an option that may not be in play: then it is none of the best. */
static tr_rules_t rules_of(const tr_motion_t *self, const counting_t *c) {
    tr_rules_t rules = self->rules;
    rules.keep = c->place_of[rules.keep];
    return rules;
}

static int count_votes(const tr_motion_t *self, counting_t *c, const tr_rules_t *rules) {
    size_t n = 0;
    int rc = carry_votes(self, c);
    tr_ballot_t *ballots = rc == 0 ? collect_ballots(self, c, &n) : NULL;
    if (!ballots)
        return -ENOMEM;
    tr_poll_t poll = self->poll;
    tr_error_t error = {0};
    poll.options = c->option_count;
    rc = tr_count(&poll, ballots, n, &c->arena, &c->count, &error);
    return rc == 0 ? tr_decide(&c->count, rules, &c->arena, &c->ruling) : rc;
}

/* ---- opinions ---- */

static void drop_opinions(tr_motion_t *self) {
    for (size_t i = 0; i < self->opinion_count; i++)
        free(self->opinions[i].reason);
    free(self->opinions);
    self->opinions = NULL;
    self->opinion_count = 0;
}

/* The surer one; of those who are as sure the first one. */
static bool comes_before(const tr_seat_t *a, const tr_seat_t *b) {
    return a->confidence > b->confidence || (a->confidence >= b->confidence && a < b);
}

/* Whose reason for `option` comes next after that of `last`; NULL: is the first. */
static const tr_seat_t *next_surest(const tr_motion_t *self, size_t option, const tr_seat_t *last) {
    const tr_seat_t *best = NULL;
    for (size_t i = 0; i < self->seat_count; i++) {
        const tr_seat_t *seat = &self->seats[i];
        if (seat->state == TR_SEAT_VOTED && seat->reason && (!last || comes_before(last, seat)) &&
            (!best || comes_before(seat, best)) && tr_motion_favourite(self, seat->marks) == option)
            best = seat;
    }
    return best;
}

static void add_opinions(tr_motion_t *self, size_t option) {
    const tr_seat_t *seat = NULL;
    for (size_t i = 0; i < TR_MOTION_OPINIONS_MAX && (seat = next_surest(self, option, seat)); i++) {
        char *reason = strdup(seat->reason);
        if (reason)
            self->opinions[self->opinion_count++] = (tr_opinion_t){option, seat->confidence, reason};
    }
}

/* What was said for the options in play; without memory for it nothing is told. */
static void gather_opinions(tr_motion_t *self) {
    drop_opinions(self);
    self->opinions = calloc(self->option_count * TR_MOTION_OPINIONS_MAX, sizeof *self->opinions);
    for (size_t option = 0; option < self->option_count && self->opinions; option++)
        if (self->in_play[option])
            add_opinions(self, option);
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
        seat->ballots = 0;
        seat->confidence = 0;
        memset(seat->marks, 0, TR_MOTION_OPTIONS_MAX * sizeof *seat->marks);
    }
}

static size_t place_of(const tr_motion_t *self, size_t option) {
    size_t at = self->counted_at[option];
    return at == TR_NOBODY ? SIZE_MAX : self->count.places[at];
}

/* The worse half is out of play, but not one that shares a place with one that is not; two stay at least. */
static void drop_options(tr_motion_t *self) {
    size_t left = 0, kept = 0, place = 0;
    for (size_t i = 0; i < self->option_count; i++)
        left += self->in_play[i];
    for (size_t want = left / 2 < 2 ? 2 : (left + 1) / 2; kept < want && place < self->option_count; place++)
        for (size_t i = 0; i < self->option_count; i++)
            kept += self->in_play[i] && place_of(self, i) == place + 1;
    for (size_t i = 0; i < self->option_count; i++)
        self->in_play[i] = self->in_play[i] && place_of(self, i) <= place;
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
    bool agreed = took_part && o->best_count == 1 && o->support >= self->agreement &&
                  (o->verdict == TR_VERDICT_DECIDED || is_first_edition(self));
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

/* why: owned from here on. */
static void take_count(tr_motion_t *self, const counting_t *c, char *why) {
    for (size_t i = 0; i < self->seat_count; i++)
        self->seats[i].carried_by = c->voters[i].carried_by;
    tr_arena_finish(&self->arena);
    free(self->why);
    self->why = why;
    self->arena = c->arena;
    self->count = c->count;
    self->ruling = c->ruling;
    self->ruling.winner = c->options[c->ruling.winner];
    memcpy(self->counted_at, c->place_of, sizeof self->counted_at);
    self->lost = c->lost;
    self->counted = true;
}

int tr_motion_count(tr_motion_t *self, int64_t now_ms) {
    char why[WHY_MAX];
    counting_t c = {0};
    tr_arena_init(&c.arena, ARENA_MAX);
    choose_options(self, &c);
    tr_rules_t rules = rules_of(self, &c);
    int rc = count_votes(self, &c, &rules);
    if (rc == 0)
        tr_ruling_explain(&c.ruling, &c.count, &rules, c.names, why, sizeof why);
    char *kept = rc == 0 ? strdup(why) : NULL;
    if (!kept) {
        tr_arena_finish(&c.arena);
        return rc < 0 ? rc : -ENOMEM;
    }
    take_count(self, &c, kept);
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
