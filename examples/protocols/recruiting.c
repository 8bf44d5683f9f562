/*
 * fipa-recruiting: a recruiter finds others for what somebody wants to know; they answer him themselves. It prints
 *
 *   bob@demo: 7
 *   carol@demo: 8
 */
#include "demo.h"

/* Who wants to know. */
static int hear(tr_agent_t *self, void *state, const tr_message_t *message) {
    int64_t price = tr_message_int(message, "price", -1);
    printf("%s: %ld\n", tr_message_sender(message), (long)price);
    if (price == 8)
        demo_over(self, 0);
    return 0;
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    tr_initiator_t i = {"fipa-recruiting", "recruiter"};
    i.fields = TR_FIELDS(TR_FIELD_TEXT("of", "price"));
    return tr_conversation_start(self, &i, NULL, NULL);
}

/* The recruiter. Whom it finds it would look up in the DF. */
static int recruit(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    tr_proxy_t ask = {(const char *[]){"bob", "carol"}, 2, "fipa-query", TR_QUERY_REF};
    return tr_recruit(c, message, &ask, NULL);
}

/* Who knows. */
static int answer(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    char aid[TR_AID_MAX + 1];
    int price = tr_agent_aid(self, aid)[0] == 'b' ? 7 : 8;
    return tr_conversation_say(c, TR_INFORM, TR_FIELDS(TR_FIELD_INT("price", price)));
}

int main(int argc, char **argv) {
    static const tr_participant_t recruits[] = {{"fipa-recruiting", .on_request = recruit}, {0}};
    static const tr_participant_t answers[] = {{"fipa-query", .on_request = answer}, {0}};
    static const tr_behaviour_t asker = {TR_BEHAVIOUR_ABI, "asker", .init = begin, .receive = hear};
    static const tr_behaviour_t middle = {TR_BEHAVIOUR_ABI, "middle", .participants = recruits};
    static const tr_behaviour_t expert = {TR_BEHAVIOUR_ABI, "expert", .participants = answers};
    return demo_main(
        argc, argv, {"bob", &expert}, {"carol", &expert}, {"recruiter", &middle}, {"ann", &asker});
}
