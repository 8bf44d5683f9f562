/*
 * fipa-auction-english: the price rises until nobody but the leader bids. It prints
 *
 *   at 10: 2 bids
 *   at 20: 0 bids
 *   bob@demo pays 10
 */
#include "demo.h"

static void round_over(
    tr_agent_t *self, void *state, tr_sale_t *sale, int64_t price, size_t bids, void *arg) {
    printf("at %ld: %zu bids\n", (long)price, bids);
}

static void over(tr_agent_t *self, void *state, tr_sale_t *sale, const tr_sale_end_t *end, void *arg) {
    printf("%s pays %ld\n", end->sold ? end->winner : "nobody", (long)end->price);
    demo_over(self, end->sold ? 0 : 1);
}

static int sell(tr_agent_t *self, void *state, tr_value_t args) {
    tr_auction_t a = {.start = 10, .step = 10, .reserve = 10, .round_ms = 300};
    a.participants = (const char *[]){"bob", "carol", "dave"}, a.participants_n = 3;
    a.fields = TR_FIELDS(TR_FIELD_TEXT("goods", "a vase"));
    a.on_round = round_over, a.on_end = over;
    return tr_auction_start(self, &a, NULL, NULL);
}

/* A bidder: "dave" can pay 5, "carol" 15, "bob" 25. */
static int hear(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    return 0; /* the goods: the calls follow */
}

static int bid(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    char aid[TR_AID_MAX + 1];
    int limit = 10 * ('e' - tr_agent_aid(self, aid)[0]) - 5;
    if (tr_message_performative(message) != TR_CFP || tr_message_int(message, "price", limit + 1) > limit)
        return 0;
    return tr_conversation_say(c, TR_PROPOSE, NULL); /* at that price */
}

int main(int argc, char **argv) {
    static const tr_participant_t says[] = {{"fipa-auction-english", .on_request = hear, .on_act = bid}, {0}};
    static const tr_behaviour_t bidder = {TR_BEHAVIOUR_ABI, "bidder", .participants = says};
    static const tr_behaviour_t seller = {TR_BEHAVIOUR_ABI, "seller", .init = sell};
    return demo_main(argc, argv, {"bob", &bidder}, {"carol", &bidder}, {"dave", &bidder}, {"alice", &seller});
}
