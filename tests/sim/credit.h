/*
 * The rule of credit (docs/protocol.md, section 8), for what the broker sends, kept once more from what is seen
 * on the wire alone: a bundle of data goes only where all of it fits the window, or nothing is on its way. The
 * other direction is checked by the broker itself, which answers over-credit; the ledger takes that for a bug.
 */
#ifndef TR_SIM_CREDIT_H
#define TR_SIM_CREDIT_H

#include "tests/sim/net.h"

/* A bundle that the broker is about to take from this connection, or to send over it. */
void sim_credit_taken(sim_conn_t *conn, const void *bytes, size_t len);
void sim_credit_sent(sim_conn_t *conn, const void *bytes, size_t len);

#endif
