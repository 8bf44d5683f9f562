#ifndef TR_DECISION_RULING_PRIVATE_H
#define TR_DECISION_RULING_PRIVATE_H

#include "lib/decision/count_private.h"
#include "lib/decision/ruling.h"

/* How many take part, as `quorum` counts them. */
size_t tr_ruling_took_part(const tr_count_t *count, const tr_rules_t *rules);
/* Of the electorate, in millionths, cut: 1000000 where that is not known. */
uint32_t tr_ruling_turnout(const tr_count_t *count, const tr_rules_t *rules);

#endif
