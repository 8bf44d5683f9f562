/*
 * fipa-request-whenever: do this each time that something is so. It prints
 *
 *   cup 1 is full
 *   cup 2 is full
 *   over: cancelled
 */
#include "demo.h"

static void full(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *m, void *arg) {
    int64_t cup = tr_message_int(m, "cup", 0);
    printf("cup %ld is full\n", (long)cup);
    if (cup == 2)
        tr_conversation_cancel(c); /* it would go on for ever */
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    tr_initiator_t i = {"fipa-request-whenever", "kettle", .on_inform = full, .on_end = demo_ended};
    i.fields = TR_FIELDS(TR_FIELD_TEXT("do", "ring"), TR_FIELD_TEXT("whenever", "a cup is full"));
    return tr_conversation_start(self, &i, NULL, NULL);
}

/* The other side. Its state is who waits, until that ends. */
static void pour(tr_agent_t *self, void *state, void *arg) {
    tr_conversation_t **c = state;
    for (int cup = 1; cup <= 2 && *c; cup++)
        tr_conversation_say(*c, TR_INFORM, TR_FIELDS(TR_FIELD_INT("cup", cup)));
}

static int wait(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    *(tr_conversation_t **)state = tr_timer_start(self, 10, pour, NULL) ? c : NULL;
    return tr_conversation_agree(c);
}

static void ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    *(tr_conversation_t **)state = NULL;
}

int main(int argc, char **argv) {
    static const tr_participant_t says[] = {
        {"fipa-request-whenever", .on_request = wait, .on_end = ended}, {0}};
    static const tr_behaviour_t kettle = {TR_BEHAVIOUR_ABI, "kettle", .state_size = 8, .participants = says};
    static const tr_behaviour_t guest = {TR_BEHAVIOUR_ABI, "guest", .init = begin};
    return demo_main(argc, argv, {"kettle", &kettle}, {"alice", &guest});
}
