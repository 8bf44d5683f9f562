#ifndef TR_DECISION_COUNT_PRIVATE_H
#define TR_DECISION_COUNT_PRIVATE_H

#include "lib/decision/count.h"

/* schulze.c: fills paths, points and places from pairs. */
void tr_count_schulze(tr_count_t *self);

#endif
