#include "agentd/behaviours/planner.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/behaviours/own_topic.h"
#include "agentd/mind/plan.h"
#include "lib/agent/json_request.h"
#include "lib/base/random.h"
#include "proto/json.h"

#define MARK_MAX  40
#define LOOK_MOST 512 /* tasks that are asked for in one look */

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool is_in(const json_t *subtask, const char *state) {
    return strcmp(text_at(subtask, "state"), state) == 0;
}

static json_t *subtasks_of(const json_t *watched) {
    return json_object_get(json_object_get(watched, "plan"), "subtasks");
}

static bool is_stopping(const json_t *watched) {
    return json_is_true(json_object_get(watched, "stopping"));
}

/* ---- a plan as tasks ---- */

/* By its id in the plan; NULL where there is none. */
static json_t *find_subtask(const json_t *subtasks, const char *id) {
    for (size_t i = 0; i < json_array_size(subtasks); i++)
        if (strcmp(text_at(json_array_get(subtasks, i), "id"), id) == 0)
            return json_array_get(subtasks, i);
    return NULL;
}

/* The task that carries out what a subtask needs. */
static json_t *tasks_needed(const json_t *subtasks, const json_t *needs) {
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(needs); i++) {
        const json_t *needed = find_subtask(subtasks, json_string_value(json_array_get(needs, i)));
        json_array_append(list, json_object_get(needed, "task"));
    }
    return list;
}

/* What needs nothing is the gate of all that needs it. */
static json_t *task_of(const json_t *plan, const json_t *subtask) {
    json_t *needs = tasks_needed(json_object_get(plan, "subtasks"), json_object_get(subtask, "needs"));
    bool gated = json_is_true(json_object_get(plan, "approval")) && json_array_size(needs) == 0;
    return json_pack("{s:O, s:O, s:O, s:O, s:O, s:O*, s:b, s:{s:O, s:o}}", "id",
        json_object_get(subtask, "task"), "description", json_object_get(subtask, "description"), "skills",
        json_object_get(subtask, "skills"), "needs", needs, "priority", json_object_get(plan, "priority"),
        "compose", json_object_get(subtask, "compose"), "approval", gated, "input", "text",
        json_object_get(subtask, "description"), "needs", needs);
}

/* Subtasks without a task get one, under this mark; the list of those. */
static json_t *new_tasks(tr_planner_t *self, json_t *plan, const char *mark) {
    json_t *subtasks = json_object_get(plan, "subtasks"), *fresh = json_array(), *tasks = json_array();
    char random[20];
    snprintf(random, sizeof random, "%llx", (unsigned long long)tr_random_seed());
    for (size_t i = 0; i < json_array_size(subtasks); i++) {
        json_t *subtask = json_array_get(subtasks, i);
        if (json_object_get(subtask, "task"))
            continue;
        json_object_set_new(subtask, "task", json_sprintf("%.40s-%s", text_at(subtask, "id"), random));
        json_object_set_new(subtask, "state", json_string("pending"));
        json_object_set_new(self->by_task, text_at(subtask, "task"), json_string(mark));
        json_array_append(fresh, subtask);
    }
    for (size_t i = 0; i < json_array_size(fresh); i++)
        json_array_append_new(tasks, task_of(plan, json_array_get(fresh, i)));
    json_decref(fresh);
    return tasks;
}

/* ---- what is watched ---- */

static void forget_task(tr_planner_t *self, json_t *subtask) {
    json_object_del(self->by_task, text_at(subtask, "task"));
    json_object_del(subtask, "task");
    json_object_del(subtask, "state");
}

void tr_planner_unwatch(tr_planner_t *self, const char *mark) {
    json_t *watched = json_incref(json_object_get(self->watched, mark)), *subtasks = subtasks_of(watched);
    for (size_t i = 0; i < json_array_size(subtasks); i++)
        json_object_del(self->by_task, text_at(json_array_get(subtasks, i), "task"));
    json_object_del(self->watched, mark);
    tr_planner_stopped(self, mark); /* which may be its own */
    json_decref(watched);
}

static void listen_to_tasks(tr_planner_t *self) {
    if (!self->listens)
        self->listens = tr_subscribe(self->thinker.agent, "task.*.state") == 0;
}

