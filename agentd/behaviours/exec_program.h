/* Whether the program of an exec agent can be run, as far as that can be told without running it. */
#ifndef TR_AGENTD_BEHAVIOURS_EXEC_PROGRAM_H
#define TR_AGENTD_BEHAVIOURS_EXEC_PROGRAM_H

#include "agentd/behaviours/exec_conf.h"

/* Looks it up as execvp does, in the directory that it is to run in: it is there, a file, may be executed, and so
 * may the interpreter that a script names. 0, or -EINVAL with the problem. */
int tr_exec_program_check(const tr_exec_conf_t *conf, tr_problem_t *problem);

#endif
