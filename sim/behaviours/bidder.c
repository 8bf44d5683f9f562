/*
 * bidder: buys at auctions, English and Dutch.
 *
 *   args: {"value": 60, "spread": 0.5}
 *
 * A piece is worth around `value` to it, drawn anew for each auction (by up to `spread` of it): it bids the called price as long as that is not
 * above the worth.
 */
#include "sim/behaviours/table.h"

#include "troupe/auction.h"

#include <stdint.h>

typedef struct bidder_args {
    double value, spread;
} bidder_args_t;

typedef struct bidder {
    tr_part_t part;
    bidder_args_t args;
    uint64_t bought;
} bidder_t;

static const tr_arg_t known[] = {
    {"value", TR_ARG_REAL, offsetof(bidder_args_t, value), .min = 0, .max = 1000000000},
    {"spread", TR_ARG_REAL, offsetof(bidder_args_t, spread), .min = 0, .max = 1},
    TR_PART_ARG,
};

static int read_args(tr_value_t args, bidder_args_t *ret, tr_problem_t *problem) {
    *ret = (bidder_args_t){.value = 60, .spread = 0.5};
    return tr_args_read(known, sizeof known / sizeof *known, args, ret, problem);
}

int tr_bidder_check(tr_value_t args, tr_problem_t *problem) {
    return read_args(args, &(bidder_args_t){0}, problem);
}

/* What it is worth travels with the conversation. */
static int see_goods(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    bidder_t *b = state;
    double worth = b->args.value * (1 + b->args.spread * (2 * tr_part_chance(&b->part) - 1));
    (void)self, (void)message;
    tr_conversation_set_arg(c, (void *)(intptr_t)worth);
    return 0;
}

static int hear_price(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    int64_t price = tr_value_int(tr_value_get(tr_message_value(message), "price"), INT64_MAX);
    (void)self, (void)state;
    if (tr_message_performative(message) != TR_CFP || price > (int64_t)(intptr_t)tr_conversation_arg(c))
        return 0;
    return tr_conversation_act(c, TR_PROPOSE, NULL, 0, NULL);
}

static void ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    bidder_t *b = state;
    (void)self, (void)c, (void)last, (void)arg;
    b->bought += outcome == TR_OUTCOME_DONE;
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    static const tr_participant_t english = {
        .protocol = "fipa-auction-english", .on_request = see_goods, .on_act = hear_price, .on_end = ended};
    static const tr_participant_t dutch = {
        .protocol = "fipa-auction-dutch", .on_request = see_goods, .on_act = hear_price, .on_end = ended};
    bidder_t *b = state;
    int rc = read_args(args, &b->args, NULL);
    if (rc == 0)
        rc = tr_part_init(&b->part, self, args);
    if (rc == 0)
        rc = tr_participate(self, &english);
    return rc == 0 ? tr_participate(self, &dutch) : rc;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    const bidder_t *b = state;
    if (tr_part_news(message, NULL) != TR_PART_END)
        return 0;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv_uint(&w, "bought", b->bought);
    return tr_publish_content(self, "sim.state", &w);
}

const tr_behaviour_t tr_sim_bidder = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "bidder",
    .summary = "buys at auctions",
    .state_size = sizeof(bidder_t),
    .init = init,
    .receive = receive,
};
