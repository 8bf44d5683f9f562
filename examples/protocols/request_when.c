/*
 * Requests that wait for a condition: ring once when the kettle boils, and say each time that a cup is full. It prints
 *
 *   kettle@demo waits: request-when
 *   kettle@demo waits: request-whenever
 *   cup 1
 *   cup 2
 *   boils: done
 *   cups: cancelled
 */
#include "demo.h"

#include <errno.h>
#include <stdio.h>

static tr_conversation_t **cups_of(void *state) {
    return state; /* the one that has no end of its own */
}

static void waits(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *m, void *arg) {
    (void)self, (void)state, (void)arg;
    const char *how = tr_conversation_protocol(c) + sizeof "fipa-" - 1;
    printf("%s waits: %s\n", tr_message_sender(m), how);
}

static void cup(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *m, void *arg) {
    (void)self, (void)state, (void)c, (void)arg;
    printf("cup %ld\n", (long)tr_value_int(tr_message_value(m), 0));
}

static void over(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)last;
    printf("%s: %s\n", (const char *)arg, tr_outcome_name(outcome));
    if (c == *cups_of(state))
        demo_over(self, outcome == TR_OUTCOME_CANCELLED ? 0 : 1);
    else
        tr_conversation_cancel(*cups_of(state));
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    tr_initiator_t i = {.receiver = "kettle", .on_agree = waits, .on_inform = cup, .on_end = over};
    static char boils[] = "boils", cups[] = "cups";
    (void)args;
    i.protocol = "fipa-request-when";
    i.arg = boils;
    int r = tr_conversation_start(self, &i, NULL, NULL);
    i.protocol = "fipa-request-whenever";
    i.arg = cups;
    return r == 0 ? tr_conversation_start(self, &i, cups_of(state), NULL) : r;
}

/* The other side: the second one who asks hears of cups; then it boils. */
typedef struct kettle {
    tr_conversation_t *boils, *cups;
} kettle_t;

static void boil(tr_agent_t *self, void *state, void *arg) {
    kettle_t *k = state;
    (void)self, (void)arg;
    tr_conversation_inform(k->cups, "\x01", 1);
    tr_conversation_inform(k->cups, "\x02", 1);
    tr_conversation_inform(k->boils, "\xc3", 1);
}

static int wait(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    kettle_t *k = state;
    bool once = tr_message_performative(message) == TR_REQUEST_WHEN;
    *(once ? &k->boils : &k->cups) = c;
    if (!once && !tr_timer_start(self, 10, boil, NULL))
        return -ENOMEM;
    return tr_conversation_agree(c);
}

static void ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)self, (void)state, (void)c, (void)outcome, (void)last, (void)arg;
}

static int heat(tr_agent_t *self, void *state, tr_value_t args) {
    static const tr_participant_t once = {
        .protocol = "fipa-request-when", .on_request = wait, .on_end = ended};
    static const tr_participant_t each = {
        .protocol = "fipa-request-whenever", .on_request = wait, .on_end = ended};
    (void)state, (void)args;
    int r = tr_participate(self, &once);
    return r == 0 ? tr_participate(self, &each) : r;
}

int main(int argc, char **argv) {
    static const tr_behaviour_t guest = {.abi = TR_BEHAVIOUR_ABI,
        .name = "guest",
        .state_size = sizeof(tr_conversation_t *),
        .init = begin,
        .receive = demo_receive};
    static const tr_behaviour_t kettle = {.abi = TR_BEHAVIOUR_ABI,
        .name = "kettle",
        .state_size = sizeof(kettle_t),
        .init = heat,
        .receive = demo_receive};
    return demo_main(argc, argv,
        (const demo_agent_t[]){{"kettle", &kettle, NULL}, {"guest", &guest, NULL}, {NULL, NULL, NULL}});
}
