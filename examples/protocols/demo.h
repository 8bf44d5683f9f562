/* What the programs of this folder share: some agents in one process, until one of them says that it is over. */
#ifndef TROUPE_EXAMPLES_DEMO_H
#define TROUPE_EXAMPLES_DEMO_H

#include <troupe/troupe.h>

#include <stdio.h>

typedef struct demo_agent {
    const char *name;
    const tr_behaviour_t *behaviour;
} demo_agent_t;

/* Runs the agents that follow, {"name", &behaviour} each; argv[1] is the broker's endpoint. The process's exit code. */
#define demo_main(argc, argv, ...) demo_run(argc, argv, (const demo_agent_t[]){__VA_ARGS__, {NULL, NULL}})
int demo_run(int argc, char **argv, const demo_agent_t *agents);
/* Ends the process, with this code. */
void demo_over(tr_agent_t *agent, int code);
/* As on_end of a conversation: prints how it ended, and ends the process. */
void demo_ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg);

#endif
