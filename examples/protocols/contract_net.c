/*
 * fipa-contract-net: who digs the garden, and for how much? It prints
 *
 *   dave@demo may do it for 10
 *   dave@demo has dug 4 beds
 */
#include "demo.h"

static tr_decision_t choose(
    tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposals, size_t n, void *arg) {
    const tr_proposal_t *best = tr_proposal_least(proposals, n, "price");
    if (best && tr_call_accept(call, best, NULL, 0, NULL) == 0)
        printf(
            "%s may do it for %ld\n", best->from, (long)tr_value_int(tr_value_get(best->value, "price"), 0));
    return TR_DECIDED; /* the others are rejected */
}

static void dug(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    const tr_message_t *message, void *arg) {
    printf("%s has dug %ld beds\n", proposal->from, (long)tr_message_int(message, "beds", 0));
    demo_over(self, 0);
}

static int call(tr_agent_t *self, void *state, tr_value_t args) {
    tr_contract_net_t net = {.fields = TR_FIELDS(TR_FIELD_INT("beds", 4)), .proposals_ms = 2000};
    net.participants = (const char *[]){"bob", "carol", "dave"};
    net.participants_n = 3;
    net.on_proposals = choose, net.on_result = dug;
    return tr_contract_net_start(self, &net, NULL, NULL);
}

/* The other side: "dave" digs for 10, "carol" for 20 ... */
static int propose(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    char aid[TR_AID_MAX + 1];
    int price = 10 * ('e' - tr_agent_aid(self, aid)[0]);
    return tr_conversation_say(c, TR_PROPOSE, TR_FIELDS(TR_FIELD_INT("price", price)));
}

static int dig(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    return tr_conversation_say(c, TR_INFORM, TR_FIELDS(TR_FIELD_INT("beds", 4)));
}

int main(int argc, char **argv) {
    static const tr_participant_t says[] = {{"fipa-contract-net", .on_request = propose, .on_act = dig}, {0}};
    static const tr_behaviour_t digger = {TR_BEHAVIOUR_ABI, "digger", .participants = says};
    static const tr_behaviour_t caller = {TR_BEHAVIOUR_ABI, "caller", .init = call};
    return demo_main(argc, argv, {"bob", &digger}, {"carol", &digger}, {"dave", &digger}, {"alice", &caller});
}
