/*
 * fipa-propose: may I? It prints
 *
 *   bob@demo asks: may I paint it red?
 *   bob@demo asks: may I paint it blue?
 *   red: rejected
 *   blue: done
 */
#include "demo.h"

#include <string.h>

static void answered(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    printf("%s: %s\n", (const char *)arg, tr_outcome_name(outcome));
    if (!strcmp(arg, "blue"))
        demo_over(self, outcome == TR_OUTCOME_DONE ? 0 : 1);
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    static char colours[2][5] = {"red", "blue"};
    tr_initiator_t may_i = {.protocol = "fipa-propose", .receiver = "alice", .on_end = answered};
    int r = 0;
    for (int i = 0; i < 2 && r == 0; i++) {
        may_i.fields = TR_FIELDS(TR_FIELD_TEXT("colour", colours[i]));
        may_i.arg = colours[i];
        r = tr_conversation_start(self, &may_i, NULL, NULL);
    }
    return r;
}

/* The other side. */
static int decide(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    const char *colour = tr_message_text(message, "colour");
    printf("%s asks: may I paint it %s?\n", tr_message_sender(message), colour);
    if (!strcmp(colour, "red"))
        return tr_conversation_reject(c, "taste", "no red");
    return tr_conversation_say(c, TR_ACCEPT_PROPOSAL, NULL);
}

int main(int argc, char **argv) {
    static const tr_participant_t says[] = {{"fipa-propose", .on_request = decide}, {0}};
    static const tr_behaviour_t painter = {TR_BEHAVIOUR_ABI, "painter", .init = begin};
    static const tr_behaviour_t owner = {TR_BEHAVIOUR_ABI, "owner", .participants = says};
    return demo_main(argc, argv, {"alice", &owner}, {"bob", &painter});
}
