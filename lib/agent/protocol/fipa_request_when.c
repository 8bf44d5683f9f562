/*
 * FIPA Request When (SC00028): request-when -> refuse | agree -> failure | inform. The agree tells that the
 * participant waits for the condition, so it may not be left out; from then on there is no deadline, for the condition may take
 * its time. The initiator who can wait no longer cancels.
 */
#include "lib/agent/protocol/table.h"

enum { START, ASKED, WAITING, REFUSED, FAILED, DONE, STATES };

static const tr_protocol_state_t states[STATES] = {
    [START] = {.name = "start"},
    [ASKED] = {.name = "asked"},
    [WAITING] = {.name = "waiting", .stream = true},
    [REFUSED] = {.name = "refused", .outcome = TR_OUTCOME_REFUSED},
    [FAILED] = {.name = "failed", .outcome = TR_OUTCOME_FAILED},
    [DONE] = {.name = "done", .outcome = TR_OUTCOME_DONE},
};

static const tr_protocol_move_t moves[] = {
    {START, TR_INITIATOR, TR_REQUEST_WHEN, ASKED},
    {ASKED, TR_PARTICIPANT, TR_REFUSE, REFUSED},
    {ASKED, TR_PARTICIPANT, TR_AGREE, WAITING},
    {WAITING, TR_PARTICIPANT, TR_FAILURE, FAILED},
    {WAITING, TR_PARTICIPANT, TR_INFORM, DONE},
};

const tr_protocol_t tr_fipa_request_when = {
    .name = "fipa-request-when",
    .flags = TR_PROTOCOL_CANCEL | TR_PROTOCOL_NOT_UNDERSTOOD,
    .states = states,
    .states_n = STATES,
    .moves = moves,
    .moves_n = sizeof moves / sizeof *moves,
};
