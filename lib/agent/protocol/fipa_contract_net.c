/*
 * FIPA Contract Net (SC00029), as one of the participants sees it: cfp -> refuse | propose -> reject-proposal |
 * accept-proposal -> failure | inform. The deadline of the cfp is that of the proposal; the accept-proposal brings the one of
 * the result. The call to many, and the choice among their proposals, is contract_net.c.
 */
#include "lib/agent/protocol/table.h"

enum { START, CALLED, PROPOSED, ACCEPTED, REFUSED, REJECTED, FAILED, DONE, STATES };

static const tr_protocol_state_t states[STATES] = {
    [START] = {.name = "start"},
    [CALLED] = {.name = "called"},
    [PROPOSED] = {.name = "proposed", .renew = true},
    [ACCEPTED] = {.name = "accepted", .renew = true},
    [REFUSED] = {.name = "refused", .outcome = TR_OUTCOME_REFUSED},
    [REJECTED] = {.name = "rejected", .outcome = TR_OUTCOME_REJECTED},
    [FAILED] = {.name = "failed", .outcome = TR_OUTCOME_FAILED},
    [DONE] = {.name = "done", .outcome = TR_OUTCOME_DONE},
};

static const tr_protocol_move_t moves[] = {
    {START, TR_INITIATOR, TR_CFP, CALLED},
    {CALLED, TR_PARTICIPANT, TR_REFUSE, REFUSED},
    {CALLED, TR_PARTICIPANT, TR_PROPOSE, PROPOSED},
    {PROPOSED, TR_INITIATOR, TR_REJECT_PROPOSAL, REJECTED},
    {PROPOSED, TR_INITIATOR, TR_ACCEPT_PROPOSAL, ACCEPTED},
    {ACCEPTED, TR_PARTICIPANT, TR_FAILURE, FAILED},
    {ACCEPTED, TR_PARTICIPANT, TR_INFORM, DONE},
};

const tr_protocol_t tr_fipa_contract_net = {
    .name = "fipa-contract-net",
    .flags = TR_PROTOCOL_CANCEL | TR_PROTOCOL_NOT_UNDERSTOOD,
    .states = states,
    .states_n = STATES,
    .moves = moves,
    .moves_n = sizeof moves / sizeof *moves,
};
