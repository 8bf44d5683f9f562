/* The ports of libtroupe (lib/link/wire.h, lib/base/clock.h, lib/base/random.h, the keeper's thread) on a
 * simulated world. They have no argument that says whose they are, so the process that runs now is known
 * here: the simulator's one variable outside its structs. */
#ifndef TR_SIM_PORTS_H
#define TR_SIM_PORTS_H

#include "tests/sim/world.h"

/* NULL between processes. */
sim_proc_t *sim_current(void);
void sim_set_current(sim_proc_t *proc);

/* A behaviour that takes its time; the keeper looks after the link meanwhile. */
void sim_busy(sim_proc_t *proc, int64_t ms);

#endif
