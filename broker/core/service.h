/*
 * What a service's parts share: its providers (service.c), its queue (service_queue.c), what its providers have in hand
 * (service_hands.c). The rest of the core sees state.h.
 */
#ifndef TR_BROKER_SERVICE_H
#define TR_BROKER_SERVICE_H

#include "broker/core/state.h"

/* A delivery number says which service it is of. */
#define TR_LEASE_SLOT_SHIFT 40

/* ---- service_queue.c ---- */

/* The best provider with room, but not this one. What has come from a neighbour stays here. NULL: none has. */
tr_provider_t *tr_service_choose(
    const tr_core_t *core, tr_service_t *s, const tr_lease_t *lease, const tr_provider_t *but_not);
/* Into the provider's hands. False when out of memory: it is still the caller's. */
bool tr_service_deliver(tr_core_t *core, tr_provider_t *p, tr_lease_t *lease);
/* Counts a lease among those that wait, and out of them. */
void tr_service_count(tr_core_t *core, tr_service_t *s, const tr_lease_t *lease);
void tr_service_uncount(tr_core_t *core, tr_service_t *s, const tr_lease_t *lease);
/* To the front of the queue, in their order. */
void tr_service_requeue(tr_core_t *core, tr_service_t *s, tr_lease_list_t *leases);
/* Nobody will have it: its sender hears why. Frees it. */
void tr_lease_fail(tr_core_t *core, tr_lease_t *lease, tr_reason_t why, const char *detail);
/* The same where its sender is in quarantine by now; else false, and it is as it was. */
bool tr_lease_fail_held(tr_core_t *core, tr_lease_t *lease);
/* A neighbour's, to him. Frees it. */
void tr_lease_give_back(tr_core_t *core, tr_lease_t *lease);

/* ---- service_hands.c ---- */

/* Gives a provider's requests back to the front of the queue, in their order. */
void tr_hands_take_back(tr_core_t *core, tr_service_t *s, tr_provider_t *from);
/* A durable message is leased for a time only: who has not settled it by then, nor said that it is still in work, has it no more. */
void tr_hands_take_back_overdue(tr_core_t *core, tr_service_t *s, tr_provider_t *p);

/* Copies come back in the order of the leases, so the next one stands behind the last; {0} at first, and good for as
 * long as no lease is settled or taken away. */
typedef struct tr_unsent {
    const tr_provider_t *of;
    const tr_lease_t *lease;
} tr_unsent_t;
/* A copy has come back from the mailbox of a provider before it left: nobody has seen it, so that it counts as no try. */
void tr_service_unsent(
    tr_core_t *core, const tr_session_t *session, const tr_record_t *copy, tr_unsent_t *last);
/* A bundle leaves for a process: the time of what is leased in it begins. */
void tr_service_leaves(tr_core_t *core, const tr_session_t *session, const tr_chunk_t *chunk);

#endif
