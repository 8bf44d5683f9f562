/*
 * FIPA Request (SC00026): request -> refuse | agree -> failure | inform. The inform is `inform-done` or
 * `inform-result`, which differ in their content only.
 */
#include "lib/agent/protocol/table.h"

enum { START, REQUESTED, AGREED, REFUSED, FAILED, DONE, STATES };

static const tr_protocol_state_t states[STATES] = {
    [START] = {.name = "start"},
    [REQUESTED] = {.name = "requested"},
    [AGREED] = {.name = "agreed"},
    [REFUSED] = {.name = "refused", .outcome = TR_OUTCOME_REFUSED},
    [FAILED] = {.name = "failed", .outcome = TR_OUTCOME_FAILED},
    [DONE] = {.name = "done", .outcome = TR_OUTCOME_DONE},
};

static const tr_protocol_move_t moves[] = {
    {START, TR_INITIATOR, TR_REQUEST, REQUESTED},
    {REQUESTED, TR_PARTICIPANT, TR_REFUSE, REFUSED},
    {REQUESTED, TR_PARTICIPANT, TR_AGREE, AGREED},
    {AGREED, TR_PARTICIPANT, TR_FAILURE, FAILED},
    {AGREED, TR_PARTICIPANT, TR_INFORM, DONE},
};

const tr_protocol_t tr_fipa_request = {
    .name = "fipa-request",
    .flags = TR_PROTOCOL_AGREE_OPTIONAL | TR_PROTOCOL_CANCEL | TR_PROTOCOL_NOT_UNDERSTOOD,
    .states = states,
    .states_n = STATES,
    .moves = moves,
    .moves_n = sizeof moves / sizeof *moves,
};
