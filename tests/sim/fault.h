/* What goes wrong, and that it is mended. */
#ifndef TR_SIM_FAULT_H
#define TR_SIM_FAULT_H

#include "tests/sim/world.h"

/* From now until the plan's time to heal. */
void sim_faults_begin(sim_world_t *world, sim_prng_t prng);
/* Everything is mended: nobody is cut off, slow, paused or out of time, and broken connections are known. */
void sim_heal(sim_world_t *world);

#endif
