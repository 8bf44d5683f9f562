/*
 * fipa-subscribe: tell me now, and each time that it changes. It prints
 *
 *   20 degrees
 *   21 degrees
 *   22 degrees
 *   over: cancelled
 */
#include "demo.h"

static void told(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *m, void *arg) {
    int64_t degrees = tr_message_int(m, "degrees", 0);
    printf("%ld degrees\n", (long)degrees);
    if (degrees == 22)
        tr_conversation_cancel(c); /* warm enough */
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    tr_initiator_t i = {"fipa-subscribe", "thermometer", .on_inform = told, .on_end = demo_ended};
    return tr_conversation_start(self, &i, NULL, NULL);
}

/* The other side. Its state is whom it tells: one subscriber, or nobody. */
static void measure(tr_agent_t *self, void *state, void *arg) {
    tr_conversation_t **subscriber = state;
    for (int degrees = 20; degrees <= 22 && *subscriber; degrees++)
        tr_conversation_say(*subscriber, TR_INFORM, TR_FIELDS(TR_FIELD_INT("degrees", degrees)));
}

static int subscribed(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    *(tr_conversation_t **)state = tr_timer_start(self, 10, measure, NULL) ? c : NULL;
    return tr_conversation_agree(c);
}

static void ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    *(tr_conversation_t **)state = NULL;
}

int main(int argc, char **argv) {
    static const tr_participant_t says[] = {
        {"fipa-subscribe", .on_request = subscribed, .on_end = ended}, {0}};
    static const tr_behaviour_t sensor = {TR_BEHAVIOUR_ABI, "sensor", .state_size = 8, .participants = says};
    static const tr_behaviour_t guest = {TR_BEHAVIOUR_ABI, "guest", .init = begin};
    return demo_main(argc, argv, {"thermometer", &sensor}, {"alice", &guest});
}
