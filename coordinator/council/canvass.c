/* Asking voters, and the mediator: a fipa-request each, whose inform is the answer. */
#include "coordinator/council/council.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS     100 /* who could not be asked is asked again after this */
#define MEDIATION_MS 60000

/* ---- answers ---- */

static void free_canvass(tr_canvass_t *c) {
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    free(c);
}

/* Takes it out of what is waited for; NULL where it is not any more. */
static tr_held_t *detach(tr_canvass_t *c) {
    tr_held_t *held = c->held;
    if (held)
        held->asked[c->place] = NULL;
    c->held = NULL;
    return held;
}

static bool is_mediator(const tr_held_t *held, size_t place) {
    return place == held->decision->seat_count;
}

static const char *name_at(const tr_held_t *held, size_t place) {
    const tr_motion_t *d = held->decision;
    return is_mediator(held, place) ? d->mediator : d->seats[place].voter;
}

static void decline(tr_held_t *held, size_t place, const char *reason) {
    tr_error_t error = {0};
    const char *who = name_at(held, place);
    if (is_mediator(held, place))
        tr_council_happen_because(held, TR_MOTION_MEDIATED, who, NULL, &error); /* ignoring: it has ended */
    else
        tr_council_happen_because(held, TR_MOTION_DECLINED, who, reason, &error); /* likewise, ignoring */
}

/* A ballot that is none is as good as no answer, with what is wrong as its reason. */
static void on_answer(
    tr_agent_t *agent, void *state, tr_conversation_t *conversation, const tr_message_t *message, void *arg) {
    tr_canvass_t *c = arg;
    tr_held_t *held = detach(c);
    tr_error_t error = {0};
    (void)agent, (void)state, (void)conversation;
    if (!held)
        return;
    tr_motion_event_t event = {
        .what = is_mediator(held, c->place) ? TR_MOTION_MEDIATED : TR_MOTION_BALLOT,
        .at_ms = tr_clock_wall_ms(),
        .who = name_at(held, c->place),
        .value = tr_message_value(message),
    };
    if (tr_council_happen(held, &event, &error) < 0)
        decline(held, c->place, error.text);
}

static void on_end(tr_agent_t *agent, void *state, tr_conversation_t *conversation, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    tr_canvass_t *c = arg;
    tr_held_t *held = detach(c);
    char reason[800];
    (void)agent, (void)state, (void)conversation;
    if (held) {
        tr_work_print_reason(outcome, last, reason, sizeof reason);
        decline(held, c->place, reason);
    }
    free_canvass(c);
}

/* ---- asking ---- */

static int64_t time_left(const tr_motion_t *d) {
    int64_t left_ms = d->deadline_ms - tr_clock_wall_ms();
    return d->state == TR_MOTION_MEDIATION ? MEDIATION_MS : left_ms > 0 ? left_ms : 1;
}

static int start(tr_held_t *held, tr_canvass_t *c, const char *who, const tr_content_writer_t *question) {
    tr_error_t error = {0};
    char under[TR_TRACEPARENT_SIZE];
    tr_acl_t parameters = {
        .traceparent = tr_span_context(held->decision->trace, held->decision->id, 0, under)};
    tr_initiator_t initiator = {
        .parameters = &parameters,
        .protocol = "fipa-request",
        .receiver = who,
        .performative = TR_REQUEST,
        .timeout_ms = time_left(held->decision),
        .on_result = on_answer,
        .on_end = on_end,
        .arg = c,
    };
    int rc = tr_content_writer_take(question, &initiator.content, &initiator.content_len);
    return rc < 0 ? rc
                  : tr_conversation_start(held->coordinator->agent, &initiator, &c->conversation, &error);
}

/* false: not now, the link is full. */
static bool ask(tr_held_t *held, size_t place, const tr_content_writer_t *question) {
    tr_canvass_t *c = calloc(1, sizeof *c), **list = &held->coordinator->canvasses;
    if (!c)
        return false;
    *c = (tr_canvass_t){.held = held, .place = place, .next = *list, .link = list};
    if (*list)
        (*list)->link = &c->next;
    *list = c;
    int rc = start(held, c, name_at(held, place), question);
    if (rc == 0) {
        held->asked[place] = c;
        return true;
    }
    free_canvass(c);
    if (rc == -EAGAIN || rc == -ENOBUFS || rc == -ENOMEM)
        return false;
    decline(held, place, strerror(-rc));
    return true;
}

static void on_retry(tr_agent_t *agent, void *state, void *arg) {
    tr_held_t *held = arg;
    (void)agent, (void)state;
    held->retry = NULL;
    tr_canvass(held);
}

static bool ask_voters(tr_held_t *held, const tr_content_writer_t *question) {
    const tr_motion_t *d = held->decision;
    uint32_t round = d->round;
    for (size_t i = 0; i < d->seat_count && d->round == round && d->state == TR_MOTION_VOTING; i++) {
        const tr_seat_t *seat = &d->seats[i];
        bool person = strncmp(seat->voter, TR_PERSON, strlen(TR_PERSON)) == 0;
        if (seat->state == TR_SEAT_WAITING && !held->asked[i] && !person && !ask(held, i, question))
            return false;
    }
    return true;
}

static bool ask_mediator(tr_held_t *held, const tr_content_writer_t *question) {
    size_t place = held->decision->seat_count;
    return held->asked[place] || ask(held, place, question);
}

void tr_canvass(tr_held_t *held) {
    bool mediation = held->decision->state == TR_MOTION_MEDIATION;
    tr_content_writer_t question;
    tr_content_writer_init(&question);
    tr_motion_write_question(&question, held->decision, mediation ? "mediate" : "vote");
    bool all = mediation ? ask_mediator(held, &question) : ask_voters(held, &question);
    tr_content_writer_finish(&question);
    if (!all && !held->retry)
        held->retry = tr_timer_start(held->coordinator->agent, RETRY_MS, on_retry, held);
}

void tr_canvass_end(tr_held_t *held) {
    for (size_t i = 0; i <= held->decision->seat_count; i++) {
        tr_canvass_t *c = held->asked[i];
        if (!c)
            continue;
        held->asked[i] = NULL;
        c->held = NULL;
        tr_conversation_cancel(c->conversation); /* one that cannot be ends by its time, ignoring */
    }
}

void tr_canvass_finish(tr_coordinator_t *self) {
    while (self->canvasses)
        free_canvass(self->canvasses);
}
