/* The built-in behaviours. */
#ifndef TR_AGENTD_BEHAVIOURS_TABLE_H
#define TR_AGENTD_BEHAVIOURS_TABLE_H

#include "agentd/problem.h"
#include "troupe/agent.h"

#include <stdio.h>

/* Each in a file of its own, which says at its top what it does and what it takes. */
extern const tr_behaviour_t tr_behaviour_a2a_remote;
extern const tr_behaviour_t tr_behaviour_assistant;
extern const tr_behaviour_t tr_behaviour_composer;
extern const tr_behaviour_t tr_behaviour_critic;
extern const tr_behaviour_t tr_behaviour_dialogue;
extern const tr_behaviour_t tr_behaviour_echo;
extern const tr_behaviour_t tr_behaviour_editor;
extern const tr_behaviour_t tr_behaviour_exec;
extern const tr_behaviour_t tr_behaviour_executor;
extern const tr_behaviour_t tr_behaviour_instruction;
extern const tr_behaviour_t tr_behaviour_librarian;
extern const tr_behaviour_t tr_behaviour_planner;
extern const tr_behaviour_t tr_behaviour_reader;
extern const tr_behaviour_t tr_behaviour_relay;
extern const tr_behaviour_t tr_behaviour_senses;
extern const tr_behaviour_t tr_behaviour_station;
extern const tr_behaviour_t tr_behaviour_summariser;
extern const tr_behaviour_t tr_behaviour_toolkeeper;
extern const tr_behaviour_t tr_behaviour_voter;

/* Whether a behaviour would take these arguments, as far as that can be told without starting it: 0, or -EINVAL
 * with the problem; -ENOMEM. `args` may be NULL. */
int tr_a2a_remote_check(tr_value_t args, tr_problem_t *problem);
int tr_assistant_check(tr_value_t args, tr_problem_t *problem);
int tr_composer_check(tr_value_t args, tr_problem_t *problem);
int tr_critic_check(tr_value_t args, tr_problem_t *problem);
int tr_dialogue_check(tr_value_t args, tr_problem_t *problem);
int tr_echo_check(tr_value_t args, tr_problem_t *problem);
int tr_editor_check(tr_value_t args, tr_problem_t *problem);
int tr_exec_check(tr_value_t args, tr_problem_t *problem);
int tr_executor_check(tr_value_t args, tr_problem_t *problem);
int tr_instruction_check(tr_value_t args, tr_problem_t *problem);
int tr_librarian_check(tr_value_t args, tr_problem_t *problem);
int tr_planner_check(tr_value_t args, tr_problem_t *problem);
int tr_reader_check(tr_value_t args, tr_problem_t *problem);
int tr_relay_check(tr_value_t args, tr_problem_t *problem);
int tr_senses_check(tr_value_t args, tr_problem_t *problem);
int tr_station_check(tr_value_t args, tr_problem_t *problem);
int tr_summariser_check(tr_value_t args, tr_problem_t *problem);
int tr_toolkeeper_check(tr_value_t args, tr_problem_t *problem);
int tr_voter_check(tr_value_t args, tr_problem_t *problem);

/* By name, or NULL. */
const tr_behaviour_t *tr_behaviour_find(const char *name);
/* The same of any of them. */
int tr_behaviour_check_args(const tr_behaviour_t *behaviour, tr_value_t args, tr_problem_t *problem);
/* Whether it asks a mind: `mind` means something to it. */
bool tr_behaviour_thinks(const tr_behaviour_t *behaviour);
/* Whether it remembers users: --memory means something to it. */
bool tr_behaviour_remembers(const tr_behaviour_t *behaviour);
/* Whether it uses tools: `tools` mean something to it. */
bool tr_behaviour_acts(const tr_behaviour_t *behaviour);
/* The name nearest to one that is unknown, or NULL. */
const char *tr_behaviour_nearest(const char *name);
/* "echo, editor, ..." */
void tr_behaviour_names(char *out, size_t size);
/* "NAME  summary" lines. */
void tr_behaviours_print(FILE *out);

#endif
