/*
 * FIPA Dutch Auction (XC00032), as one of the bidders sees it: inform (it begins) -> cfp (a price) -> propose, or nothing ->
 * accept-proposal (the first) | reject-proposal -> cfp (a lower price, or more of the goods) ... -> inform (it has ended).
 * Who does not want to pay a price says nothing, so a reply-by ends no conversation. The rounds with all of them are
 * auction.c.
 *
 * A bid may cross the next cfp or the end on its way: the bidder, who has bid, then sees these, and the
 * rejection after them.
 */
#include "lib/agent/protocol/table.h"

enum { START, ANNOUNCED, CALLED, BIDDING, WON, OUTBID, LOST, SOLD, STATES };

static const tr_protocol_state_t states[STATES] = {
    [START] = {.name = "start"},
    [ANNOUNCED] = {.name = "announced", .renew = true, .patient = true},
    [CALLED] = {.name = "called", .renew = true, .patient = true},
    [BIDDING] = {.name = "bidding", .renew = true, .patient = true},
    [WON] = {.name = "won", .renew = true, .patient = true},
    [OUTBID] = {.name = "outbid", .renew = true, .patient = true},
    [LOST] = {.name = "lost", .outcome = TR_OUTCOME_REJECTED},
    [SOLD] = {.name = "sold", .outcome = TR_OUTCOME_DONE},
};

static const tr_protocol_move_t moves[] = {
    {START, TR_INITIATOR, TR_INFORM, ANNOUNCED},
    {ANNOUNCED, TR_INITIATOR, TR_CFP, CALLED},
    {ANNOUNCED, TR_INITIATOR, TR_INFORM, LOST},
    {CALLED, TR_PARTICIPANT, TR_PROPOSE, BIDDING},
    {CALLED, TR_INITIATOR, TR_CFP, CALLED},
    {CALLED, TR_INITIATOR, TR_INFORM, LOST},
    {CALLED, TR_INITIATOR, TR_REJECT_PROPOSAL, OUTBID},
    {BIDDING, TR_INITIATOR, TR_ACCEPT_PROPOSAL, WON},
    {BIDDING, TR_INITIATOR, TR_REJECT_PROPOSAL, OUTBID},
    {BIDDING, TR_INITIATOR, TR_CFP, CALLED},
    {BIDDING, TR_INITIATOR, TR_INFORM, LOST},
    {WON, TR_INITIATOR, TR_CFP, CALLED},
    {WON, TR_INITIATOR, TR_INFORM, SOLD},
    {OUTBID, TR_INITIATOR, TR_CFP, CALLED},
    {OUTBID, TR_INITIATOR, TR_INFORM, LOST},
};

const tr_protocol_t tr_fipa_auction_dutch = {
    .name = "fipa-auction-dutch",
    .flags = TR_PROTOCOL_CANCEL | TR_PROTOCOL_NOT_UNDERSTOOD,
    .states = states,
    .states_n = STATES,
    .moves = moves,
    .moves_n = sizeof moves / sizeof *moves,
};
