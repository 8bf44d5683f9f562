/*
 * Which of the tasks that a user has asked for here a wish to cancel is about, and what to say of it. Pure.
 */
#ifndef TR_AGENTD_BEHAVIOURS_ASSISTANT_TASKS_H
#define TR_AGENTD_BEHAVIOURS_ASSISTANT_TASKS_H

#include <jansson.h>
#include <stdbool.h>

/* "the last task", "it": no name of anything. */
bool tr_assistant_is_any(const char *subject);
/* "all tasks". */
bool tr_assistant_is_all(const char *subject);
/* Whether a text has most of the subject's words that say something. */
bool tr_assistant_fits(const char *text, const char *subject);
/* An id of a task, as one is printed ("do-3fa9"): no words. */
bool tr_assistant_is_id(const char *subject);
/*
 * The plans of a session ([{"text", "ids"}], as tr_assistant_note_tasks keeps them) that are to be cancelled: all of them ("all tasks"), the last one ("it"),
 * or the one whose text has most of the subject's words that say something. A new array, never empty. NULL where none fits, or several do
 * as well: *ret_why (new) then asks which one, and lists what there is.
 */
json_t *tr_assistant_to_cancel(const json_t *session, const char *subject, json_t **ret_why);
/* What has been cancelled, each by its text; new. */
json_t *tr_assistant_cancelled(const json_t *texts);

#endif
