/* What the programs of this folder share: some agents in one process, until one of them says that it is over. */
#ifndef TROUPE_EXAMPLES_DEMO_H
#define TROUPE_EXAMPLES_DEMO_H

#include <troupe/troupe.h>

typedef struct demo_agent {
    const char *name;
    const tr_behaviour_t *behaviour;
    const char *args; /* JSON, or NULL */
} demo_agent_t;

/* argv[1] is the broker's endpoint; agents end with a NULL name. The process's exit code. */
int demo_main(int argc, char **argv, const demo_agent_t *agents);
/* Ends the process, with this code. */
void demo_over(tr_agent_t *agent, int code);
/* The receive of agents that only have conversations. */
int demo_receive(tr_agent_t *self, void *state, const tr_message_t *message);

#endif
