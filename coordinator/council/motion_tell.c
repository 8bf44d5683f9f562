/* What is told of a decision. */
#include "coordinator/council/motion_private.h"

static void write_option_name(
    tr_content_writer_t *w, const char *key, const tr_motion_t *self, size_t option) {
    tr_write_kv(w, key, option == TR_NOBODY ? NULL : self->options[option]);
}

/* Points as people count them, and what the option has of the votes. */
static void write_options(tr_content_writer_t *w, const tr_motion_t *self) {
    tr_write_str(w, "options");
    tr_write_array(w, self->option_count);
    for (size_t i = 0; i < self->option_count; i++) {
        size_t at = self->counted ? self->counted_at[i] : TR_NOBODY;
        bool there = at != TR_NOBODY && at < self->count.poll.options;
        tr_write_map(w, there ? 5 : 2);
        tr_write_kv(w, "option", self->options[i]);
        tr_write_kv_bool(w, "in-play", self->in_play[i]);
        if (!there)
            continue;
        tr_write_kv_uint(w, "place", self->count.places[at]);
        tr_write_kv_double(
            w, "points", (double)self->count.points[at] / (double)tr_count_scale(self->count.poll.method));
        tr_write_kv_double(w, "support", (double)tr_count_support(&self->count, at) / 10000);
    }
}

static size_t count_seats(const tr_motion_t *self, tr_seat_state_t state) {
    size_t n = 0;
    for (size_t i = 0; i < self->seat_count; i++)
        n += self->seats[i].state == state;
    return n;
}

static void write_turnout(tr_content_writer_t *w, const tr_motion_t *self) {
    bool hidden = self->secret && self->state == TR_MOTION_VOTING;
    tr_write_kv_uint(w, "voters", self->seat_count);
    tr_write_kv_uint(w, "answered", self->answered);
    for (int state = TR_SEAT_WAITING; state <= TR_SEAT_DECLINED; state++) {
        tr_write_str(w, tr_seat_state_words[state]);
        if (hidden && state != TR_SEAT_WAITING)
            tr_write_nil(w);
        else
            tr_write_uint(w, count_seats(self, (tr_seat_state_t)state));
    }
    tr_write_kv_double(w, "lost-votes", (double)self->lost / (double)TR_WEIGHT_ONE);
}

void tr_motion_write(tr_content_writer_t *w, const tr_motion_t *self, size_t more) {
    tr_write_map(w, 24 + more);
    tr_write_kv(w, "decision", self->id);
    tr_write_kv(w, "question", self->question);
    tr_write_kv(w, "state", tr_motion_state_words[self->state]);
    tr_write_kv(w, "method", tr_method_words[self->poll.method]);
    tr_write_kv_uint(w, "round", self->round);
    tr_write_kv_uint(w, "rounds", self->rounds);
    tr_write_kv_bool(w, "secret", self->secret);
    tr_write_kv(w, "mediator", self->mediator);
    tr_write_kv_int(w, "created_ms", self->created_ms);
    tr_write_kv_int(w, "changed_ms", self->changed_ms);
    tr_write_kv_int(w, "deadline_ms", self->deadline_ms);
    write_option_name(w, "winner", self, self->winner);
    write_option_name(w, "truth", self, self->truth);
    tr_write_kv(w, "verdict", self->counted ? tr_verdict_words[self->ruling.verdict] : NULL);
    tr_write_kv(w, "why", self->why);
    write_options(w, self);
    write_turnout(w, self);
}

/* ---- rules ---- */

/* In per cent. */
static void write_share(tr_content_writer_t *w, const char *key, uint32_t millionths) {
    tr_write_kv_double(w, key, (double)millionths / 10000);
}

/* The lot is not told before the end: who knew it could tell whom a tie would favour. */
void tr_motion_write_rules(tr_content_writer_t *w, const tr_motion_t *self) {
    const tr_rules_t *rules = &self->rules;
    bool ended = tr_motion_ended(self->state);
    tr_write_map(w, ended ? 9 : 8);
    tr_write_kv_uint(w, "edition", rules->edition);
    tr_write_kv_int(w, "score-max", self->poll.score_max);
    tr_write_kv_uint(w, "quorum", rules->quorum);
    write_share(w, "quorum-share", rules->quorum_share);
    tr_write_kv_double(w, "electorate", (double)rules->electorate / (double)TR_WEIGHT_ONE);
    write_share(w, "majority", rules->majority);
    tr_write_kv(w, "tie", tr_tie_words[rules->tie]);
    write_option_name(w, "keep", self, rules->tie == TR_TIE_KEEP ? rules->keep : TR_NOBODY);
    if (ended)
        tr_write_kv_int(w, "lot", (int64_t)rules->lot);
}

