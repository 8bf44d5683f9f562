/*
 * FIPA Query (SC00027): query-if | query-ref -> refuse | agree -> failure | inform. The answer to either
 * query is an inform: of `true` or `false`, or of the thing asked for.
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
    {START, TR_INITIATOR, TR_QUERY_IF, ASKED},
    {START, TR_INITIATOR, TR_QUERY_REF, ASKED},
    {ASKED, TR_PARTICIPANT, TR_REFUSE, REFUSED},
    {ASKED, TR_PARTICIPANT, TR_AGREE, AGREED},
    {AGREED, TR_PARTICIPANT, TR_FAILURE, FAILED},
    {AGREED, TR_PARTICIPANT, TR_INFORM, DONE},
};

const tr_protocol_t tr_fipa_query = {
    .name = "fipa-query",
    .flags = TR_PROTOCOL_AGREE_OPTIONAL | TR_PROTOCOL_CANCEL | TR_PROTOCOL_NOT_UNDERSTOOD,
    .states = states,
    .states_n = STATES,
    .moves = moves,
    .moves_n = sizeof moves / sizeof *moves,
};
