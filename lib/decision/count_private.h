#ifndef TR_DECISION_COUNT_PRIVATE_H
#define TR_DECISION_COUNT_PRIVATE_H

#include "lib/decision/count.h"

/* schulze.c: fills paths, points and places from pairs. */
void tr_count_schulze(tr_count_t *self);
/* count.c: what part / whole is in millionths, cut, and whether something was cut off. part <= whole <= 10^18. */
uint32_t tr_share_of(uint64_t part, uint64_t whole, bool *ret_cut);

#endif
