/* The invariants of a broker's core (DESIGN.md, section 12), looked at from inside, after every step. */
#ifndef TR_SIM_CHECK_H
#define TR_SIM_CHECK_H

#include "tests/sim/broker.h"

/* Conservation, limits, windows, leases. Ends the run where one does not hold. */
void sim_check_core(const sim_broker_t *broker);
/* Of a core with a journal: its queues. */
void sim_check_durable(const sim_broker_t *broker);
/* A process (by its pid) that is dead is not known to the broker any more. */
void sim_check_dead(const sim_broker_t *broker, uint32_t pid);
/* What waits in the core, and with whom: into out. */
void sim_describe_core(const sim_broker_t *broker, char *out, size_t size);
/* Nothing is left of anybody. */
void sim_check_empty(const sim_broker_t *broker);
/* A bundle of this connection is about to be taken: whoever said HELLO anew elsewhere is not heard here. */
void sim_check_fence(const sim_broker_t *broker, const sim_conn_t *conn);
/* One was taken: somebody who only says what was said before has nobody's session. */
void sim_check_stray(const sim_broker_t *broker, const sim_conn_t *conn);

/* What a watcher of the topic stream sees: each topic's sequence without a hole. */
sim_stream_t *sim_stream_new(void);
void sim_stream_destroy(sim_stream_t **self);
void sim_stream_check(sim_broker_t *broker, const char *topic, const tr_buf_t *buf);

#endif
