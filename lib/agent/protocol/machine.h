/*
 * The engine of all protocols: where one conversation stands in its table, and which acts may follow. Pure:
 * no clock, no sockets, no memory; 16 bytes that may be copied, so that a step is tried on a copy.
 *
 * Cancelling: between `cancel` and its answer the participant may still send what it had under way. An
 * inform or failure is then ambiguous: it answers the cancel, or it crossed it on the way. Whoever feeds
 * the machine knows from in-reply-to and says so with `crossed`. A failure to cancel leaves the
 * conversation where it was.
 */
#ifndef TR_PROTOCOL_MACHINE_H
#define TR_PROTOCOL_MACHINE_H

#include "lib/agent/protocol/table.h"

#define TR_STATE_START          0u
#define TR_STATE_CANCELLED      254u
#define TR_STATE_NOT_UNDERSTOOD 255u

typedef struct tr_machine {
    const tr_protocol_t *protocol;
    uint8_t state;
    uint8_t last;    /* tr_role_t: who sent the last act */
    bool cancelling; /* a cancel waits for its answer */
} tr_machine_t;

typedef enum tr_verdict {
    TR_VERDICT_LEGAL,
    TR_VERDICT_ILLEGAL,
    TR_VERDICT_LATE, /* the conversation has ended */
} tr_verdict_t;

void tr_machine_init(tr_machine_t *self, const tr_protocol_t *protocol);
/* One act. Changes the machine only where it is legal. */
tr_verdict_t tr_machine_step(tr_machine_t *self, tr_role_t from, tr_performative_t act, bool crossed);
/* TR_OUTCOME_NONE while it goes on. */
tr_outcome_t tr_machine_outcome(const tr_machine_t *self);
/* In a state that may last for ever, and not about to leave it. */
bool tr_machine_streams(const tr_machine_t *self);
/* In a state whose deadline began when it was entered. */
bool tr_machine_renews(const tr_machine_t *self);
/* In a state that nobody need answer. */
bool tr_machine_is_patient(const tr_machine_t *self);
/* "requested", "cancelling" ...; static. */
const char *tr_machine_state_name(const tr_machine_t *self);

/* The acts that this role may send now: bit `act` (1u << TR_INFORM) of each. */
uint32_t tr_machine_allowed(const tr_machine_t *self, tr_role_t from, bool crossed);
/* Their names, "agree, refuse, inform", into out, which is returned; cut off where it does not fit. */
const char *tr_acts_print(uint32_t acts, char *out, size_t out_size);
/* Why this act is not legal and which are: one line into out, which is returned. */
const char *tr_machine_explain(const tr_machine_t *self, tr_role_t from, tr_performative_t act, bool crossed,
    char *out, size_t out_size);

#endif
