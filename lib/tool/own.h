/* Tools that need nothing but themselves: calculate (expression.h) and clock, the time in UTC. */
#ifndef TR_TOOL_OWN_H
#define TR_TOOL_OWN_H

#include "lib/tool/tools.h"

/* Adds those of them of whose name there is no tool yet. 0, or as tr_tools_add. */
int tr_tools_add_own(tr_tools_t *self);

#endif
