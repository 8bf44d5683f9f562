/*
 * FIPA Iterated Contract Net (SC00030): as Contract Net, but a proposal may also be answered by a revised cfp, with a
 * deadline of its own, which begins another round.
 */
#include "lib/agent/protocol/table.h"

enum { START, CALLED, PROPOSED, ACCEPTED, REFUSED, REJECTED, FAILED, DONE, STATES };

static const tr_protocol_state_t states[STATES] = {
    [START] = {.name = "start"},
    [CALLED] = {.name = "called", .renew = true},
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
    {PROPOSED, TR_INITIATOR, TR_CFP, CALLED},
    {ACCEPTED, TR_PARTICIPANT, TR_FAILURE, FAILED},
    {ACCEPTED, TR_PARTICIPANT, TR_INFORM, DONE},
};

const tr_protocol_t tr_fipa_iterated_contract_net = {
    .name = "fipa-iterated-contract-net",
    .flags = TR_PROTOCOL_CANCEL | TR_PROTOCOL_NOT_UNDERSTOOD,
    .states = states,
    .states_n = STATES,
    .moves = moves,
    .moves_n = sizeof moves / sizeof *moves,
};
