#include "agentd/behaviours/assistant_tasks.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agentd/behaviours/assistant_words.h"

#define PLANS  8 /* of a user that are known */
#define BLANKS " \t\r\n,.;:!?\"'()"
#define GONE   "gone"
#define NEVER  "not begun"

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- what is named ---- */

static bool is_one_of(const char *text, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

bool tr_assistant_is_any(const char *subject) {
    static const char *const words[] = {"it", "this", "that", "them", "task", "the task", "my task",
        "last task", "the last task", "my last task", "the last one"};
    return is_one_of(subject, words, sizeof words / sizeof *words);
}

bool tr_assistant_is_all(const char *subject) {
    static const char *const words[] = {"all", "everything", "all of it", "tasks", "the tasks", "all tasks",
        "all of them", "all the tasks", "every task", "these tasks"};
    return is_one_of(subject, words, sizeof words / sizeof *words);
}

bool tr_assistant_is_own(const char *subject) {
    static const char *const words[] = {
        "my tasks", "all my tasks", "all of my tasks", "my open tasks", "mine", "all of mine"};
    return is_one_of(subject, words, sizeof words / sizeof *words);
}

bool tr_assistant_is_id(const char *subject) {
    const char *dash = strrchr(subject, '-');
    return dash && !strpbrk(subject, BLANKS) && strpbrk(dash, "0123456789") != NULL;
}

/* Without a name of any. */
static bool means_all(const char *subject) {
    return !*subject || tr_assistant_is_all(subject) || tr_assistant_is_own(subject);
}

/* ---- what is remembered ---- */

void tr_assistant_note_tasks(json_t *session, const json_t *turn) {
    const json_t *answer = json_object_get(turn, "answer"), *tasks = json_object_get(answer, "tasks");
    json_t *ids = json_array(), *plans = json_object_get(session, "tasks");
    for (size_t i = 0; i < json_array_size(tasks); i++)
        json_array_append(ids, json_object_get(json_array_get(tasks, i), "task"));
    json_t *plan = json_pack("{s:s, s:O*, s:o}", "text", text_at(json_object_get(turn, "asked"), "text"),
        "plan", json_object_get(answer, "watched"), "ids", ids);
    if (!json_is_array(plans))
        json_object_set_new(session, "tasks", plans = json_array());
    json_array_append_new(plans, plan);
    while (json_array_size(plans) > PLANS)
        json_array_remove(plans, 0);
}

/* The ids of its subtasks; new. */
static json_t *ids_of(const json_t *plan) {
    const json_t *subtasks = json_object_get(plan, "subtasks");
    json_t *ids = json_array();
    for (size_t i = 0; i < json_array_size(subtasks); i++)
        json_array_append(ids, json_object_get(json_array_get(subtasks, i), "task"));
    return ids;
}

void tr_assistant_renew_tasks(json_t *session, const json_t *plans) {
    const json_t *kept = json_object_get(session, "tasks");
    for (size_t i = 0; i < json_array_size(plans); i++) {
        const json_t *plan = json_array_get(plans, i);
        for (size_t k = 0; *text_at(plan, "plan") && k < json_array_size(kept); k++)
            if (json_equal(json_object_get(json_array_get(kept, k), "plan"), json_object_get(plan, "plan")))
                json_object_set_new(json_array_get(kept, k), "ids", ids_of(plan));
    }
}

static json_t *plan_of(const json_t *kept) {
    const json_t *ids = json_object_get(kept, "ids");
    json_t *subtasks = json_array();
    for (size_t i = 0; i < json_array_size(ids); i++)
        json_array_append_new(subtasks, json_pack("{s:O}", "task", json_array_get(ids, i)));
    return json_pack("{s:s, s:O*, s:o}", "text", text_at(kept, "text"), "plan", json_object_get(kept, "plan"),
        "subtasks", subtasks);
}

json_t *tr_assistant_plans(const json_t *session) {
    const json_t *kept = json_object_get(session, "tasks");
    json_t *plans = json_array();
    for (size_t i = 0; i < json_array_size(kept); i++)
        json_array_append_new(plans, plan_of(json_array_get(kept, i)));
    return plans;
}

/* Those that have the most of the subject's words, and most of these; new. */
static json_t *best(const json_t *plans, const char *subject) {
    json_t *found = json_array();
    size_t most = 1;
    for (size_t i = 0; i < json_array_size(plans); i++) {
        json_t *plan = json_array_get(plans, i);
        size_t all, words = tr_assistant_words(text_at(plan, "text"), subject, &all);
        if (words < most || words * 2 <= all)
            continue;
        if (words > most)
            json_array_clear(found);
        json_array_append(found, plan);
        most = words;
    }
    return found;
}

static void keep_last(json_t *plans) {
    while (json_array_size(plans) > 1)
        json_array_remove(plans, 0);
}

json_t *tr_assistant_plans_named(const json_t *session, const char *subject) {
    json_t *plans = tr_assistant_plans(session);
    if (means_all(subject))
        return plans;
    if (!tr_assistant_is_any(subject)) {
        json_t *all = plans;
        plans = best(all, subject);
        json_decref(all);
    }
    keep_last(plans);
    return plans;
}

/* ---- what becomes known ---- */

static json_t *subtask_at(const json_t *plan, size_t i) {
    return json_array_get(json_object_get(plan, "subtasks"), i);
}

static size_t count_of(const json_t *plan) {
    return json_array_size(json_object_get(plan, "subtasks"));
}

static const json_t *find_task(const json_t *plan, const char *task) {
    for (size_t i = 0; i < count_of(plan); i++)
        if (strcmp(text_at(subtask_at(plan, i), "task"), task) == 0)
            return subtask_at(plan, i);
    return NULL;
}

static bool has_id(const json_t *subtasks, const json_t *id) {
    for (size_t i = 0; i < json_array_size(subtasks); i++)
        if (json_equal(json_object_get(json_array_get(subtasks, i), "id"), id))
            return true;
    return false;
}

static bool has_needs(const json_t *subtasks, const json_t *subtask) {
    const json_t *needs = json_object_get(subtask, "needs");
    for (size_t i = 0; i < json_array_size(needs); i++)
        if (!has_id(subtasks, json_array_get(needs, i)))
            return false;
    return true;
}

/* A replacement stands behind what needs it: each comes behind what it needs instead, as it is done; then what needs something that is not
 * there. Borrowed; NULL: all that have an id are placed. */
static const json_t *next_of(const json_t *known, const json_t *placed) {
    const json_t *other = NULL;
    for (size_t i = 0; i < json_array_size(known); i++) {
        const json_t *one = json_array_get(known, i), *id = json_object_get(one, "id");
        if (!json_is_string(id) || has_id(placed, id))
            continue;
        if (has_needs(placed, one))
            return one;
        other = other ? other : one;
    }
    return other;
}

/* As the planner knows it, with what is known of its task. */
static json_t *subtask_of(const json_t *plan, const json_t *known) {
    static const char *const keys[] = {"id", "task", "description", "needs"};
    const json_t *before = find_task(plan, text_at(known, "task"));
    json_t *subtask = before ? json_copy((json_t *)(uintptr_t)before) : json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        json_object_set(subtask, keys[i], json_object_get(known, keys[i]));
    if (!*text_at(known, "task")) /* its plan ended before it had one */
        json_object_set_new(subtask, "state", json_string(NEVER));
    return subtask;
}

void tr_assistant_take_plan(json_t *plan, const json_t *known) {
    const json_t *now = json_object_get(json_object_get(known, "plan"), "subtasks"), *one;
    json_t *subtasks = json_array_size(now) > 0 ? json_array() : NULL;
    while (subtasks && (one = next_of(now, subtasks)) != NULL &&
           json_array_append_new(subtasks, subtask_of(plan, one)) == 0)
        ;
    if (!subtasks)
        return;
    json_object_set_new(plan, "subtasks", subtasks);
    json_object_set_new(plan, "goes-on", json_boolean(!json_object_get(known, "state")));
    json_object_set(plan, "reason", json_object_get(known, "reason"));
}

json_t *tr_assistant_unseen(const json_t *plans) {
    for (size_t i = 0; i < json_array_size(plans); i++)
        for (size_t k = 0; k < count_of(json_array_get(plans, i)); k++)
            if (!json_object_get(subtask_at(json_array_get(plans, i), k), "state"))
                return subtask_at(json_array_get(plans, i), k);
    return NULL;
}

void tr_assistant_take_task(json_t *subtask, const json_t *shown) {
    static const char *const keys[] = {"state", "description", "agent", "progress", "reason"};
    for (size_t i = 0; shown && i < sizeof keys / sizeof *keys; i++)
        if (*text_at(shown, keys[i]))
            json_object_set(subtask, keys[i], json_object_get(shown, keys[i]));
    if (!*text_at(subtask, "state"))
        json_object_set_new(subtask, "state", json_string(GONE));
}

static bool is_in(const json_t *subtask, const char *state) {
    return strcmp(text_at(subtask, "state"), state) == 0;
}

static size_t count_in(const json_t *plan, const char *state) {
    size_t count = 0;
    for (size_t i = 0; i < count_of(plan); i++)
        count += is_in(subtask_at(plan, i), state);
    return count;
}

static bool has_ended(const json_t *subtask) {
    return is_in(subtask, "completed") || is_in(subtask, "failed") || is_in(subtask, "cancelled") ||
           is_in(subtask, GONE) || is_in(subtask, NEVER);
}

bool tr_assistant_is_completed(const json_t *plan) {
    return count_of(plan) > 0 && count_in(plan, "completed") == count_of(plan);
}

json_t *tr_assistant_open_tasks(const json_t *plan) {
    json_t *ids = json_array();
    for (size_t i = 0; i < count_of(plan); i++)
        if (!has_ended(subtask_at(plan, i)))
            json_array_append(ids, json_object_get(subtask_at(plan, i), "task"));
    return ids;
}

/* One that its planner looks after is open also where all of its tasks have ended, and some with a failure: there will be others. */
static bool is_planned_anew(const json_t *plan) {
    return json_is_true(json_object_get(plan, "goes-on")) && count_in(plan, "failed") > 0;
}

static bool is_open(const json_t *plan) {
    json_t *open = tr_assistant_open_tasks(plan);
    bool is = json_array_size(open) > 0 || is_planned_anew(plan);
    json_decref(open);
    return is;
}

static bool is_needed(const json_t *plan, const json_t *id) {
    for (size_t i = 0; id && i < count_of(plan); i++) {
        const json_t *needs = json_object_get(subtask_at(plan, i), "needs");
        for (size_t k = 0; k < json_array_size(needs); k++)
            if (json_equal(json_array_get(needs, k), id))
                return true;
    }
    return false;
}

const char *tr_assistant_last_task(const json_t *plan) {
    for (size_t i = count_of(plan); i-- > 0;)
        if (!is_needed(plan, json_object_get(subtask_at(plan, i), "id")))
            return json_string_value(json_object_get(subtask_at(plan, i), "task"));
    return NULL;
}

/* ---- what is said ---- */

/* As a person reads it. */
static const char *word_of(const char *state) {
    return strcmp(state, "in_progress") == 0        ? "in progress"
           : strcmp(state, "waiting_approval") == 0 ? "waiting for approval"
           : strcmp(state, GONE) == 0               ? "not kept any more"
                                                    : state;
}

/* How all of it is: by what has to be known first. */
static const char *state_of(const json_t *plan) {
    static const char *const open[] = {"waiting_approval", "in_progress", "assigned", "pending"};
    static const char *const ended[] = {"cancelled", "failed", NEVER, GONE};
    if (tr_assistant_is_completed(plan))
        return "completed";
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (count_in(plan, open[i]) > 0)
            return strcmp(open[i], "pending") == 0 && count_in(plan, "completed") > 0 ? "in progress"
                                                                                      : word_of(open[i]);
    if (is_planned_anew(plan))
        return "being planned anew";
    for (size_t i = 0; i < sizeof ended / sizeof *ended; i++)
        if (count_in(plan, ended[i]) > 0)
            return word_of(ended[i]);
    return "unknown";
}

/* Consumes `before`. */
static json_t *joined(json_t *before, json_t *more) {
    json_t *all = json_sprintf("%s%s", json_string_value(before), json_string_value(more));
    json_decref(before);
    json_decref(more);
    return all;
}

/* ", by AGENT, 40 %", of what goes on. */
static json_t *told_doing(const json_t *subtask) {
    const char *agent = text_at(subtask, "agent"), *progress = text_at(subtask, "progress");
    bool goes_on = is_in(subtask, "assigned") || is_in(subtask, "in_progress");
    if (is_in(subtask, "waiting_approval"))
        return json_sprintf(": `troupe task approve %s`", text_at(subtask, "task"));
    return goes_on ? json_sprintf("%s%.*s%s%s", *agent ? ", by " : "", (int)strcspn(agent, "@"), agent,
                         *progress ? ", " : "", progress)
                   : json_string("");
}

/* Of several steps each, unless all are done: what came of them says more then. */
static json_t *told_steps(const json_t *plan) {
    json_t *all = json_string("");
    size_t count = tr_assistant_is_completed(plan) ? 0 : count_of(plan);
    for (size_t i = 0; i < count; i++) {
        const json_t *subtask = subtask_at(plan, i);
        const char *task = text_at(subtask, "task");
        all = joined(all, json_sprintf("\n- %s: %s%s%s%s", word_of(text_at(subtask, "state")),
                              text_at(subtask, "description"), *task ? " (" : "", task, *task ? ")" : ""));
        all = joined(all, told_doing(subtask));
    }
    return all;
}

/* Why it failed, or was cancelled; "". */
static const char *reason_of(const json_t *plan) {
    const char *reason = text_at(plan, "reason");
    for (size_t i = 0; i < count_of(plan) && !*reason; i++) /* what comes later failed with it */
        if (is_in(subtask_at(plan, i), "failed") || is_in(subtask_at(plan, i), "cancelled"))
            reason = text_at(subtask_at(plan, i), "reason");
    return reason;
}

json_t *tr_assistant_told_plan(const json_t *plan, const json_t *result) {
    const char *state = state_of(plan), *text = text_at(plan, "text");
    size_t count = count_of(plan);
    json_t *told =
        count == 1 ? joined(json_sprintf("%s: %s (%s)", state, text, text_at(subtask_at(plan, 0), "task")),
                         told_doing(subtask_at(plan, 0)))
                   : joined(json_sprintf("%s: %s (%zu of %zu steps done)", state, text,
                                count_in(plan, "completed"), count),
                         told_steps(plan));
    if (json_is_string(result) && json_string_length(result) > 0)
        told = joined(told, json_sprintf("\n%s", json_string_value(result)));
    else if (!is_open(plan) && *reason_of(plan))
        told = joined(told, json_sprintf("\n%s", reason_of(plan)));
    return told;
}

/* "\n- TEXT: STATE (ID)" */
static json_t *line_of(const json_t *plan) {
    json_t *open = tr_assistant_open_tasks(plan);
    const char *next = json_string_value(json_array_get(open, 0)), *last = tr_assistant_last_task(plan);
    char steps[64] = "";
    if (count_of(plan) > 1)
        snprintf(steps, sizeof steps, ", %zu of %zu steps done", count_in(plan, "completed"), count_of(plan));
    json_t *line = json_sprintf("\n- %s: %s%s (%s)", text_at(plan, "text"), state_of(plan), steps,
        next   ? next
        : last ? last
               : "no task");
    json_decref(open);
    return line;
}

json_t *tr_assistant_told_plans(const char *head, const json_t *plans) {
    json_t *all = json_string(head);
    for (size_t i = 0; i < json_array_size(plans); i++)
        all = joined(all, line_of(json_array_get(plans, i)));
    return all;
}

/* New. */
static json_t *open_of(const json_t *plans) {
    json_t *open = json_array();
    for (size_t i = 0; i < json_array_size(plans); i++)
        if (is_open(json_array_get(plans, i)))
            json_array_append(open, json_array_get(plans, i));
    return open;
}

json_t *tr_assistant_told_none(const json_t *plans, const char *subject) {
    json_t *open = open_of(plans);
    json_t *head = json_array_size(open) > 0
                       ? json_sprintf("None of your tasks is about \"%s\". Open are:", subject)
                       : json_sprintf("None of your tasks is about \"%s\", and none is open.", subject);
    json_t *told = tr_assistant_told_plans(json_string_value(head), open);
    json_decref(head);
    json_decref(open);
    return told;
}

json_t *tr_assistant_cancelled(const json_t *texts) {
    json_t *all = json_string("Cancelled:");
    for (size_t i = 0; i < json_array_size(texts); i++)
        all =
            joined(all, json_sprintf("%s %s", i > 0 ? ";" : "", json_string_value(json_array_get(texts, i))));
    return all;
}

/* ---- which are to be cancelled ---- */

/* New; empty where it is of none. */
static json_t *with_task(const json_t *plans, const char *task) {
    json_t *found = json_array();
    for (size_t i = 0; i < json_array_size(plans); i++)
        if (find_task(json_array_get(plans, i), task))
            json_array_append(found, json_array_get(plans, i));
    return found;
}

/* Among these; new. */
static json_t *meant(const json_t *plans, const char *subject) {
    if (means_all(subject))
        return json_copy((json_t *)(uintptr_t)plans);
    return tr_assistant_is_id(subject) ? with_task(plans, subject) : best(plans, subject);
}

static json_t *told_ended(const json_t *plan) {
    return json_sprintf("It has ended already: %s (%s).", text_at(plan, "text"), state_of(plan));
}

/* None that is open is meant. */
static json_t *why_not(const json_t *plans, const char *subject) {
    json_t *ended = meant(plans, subject), *why = NULL;
    if (means_all(subject))
        why = json_string("There is nothing to cancel: all of your tasks have ended already.");
    else if (json_array_size(ended) > 0)
        why = told_ended(json_array_get(ended, json_array_size(ended) - 1));
    else if (!tr_assistant_is_id(subject))
        why = tr_assistant_told_none(plans, subject);
    json_decref(ended);
    return why;
}

json_t *tr_assistant_to_cancel(const json_t *plans, const char *subject, json_t **ret_why) {
    json_t *last = json_array_get(plans, json_array_size(plans) - 1);
    *ret_why = NULL;
    if (tr_assistant_is_any(subject)) {
        if (is_open(last))
            return json_pack("[O]", last);
        *ret_why = told_ended(last);
        return NULL;
    }
    json_t *open = open_of(plans), *found = meant(open, subject);
    size_t count = json_array_size(found);
    bool asks = *subject ? count > 1 && !means_all(subject) : count > 0;
    json_decref(open);
    if (count > 0 && !asks)
        return found;
    *ret_why = asks ? tr_assistant_told_plans("Which one? Say its id, or more of its words:", found)
                    : why_not(plans, subject);
    json_decref(found);
    return NULL;
}