/* ---- votes ---- */

static void write_marks(tr_content_writer_t *w, const tr_motion_t *self, const tr_seat_t *seat) {
    size_t n = 0;
    for (size_t i = 0; i < self->option_count; i++)
        n += seat->marks[i] != 0;
    tr_write_str(w, "marks");
    tr_write_map(w, n);
    for (size_t i = 0; i < self->option_count; i++)
        if (seat->marks[i])
            tr_write_kv_int(w, self->options[i], seat->marks[i]);
}

void tr_motion_write_vote(tr_content_writer_t *w, const tr_motion_t *self, size_t at) {
    const tr_seat_t *others = self->seats, *seat = &others[at];
    tr_write_map(w, self->secret ? 3 : 10);
    tr_write_kv(w, "voter", seat->voter);
    tr_write_kv_double(w, "weight", (double)seat->weight / (double)TR_WEIGHT_ONE);
    if (self->secret) {
        tr_write_kv(w, "said", seat->state == TR_SEAT_WAITING ? "waiting" : "answered");
        return;
    }
    tr_write_kv(w, "said", tr_seat_state_words[seat->state]);
    write_marks(w, self, seat);
    tr_write_kv(w, "delegate", seat->delegate == TR_NOBODY ? NULL : others[seat->delegate].voter);
    tr_write_kv(w, "carried-by", seat->carried_by == TR_NOBODY ? NULL : others[seat->carried_by].voter);
    tr_write_kv(w, "reason", seat->reason);
    tr_write_kv(w, "by", seat->by);
    tr_write_kv(w, "fallback", seat->fallback);
    tr_write_kv_double(w, "confidence", seat->confidence);
}

/* ---- history ---- */

void tr_motion_write_event(tr_content_writer_t *w, const tr_motion_t *self, const tr_motion_event_t *event) {
    bool answers = event->what == TR_MOTION_BALLOT || event->what == TR_MOTION_DECLINED;
    bool hidden = self->secret && answers;
    tr_error_t error = {0};
    tr_write_map(w, 4);
    tr_write_kv_int(w, "at_ms", event->at_ms);
    tr_write_kv(w, "what", hidden ? "answered" : tr_motion_what_words[event->what]);
    tr_write_kv(w, "who", event->who);
    tr_write_str(w, "said");
    size_t before = w->buffer.size;
    if (hidden || tr_motion_say(self, event, w, &error) < 0 || w->buffer.size == before)
        tr_write_nil(w);
}

/* ---- what is asked ---- */

static void write_opinions(tr_content_writer_t *w, const tr_motion_t *self) {
    tr_write_str(w, "opinions");
    tr_write_array(w, self->opinion_count);
    for (size_t i = 0; i < self->opinion_count; i++) {
        const tr_opinion_t *o = &self->opinions[i];
        tr_write_map(w, 3);
        tr_write_kv(w, "option", self->options[o->option]);
        tr_write_kv(w, "reason", o->reason);
        tr_write_kv_double(w, "confidence", o->confidence);
    }
}

static void write_in_play(tr_content_writer_t *w, const tr_motion_t *self) {
    size_t n = 0;
    for (size_t i = 0; i < self->option_count; i++)
        n += self->in_play[i];
    tr_write_str(w, "options");
    tr_write_array(w, n);
    for (size_t i = 0; i < self->option_count; i++)
        if (self->in_play[i])
            tr_write_str(w, self->options[i]);
}

/* What may stand beside a vote: coordinators before this one refuse what they do not know. */
static void write_known_remarks(tr_content_writer_t *w) {
    tr_write_str(w, "remarks");
    tr_write_array(w, TR_REMARKS);
    for (size_t i = 0; i < TR_REMARKS; i++)
        tr_write_str(w, tr_motion_remarks[i].key);
}

void tr_motion_write_question(tr_content_writer_t *w, const tr_motion_t *self, const char *action) {
    tr_write_map(w, 12);
    tr_write_kv(w, "action", action);
    tr_write_kv(w, "decision", self->id);
    tr_write_kv(w, "question", self->question);
    tr_write_kv(w, "context", self->context);
    tr_write_kv(w, "method", tr_method_words[self->poll.method]);
    tr_write_kv_int(w, "score-max", self->poll.score_max);
    tr_write_kv_uint(w, "round", self->round);
    tr_write_kv_uint(w, "rounds", self->rounds);
    tr_write_kv_int(w, "deadline_ms", self->deadline_ms);
    write_in_play(w, self);
    write_opinions(w, self);
    write_known_remarks(w);
}
