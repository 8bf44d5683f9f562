/* Whether anything is still under way in the world, and whether the last round has begun. */
#ifndef TR_SIM_QUIET_H
#define TR_SIM_QUIET_H

#include "tests/sim/world.h"

/* What is not quiet yet, into out, which is returned; "" when all is: every process is connected with all its
 * agents, nothing waits in a link, in the broker or in the network, and every request has had its end. */
const char *sim_unrest(const sim_world_t *world, char *out, size_t size);
bool sim_is_roll_call(const sim_world_t *world);

#endif
