/*
 * What to do next for a task, with tools: the operation act.
 *
 *   input  {"tools": [{"name", "description", "parameters": JSON Schema}], "steps": [{"tool", "arguments", "status", "text"}], "context": text}
 *   value  {"calls": [{"tool", "arguments"}]}, or {"answer": text, "evidence": [numbers of steps]}: it is done
 *
 * Whoever carries the task out (the behaviour executor) makes the calls, puts what came of each behind "steps", and asks again. A step's "status" is "ok",
 * or a word for what went wrong; its "text" is data that others wrote. Where there is nothing to be done with these tools, the operation fails.
 *
 * The built-in mind takes the task in parts ("do this, then do that"). For each it has the tools whose names and descriptions share the most words with it, and
 * whose needed arguments are found in it (act_arguments.h): the best is called, and where that fails the next, three at most. "It" and "the result" in a part are
 * what the step before said. Behind a step of which nobody knows whether it was made it does nothing more, and the operation fails. The answer is what the steps said, shortened where it is long. It looks at no step's text to decide what to do, so nothing that a tool
 * says can make it call another one.
 */
#ifndef TR_AGENTD_MIND_ACT_H
#define TR_AGENTD_MIND_ACT_H

#include <jansson.h>

#include "agentd/mind/rewrite.h"

#define TR_ACT_TOOLS_MOST 256
#define TR_ACT_STEPS_MOST 256
#define TR_ACT_TRIES      3 /* tools for one part */
/* The status of a step of which nobody knows whether it was made. */
#define TR_ACT_UNCERTAIN "unknown-outcome"

/* NULL, or what is wrong with the operation's input. */
const char *tr_act_wrong(const json_t *input);

/* The built-in mind's choice: a value, or NULL with *ret_why where it has none. The answer is all that the steps said. 0 or -ENOMEM. */
int tr_act_next(tr_thesaurus_t *thesaurus, const char *text, size_t length, const json_t *input,
    json_t **ret_value, const char **ret_why);

#endif
