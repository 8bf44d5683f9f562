/* What the programs of the fault tests do alike: one host with one agent, a history, and an end when they are asked to. */
#ifndef TESTS_FAULTS_ROLE_H
#define TESTS_FAULTS_ROLE_H

#include "tests/faults/history.h"

typedef struct role {
    /* Set before joining. */
    tr_host_options_t host_options; /* endpoint and durable; the rest is filled in */
    const char *name;               /* of the agent */
    int (*receive)(tr_agent_t *self, void *state, const tr_message_t *message);
    void (*on_end)(void *part); /* it was asked to end; NULL: the host stops */
    void *part;                 /* of the program: role_part gives it to the behaviour */
    /* Filled in. */
    history_t history;
    tr_host_t *host;
    tr_agent_t *agent;
    tr_behaviour_t behaviour;
    int signal_fd;
} role_t;

/* Says `begin` when it has joined. 0 or a negative errno with a text; role_leave in every case. */
int role_join(role_t *self, const char *history, tr_error_t *error);
/* Says goodbye. */
void role_leave(role_t *self);
/* The program's own, from the state of its agent: also for messages that come while it joins. */
void *role_part(const void *state);

#endif
