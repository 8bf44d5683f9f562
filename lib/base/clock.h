/* Clocks: monotonic for intervals, wall for deadlines that travel. Cores take the time as an argument and
 * never call these. Functions of their own, not inline, so that the simulator (tests/sim) puts a virtual clock
 * in their place; that costs nothing beside reading the clock. */
#ifndef TR_BASE_CLOCK_H
#define TR_BASE_CLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

int64_t tr_clock_ns(void);
/* Unix time in milliseconds. */
int64_t tr_clock_wall_ms(void);
/* The same in nanoseconds, for what is compared between processes. */
int64_t tr_clock_wall_ns(void);

static inline int64_t tr_clock_ms(void) {
    return tr_clock_ns() / 1000000;
}

#ifdef __cplusplus
}
#endif

#endif
