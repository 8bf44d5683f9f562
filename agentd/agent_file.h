/* --agent FILE: one agent as a file describes it (lib/fleet/description.h), in this process. */
#ifndef TR_AGENTD_AGENT_FILE_H
#define TR_AGENTD_AGENT_FILE_H

#include "agentd/options.h"
#include "agentd/problem.h"

/* Whether the value of --agent is a file, by its looks alone: what is in the working directory does not
 * matter. */
bool tr_agent_file_is_path(const char *text);
/* Reads the file, and fills in what no other source of options gives. 0, or a code with the text, which has the
 * place. */
int tr_agent_file_take(tr_agentd_options_t *self, tr_error_t *error);
/* The process goes to the file's directory, where its relative paths begin, and gets its `env`. Without a file
 * nothing happens. 0, or a code with the text. */
int tr_agent_file_enter(tr_agentd_options_t *self, tr_error_t *error);
/* A problem as people read it: "FILE:LINE:COL: KEY: REASON" where the file says what is wrong, otherwise "KEY:
 * REASON". Returns the problem's code. */
int tr_agent_file_explain(
    const tr_agentd_options_t *self, const tr_problem_t *problem, tr_error_t *ret_error);

#endif
