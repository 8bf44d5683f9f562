/* Clocks: monotonic for intervals, wall for deadlines that travel. Cores take the time as an argument and
 * never call these. */
#ifndef TR_BASE_CLOCK_H
#define TR_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t tr_clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t tr_clock_ms(void) {
    return tr_clock_ns() / 1000000;
}

/* Unix time in milliseconds. */
static inline int64_t tr_clock_wall_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
