/*
 * What a voter's past says of its vote. Once it is known which option was right, each vote on it was right or wrong; the
 * weight is twice the expected share of right ones by Laplace's rule of succession, (right + 1) / (right + wrong + 2): a
 * voter of whom nothing is known has one vote, one that was always right nearly two, one that was always wrong nearly none.
 */
#ifndef TR_DECISION_RECORD_H
#define TR_DECISION_RECORD_H

#include <stdint.h>

/* In TR_WEIGHT_ONE. */
uint64_t tr_record_weight(uint32_t right, uint32_t wrong);

#endif
