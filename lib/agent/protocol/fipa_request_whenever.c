/*
 * Request Whenever: FIPA has the act (SC00037) but no protocol of its own for it. It is Request When (SC00028) without an end:
 * request-whenever -> refuse | agree -> inform, each time the condition holds, until the participant fails or the initiator
 * cancels.
 */
#include "lib/agent/protocol/table.h"

enum { START, ASKED, WAITING, REFUSED, FAILED, STATES };

static const tr_protocol_state_t states[STATES] = {
    [START] = {.name = "start"},
    [ASKED] = {.name = "asked"},
    [WAITING] = {.name = "waiting", .stream = true},
    [REFUSED] = {.name = "refused", .outcome = TR_OUTCOME_REFUSED},
    [FAILED] = {.name = "failed", .outcome = TR_OUTCOME_FAILED},
};

static const tr_protocol_move_t moves[] = {
    {START, TR_INITIATOR, TR_REQUEST_WHENEVER, ASKED},
    {ASKED, TR_PARTICIPANT, TR_REFUSE, REFUSED},
    {ASKED, TR_PARTICIPANT, TR_AGREE, WAITING},
    {WAITING, TR_PARTICIPANT, TR_INFORM, WAITING},
    {WAITING, TR_PARTICIPANT, TR_FAILURE, FAILED},
};

const tr_protocol_t tr_fipa_request_whenever = {
    .name = "fipa-request-whenever",
    .flags = TR_PROTOCOL_CANCEL | TR_PROTOCOL_NOT_UNDERSTOOD,
    .states = states,
    .states_n = STATES,
    .moves = moves,
    .moves_n = sizeof moves / sizeof *moves,
};
