/*
 * A broker with a guard: every process has a certificate, some with limits or without some of the rights to what its actors do, and an operator
 * puts agents into quarantine and lets them go. What must hold: nothing of a letter leaves the broker for an agent in quarantine, nothing that such
 * an agent sends is taken, and nothing that it had sent leaves any more; all that was refused is told (ledger.c), no certificate sends more than it
 * may, nor has more waiting; nothing that is allowed is refused, and of what is not allowed nothing comes to anybody.
 */
#ifndef TR_SIM_GUARDED_H
#define TR_SIM_GUARDED_H

#include "tests/sim/broker.h"
#include "tests/sim/proc.h"

/* Whether its certificate names the topic, all that a subscriber listens to, the service. */
bool sim_may_publish(const sim_actor_t *actor, unsigned topic);
bool sim_may_subscribe(const sim_actor_t *actor);
bool sim_may_hear_all(const sim_actor_t *actor);
bool sim_may_ask(const sim_actor_t *actor, unsigned service);
/* The key that a process proves to have, 32 bytes. */
void sim_guarded_key(const sim_proc_t *proc, uint8_t out[32]);
/* A life of the broker has begun, with what is in its journal. */
void sim_guarded_begin(sim_broker_t *broker);
/* A turn begins: who is in quarantine now gets nothing in it, unless he is let go. */
void sim_guarded_look(sim_broker_t *broker);
/* The core has told. */
void sim_guarded_tells(sim_broker_t *broker, tr_core_event_t event, const char *about, const char *detail);
/* A bundle is about to be taken, and was; or leaves. */
void sim_guarded_takes(sim_broker_t *broker, const sim_conn_t *conn, const void *bytes, size_t len);
void sim_guarded_taken(sim_broker_t *broker, const sim_conn_t *conn);
void sim_guarded_sends(sim_broker_t *broker, const tr_buf_t *buf);
/* The letter came from an agent that was in quarantine when the broker got it. */
void sim_guarded_heard(sim_ledger_t *ledger, uint32_t letter, unsigned actor);
/* It is in quarantine, or was a while before that time: events passed it by without a GAP, and what it had sent durably comes back. */
bool sim_guarded_was_held(const sim_world_t *world, unsigned actor, int64_t heard_ns);
/* Somebody who is in quarantine, by name; NULL where nobody is. */
const char *sim_guarded_held(const sim_broker_t *broker);

#endif
