/*
 * What a behaviour has that uses tools (lib/tool/tools.h): those of its agent's configuration, on the agent's own loop. A behaviour embeds one in its
 * state. What servers' tools have wrong is in the agent's log, once each. The configuration comes as the argument "tools", which is not the user's: agentd puts it there from `tools`.
 */
#ifndef TR_AGENTD_BEHAVIOURS_TOOLBOX_H
#define TR_AGENTD_BEHAVIOURS_TOOLBOX_H

#include "agentd/behaviours/args.h"
#include "lib/tool/tools.h"

/* For a table of arguments. */
#define TR_TOOLBOX_ARG                                                                                       \
    { "tools", TR_ARG_ANY, 0, 0, 0, 0, NULL, NULL, false }

typedef struct tr_toolbox {
    tr_agent_t *agent;
    tr_tools_t *tools; /* never NULL after init: an agent without `tools` has none of them */
    json_t *warned;    /* of which server the operator was told what; NULL = of none */
    void (*on_change)(void *arg);
    void *arg;
} tr_toolbox_t;

/* For init; `args` are the behaviour's, on_change as of tr_tools_options_t. 0, or a negative errno. tr_toolbox_finish also after a failure, or of a
 * zeroed one. */
int tr_toolbox_init(
    tr_toolbox_t *self, tr_agent_t *agent, tr_value_t args, void (*on_change)(void *arg), void *arg);
/* For fini. Calls that run are not heard of again. */
void tr_toolbox_finish(tr_toolbox_t *self);

#endif
