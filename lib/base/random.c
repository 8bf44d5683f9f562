#include "lib/base/random.h"

#include "lib/base/clock.h"

#include <sys/random.h>
#include <unistd.h>

uint64_t tr_random_seed(void) {
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed)
        return seed;
    return (uint64_t)tr_clock_ns() ^ (uint64_t)getpid() << 40;
}
