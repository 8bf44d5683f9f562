/*
 * FIPA Propose (SC00036): propose -> accept-proposal | reject-proposal. The initiator offers to do something; the
 * participant says whether it may.
 */
#include "lib/agent/protocol/table.h"

enum { START, PROPOSED, ACCEPTED, REJECTED, STATES };

static const tr_protocol_state_t states[STATES] = {
    [START] = {.name = "start"},
    [PROPOSED] = {.name = "proposed"},
    [ACCEPTED] = {.name = "accepted", .outcome = TR_OUTCOME_DONE},
    [REJECTED] = {.name = "rejected", .outcome = TR_OUTCOME_REJECTED},
};

static const tr_protocol_move_t moves[] = {
    {START, TR_INITIATOR, TR_PROPOSE, PROPOSED},
    {PROPOSED, TR_PARTICIPANT, TR_ACCEPT_PROPOSAL, ACCEPTED},
    {PROPOSED, TR_PARTICIPANT, TR_REJECT_PROPOSAL, REJECTED},
};

const tr_protocol_t tr_fipa_propose = {
    .name = "fipa-propose",
    .flags = TR_PROTOCOL_CANCEL | TR_PROTOCOL_NOT_UNDERSTOOD,
    .states = states,
    .states_n = STATES,
    .moves = moves,
    .moves_n = sizeof moves / sizeof *moves,
};
