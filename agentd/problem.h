/*
 * What is wrong with what an agent is to be, by the key that a description of it has (lib/fleet/description.h):
 * "behaviour", "load", "exec.command[0]", "args.limit". Who gave the key, a file or a flag, is known elsewhere.
 */
#ifndef TR_AGENTD_PROBLEM_H
#define TR_AGENTD_PROBLEM_H

#include "lib/base/error.h"

typedef struct tr_problem {
    char key[96];
    tr_error_t error; /* without the key */
} tr_problem_t;

/* Sets all of it and returns the code. `self` may be NULL. */
int tr_problem_set(tr_problem_t *self, int code, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
