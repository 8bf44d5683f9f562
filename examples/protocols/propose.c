/*
 * A proposal: may I? It prints
 *
 *   bob@demo asks: may I paint it red?
 *   bob@demo asks: may I paint it blue?
 *   red: rejected
 *   blue: done
 */
#include "demo.h"

#include <stdio.h>
#include <string.h>

static void answered(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)state, (void)c, (void)last;
    printf("%s: %s\n", (const char *)arg, tr_outcome_name(outcome));
    if (!strcmp(arg, "blue"))
        demo_over(self, outcome == TR_OUTCOME_DONE ? 0 : 1);
}

static int ask(tr_agent_t *self, const char *colour) {
    tr_content_writer_t w;
    tr_initiator_t i = {.protocol = "fipa-propose",
        .receiver = "alice",
        .on_end = answered,
        .arg = (void *)(uintptr_t)colour};
    tr_content_writer_init(&w);
    tr_write_str(&w, colour);
    int r = tr_content_writer_take(&w, &i.content, &i.content_len);
    if (r == 0)
        r = tr_conversation_start(self, &i, NULL, NULL);
    tr_content_writer_finish(&w);
    return r;
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    (void)state, (void)args;
    int r = ask(self, "red");
    return r == 0 ? ask(self, "blue") : r;
}

/* The other side. */
static int decide(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    char colour[16] = "";
    (void)self, (void)state;
    tr_value_copy(tr_message_value(message), colour, sizeof colour);
    printf("%s asks: may I paint it %s?\n", tr_message_sender(message), colour);
    if (!strcmp(colour, "red"))
        return tr_conversation_reject(c, "taste", "no red");
    return tr_conversation_act(c, TR_ACCEPT_PROPOSAL, NULL, 0, NULL);
}

static int serve(tr_agent_t *self, void *state, tr_value_t args) {
    static const tr_participant_t says = {.protocol = "fipa-propose", .on_request = decide};
    (void)state, (void)args;
    return tr_participate(self, &says);
}

int main(int argc, char **argv) {
    static const tr_behaviour_t painter = {
        .abi = TR_BEHAVIOUR_ABI, .name = "painter", .init = begin, .receive = demo_receive};
    static const tr_behaviour_t owner = {
        .abi = TR_BEHAVIOUR_ABI, .name = "owner", .init = serve, .receive = demo_receive};
    return demo_main(argc, argv,
        (const demo_agent_t[]){{"alice", &owner, NULL}, {"bob", &painter, NULL}, {NULL, NULL, NULL}});
}
