/*
 * What can be known of a fleet before anything of it starts: that its behaviours are there, its shared objects
 * can be loaded, its programs can be run, and that arguments and options would be taken. The programs themselves
 * are asked, with the command lines, the environment and the directory that they would get, and --check; so
 * nobody else has to know what they know.
 */
#ifndef TR_TOOLS_FLEET_CHECK_H
#define TR_TOOLS_FLEET_CHECK_H

#include "lib/base/error.h"
#include "tools/fleet/plan.h"

/* The first thing that is wrong, with file, line, column and key: -EINVAL. Or a code of its own where a program
 * cannot be asked. */
int tr_fleet_check(const tr_plan_t *plan, tr_error_t *error);

#endif
