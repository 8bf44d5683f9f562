/*
 * FIPA Recruiting (SC00034): proxy (an act, and whom it is for) -> refuse | agree -> failure (nobody matches) | inform (it has
 * been handed on), which ends it: the others answer the initiator, or whom it named, without the recruiter, in a
 * conversation of their own. The recruiter sees to that by the reply-to of what it hands on.
 */
#include "lib/agent/protocol/table.h"

enum { START, ASKED, AGREED, REFUSED, FAILED, DONE, STATES };

static const tr_protocol_state_t states[STATES] = {
    [START] = {.name = "start"},
    [ASKED] = {.name = "asked"},
    [AGREED] = {.name = "agreed"},
    [REFUSED] = {.name = "refused", .outcome = TR_OUTCOME_REFUSED},
    [FAILED] = {.name = "failed", .outcome = TR_OUTCOME_FAILED},
    [DONE] = {.name = "done", .outcome = TR_OUTCOME_DONE},
};

static const tr_protocol_move_t moves[] = {
    {START, TR_INITIATOR, TR_PROXY, ASKED},
    {ASKED, TR_PARTICIPANT, TR_REFUSE, REFUSED},
    {ASKED, TR_PARTICIPANT, TR_AGREE, AGREED},
    {AGREED, TR_PARTICIPANT, TR_FAILURE, FAILED},
    {AGREED, TR_PARTICIPANT, TR_INFORM, DONE},
};

const tr_protocol_t tr_fipa_recruiting = {
    .name = "fipa-recruiting",
    .flags = TR_PROTOCOL_CANCEL | TR_PROTOCOL_NOT_UNDERSTOOD,
    .states = states,
    .states_n = STATES,
    .moves = moves,
    .moves_n = sizeof moves / sizeof *moves,
};
