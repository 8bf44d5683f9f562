/*
 * The registry of actions that an agent knows: which words of an instruction it takes, and who carries them out. Pure.
 *
 *   {"search": "svc:kb", "summarise": "svc:summariser", "task": "", "weather": "svc:weather"}
 *
 * A name, and the agent or service that is sent it; "" = nobody: whoever asked does it. Names beyond those of the grammar (instruction.h) are of
 * tools; an instruction names them as its first word ("weather in Paris").
 */
#ifndef TR_AGENTD_BEHAVIOURS_ACTIONS_H
#define TR_AGENTD_BEHAVIOURS_ACTIONS_H

#include "agentd/behaviours/args.h"

#include <jansson.h>

#define TR_ACTIONS_MOST 64

/* NULL where `value` is a registry; else what was expected. */
const char *tr_actions_wrong(tr_value_t value);
/* Those of its names that are not the grammar's: what a mind has to be told, for it cannot know them. A new list; NULL where there are none. */
json_t *tr_actions_others(const json_t *actions);
/*
 * What an instruction's parse (the operation `instruction` of a mind) comes to with this registry (NULL = the grammar's own actions, all of nobody):
 * {"understood": true, "action", "parameters", "to"}, or {"understood": false, "reason", "suggestions"} that says what there is. `text` is
 * the instruction. A new reference; NULL when out of memory.
 */
json_t *tr_actions_resolve(const json_t *actions, const char *text, size_t length, const json_t *parsed);

#endif