void tr_planner_taken(tr_planner_t *self, const char *mark) {
    json_t *watched = json_object_get(self->watched, mark);
    if (watched)
        json_object_set_new(watched, "taken", json_true());
    if (is_stopping(watched))
        tr_planner_end(self, watched, "stopped", "", "");
}

static void look(tr_agent_t *agent, void *state, void *arg);

static void look_after(tr_planner_t *self, int64_t ms) {
    if (self->timer)
        tr_timer_cancel(&self->timer);
    self->timer = tr_timer_start(self->thinker.agent, ms, look, NULL);
    self->looks_soon = self->timer && ms == 0;
}

json_t *tr_planner_watch(tr_planner_t *self, json_t *plan, const json_t *skills, const char **ret_mark) {
    char mark[MARK_MAX];
    snprintf(mark, sizeof mark, "plan-%llx", (unsigned long long)tr_random_seed());
    listen_to_tasks(self);
    if (!self->timer)
        look_after(self, self->look_ms);
    json_t *watched = json_pack("{s:s, s:I, s:O, s:O?}", "mark", mark, "number", (json_int_t)++self->numbers,
        "plan", plan, "skills", skills);
    if (!watched || json_object_set_new(self->watched, mark, watched) < 0)
        return NULL;
    if (json_object_size(self->watched) > TR_PLANNER_WATCHED)
        tr_planner_unwatch(self, json_object_iter_key(json_object_iter(self->watched)));
    *ret_mark = text_at(watched, "mark");
    return new_tasks(self, plan, mark);
}

/* {"plan", "task", "state", "subtask", "reason", "replans"} on the topic plan.AGENT; at its end with "subtasks", since nobody can ask for them then. */
static void tell(
    tr_planner_t *self, const json_t *watched, const char *state, const char *subtask, const char *reason) {
    const json_t *plan = json_object_get(watched, "plan");
    bool ends = strcmp(state, "replanned") != 0;
    tr_own_topic_tell(self->thinker.agent, "plan",
        json_pack("{s:O, s:O, s:s, s:s, s:s, s:I, s:O*}", "plan", json_object_get(watched, "mark"), "task",
            json_object_get(plan, "task"), "state", state, "subtask", subtask, "reason", reason, "replans",
            json_integer_value(json_object_get(plan, "replans")), "subtasks",
            ends ? subtasks_of(watched) : NULL));
}

void tr_planner_end(
    tr_planner_t *self, const json_t *watched, const char *state, const char *subtask, const char *reason) {
    tell(self, watched, state, subtask, reason);
    tr_planner_remember(self, watched, state, reason);
    tr_planner_unwatch(self, text_at(watched, "mark"));
}

/* ---- planning anew ---- */

json_t *tr_planner_skills_without(const json_t *skills, const json_t *without) {
    json_t *left = json_array();
    for (size_t i = 0; i < json_array_size(skills); i++) {
        bool out = false;
        for (size_t k = 0; k < json_array_size(without) && !out; k++)
            out = json_equal(json_array_get(without, k), json_array_get(skills, i));
        if (!out)
            json_array_append(left, json_array_get(skills, i));
    }
    return left;
}

/* What failed in a subtask's place: its own skills, and those of what it replaced. A new reference. */
static json_t *ruled_out(const json_t *subtask) {
    const json_t *own = json_object_get(subtask, "skills"), *before = json_object_get(subtask, "without");
    json_t *all = tr_planner_skills_without(own, before);
    for (size_t i = 0; i < json_array_size(before); i++)
        json_array_append(all, json_array_get(before, i));
    return all;
}

/* What has just taken the place of another has no task yet: else another way could be the one that failed first. */
static void inherit(const json_t *subtasks, json_t *without) {
    for (size_t i = 0; i < json_array_size(subtasks); i++)
        if (!json_object_get(json_array_get(subtasks, i), "task"))
            json_object_set(json_array_get(subtasks, i), "without", without);
}

/* By the number that an answer comes with. */
static const json_t *find_number(const tr_planner_t *self, json_int_t number) {
    const char *mark;
    json_t *watched;
    json_object_foreach(self->watched, mark, watched) {
        if (json_integer_value(json_object_get(watched, "number")) == number)
            return watched;
    }
    return NULL;
}

