/*
 * planner: from a request to a main task, a priority and subtasks with skills and needs (docs/minds.md, Plans), and, where one fails, to another way.
 *
 *   args: {"skills": [TEXT ...], "most": 16, "tasks": "svc:tasks", "compose": SERVICE, "look-ms": 30000}
 *
 *   TEXT, {"action": "plan", "text", "skills", "most"}      the plan. Skills: of the request, of the arguments, or the services that there are
 *   {"action": "submit", the same, "compose": true}         also hands its subtasks to the coordinator: {"plan", "tasks", "watched": MARK}; with
 *                                                           "compose", or that argument, also a last one that composes their results; with
 *                                                           "approval": true what could be begun at once waits for a person's yes
 *   {"action": "replan", "plan", "failed": ID, "without": [SKILL ...]}
 *                                                           the plan with what takes the place of the subtask that failed: planned anew from its
 *                                                           description, without those skills
 *
 *   {"action": "watched"}                                   what becomes of what was handed to the coordinator (planner.h): {"MARK": {"plan": with the
 *                                                           state of each subtask}}, as long as it goes on
 *   {"action": "watched", "plans": [MARK ...]}              the same of these; of one that is at its end too ("state", "reason"), while it is remembered
 *   {"action": "stop", "plan": MARK}                        nothing of it is planned anew or handed on any more; what is with the coordinator stays
 *                                                           there, for who asks to cancel it: {"mark", "plan", "state", "reason"}
 *
 * It watches what it handed to the coordinator: a subtask that fails is replanned and handed on, without being asked; how a plan ends is told on the topic
 * plan.AGENT: {"plan": MARK, "task", "state": "replanned" | "completed" | "failed" | "cancelled" | "stopped", "subtask", "reason", "replans"}.
 *
 * What it hands out is checked, also what a replacement makes of it: no circle, no skill that there is not, `most` subtasks at most.
 */
#include "agentd/behaviours/planner.h"
#include "agentd/behaviours/table.h"
#include "agentd/mind/plan.h"
#include "lib/agent/json_request.h"
#include "proto/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const tr_arg_t known_args[] = {
    {"skills", TR_ARG_ANY, 0, 0, 0, 0, NULL, NULL, false},
    {"most", TR_ARG_WHOLE, offsetof(tr_planner_t, most), 0, .min = 1, .max = TR_PLAN_MOST},
    {"tasks", TR_ARG_TEXT, offsetof(tr_planner_t, tasks), TR_AID_MAX + 8, .check = tr_arg_is_aid,
        .expected = "NAME, NAME@PLATFORM or svc:NAME"},
    {"look-ms", TR_ARG_WHOLE, offsetof(tr_planner_t, look_ms), 0, .min = 100, .max = 24 * 3600 * 1000},
    {"compose", TR_ARG_TEXT, offsetof(tr_planner_t, compose), sizeof((tr_planner_t *)0)->compose,
        .expected = "the name of a service"},
    TR_THINKER_ARG,
};

/* A list of texts, at least one. */
static bool is_skills(tr_value_t skills) {
    size_t n = tr_value_is_array(skills) ? tr_value_size(skills) : 0;
    for (size_t i = 0; i < n; i++)
        if (!tr_value_is_str(tr_value_at(skills, i)))
            return false;
    return n > 0 && n <= 10000;
}

static int read_args(tr_value_t args, tr_planner_t *planner, tr_problem_t *problem) {
    tr_value_t skills = tr_value_get(args, "skills");
    planner->most = TR_PLAN_USUAL;
    planner->look_ms = TR_PLANNER_LOOK_MS;
    strcpy(planner->tasks, "svc:tasks");
    int rc = tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, planner, problem);
    if (rc == 0 && skills && !is_skills(skills))
        return tr_args_wrong(problem, "skills", skills, "a list of texts");
    return rc;
}

