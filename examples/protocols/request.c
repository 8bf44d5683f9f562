/*
 * fipa-request: do this. It prints
 *
 *   bob@demo agrees to make tea
 *   bob@demo: 2 cups
 *   tea: done
 *   coffee: refused
 */
#include "demo.h"

#include <string.h>

static void agreed(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *m, void *arg) {
    printf("%s agrees to make %s\n", tr_message_sender(m), (const char *)arg);
}

static void made(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *m, void *arg) {
    printf("%s: %ld cups\n", tr_message_sender(m), (long)tr_message_int(m, "cups", 0));
}

static void over(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    printf("%s: %s\n", (const char *)arg, tr_outcome_name(outcome));
    if (outcome != TR_OUTCOME_DONE)
        demo_over(self, outcome == TR_OUTCOME_REFUSED ? 0 : 1);
}

static int order(tr_agent_t *self, void *state, tr_value_t args) {
    static char drinks[2][7] = {"tea", "coffee"};
    tr_initiator_t i = {"fipa-request", "bob", .on_agree = agreed, .on_result = made, .on_end = over};
    i.fields = TR_FIELDS(TR_FIELD_TEXT("drink", i.arg = drinks[0]));
    int r = tr_conversation_start(self, &i, NULL, NULL);
    i.fields = TR_FIELDS(TR_FIELD_TEXT("drink", i.arg = drinks[1]));
    return r == 0 ? tr_conversation_start(self, &i, NULL, NULL) : r;
}

/* The other side. */
static int make(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    if (strcmp(tr_message_text(message, "drink"), "tea") != 0)
        return tr_conversation_refuse(c, "unsupported-value", "there is only tea");
    int r = tr_conversation_agree(c);
    return r == 0 ? tr_conversation_say(c, TR_INFORM, TR_FIELDS(TR_FIELD_INT("cups", 2))) : r;
}

int main(int argc, char **argv) {
    static const tr_participant_t says[] = {{"fipa-request", .on_request = make}, {0}};
    static const tr_behaviour_t cook = {TR_BEHAVIOUR_ABI, "cook", .participants = says};
    static const tr_behaviour_t guest = {TR_BEHAVIOUR_ABI, "guest", .init = order};
    return demo_main(argc, argv, {"bob", &cook}, {"alice", &guest});
}
