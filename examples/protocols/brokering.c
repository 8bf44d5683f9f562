/*
 * A broker asks others for what somebody wants to know, and relays what they say. It prints
 *
 *   handed on
 *   bob@demo says 7
 *   carol@demo says 8
 *   over: cancelled
 */
#include "demo.h"

#include <stdio.h>

/* Who wants to know. Its state is how many have answered. */
static void told(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    char from[TR_AID_MAX + 1];
    tr_value_t reply = tr_message_value(message);
    (void)self, (void)arg;
    if (tr_value_copy(tr_value_get(reply, "from"), from, sizeof from) < 0) {
        printf("handed on\n");
        return;
    }
    printf("%s says %ld\n", from, (long)tr_value_int(tr_value_get(reply, "reply"), -1));
    if (++*(int64_t *)state == 2)
        tr_conversation_cancel(c); /* it has heard enough */
}

static void over(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)state, (void)c, (void)last, (void)arg;
    printf("over: %s\n", tr_outcome_name(outcome));
    demo_over(self, outcome == TR_OUTCOME_CANCELLED ? 0 : 1);
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    (void)state, (void)args;
    return tr_conversation_start(self,
        &(tr_initiator_t){.protocol = "fipa-brokering",
            .receiver = "broker-of-prices",
            .content = "\xa5price",
            .content_len = 6,
            .on_inform = told,
            .on_end = over},
        NULL, NULL);
}

/* The broker. Whom it asks it would look up in the DF. Its state is the one conversation that it brokers. */
static void relay(tr_agent_t *self, void *state, tr_conversation_t *asked, const tr_message_t *m, void *arg) {
    tr_conversation_t *c = *(tr_conversation_t **)state;
    tr_content_writer_t w;
    (void)self, (void)asked, (void)arg;
    if (!c)
        return; /* nobody wants to know any more */
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv(&w, "from", tr_message_sender(m));
    tr_write_str(&w, "reply");
    tr_write_value(&w, tr_message_value(m));
    tr_conversation_inform_content(c, &w);
}

static int broker(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    static const char *const experts[] = {"bob", "carol"};
    tr_initiator_t ask = {.protocol = "fipa-query", .performative = TR_QUERY_REF, .on_result = relay};
    *(tr_conversation_t **)state = c;
    ask.content = tr_message_content(message, &ask.content_len);
    int r = tr_conversation_agree(c);
    for (size_t i = 0; i < 2 && r == 0; i++) {
        ask.receiver = experts[i];
        r = tr_conversation_start(self, &ask, NULL, NULL);
    }
    return r == 0 ? tr_conversation_inform(c, NULL, 0) : r;
}

static void ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)self, (void)c, (void)outcome, (void)last, (void)arg;
    *(tr_conversation_t **)state = NULL;
}

static int open_shop(tr_agent_t *self, void *state, tr_value_t args) {
    static const tr_participant_t says = {
        .protocol = "fipa-brokering", .on_request = broker, .on_end = ended};
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
        .receive = demo_receive};
    static const tr_behaviour_t middle = {.abi = TR_BEHAVIOUR_ABI,
        .name = "middle",
        .state_size = sizeof(tr_conversation_t *),
        .init = open_shop,
        .receive = demo_receive};
    static const tr_behaviour_t expert = {
        .abi = TR_BEHAVIOUR_ABI, .name = "expert", .init = know, .receive = demo_receive};
    return demo_main(argc, argv,
        (const demo_agent_t[]){{"bob", &expert, NULL}, {"carol", &expert, NULL},
            {"broker-of-prices", &middle, NULL}, {"alice", &asker, NULL}, {NULL, NULL, NULL}});
}