int tr_planner_check(tr_value_t args, tr_problem_t *problem) {
    tr_planner_t *read = calloc(1, sizeof *read);
    int rc = read ? read_args(args, read, problem) : -ENOMEM;
    free(read);
    return rc;
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    tr_planner_t *planner = state;
    tr_value_t skills = tr_value_get(args, "skills");
    int rc = read_args(args, planner, NULL);
    planner->watched = json_object();
    planner->by_task = json_object();
    planner->looks = json_object();
    planner->ended = json_object();
    if (!planner->watched || !planner->by_task || !planner->looks || !planner->ended)
        rc = -ENOMEM;
    if (rc == 0 && skills && !(planner->skills = tr_value_to_json(skills)))
        rc = -ENOMEM;
    return rc < 0 ? rc : tr_thinker_init(&planner->thinker, self, args);
}

/* ---- a plan is there ---- */

static bool asks_to(const tr_message_t *message, const char *action) {
    return tr_value_equals(tr_value_get(tr_message_value(message), "action"), action);
}

static void refuse(tr_planner_t *planner, const tr_message_t *message, const char *detail) {
    tr_thinker_answer_reason(&planner->thinker, message, TR_REFUSE, "unsupported-value", detail);
}

/* carried: {"plan", "mark"} */
static void on_submitted(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *carried) {
    tr_planner_t *planner = state;
    json_t *content = tr_answer_json(answer), *mark = json_object_get(carried, "mark");
    (void)agent;
    if (tr_answer_is_good(answer)) {
        tr_planner_taken(planner, json_string_value(mark));
        tr_thinker_answer_json(&planner->thinker, under, TR_INFORM,
            json_pack("{s:O, s:O, s:O}", "plan", json_object_get(carried, "plan"), "tasks",
                json_object_get(content, "tasks"), "watched", mark));
    } else {
        if (!answer) /* who asked is told that it did not work */
            tr_planner_take_back(
                planner, json_object_get(json_object_get(planner->watched, json_string_value(mark)), "plan"));
        tr_planner_unwatch(planner, json_string_value(mark));
        tr_thinker_answer_json(&planner->thinker, under, TR_FAILURE, json_incref(content));
    }
    json_decref(content);
}

static void submit(tr_planner_t *planner, const tr_message_t *message, json_t *plan, const json_t *skills) {
    const char *mark = NULL;
    json_t *told = json_deep_copy(plan), *tasks = tr_planner_watch(planner, plan, skills, &mark);
    json_t *carried = tasks ? json_pack("{s:o, s:s}", "plan", told, "mark", mark) : NULL;
    int rc = carried ? tr_errand_send(&planner->errands, planner->thinker.agent, message, planner->tasks,
                           json_pack("{s:s, s:o}", "action", "submit", "tasks", tasks), TR_PLANNER_ASK_MS,
                           on_submitted, carried)
                     : -ENOMEM;
    if (rc == 0)
        return;
    if (mark)
        tr_planner_unwatch(planner, mark);
    tr_thinker_answer_reason(&planner->thinker, message, TR_FAILURE, "internal-error", strerror(-rc));
}

/* The step that needs all others, and whose result is the plan's. */
static int add_whole(const tr_planner_t *planner, const tr_message_t *message, json_t *plan) {
    const char *service = *planner->compose ? planner->compose : "composer";
    json_t *subtasks = json_object_get(plan, "subtasks"), *needs = json_array(), *step;
    size_t i;
    bool wanted = tr_value_bool(tr_value_get(tr_message_value(message), "compose"), *planner->compose != 0);
    if (!wanted || json_array_size(subtasks) == 0 || json_array_size(subtasks) >= TR_PLAN_MOST) {
        json_decref(needs);
        return wanted && json_array_size(subtasks) ? -E2BIG : 0;
    }
    json_array_foreach(subtasks, i, step) json_array_append(needs, json_object_get(step, "id"));
    size_t length = 0;
    const char *text = tr_thinker_text(message, "text", &length);
    json_t *task = json_object_get(plan, "task");
    return json_array_append_new(subtasks,
        json_pack("{s:s, s:o, s:[s], s:o, s:b}", "id", "whole", "description",
            json_is_string(task) ? json_incref(task) : json_stringn(text ? text : "", text ? length : 0),
            "skills", service, "needs", needs, "compose", 1));
}

