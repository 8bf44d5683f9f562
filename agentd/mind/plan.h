/*
 * Plans: a request as a main task and subtasks for agents, {"task", "priority": 0..9, "method", "subtasks": [{"id", "description", "skills": [...],
 * "needs": [ids]}]}, which the coordinator takes as they are (docs/tasks.md).
 */
#ifndef TR_AGENTD_MIND_PLAN_H
#define TR_AGENTD_MIND_PLAN_H

#include "agentd/mind/methods.h"

#include <jansson.h>

#define TR_PLAN_MOST     64 /* subtasks */
#define TR_PLAN_USUAL    16 /* where it is not said how many at most */
#define TR_PLAN_PRIORITY 4

/*
 * By the library: the first task whose pattern fits and which can be done (of each part of "do this, then do that"), by the first of its methods whose steps
 * have skills among `skills` (a list of texts; NULL = any), at most `most` subtasks. `*ret_plan` NULL where there is none. 0 or -ENOMEM.
 */
int tr_plan_make(const tr_methods_t *methods, const char *text, size_t length, const json_t *skills,
    size_t most, json_t **ret_plan);

/*
 * Whether subtasks (of the form above) can be carried out: 1 to `most`, ids of their own, needs that exist and run in no circle,
 * skills among `skills` (NULL = any). NULL, or what is wrong.
 */
const char *tr_plan_wrong(const json_t *subtasks, const json_t *skills, size_t most);

/*
 * Replanning: subtask `failed` of a plan (changed in place) is taken out, and those of `part`, another plan, take its place: they are called
 * "rN-ID", N the number of the replacement, the first of them need what it needed, and who needed it needs the last of them. NULL, or what is wrong: no such subtask, or
 * TR_PLAN_REPLANS replacements were made already ("replans" counts them); then nothing is changed.
 */
const char *tr_plan_replace(json_t *plan, const char *failed, const json_t *part);

#define TR_PLAN_REPLANS 8

#endif
