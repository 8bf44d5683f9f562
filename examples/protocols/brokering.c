/*
 * fipa-brokering: a broker asks others for what somebody wants to know, and relays what they say. It prints
 *
 *   handed on
 *   bob@demo says 7
 *   carol@demo says 8
 *   over: cancelled
 */
#include "demo.h"

static void told(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    const char *from = tr_message_text(message, "from");
    tr_value_t said = tr_value_get(tr_message_value(message), "content");
    int64_t price = tr_value_int(tr_value_get(said, "price"), 0);
    if (price)
        printf("%s says %ld\n", from, (long)price);
    else
        printf("handed on\n");
    if (price == 8)
        tr_conversation_cancel(c); /* it has heard enough */
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    tr_initiator_t i = {"fipa-brokering", "middle", .on_inform = told, .on_end = demo_ended};
    i.fields = TR_FIELDS(TR_FIELD_TEXT("of", "price"));
    return tr_conversation_start(self, &i, NULL, NULL);
}

/* The broker. Whom it asks it would look up in the DF. */
static int broker(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    tr_proxy_t ask = {(const char *[]){"bob", "carol"}, 2, "fipa-query", TR_QUERY_REF};
    return tr_broker(c, message, &ask, NULL);
}

/* Who knows. */
static int answer(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    char aid[TR_AID_MAX + 1];
    int price = tr_agent_aid(self, aid)[0] == 'b' ? 7 : 8;
    return tr_conversation_say(c, TR_INFORM, TR_FIELDS(TR_FIELD_INT("price", price)));
}

int main(int argc, char **argv) {
    static const tr_participant_t brokers[] = {{"fipa-brokering", .on_request = broker}, {0}};
    static const tr_participant_t answers[] = {{"fipa-query", .on_request = answer}, {0}};
    static const tr_behaviour_t asker = {TR_BEHAVIOUR_ABI, "asker", .init = begin};
    static const tr_behaviour_t middle = {TR_BEHAVIOUR_ABI, "middle", .participants = brokers};
    static const tr_behaviour_t expert = {TR_BEHAVIOUR_ABI, "expert", .participants = answers};
    return demo_main(argc, argv, {"bob", &expert}, {"carol", &expert}, {"middle", &middle}, {"ann", &asker});
}
