/*
 * The tasks that a user has asked for here: which of them a wish is about, how they are, and what to say of that. Pure.
 *
 * In a session they are "tasks": [{"text": as he said it, "plan": its planner's mark, "ids": of the tasks as they were last known}]. While a turn is about them each is a plan
 * {"text", "plan", "subtasks": [{"id", "task", "description", "needs", "state", "agent", "progress", "reason"}], "goes-on": its planner looks after it, "reason"}, whose subtasks have a state
 * once the coordinator was asked: one of its own, or "gone", where it does not keep it any more.
 */
#ifndef TR_AGENTD_BEHAVIOURS_ASSISTANT_TASKS_H
#define TR_AGENTD_BEHAVIOURS_ASSISTANT_TASKS_H

#include <jansson.h>
#include <stdbool.h>

/* ---- what is named ---- */

/* "the last task", "it": no name of anything. */
bool tr_assistant_is_any(const char *subject);
/* "all tasks". */
bool tr_assistant_is_all(const char *subject);
/* "my tasks". */
bool tr_assistant_is_own(const char *subject);
/* An id of a task, as one is printed ("do-3fa9"): no words. */
bool tr_assistant_is_id(const char *subject);

/* ---- what is remembered ---- */

/* Of a turn that was answered with tasks. */
void tr_assistant_note_tasks(json_t *session, const json_t *turn);
/* The ids as they are now, of the plans that have a mark. */
void tr_assistant_renew_tasks(json_t *session, const json_t *plans);
/* All of a session as plans, the last one at the end; new. */
json_t *tr_assistant_plans(const json_t *session);
/* Those that a status is asked of: the last ("it"), all ("my tasks", ""), or the one that has the most of the subject's words; new, empty where none fits. */
json_t *tr_assistant_plans_named(const json_t *session, const char *subject);

/* ---- what becomes known ---- */

/* By what the planner says of it: {"plan": {"subtasks"}, "state": where it is at its end, "reason"}. What is known of its tasks stays. */
void tr_assistant_take_plan(json_t *plan, const json_t *known);
/* The first of all subtasks that has no state yet; borrowed, NULL: none. */
json_t *tr_assistant_unseen(const json_t *plans);
/* By what the coordinator says; NULL: it does not know it. */
void tr_assistant_take_task(json_t *subtask, const json_t *shown);
/* The task whose result is the plan's; NULL: none. */
const char *tr_assistant_last_task(const json_t *plan);
bool tr_assistant_is_completed(const json_t *plan);
/* The tasks that have not ended, as far as is known; new. */
json_t *tr_assistant_open_tasks(const json_t *plan);

/*
 * The plans that are to be cancelled: all that are open ("all tasks"), the last one ("it"), the one with this task, or the open one whose text has most of the
 * subject's words that say something. A new array, never empty. NULL where none fits, or several do as well: *ret_why (new) then asks which one, and
 * lists what is open. NULL without a why: an id that is of none of them.
 */
json_t *tr_assistant_to_cancel(const json_t *plans, const char *subject, json_t **ret_why);

/* ---- what is said; new ---- */

/* One, with what came of it (NULL: nothing). */
json_t *tr_assistant_told_plan(const json_t *plan, const json_t *result);
/* A line for each, behind `head`. */
json_t *tr_assistant_told_plans(const char *head, const json_t *plans);
/* That none fits, and which are open. */
json_t *tr_assistant_told_none(const json_t *plans, const char *subject);
/* What has been cancelled, each by its text. */
json_t *tr_assistant_cancelled(const json_t *texts);

#endif