static void on_resubmitted(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_planner_t *self = state;
    const json_t *watched = find_number(self, (json_int_t)(intptr_t)arg);
    json_t *content = tr_answer_json(answer);
    (void)agent;
    if (watched && tr_answer_is_good(answer)) {
        tell(self, watched, "replanned", text_at(watched, "replaced"), "");
        tr_planner_taken(self, text_at(watched, "mark"));
    } else if (watched) {
        if (!answer)
            tr_planner_take_back(self, json_object_get(watched, "plan"));
        tr_planner_end(self, watched, "failed", text_at(watched, "replaced"), text_at(content, "reason"));
    }
    json_decref(content);
}

/* What needs something that has no task yet has failed with it, and gets a new one as well. */
static void renew_dependents(tr_planner_t *self, json_t *subtasks) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < json_array_size(subtasks); i++) {
            json_t *subtask = json_array_get(subtasks, i);
            const json_t *needs = json_object_get(subtask, "needs");
            for (size_t k = 0; json_object_get(subtask, "task") && k < json_array_size(needs); k++) {
                const json_t *needed = find_subtask(subtasks, json_string_value(json_array_get(needs, k)));
                if (json_object_get(needed, "task"))
                    continue;
                forget_task(self, subtask);
                changed = true;
            }
        }
    }
}

static void resubmit(tr_planner_t *self, json_t *watched, const char *failed) {
    json_t *plan = json_object_get(watched, "plan");
    renew_dependents(self, json_object_get(plan, "subtasks"));
    json_t *request =
        json_pack("{s:s, s:o}", "action", "submit", "tasks", new_tasks(self, plan, text_at(watched, "mark")));
    json_object_set_new(watched, "replaced", json_string(failed));
    json_object_set_new(watched, "taken", json_false());
    int rc = tr_request_json(self->thinker.agent, NULL, self->tasks, request, TR_PLANNER_ASK_MS,
        on_resubmitted, (void *)(intptr_t)json_integer_value(json_object_get(watched, "number")));
    json_decref(request);
    if (rc < 0)
        tr_planner_end(self, watched, "failed", failed, strerror(-rc));
}

static void on_replanned(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *carried) {
    tr_planner_t *self = state;
    const char *failed = text_at(carried, "failed");
    json_t *watched = json_object_get(self->watched, text_at(carried, "mark"));
    json_t *plan = json_object_get(watched, "plan");
    json_t *gone = find_subtask(json_object_get(plan, "subtasks"), failed);
    (void)message;
    if (!gone || is_stopping(watched))
        return; /* it was let go of, or replaced, meanwhile */
    if (result->status != TR_MIND_OK) {
        tr_planner_end(self, watched, "failed", failed, result->detail);
        return;
    }
    json_t *task = json_incref(json_object_get(gone, "task")), *without = ruled_out(gone);
    const char *wrong = tr_plan_replace(plan, failed, result->value);
    inherit(subtasks_of(watched), without);
    json_decref(without);
    if (!wrong)
        wrong = tr_plan_wrong(json_object_get(plan, "subtasks"), NULL, TR_PLAN_MOST);
    json_object_del(self->by_task, json_string_value(task));
    json_decref(task);
    if (wrong)
        tr_planner_end(self, watched, "failed", failed, wrong);
    else
        resubmit(self, watched, failed);
}

/* It is asked for again soon, and planned anew then: nobody asked for it now who could be told that it is busy. */
static void put_off(tr_planner_t *self, json_t *subtask) {
    json_object_set_new(subtask, "put-off", json_true());
    if (!self->looks_soon)
        look_after(self, self->look_ms < TR_PLANNER_BUSY_MS ? self->look_ms : TR_PLANNER_BUSY_MS);
}

static void replan(tr_planner_t *self, const tr_message_t *message, json_t *watched, json_t *subtask) {
    if (self->thinker.open >= TR_THINKER_MAX) {
        put_off(self, subtask);
        return;
    }
    json_object_del(subtask, "put-off");
    const json_t *description = json_object_get(subtask, "description"),
                 *skills = json_object_get(watched, "skills");
    json_t *without = ruled_out(subtask);
    int rc = tr_thinker_ask(&self->thinker, message,
        &(tr_thinker_question_t){.op = TR_MIND_PLAN,
            .text = json_string_value(description),
            .length = json_string_length(description),
            .input = json_pack("{s:o, s:I}", "skills", tr_planner_skills_without(skills, without), "most",
                (json_int_t)self->most),
            .is_unasked = true,
            .on_said = on_replanned,
            .carried = json_pack("{s:O, s:O}", "mark", json_object_get(watched, "mark"), "failed",
                json_object_get(subtask, "id"))});
    json_decref(without);
    if (rc < 0)
        tr_planner_end(self, watched, "failed", text_at(subtask, "id"), "it cannot be planned anew now");
}

