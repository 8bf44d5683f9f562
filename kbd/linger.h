/*
 * After a search that nobody waited behind, the next one of the same asker often comes within a fraction of a millisecond. Whoever sleeps meanwhile lets
 * its processor sleep, too, and on an idle machine every thread that a message goes through then waits for one that wakes up: longer than for all else.
 * So it is looked again and again for a moment, before sleeping.
 *
 * Not where there is one processor, nor while others want it: whoever was kept from looking goes to sleep as usual for the next searches; likewise
 * where nothing came in time.
 *
 * Times are tr_clock_ns.
 */
#ifndef TR_KBD_LINGER_H
#define TR_KBD_LINGER_H

#include <stdbool.h>
#include <stdint.h>

#define TR_LINGER_NS      INT64_C(300000)
#define TR_LINGER_KEPT_NS INT64_C(150000) /* between two looks: somebody else has had the processor */
#define TR_LINGER_REST    64u             /* searches without it */

typedef struct tr_linger {
    bool can, lingers;
    int64_t since_ns, looked_ns;
    unsigned rest;
} tr_linger_t;

void tr_linger_init(tr_linger_t *self, unsigned processors);
/* One that was alone was answered. */
void tr_linger_answered(tr_linger_t *self, int64_t now_ns);
/* Whether to look again at once. */
bool tr_linger_looks(tr_linger_t *self, int64_t now_ns);
/* Something came. */
void tr_linger_end(tr_linger_t *self);

#endif