/* The plan of the request with `part` in it; NULL where that was told to be wrong. */
static json_t *mended(tr_planner_t *planner, const tr_message_t *message, const json_t *part) {
    tr_value_t asked = tr_message_value(message);
    json_t *plan = tr_value_to_json(tr_value_get(asked, "plan"));
    json_t *failed = tr_value_to_json(tr_value_get(asked, "failed"));
    const char *wrong = tr_plan_replace(plan, json_string_value(failed), part);
    if (!wrong)
        wrong = tr_plan_wrong(json_object_get(plan, "subtasks"), NULL, TR_PLAN_MOST);
    if (wrong)
        refuse(planner, message, wrong);
    json_decref(failed);
    if (wrong)
        json_decref(plan);
    return wrong ? NULL : plan;
}

static void on_planned(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *carried) {
    tr_planner_t *planner = state;
    if (tr_thinker_failed(&planner->thinker, message, result))
        return;
    json_t *plan =
        asks_to(message, "replan") ? mended(planner, message, result->value) : json_deep_copy(result->value);
    if (!plan)
        return;
    tr_thinker_sign(plan, result);
    if (tr_value_bool(tr_value_get(tr_message_value(message), "approval"), false))
        json_object_set_new(plan, "approval", json_true());
    int rc = asks_to(message, "submit") ? add_whole(planner, message, plan) : 0;
    if (rc < 0)
        tr_thinker_answer_reason(&planner->thinker, message, TR_FAILURE, "internal-error", strerror(-rc));
    else if (asks_to(message, "submit"))
        submit(planner, message, plan, carried);
    else
        tr_thinker_answer_json(&planner->thinker, message, TR_INFORM, json_incref(plan));
    json_decref(plan);
}

/* ---- what is planned ---- */

/* The subtask of a request's plan that failed, after the plan was found fit; NULL where there is none. */
static tr_value_t failed_subtask(tr_value_t asked) {
    tr_value_t list = tr_value_get(tr_value_get(asked, "plan"), "subtasks");
    char id[80];
    if (tr_value_copy(tr_value_get(asked, "failed"), id, sizeof id) < 0)
        return NULL;
    for (size_t i = 0; i < tr_value_size(list); i++)
        if (tr_value_equals(tr_value_get(tr_value_at(list, i), "id"), id))
            return tr_value_at(list, i);
    return NULL;
}

static const char *text_of(const tr_message_t *message, size_t *ret_length) {
    return asks_to(message, "replan")
               ? tr_value_str(
                     tr_value_get(failed_subtask(tr_message_value(message)), "description"), ret_length)
               : tr_thinker_text(message, "text", ret_length);
}

static void think(tr_planner_t *planner, const tr_message_t *message, const json_t *skills) {
    size_t length = 0;
    tr_value_t asked = tr_message_value(message);
    const char *text = text_of(message, &length);
    int64_t most = tr_value_int(tr_value_get(asked, "most"), planner->most);
    tr_value_t ruled_out = tr_value_get(asked, "without");
    json_t *without = ruled_out ? tr_value_to_json(ruled_out) : NULL,
           *left = tr_planner_skills_without(skills, without);
    json_decref(without);
    tr_thinker_ask(&planner->thinker, message,
        &(tr_thinker_question_t){.op = TR_MIND_PLAN,
            .text = text,
            .length = length,
            .input = json_pack("{s:o, s:I}", "skills", left, "most", (json_int_t)most),
            .on_said = on_planned,
            .carried = json_incref(left)}); /* what fails is told to who asked */
}

