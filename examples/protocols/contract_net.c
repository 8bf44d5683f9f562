/*
 * A call for proposals: who digs the garden, and for how much? It prints
 *
 *   3 proposals
 *   dave@demo may do it for 10
 *   dave@demo: dug
 */
#include "demo.h"

#include <stdio.h>

static tr_decision_t choose(
    tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposals, size_t n, void *arg) {
    const tr_proposal_t *best = NULL;
    int64_t least = INT64_MAX;
    (void)self, (void)state, (void)arg;
    for (size_t i = 0; i < n; i++) {
        int64_t price = tr_value_int(tr_value_get(proposals[i].value, "price"), INT64_MAX);
        best = price < least ? &proposals[i] : best;
        least = price < least ? price : least;
    }
    printf("%zu proposals\n", n);
    if (best && tr_call_accept(call, best, NULL, 0, NULL) == 0)
        printf("%s may do it for %ld\n", best->from, (long)least);
    return TR_DECIDED; /* the others are rejected */
}

static void dug(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    const tr_message_t *message, void *arg) {
    char what[16] = "";
    (void)self, (void)state, (void)call, (void)arg;
    tr_value_copy(tr_message_value(message), what, sizeof what);
    printf("%s: %s\n", proposal->from, what);
}

static void over(tr_agent_t *self, void *state, tr_call_t *call, void *arg) {
    (void)state, (void)arg;
    demo_over(self, tr_call_ended(call, TR_OUTCOME_DONE) == 1 ? 0 : 1);
}

static int call(tr_agent_t *self, void *state, tr_value_t args) {
    static const char *const names[] = {"bob", "carol", "dave"};
    (void)state, (void)args;
    return tr_contract_net_start(self,
        &(tr_contract_net_t){.participants = names,
            .participants_n = 3,
            .content = "\xa3"
                       "dig",
            .content_len = 4,
            .proposals_ms = 2000,
            .on_proposals = choose,
            .on_result = dug,
            .on_end = over},
        NULL, NULL);
}

/* The other side. Its state is its price. */
static int propose(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    tr_content_writer_t w;
    (void)self, (void)message;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv_int(&w, "price", *(int64_t *)state);
    return tr_conversation_act_content(c, TR_PROPOSE, &w, NULL);
}

static int accepted(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    (void)self, (void)state, (void)message;
    return tr_conversation_inform(c,
        "\xa3"
        "dug",
        4);
}

static void ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)self, (void)state, (void)c, (void)outcome, (void)last,
        (void)arg; /* TR_OUTCOME_REJECTED: not chosen */
}

static int offer(tr_agent_t *self, void *state, tr_value_t args) {
    static const tr_participant_t says = {
        .protocol = "fipa-contract-net", .on_request = propose, .on_act = accepted, .on_end = ended};
    *(int64_t *)state = tr_value_int(tr_value_get(args, "price"), 0);
    return tr_participate(self, &says);
}

int main(int argc, char **argv) {
    static const tr_behaviour_t caller = {
        .abi = TR_BEHAVIOUR_ABI, .name = "caller", .init = call, .receive = demo_receive};
    static const tr_behaviour_t digger = {.abi = TR_BEHAVIOUR_ABI,
        .name = "digger",
        .state_size = sizeof(int64_t),
        .init = offer,
        .receive = demo_receive};
    return demo_main(argc, argv,
        (const demo_agent_t[]){{"bob", &digger, "{\"price\": 30}"}, {"carol", &digger, "{\"price\": 20}"},
            {"dave", &digger, "{\"price\": 10}"}, {"alice", &caller, NULL}, {NULL, NULL, NULL}});
}
