/*
 * fipa-iterated-contract-net: the same, where each may offer again, until nobody goes below. It prints
 *
 *   bob@demo offers 45
 *   carol@demo offers 40
 *   carol@demo offers 30
 *   carol@demo offers 30
 *   carol@demo has done it
 */
#include "demo.h"

/* Its state is the best price of the round before. */
static tr_decision_t choose(
    tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposals, size_t n, void *arg) {
    const tr_proposal_t *best = tr_proposal_least(proposals, n, "price");
    int64_t *price = state, before = *price;
    *price = tr_value_int(tr_value_get(best->value, "price"), 0);
    printf("%s offers %ld\n", best->from, (long)*price);
    *price != before ? tr_call_again(call, NULL, 0, NULL) : tr_call_accept(call, best, NULL, 0, NULL);
    return TR_DECIDED;
}

static void done(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    const tr_message_t *message, void *arg) {
    printf("%s has done it\n", proposal->from);
    demo_over(self, 0);
}

static int call(tr_agent_t *self, void *state, tr_value_t args) {
    tr_contract_net_t net = {.iterated = true, .on_proposals = choose, .on_result = done};
    net.participants = (const char *[]){"bob", "carol"}, net.participants_n = 2;
    return tr_contract_net_start(self, &net, NULL, NULL);
}

/* The other side. Its state is how often it has come down: bob never does, carol twice. */
static int offer(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    char aid[TR_AID_MAX + 1];
    int64_t *steps = state, bob = tr_agent_aid(self, aid)[0] == 'b', price = bob ? 45 : 50 - 10 * *steps;
    *steps += *steps < 2;
    if (tr_message_performative(message) == TR_CFP)
        return tr_conversation_say(c, TR_PROPOSE, TR_FIELDS(TR_FIELD_INT("price", price)));
    return tr_conversation_inform(c, NULL, 0); /* it was accepted */
}

int main(int argc, char **argv) {
    static const tr_participant_t says[] = {{"fipa-iterated-contract-net", NULL, offer, offer}, {0}};
    static const tr_behaviour_t worker = {TR_BEHAVIOUR_ABI, "worker", .state_size = 8, .participants = says};
    static const tr_behaviour_t caller = {TR_BEHAVIOUR_ABI, "caller", .state_size = 8, .init = call};
    return demo_main(argc, argv, {"bob", &worker}, {"carol", &worker}, {"alice", &caller});
}
