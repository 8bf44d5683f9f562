/*
 * A recruiter finds others for what somebody wants to know; they answer him themselves. It prints
 *
 *   recruited: done
 *   inform of bob@demo: 7
 *   inform of carol@demo: 8
 */
#include "demo.h"

#include <stdio.h>

/* Who wants to know. Its state is how many have answered. */
static int hear(tr_agent_t *self, void *state, const tr_message_t *message) {
    printf("%s of %s: %ld\n", tr_performative_name(tr_message_performative(message)),
        tr_message_sender(message), (long)tr_value_int(tr_message_value(message), -1));
    if (++*(int64_t *)state == 2)
        demo_over(self, 0);
    return 0;
}

static void recruited(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)self, (void)state, (void)c, (void)last, (void)arg;
    printf("recruited: %s\n", tr_outcome_name(outcome));
    if (outcome != TR_OUTCOME_DONE)
        demo_over(self, 1);
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    (void)state, (void)args;
    return tr_conversation_start(self,
        &(tr_initiator_t){.protocol = "fipa-recruiting",
            .receiver = "recruiter",
            .content = "\xa5price",
            .content_len = 6,
            .on_end = recruited},
        NULL, NULL);
}

/* The recruiter. Whom it finds it would look up in the DF; reply-to says whom they answer. */
static int recruit(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    static const char *const experts[] = {"bob", "carol"};
    const char *asker = tr_message_sender(message);
    tr_acl_t ask = {.performative = TR_QUERY_REF,
        .reply_to = {.items = &asker, .count = 1},
        .protocol = "fipa-query",
        .conversation_id = "what-it-costs"};
    (void)state;
    ask.content = tr_message_content(message, &ask.content_len);
    int r = tr_conversation_agree(c);
    if (r == 0)
        r = tr_conversation_inform(c, NULL, 0); /* it has been handed on */
    for (size_t i = 0; i < 2 && r == 0; i++) {
        ask.receivers = (tr_acl_list_t){.items = &experts[i], .count = 1};
        r = tr_send(self, &ask);
    }
    return r;
}

static int open_shop(tr_agent_t *self, void *state, tr_value_t args) {
    static const tr_participant_t says = {.protocol = "fipa-recruiting", .on_request = recruit};
    (void)state, (void)args;
    return tr_participate(self, &says);
}

/* Who knows. */
static int answer(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    char aid[TR_AID_MAX + 1];
    (void)state, (void)message;
    return tr_conversation_inform(c, tr_agent_aid(self, aid)[0] == 'b' ? "\x07" : "\x08", 1);
}

static int know(tr_agent_t *self, void *state, tr_value_t args) {
    static const tr_participant_t says = {.protocol = "fipa-query", .on_request = answer};
    (void)state, (void)args;
    return tr_participate(self, &says);
}

int main(int argc, char **argv) {
    static const tr_behaviour_t asker = {.abi = TR_BEHAVIOUR_ABI,
        .name = "asker",
        .state_size = sizeof(int64_t),
        .init = begin,
        .receive = hear};
    static const tr_behaviour_t recruiter = {
        .abi = TR_BEHAVIOUR_ABI, .name = "recruiter", .init = open_shop, .receive = demo_receive};
    static const tr_behaviour_t expert = {
        .abi = TR_BEHAVIOUR_ABI, .name = "expert", .init = know, .receive = demo_receive};
    return demo_main(argc, argv,
        (const demo_agent_t[]){{"bob", &expert, NULL}, {"carol", &expert, NULL},
            {"recruiter", &recruiter, NULL}, {"alice", &asker, NULL}, {NULL, NULL, NULL}});
}
