/*
 * What the agents of this process are: their behaviour and its arguments, found and checked as far as that can
 * be done without a broker.
 */
#ifndef TR_AGENTD_ROLE_H
#define TR_AGENTD_ROLE_H

#include "agentd/load.h"
#include "agentd/options.h"
#include "agentd/problem.h"

typedef struct tr_role {
    const tr_behaviour_t *behaviour;
    tr_loaded_t *loaded; /* NULL: the behaviour is built in */
    char *args;          /* JSON for the behaviour, or NULL */
    char *warning;       /* what its operator should know of the prompts of its mind, or NULL */
    char *strays;        /* files among them that nobody reads, or NULL */
} tr_role_t;

/* 0; -EINVAL, -ENOENT and the like with the problem; -ENOMEM. Finish it after success only, when no agent uses
 * it any more. */
int tr_role_init(tr_role_t *ret_role, const tr_agentd_options_t *options, tr_problem_t *problem);
void tr_role_finish(tr_role_t *self);

#endif
