/*
 * fipa-query: is it so, and which is it? It prints
 *
 *   is the shop open? yes
 *   the price is 7
 */
#include "demo.h"

static void told(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *m, void *arg) {
    int64_t price = tr_message_int(m, "price", -1);
    if (price < 0)
        printf("is the shop open? %s\n", tr_value_bool(tr_message_value(m), false) ? "yes" : "no");
    else
        printf("the price is %ld\n", (long)price);
}

static void over(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    if (arg || outcome != TR_OUTCOME_DONE)
        demo_over(self, outcome == TR_OUTCOME_DONE ? 0 : 1);
}

static int ask(tr_agent_t *self, void *state, tr_value_t args) {
    tr_initiator_t i = {"fipa-query", "shop", TR_QUERY_IF, .on_result = told, .on_end = over};
    i.fields = TR_FIELDS(TR_FIELD_TEXT("if", "open"));
    int r = tr_conversation_start(self, &i, NULL, NULL);
    i.performative = TR_QUERY_REF;
    i.fields = TR_FIELDS(TR_FIELD_TEXT("of", "price"));
    i.arg = self; /* this is the last question */
    return r == 0 ? tr_conversation_start(self, &i, NULL, NULL) : r;
}

/* The other side. */
static int answer(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    if (tr_message_performative(message) == TR_QUERY_IF)
        return tr_conversation_inform(c, "\xc3", 1); /* true, in msgpack */
    return tr_conversation_say(c, TR_INFORM, TR_FIELDS(TR_FIELD_INT("price", 7)));
}

int main(int argc, char **argv) {
    static const tr_participant_t says[] = {{"fipa-query", .on_request = answer}, {0}};
    static const tr_behaviour_t shop = {TR_BEHAVIOUR_ABI, "shop", .participants = says};
    static const tr_behaviour_t guest = {TR_BEHAVIOUR_ABI, "guest", .init = ask};
    return demo_main(argc, argv, {"shop", &shop}, {"alice", &guest});
}