/* ---- what is heard ---- */

/* Another one failed, and it with that. */
static bool fails_with_another(const json_t *subtasks, const json_t *subtask) {
    const json_t *needs = json_object_get(subtask, "needs");
    for (size_t i = 0; i < json_array_size(needs); i++) {
        const json_t *needed = find_subtask(subtasks, json_string_value(json_array_get(needs, i)));
        if (needed && is_in(needed, "failed"))
            return true;
    }
    return false;
}

static bool are_all_completed(const json_t *subtasks) {
    for (size_t i = 0; i < json_array_size(subtasks); i++)
        if (!is_in(json_array_get(subtasks, i), "completed"))
            return false;
    return true;
}

static void take_state(tr_planner_t *self, const tr_message_t *message, json_t *watched, json_t *subtask) {
    json_t *subtasks = subtasks_of(watched);
    if (is_in(subtask, "completed") && are_all_completed(subtasks))
        tr_planner_end(self, watched, "completed", text_at(subtask, "id"), "");
    else if (is_in(subtask, "cancelled"))
        tr_planner_end(self, watched, "cancelled", text_at(subtask, "id"), "");
    else if (is_stopping(watched))
        return; /* as soon as what was handed on is taken */
    else if (is_in(subtask, "failed") && json_object_get(subtask, "compose") &&
             !fails_with_another(subtasks, subtask))
        tr_planner_end(
            self, watched, "failed", text_at(subtask, "id"), "its parts are done, and nobody composes them");
    else if (is_in(subtask, "failed") && !fails_with_another(subtasks, subtask))
        replan(self, message, watched, subtask);
}

static json_t *find_by_task(const json_t *subtasks, const char *task) {
    for (size_t i = 0; i < json_array_size(subtasks); i++)
        if (strcmp(text_at(json_array_get(subtasks, i), "task"), task) == 0)
            return json_array_get(subtasks, i);
    return NULL;
}

void tr_planner_hear(tr_planner_t *self, const tr_message_t *message) {
    char task[TR_PLANNER_TASK_MAX], state[40];
    tr_value_t told = tr_message_value(message);
    if (tr_value_copy(tr_value_get(told, "task"), task, sizeof task) < 0 ||
        tr_value_copy(tr_value_get(told, "state"), state, sizeof state) < 0)
        return;
    json_t *watched = json_object_get(self->watched, text_at(self->by_task, task));
    json_t *subtask = find_by_task(subtasks_of(watched), task);
    if (!subtask || (is_in(subtask, state) && !json_object_get(subtask, "put-off")))
        return;
    json_object_set_new(subtask, "state", json_string(state));
    take_state(self, message, watched, subtask);
}

/* ---- what may have been missed ---- */

/* The task of an answer, which is not waited for any more; a new reference, NULL where there is none. */
static json_t *take_look(tr_planner_t *self, const void *arg) {
    char key[24];
    snprintf(key, sizeof key, "%jd", (intmax_t)(intptr_t)arg);
    json_t *task = json_incref(json_object_get(self->looks, key));
    json_object_del(self->looks, key);
    return task;
}

/* The coordinator does not know a task that it had taken. */
static void lose(tr_planner_t *self, const json_t *task) {
    const char *mark = text_at(self->by_task, json_string_value(task));
    const json_t *watched = json_object_get(self->watched, mark);
    const json_t *subtask = find_by_task(subtasks_of(watched), json_string_value(task));
    if (subtask && json_is_true(json_object_get(watched, "taken")))
        tr_planner_end(self, watched, "failed", text_at(subtask, "id"),
            "the coordinator does not know its task any more");
}

static bool is_at_its_end(tr_value_t state) {
    return tr_value_equals(state, "completed") || tr_value_equals(state, "failed") ||
           tr_value_equals(state, "cancelled");
}

