/* Numbers that differ from process to process: seeds of hashes and of pauses, parts of names. */
#ifndef TR_BASE_RANDOM_H
#define TR_BASE_RANDOM_H

#include <stdint.h>

/* From the system's random source; where that has nothing yet, from the clock and the pid (so not for keys). */
uint64_t tr_random_seed(void);

#endif