/* The services that there are are the skills that there are. */
static void on_services(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *carried) {
    tr_planner_t *planner = state;
    json_t *content = tr_answer_json(answer), *skills = json_array();
    const json_t *services = json_object_get(content, "services");
    (void)agent, (void)carried;
    for (size_t i = 0; i < json_array_size(services); i++)
        json_array_append(skills, json_object_get(json_array_get(services, i), "service"));
    if (tr_answer_is_good(answer))
        think(planner, under, skills);
    else
        tr_thinker_answer_json(&planner->thinker, under, TR_FAILURE, json_incref(content));
    json_decref(skills);
    json_decref(content);
}

static void find_skills(tr_planner_t *planner, const tr_message_t *message) {
    int rc = tr_errand_send(&planner->errands, planner->thinker.agent, message, "ams",
        json_pack("{s:s}", "action", "services"), TR_PLANNER_ASK_MS, on_services, NULL);
    if (rc < 0)
        tr_thinker_answer_reason(&planner->thinker, message, TR_FAILURE, "internal-error", strerror(-rc));
}

/* NULL, or what is wrong with a request. */
static const char *request_wrong(const tr_planner_t *planner, const tr_message_t *message) {
    tr_value_t asked = tr_message_value(message), skills = tr_value_get(asked, "skills");
    int64_t most = tr_value_int(tr_value_get(asked, "most"), planner->most);
    size_t length = 0;
    if (tr_value_get(asked, "action") && !asks_to(message, "plan") && !asks_to(message, "submit") &&
        !asks_to(message, "replan"))
        return "action: expected plan, submit, replan, watched or stop";
    if (skills && !is_skills(skills))
        return "skills: expected a list of texts";
    if (most < 1 || most > TR_PLAN_MOST)
        return "most: expected 1 to 64";
    if (asks_to(message, "replan")) {
        json_t *plan = tr_value_to_json(tr_value_get(asked, "plan"));
        const char *wrong = tr_plan_wrong(json_object_get(plan, "subtasks"), NULL, TR_PLAN_MOST);
        json_decref(plan);
        if (wrong)
            return wrong;
        return failed_subtask(asked) ? NULL : "failed: expected the id of a subtask of the plan";
    }
    return tr_thinker_text(message, "text", &length) && length > 0 ? NULL
                                                                   : "text: expected what is to be done";
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    tr_planner_t *planner = state;
    tr_value_t skills = tr_value_get(tr_message_value(message), "skills");
    (void)self;
    if (tr_message_type(message) == TR_MESSAGE_EVENT)
        tr_planner_hear(planner, message);
    else if (tr_message_type(message) == TR_MESSAGE_GAP)
        tr_planner_missed(planner);
    if (!tr_thinker_asked(&planner->thinker, message))
        return 0;
    if (asks_to(message, "watched")) {
        tr_thinker_answer_json(&planner->thinker, message, TR_INFORM,
            tr_planner_known(planner, tr_value_get(tr_message_value(message), "plans")));
        return 0;
    }
    if (asks_to(message, "stop")) {
        tr_planner_stop(planner, message);
        return 0;
    }
    const char *wrong = request_wrong(planner, message);
    json_t *given = skills && !wrong ? tr_value_to_json(skills) : json_incref(planner->skills);
    if (wrong)
        tr_thinker_answer_reason(&planner->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value", wrong);
    else if (given)
        think(planner, message, given);
    else
        find_skills(planner, message);
    json_decref(given);
    return 0;
}

static void fini(tr_agent_t *self, void *state) {
    tr_planner_t *planner = state;
    (void)self;
    tr_errands_finish(&planner->errands);
    tr_planner_stops_finish(planner);
    tr_thinker_finish(&planner->thinker);
    if (planner->timer)
        tr_timer_cancel(&planner->timer);
    json_decref(planner->skills);
    json_decref(planner->watched);
    json_decref(planner->by_task);
    json_decref(planner->looks);
    json_decref(planner->ended);
}

const tr_behaviour_t tr_behaviour_planner = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "planner",
    .summary = "takes a request apart into subtasks, and replans what failed",
    .state_size = sizeof(tr_planner_t),
    .init = init,
    .receive = receive,
    .fini = fini,
    .save = tr_planner_save,
    .restore = tr_planner_restore,
};