/* Only an end is taken from an answer: what goes on is told by events, and may be ahead of it. */
static void on_shown(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_planner_t *self = state;
    json_t *task = take_look(self, arg);
    tr_value_t shown = answer ? tr_message_value(answer) : NULL;
    (void)agent;
    if (tr_answer_is_good(answer) && is_at_its_end(tr_value_get(shown, "state")))
        tr_planner_hear(self, answer);
    else if (answer && task && tr_message_performative(answer) == TR_REFUSE &&
             tr_value_equals(tr_value_get(shown, "reason"), "not-registered"))
        lose(self, task);
    json_decref(task);
}

static void ask_for(tr_planner_t *self, const char *task) {
    char key[24];
    intptr_t number = (intptr_t)++self->numbers;
    json_t *request = json_pack("{s:s, s:s}", "action", "show", "task", task);
    snprintf(key, sizeof key, "%jd", (intmax_t)number);
    json_object_set_new(self->looks, key, json_string(task));
    if (tr_request_json(
            self->thinker.agent, NULL, self->tasks, request, TR_PLANNER_ASK_MS, on_shown, (void *)number) < 0)
        json_object_del(self->looks, key); /* it is asked for in a later look, ignoring */
    json_decref(request);
}

/* Those that are not done, from where the last look ended. */
static void look(tr_agent_t *agent, void *state, void *arg) {
    tr_planner_t *self = state;
    void *at = *self->looked ? json_object_iter_at(self->by_task, self->looked) : NULL;
    (void)agent, (void)arg;
    self->timer = NULL;
    self->looks_soon = false;
    listen_to_tasks(self);
    at = at ? json_object_iter_next(self->by_task, at) : json_object_iter(self->by_task);
    for (size_t n = 0; at && n < LOOK_MOST; at = json_object_iter_next(self->by_task, at)) {
        const char *task = json_object_iter_key(at);
        const json_t *watched = json_object_get(self->watched, json_string_value(json_object_iter_value(at)));
        snprintf(self->looked, sizeof self->looked, "%s", task);
        if (is_in(find_by_task(subtasks_of(watched), task), "completed"))
            continue;
        ask_for(self, task);
        n++;
    }
    if (!at)
        *self->looked = '\0';
    if (json_object_size(self->watched) > 0)
        look_after(self, self->look_ms);
}

void tr_planner_missed(tr_planner_t *self) {
    if (json_object_size(self->watched) > 0 && !self->looks_soon)
        look_after(self, 0);
}

/* ---- a planner that was started again ---- */

int tr_planner_save(tr_agent_t *agent, const void *state, tr_content_writer_t *out) {
    const tr_planner_t *self = state;
    json_t *all = json_pack("{s:O, s:O, s:O, s:I}", "watched", self->watched, "tasks", self->by_task, "ended",
        self->ended, "numbers", (json_int_t)self->numbers);
    int rc = all ? tr_json_write(all, out) : -ENOMEM;
    (void)agent;
    json_decref(all);
    return rc;
}

/* What it was about to do about a failure, or whether that was handed on, is not known: it is as if nothing had been heard. */
static void doubt(json_t *watched) {
    size_t i;
    json_t *subtask;
    json_object_set_new(watched, "taken", json_true());
    json_object_del(watched, "stopping"); /* who asked for it asks again */
    json_array_foreach(subtasks_of(watched), i, subtask) {
        if (is_in(subtask, "failed"))
            json_object_set_new(subtask, "state", json_string("pending"));
    }
}

int tr_planner_restore(tr_agent_t *agent, void *state, tr_value_t saved) {
    tr_planner_t *self = state;
    json_t *all = tr_value_to_json(saved);
    json_t *watched = json_object_get(all, "watched"), *by_task = json_object_get(all, "tasks");
    int rc = json_is_object(watched) && json_is_object(by_task) ? 0 : -EBADMSG;
    const char *mark;
    json_t *one;
    (void)agent;
    if (rc == 0) {
        json_object_update(self->watched, watched);
        json_object_update(self->by_task, by_task);
        if (json_is_object(json_object_get(all, "ended"))) /* what was saved before there were any has none */
            json_object_update(self->ended, json_object_get(all, "ended"));
        self->numbers = json_integer_value(json_object_get(all, "numbers"));
        json_object_foreach(self->watched, mark, one) doubt(one);
        tr_planner_missed(self);
    }
    json_decref(all);
    return rc;
}
