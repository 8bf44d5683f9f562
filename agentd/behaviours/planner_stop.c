/* Plans that somebody ends, and what is known of those that have ended (planner.h). */
#include "agentd/behaviours/planner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/agent/json_request.h"
#include "proto/json.h"

#define MARK_MAX 80 /* bytes of a mark, with its NUL */

/* A request that waits for the coordinator. */
struct tr_planner_stop {
    tr_planner_stop_t *next;
    tr_message_t *asked;
    char mark[MARK_MAX];
};

/* ---- what is known ---- */

json_t *tr_planner_known(const tr_planner_t *self, tr_value_t marks) {
    json_t *known = marks ? json_object() : json_deep_copy(self->watched);
    char mark[MARK_MAX];
    for (size_t i = 0; i < tr_value_size(marks); i++) {
        if (tr_value_copy(tr_value_at(marks, i), mark, sizeof mark) < 0)
            continue;
        const json_t *goes_on = json_object_get(self->watched, mark);
        const json_t *one = goes_on ? goes_on : json_object_get(self->ended, mark);
        if (one)
            json_object_set_new(known, mark, json_deep_copy(one));
    }
    return known;
}

void tr_planner_remember(tr_planner_t *self, const json_t *watched, const char *state, const char *reason) {
    json_t *mark = json_object_get(watched, "mark");
    json_object_set_new(self->ended, json_string_value(mark),
        json_pack("{s:O, s:s, s:s, s:O}", "mark", mark, "state", state, "reason", reason, "plan",
            json_object_get(watched, "plan"))); /* else it is not known later, ignoring */
    if (json_object_size(self->ended) > TR_PLANNER_ENDED)
        json_object_del(self->ended, json_object_iter_key(json_object_iter(self->ended)));
}

/* ---- stopping ---- */

/* Of a plan that is watched no more. */
static void answer(tr_planner_t *self, const tr_message_t *message, const char *mark) {
    const json_t *ended = json_object_get(self->ended, mark);
    if (ended)
        tr_thinker_answer_json(&self->thinker, message, TR_INFORM, json_deep_copy(ended));
    else
        tr_thinker_answer_reason(&self->thinker, message, TR_REFUSE, "not-registered",
            "there is no plan of this mark, or it has ended long ago");
}

static void wait_for_coordinator(
    tr_planner_t *self, const tr_message_t *message, json_t *watched, const char *mark) {
    size_t count = 0;
    for (const tr_planner_stop_t *other = self->stops; other; other = other->next)
        count++;
    tr_planner_stop_t *stop = count < TR_PLANNER_STOPS ? calloc(1, sizeof *stop) : NULL;
    if (stop && !(stop->asked = tr_message_keep(message))) {
        free(stop);
        stop = NULL;
    }
    if (!stop) {
        tr_thinker_answer_reason(
            &self->thinker, message, TR_REFUSE, "busy", "too many plans are being stopped");
        return;
    }
    strcpy(stop->mark, mark);
    stop->next = self->stops;
    self->stops = stop;
    json_object_set_new(watched, "stopping", json_true());
}

void tr_planner_stop(tr_planner_t *self, const tr_message_t *message) {
    char mark[MARK_MAX];
    if (tr_value_copy(tr_value_get(tr_message_value(message), "plan"), mark, sizeof mark) < 0) {
        tr_thinker_answer_reason(&self->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value",
            "plan: expected the mark of a plan, as submit answers it (watched)");
        return;
    }
    json_t *watched = json_object_get(self->watched, mark);
    if (watched && !json_is_true(json_object_get(watched, "taken"))) {
        wait_for_coordinator(self, message, watched, mark);
        return;
    }
    if (watched)
        tr_planner_end(self, watched, "stopped", "", "");
    answer(self, message, mark);
}

void tr_planner_stopped(tr_planner_t *self, const char *mark) {
    tr_planner_stop_t **link = &self->stops;
    while (*link) {
        tr_planner_stop_t *stop = *link;
        if (strcmp(stop->mark, mark) != 0) {
            link = &stop->next;
            continue;
        }
        *link = stop->next;
        answer(self, stop->asked, stop->mark);
        tr_message_done(&stop->asked);
        free(stop);
    }
}

static void on_taken_back(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    (void)agent, (void)state, (void)answer, (void)arg; /* what it does not have needs no end, ignoring */
}

void tr_planner_take_back(tr_planner_t *self, const json_t *plan) {
    const json_t *subtasks = json_object_get(plan, "subtasks");
    for (size_t i = 0; i < json_array_size(subtasks); i++) {
        json_t *task = json_object_get(json_array_get(subtasks, i), "task");
        json_t *request = json_pack("{s:s, s:O*, s:s}", "action", "cancel", "task", task, "reason",
            "it was not said in time that it is taken");
        if (task)
            tr_request_json(
                self->thinker.agent, NULL, self->tasks, request, TR_PLANNER_BACK_MS, on_taken_back, NULL);
        json_decref(request);
    }
}

void tr_planner_stops_finish(tr_planner_t *self) {
    while (self->stops) {
        tr_planner_stop_t *stop = self->stops;
        self->stops = stop->next;
        tr_message_release(&stop->asked);
        free(stop);
    }
}
