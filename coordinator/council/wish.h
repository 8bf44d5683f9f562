/*
 * What is asked for with a decision, made into what is stored: voters by services are the agents that offer these now, names
 * are whole AIDs, weights are numbers, a lot is drawn. So the same events give the same decision whenever they are read.
 */
#ifndef TR_COORDINATOR_COUNCIL_WISH_H
#define TR_COORDINATOR_COUNCIL_WISH_H

#include "coordinator/coordinator.h"

/* Whether who votes, or by how much, follows from who offers what. */
bool tr_wish_asks_who_offers(tr_value_t asked);
/* Into an initialised writer; trace: the traceparent of who asks, NULL where that is not traced. NULL, or what is wrong. */
const char *tr_wish_complete(
    const tr_coordinator_t *self, tr_value_t asked, const char *trace, tr_content_writer_t *out);

#endif
