#include "agentd/behaviours/assistant_decision.h"

#include <stdlib.h>
#include <string.h>

#include "lib/agent/json_request.h"
#include "lib/base/clock.h"

#define WAIT_MS       8000 /* less than whoever asks waits, usually */
#define LOOK_MS       1500
#define PAUSE_MS      50 /* twice as long each time */
#define PAUSE_MOST_MS 1000
#define VOTES_TOLD    8

struct tr_awaited {
    tr_awaited_t *next, **link;
    tr_awaiting_t *all;
    tr_talk_t *talk;
    tr_message_t *under;
    json_t *turn;
    tr_timer_t *timer;
    int64_t until_ms, pause_ms;
};

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- what is said of it ---- */

/* "- sleepy: coffee, as it has "coffee" in common with my profile" */
static json_t *told_vote(const json_t *vote) {
    const char *voter = text_at(vote, "voter"), *reason = text_at(vote, "reason"), *favourite = NULL, *option;
    json_t *mark, *marks = json_object_get(vote, "marks");
    json_object_foreach(marks, option, mark) {
        if (!favourite)
            favourite = option;
    }
    bool is_one = json_object_size(marks) == 1;
    return json_sprintf("\n- %.*s: %s%s%s", (int)strcspn(voter, "@"), voter,
        is_one ? favourite : text_at(vote, "said"), *reason ? ", as " : "", reason);
}

static json_t *with_votes(json_t *text, const json_t *votes) {
    for (size_t i = 0; text && i < json_array_size(votes) && i < VOTES_TOLD; i++) {
        json_t *vote = told_vote(json_array_get(votes, i));
        json_t *longer =
            vote ? json_sprintf("%s%s", json_string_value(text), json_string_value(vote)) : json_incref(text);
        json_decref(vote);
        json_decref(text);
        text = longer;
    }
    return text;
}

json_t *tr_assistant_decided(const json_t *decision) {
    const char *state = text_at(decision, "state"), *why = text_at(decision, "why"),
               *id = text_at(decision, "decision");
    json_t *text = NULL;
    const char *winner = text_at(decision, "winner");
    if (strcmp(state, "decided") == 0) /* the reason mostly begins with it */
        text = strncmp(why, winner, strlen(winner)) == 0
                   ? json_sprintf("The group has decided: %s", *why ? why : winner)
                   : json_sprintf("The group has decided: %s. %s", winner, why);
    else if (strcmp(state, "undecided") == 0)
        text = json_string(*why ? why : "Nothing is decided.");
    else
        return json_sprintf(
            "I put it to the group: decision %s. `troupe votes show %s` tells what comes of it.", id, id);
    return with_votes(text, json_object_get(decision, "votes"));
}

/* ---- waiting ---- */

static void end_wait(tr_awaited_t *wait, bool done) {
    *wait->link = wait->next;
    if (wait->next)
        wait->next->link = wait->link;
    if (wait->timer)
        tr_timer_cancel(&wait->timer);
    if (done)
        tr_message_done(&wait->under);
    else
        tr_message_release(&wait->under);
    json_decref(wait->turn);
    free(wait);
}

static bool has_ended(const json_t *decision) {
    const char *state = text_at(decision, "state");
    return *state && strcmp(state, "voting") != 0 && strcmp(state, "mediation") != 0;
}

/* Of what is known by now; that it cannot be looked at is no failure of the decision. */
static void tell(tr_talk_t *talk, const tr_message_t *under, json_t *turn) {
    json_t *reply = tr_assistant_decided(json_object_get(turn, "answer"));
    tr_talk_end(talk, under, turn, json_string_value(reply));
    json_decref(reply);
}

static void look(tr_awaited_t *wait);

static void on_time(tr_agent_t *agent, void *state, void *arg) {
    tr_awaited_t *wait = arg;
    (void)agent, (void)state;
    wait->timer = NULL;
    look(wait);
}

static void on_shown(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_awaited_t *wait = arg;
    json_t *shown = tr_answer_is_good(answer) ? tr_answer_json(answer) : NULL;
    bool goes_on = shown && !has_ended(shown) && tr_clock_ms() < wait->until_ms;
    (void)state;
    if (answer)
        tr_message_regain(wait->under, answer);
    if (shown && json_object_set(wait->turn, "answer", shown) == 0)
        json_object_del(shown, "history"); /* who wants it asks for it */
    json_decref(shown);
    if (goes_on && (wait->timer = tr_timer_start(agent, wait->pause_ms, on_time, wait)))
        return;
    tell(wait->talk, wait->under, wait->turn);
    end_wait(wait, true);
}

static void look(tr_awaited_t *wait) {
    wait->pause_ms = wait->pause_ms * 2 < PAUSE_MOST_MS ? wait->pause_ms * 2 : PAUSE_MOST_MS;
    const char *id = text_at(json_object_get(wait->turn, "answer"), "decision");
    json_t *request = json_pack("{s:s, s:s}", "action", "decision", "decision", id);
    int rc = tr_request_json(
        wait->talk->thinker.agent, wait->under, text_at(wait->turn, "to"), request, LOOK_MS, on_shown, wait);
    json_decref(request);
    if (rc == 0)
        return;
    tell(wait->talk, wait->under, wait->turn);
    end_wait(wait, true);
}

void tr_assistant_await(tr_awaiting_t *self, tr_talk_t *talk, const tr_message_t *under, json_t *turn) {
    tr_awaited_t *wait = calloc(1, sizeof *wait);
    tr_message_t *kept = wait ? tr_message_keep(under) : NULL;
    if (!kept) {
        free(wait);
        tell(talk, under, turn);
        return;
    }
    *wait = (tr_awaited_t){.next = self->first,
        .link = &self->first,
        .talk = talk,
        .under = kept,
        .turn = json_incref(turn),
        .until_ms = tr_clock_ms() + WAIT_MS,
        .pause_ms = PAUSE_MS / 2};
    if (wait->next)
        wait->next->link = &wait->next;
    self->first = wait;
    look(wait);
}

void tr_awaiting_finish(tr_awaiting_t *self) {
    while (self->first)
        end_wait(self->first, false);
}
