/*
 * A vase is sold twice: once to who pays most, once to who bids first while the price falls. It prints
 *
 *   at 10: 2 bids
 *   at 20: 0 bids
 *   rising: bob@demo pays 10
 *   at 50: 0 bids
 *   at 40: 0 bids
 *   at 30: 0 bids
 *   at 20: 1 bids
 *   falling: bob@demo pays 20
 */
#include "demo.h"

#include <errno.h>
#include <stdio.h>

static int sell(tr_agent_t *self, bool falling);

static void round_over(
    tr_agent_t *self, void *state, tr_sale_t *sale, int64_t price, size_t bids, void *arg) {
    (void)self, (void)state, (void)sale, (void)arg;
    printf("at %ld: %zu bids\n", (long)price, bids);
}

static void sold(tr_agent_t *self, void *state, tr_sale_t *sale, const tr_sale_end_t *end, void *arg) {
    (void)state, (void)sale;
    bool falling = arg != NULL;
    printf("%s: %s pays %ld\n", falling ? "falling" : "rising", end->sold ? end->winner : "nobody",
        (long)end->price);
    if (falling || sell(self, true) < 0)
        demo_over(self, falling && end->sold ? 0 : 1);
}

static int sell(tr_agent_t *self, bool falling) {
    static const char *const names[] = {"bob", "carol", "dave"};
    return tr_auction_start(self,
        &(tr_auction_t){.dutch = falling,
            .participants = names,
            .participants_n = 3,
            .content = "\xa4vase",
            .content_len = 5,
            .start = falling ? 50 : 10,
            .step = 10,
            .reserve = 10,
            .round_ms = 300,
            .on_round = round_over,
            .on_end = sold,
            .arg = falling ? self : NULL},
        NULL, NULL);
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    (void)state, (void)args;
    return sell(self, false);
}

/* A bidder. Its state is what it can pay. */
static int hear(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    (void)self, (void)state, (void)c, (void)message; /* the goods */
    return 0;
}

static int bid(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    int64_t price = tr_value_int(tr_value_get(tr_message_value(message), "price"), INT64_MAX);
    (void)self;
    if (tr_message_performative(message) != TR_CFP || price > *(int64_t *)state)
        return 0;
    return tr_conversation_act(c, TR_PROPOSE, NULL, 0, NULL); /* at that price */
}

static void ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)self, (void)state, (void)c, (void)outcome, (void)last, (void)arg; /* TR_OUTCOME_DONE: bought */
}

static int come(tr_agent_t *self, void *state, tr_value_t args) {
    static const tr_participant_t rising = {
        .protocol = "fipa-auction-english", .on_request = hear, .on_act = bid, .on_end = ended};
    static const tr_participant_t falling = {
        .protocol = "fipa-auction-dutch", .on_request = hear, .on_act = bid, .on_end = ended};
    *(int64_t *)state = tr_value_int(tr_value_get(args, "limit"), 0);
    int r = tr_participate(self, &rising);
    return r == 0 ? tr_participate(self, &falling) : r;
}

int main(int argc, char **argv) {
    static const tr_behaviour_t auctioneer = {
        .abi = TR_BEHAVIOUR_ABI, .name = "auctioneer", .init = begin, .receive = demo_receive};
    static const tr_behaviour_t bidder = {.abi = TR_BEHAVIOUR_ABI,
        .name = "bidder",
        .state_size = sizeof(int64_t),
        .init = come,
        .receive = demo_receive};
    return demo_main(argc, argv,
        (const demo_agent_t[]){{"bob", &bidder, "{\"limit\": 25}"}, {"carol", &bidder, "{\"limit\": 15}"},
            {"dave", &bidder, "{\"limit\": 5}"}, {"alice", &auctioneer, NULL}, {NULL, NULL, NULL}});
}
