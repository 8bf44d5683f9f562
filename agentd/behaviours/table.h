/* The built-in behaviours. */
#ifndef TR_AGENTD_BEHAVIOURS_TABLE_H
#define TR_AGENTD_BEHAVIOURS_TABLE_H

#include "troupe/agent.h"

#include <stdio.h>

/* Each in a file of its own, which says at its top what it does and what it takes. */
extern const tr_behaviour_t tr_behaviour_echo;
extern const tr_behaviour_t tr_behaviour_editor;
extern const tr_behaviour_t tr_behaviour_exec;
extern const tr_behaviour_t tr_behaviour_reader;
extern const tr_behaviour_t tr_behaviour_relay;

/* By name, or NULL. */
const tr_behaviour_t *tr_behaviour_find(const char *name);
/* The name nearest to one that is unknown, or NULL. */
const char *tr_behaviour_nearest(const char *name);
/* "NAME  summary" lines. */
void tr_behaviours_print(FILE *out);

#endif
