/*
 * FIPA Brokering (SC00033): proxy (an act, and whom it is for) -> refuse | agree -> failure (nobody matches) | inform (it
 * has been handed on) -> what the others answer, each relayed by an inform, until brokering fails or the initiator, who knows
 * how much it wants to hear, cancels. What the broker says with them are conversations of their own.
 */
#include "lib/agent/protocol/table.h"

enum { START, ASKED, AGREED, PROXIED, REFUSED, FAILED, STATES };

static const tr_protocol_state_t states[STATES] = {
    [START] = {.name = "start"},
    [ASKED] = {.name = "asked"},
    [AGREED] = {.name = "agreed"},
    [PROXIED] = {.name = "proxied", .stream = true},
    [REFUSED] = {.name = "refused", .outcome = TR_OUTCOME_REFUSED},
    [FAILED] = {.name = "failed", .outcome = TR_OUTCOME_FAILED},
};

static const tr_protocol_move_t moves[] = {
    {START, TR_INITIATOR, TR_PROXY, ASKED},
    {ASKED, TR_PARTICIPANT, TR_REFUSE, REFUSED},
    {ASKED, TR_PARTICIPANT, TR_AGREE, AGREED},
    {AGREED, TR_PARTICIPANT, TR_FAILURE, FAILED},
    {AGREED, TR_PARTICIPANT, TR_INFORM, PROXIED},
    {PROXIED, TR_PARTICIPANT, TR_INFORM, PROXIED},
    {PROXIED, TR_PARTICIPANT, TR_FAILURE, FAILED},
};

const tr_protocol_t tr_fipa_brokering = {
    .name = "fipa-brokering",
    .flags = TR_PROTOCOL_CANCEL | TR_PROTOCOL_NOT_UNDERSTOOD,
    .states = states,
    .states_n = STATES,
    .moves = moves,
    .moves_n = sizeof moves / sizeof *moves,
};
