/* A process that says of what it sends, now and then, that an agent of another process has sent it. */
#ifndef TR_SIM_FORGE_H
#define TR_SIM_FORGE_H

#include "tests/sim/proc.h"

/* Changes the frame, where the plan has forgers and chance wants it. What is forged may be lost to its sender, and nobody ever gets it. */
void sim_forge(sim_proc_t *self, void *frame, size_t len);

#endif
