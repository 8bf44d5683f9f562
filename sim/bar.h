/* How far a simulation is, as one line of a terminal. Pure. */
#ifndef TR_SIM_BAR_H
#define TR_SIM_BAR_H

#include <stddef.h>
#include <stdint.h>

/* "step 30 of 60 [###############...............] 1.5 s, about 2 s left": step: the one that goes on, 1 to `steps`; took: seconds so far.
 * How long it may still take is told once a fiftieth is done. The line has less than `width` columns (0: 80), the bar what the numbers leave,
 * 30 at most; where that is little there is none. Its length, less than `size`. */
size_t tr_sim_bar(uint64_t step, uint64_t steps, double took, size_t width, char *out, size_t size);

#endif
