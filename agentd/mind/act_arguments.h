/*
 * The arguments of a tool from the words of a task, by the tool's schema: a property that must be given gets what its type, its name or its format asks for (a web
 * address, a path, a number, arithmetic, what stands in quotes, or the subject of the instruction); one that may be left out is, unless the text names it. What
 * begins a list of alternatives ("enum") counts where it stands in the text. Pure.
 */
#ifndef TR_AGENTD_MIND_ACT_ARGUMENTS_H
#define TR_AGENTD_MIND_ACT_ARGUMENTS_H

#include "agentd/mind/instruction_parts.h"

/* Like an address or arithmetic: how much an argument that was found says that the tool is the right one. */
#define TR_ACT_TELLING 2.0

/* Of a tool's schema and a part of a task; `before` is what "it" means (NULL = nothing). A new object; NULL where an argument that must be given is not found.
 * ret_telling: 0, or TR_ACT_TELLING where one was of a kind that few words are. */
json_t *tr_act_arguments(const json_t *schema, tr_part_t part, const char *before, double *ret_telling);

#endif
