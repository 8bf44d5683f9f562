/*
 * What the agents of a host have spent on models, told to the broker, which sums it up for whoever asks the AMS: every call, whether it is traced and
 * measured or not. What is told is all so far of an agent and model, a second after it has changed, and again in each new session: so what
 * gets lost on the way is in what is told next.
 */
#ifndef TR_AGENT_SPENT_H
#define TR_AGENT_SPENT_H

#include "lib/agent/host_private.h"
#include "troupe/measure.h"

void tr_spent_note(tr_agent_t *agent, const tr_model_use_t *use);
/* Tells what has not been told yet. */
void tr_spent_flush(tr_host_t *host);
/* There is a new session, maybe with a broker that knows nothing. */
void tr_spent_again(tr_host_t *host);
/* An agent ends: what it has spent is told while it can be. */
void tr_spent_forget(tr_host_t *host, const tr_agent_t *agent);
void tr_spent_finish(tr_host_t *host);

#endif
