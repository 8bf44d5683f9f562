/*
 * Auctions: English (FIPA XC00031), where the price rises until nobody bids, and Dutch (XC00032), where it falls until
 * somebody does. The auctioneer is the initiator; with each bidder there is one conversation of troupe/protocol.h, all under one
 * conversation-id. Prices are whole numbers of any unit.
 *
 *     tr_auction_start(self, &(tr_auction_t){.participants = names, .participants_n = 3, .start = 10, .step = 5,
 *         .reserve = 20, .round_ms = 1000, .on_end = sold}, NULL, &error);
 *
 * On the wire: inform (the content that is given here: the goods), then for each round a cfp {"price": P}. A bid is a propose
 * {"price": P}, or one without a content for the price that was called; one below it, or of an earlier round, is
 * rejected. A round ends after round_ms, or when all have answered: the best bid (of equal ones the first) is
 * accepted, and the others are rejected. An English auction calls the next price then, of all but the one
 * who leads; a Dutch one is over. At the end each is told by inform {"sold": bool, "price": P}; the winner of
 * an English auction gets a request {"action": "buy", "price": P}, or, below the reserve, a cancel.
 *
 * A bidder says tr_participate for "fipa-auction-english" or "fipa-auction-dutch": on_request gets the goods, on_act gets the cfp
 * (bid by propose, or do nothing), accept-proposal and reject-proposal; on_end tells TR_OUTCOME_DONE: bought,
 * TR_OUTCOME_REJECTED: not, TR_OUTCOME_CANCELLED: the auction was.
 *
 * Ownership and threads: as troupe/contract_net.h.
 */
#ifndef TROUPE_AUCTION_H
#define TROUPE_AUCTION_H

#include "troupe/contract_net.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_AUCTION_ROUND 1000 /* milliseconds, where none is said */

typedef struct tr_sale tr_sale_t;

typedef struct tr_sale_end {
    bool sold;
    const char *winner; /* AID; who offered most where it was not sold, NULL = nobody */
    int64_t price;      /* that was offered last; of nobody: the last one that was called */
    size_t rounds;
} tr_sale_end_t;

typedef struct tr_auction {
    bool dutch;
    const char *const *participants; /* as tr_contract_net_t */
    size_t participants_n;
    const char *ontology;
    const char *conversation_id; /* NULL = one is made */
    const void *content;
    size_t content_len;
    const tr_field_t *fields; /* as tr_initiator_t */
    int64_t start;            /* the first price */
    int64_t step;             /* above 0: by which it rises or falls */
    int64_t reserve;          /* below it nothing is sold */
    int64_t round_ms;
    /* A round is over: how many bade at this price. May be NULL, as the next. */
    void (*on_round)(tr_agent_t *self, void *state, tr_sale_t *sale, int64_t price, size_t bids, void *arg);
    /* Once, when nothing of it is open any more. */
    void (*on_end)(tr_agent_t *self, void *state, tr_sale_t *sale, const tr_sale_end_t *end, void *arg);
    void *arg;
} tr_auction_t;

/* ret_sale may be NULL; who asks for it must have an on_end. 0, or -EINVAL (also: step, a Dutch start below the
 * reserve), and as tr_contract_net_start. Callbacks are never called before it returns. */
int tr_auction_start(tr_agent_t *self, const tr_auction_t *auction, tr_sale_t **ret_sale, tr_error_t *error);
/* All are asked to cancel: nothing is sold. */
void tr_auction_cancel(tr_sale_t *self);
/* Borrowed, as long as the sale. */
const char *tr_auction_id(const tr_sale_t *self);

#ifdef __cplusplus
}
#endif

#endif
