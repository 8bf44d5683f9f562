/*
 * FIPA Subscribe (SC00035): subscribe -> refuse | agree -> inform, again and again, until the participant
 * fails or the initiator cancels. The deadline waits for the agree, or for the first inform: the agree may be left
 * out (FIPA has it where notification is necessary), and with a lost connection it may be lost.
 */
#include "lib/agent/protocol/table.h"

enum { START, ASKED, SUBSCRIBED, REFUSED, FAILED, STATES };

static const tr_protocol_state_t states[STATES] = {
    [START] = {.name = "start"},
    [ASKED] = {.name = "asked"},
    [SUBSCRIBED] = {.name = "subscribed", .stream = true},
    [REFUSED] = {.name = "refused", .outcome = TR_OUTCOME_REFUSED},
    [FAILED] = {.name = "failed", .outcome = TR_OUTCOME_FAILED},
};

static const tr_protocol_move_t moves[] = {
    {START, TR_INITIATOR, TR_SUBSCRIBE, ASKED},
    {ASKED, TR_PARTICIPANT, TR_REFUSE, REFUSED},
    {ASKED, TR_PARTICIPANT, TR_AGREE, SUBSCRIBED},
    {SUBSCRIBED, TR_PARTICIPANT, TR_INFORM, SUBSCRIBED},
    {SUBSCRIBED, TR_PARTICIPANT, TR_FAILURE, FAILED},
};

const tr_protocol_t tr_fipa_subscribe = {
    .name = "fipa-subscribe",
    .flags = TR_PROTOCOL_AGREE_OPTIONAL | TR_PROTOCOL_CANCEL | TR_PROTOCOL_NOT_UNDERSTOOD,
    .states = states,
    .states_n = STATES,
    .moves = moves,
    .moves_n = sizeof moves / sizeof *moves,
};
