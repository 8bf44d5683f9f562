/* Which process of the world runs now: the ports of libtroupe (ports.c) ask for it, since a clock takes no argument. */
#ifndef TR_SIM_PORTS_H
#define TR_SIM_PORTS_H

#include "sim/process.h"

/* NULL = none. Returns the one before, to be set again. */
tr_sim_process_t *tr_sim_ports_enter(tr_sim_process_t *process);

#endif
