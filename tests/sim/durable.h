/*
 * What is known of durable letters: when one reached the disk, who was told that it is stored, who dealt with it. What the broker says
 * is held against the disk at every step, and at the end each letter that was acknowledged must have been dealt with, or be a dead one.
 */
#ifndef TR_SIM_DURABLE_H
#define TR_SIM_DURABLE_H

#include "tests/sim/broker.h"
#include "tests/sim/ledger.h"

/* The link has taken it, under this number of its producer's. */
void sim_durable_sent(sim_ledger_t *self, uint32_t letter, uint64_t id);
/* Its sender was told: stored (NULL), or why not. */
void sim_durable_told(sim_ledger_t *self, uint32_t letter, const tr_message_t *failure);
/* A durable message of this letter came to an actor. */
void sim_durable_delivered(sim_ledger_t *self, uint32_t letter, unsigned actor, const tr_message_t *message);
/* A publication came to a durable subscriber, who hears what was not dealt with once more, also from a broker after this one. */
void sim_durable_heard(sim_ledger_t *self, uint32_t letter, unsigned actor, const tr_message_t *message);
/* Whoever got it has dealt with it. */
void sim_durable_finished(sim_ledger_t *self, uint32_t letter);

/* The core wants this batch written. */
void sim_durable_written(sim_broker_t *broker, const tr_core_out_t *batch);
/* All batches up to this one are on disk. */
void sim_durable_synced(sim_broker_t *broker, uint64_t batch);
/* The broker is about to be gone. */
void sim_durable_died(sim_broker_t *broker, sim_death_t how);
/* The broker has begun with what is on its disk: that is all there is. */
void sim_durable_recovered(sim_broker_t *broker);
/* A bundle leaves the broker: what it says is stored must be on disk. */
void sim_durable_says(sim_broker_t *broker, const sim_conn_t *conn, const tr_buf_t *buf);
/* The same of a record for another broker. */
void sim_durable_says_to(sim_broker_t *broker, const sim_broker_t *to, const tr_record_t *record);
/* All is quiet: nothing that was acknowledged is missing. */
void sim_durable_check(sim_world_t *world);

#endif
