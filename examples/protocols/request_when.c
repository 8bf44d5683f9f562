/*
 * fipa-request-when: do this once something is so. It prints
 *
 *   kettle@demo waits
 *   it boils at 100
 *   over: done
 */
#include "demo.h"

static void waits(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *m, void *arg) {
    printf("%s waits\n", tr_message_sender(m));
}

static void rung(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *m, void *arg) {
    printf("it boils at %ld\n", (long)tr_message_int(m, "degrees", 0));
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    tr_initiator_t i = {
        "fipa-request-when", "kettle", .on_agree = waits, .on_result = rung, .on_end = demo_ended};
    i.fields = TR_FIELDS(TR_FIELD_TEXT("do", "ring"), TR_FIELD_TEXT("when", "boils"));
    return tr_conversation_start(self, &i, NULL, NULL);
}

/* The other side. Its state is who waits, until that ends. */
static void boil(tr_agent_t *self, void *state, void *arg) {
    tr_conversation_t *c = *(tr_conversation_t **)state;
    if (c)
        tr_conversation_say(c, TR_INFORM, TR_FIELDS(TR_FIELD_INT("degrees", 100)));
}

static int wait(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    *(tr_conversation_t **)state = tr_timer_start(self, 10, boil, NULL) ? c : NULL;
    return tr_conversation_agree(c);
}

static void ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    *(tr_conversation_t **)state = NULL;
}

int main(int argc, char **argv) {
    static const tr_participant_t says[] = {{"fipa-request-when", .on_request = wait, .on_end = ended}, {0}};
    static const tr_behaviour_t kettle = {TR_BEHAVIOUR_ABI, "kettle", .state_size = 8, .participants = says};
    static const tr_behaviour_t guest = {TR_BEHAVIOUR_ABI, "guest", .init = begin};
    return demo_main(argc, argv, {"kettle", &kettle}, {"alice", &guest});
}
