/*
 * What must hold between brokers: what one says to another is its own (senders have its platform's name), what it says is on its disk is,
 * and within five seconds after a link can be there, it is there, and each knows of the other what is offered and wanted (by the
 * sum that INTEREST carries, against all the sums that held within that time).
 */
#ifndef TR_SIM_FEDERATION_H
#define TR_SIM_FEDERATION_H

#include "tests/sim/broker.h"

sim_federation_t *sim_federation_new(void);
void sim_federation_destroy(sim_federation_t **self);
/* A life of the broker begins: it gets the certificates that brokers link with. */
void sim_federation_begin(sim_broker_t *broker);
/* A bundle leaves for another broker. */
void sim_federation_says(sim_broker_t *broker, const tr_core_out_t *out);
/* After each step. */
void sim_federation_note(const sim_broker_t *broker);
/* From now on links and sums are looked at. */
void sim_federation_watch(sim_world_t *world);
/* All is quiet: each has a provider for what another one offers, and a subscription for what it wants, and nothing else. */
void sim_federation_check(const sim_world_t *world);
/* How many patterns other brokers want of this one: when everybody has left, those of watchers and of durable mailboxes. */
unsigned sim_federation_wishes(const sim_broker_t *broker);

#endif
