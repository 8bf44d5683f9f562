/*
 * A behaviour for what must not be lost, come twice or out of order: {"from": K, "n": N}, N from 1 on, of up to 16 senders. A request is
 * answered with what came of each. Who subscribes (fipa-subscribe) is told nothing, until he cancels. Its state goes with it; {"save": MS} and {"restore": MS} of its args make these slow, and
 * {"refuse": true} makes restore fail, in a process whose environment says SEQUENCES_SLOW or SEQUENCES_REFUSE.
 */
#include "troupe/agent.h"
#include "troupe/protocol.h"

#include <stdlib.h>
#include <time.h>

#define SENDERS 16

typedef struct sequences {
    int64_t last[SENDERS], wrong[SENDERS];
    int64_t save_ms, restore_ms;
    bool refuse;
} sequences_t;

static void pause_for(int64_t ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    sequences_t *s = state;
    (void)self;
    bool slow = getenv("SEQUENCES_SLOW") != NULL;
    s->save_ms = slow ? tr_value_int(tr_value_get(args, "save"), 0) : 0;
    s->restore_ms = slow ? tr_value_int(tr_value_get(args, "restore"), 0) : 0;
    s->refuse = getenv("SEQUENCES_REFUSE") != NULL;
    return 0;
}

static int answer(tr_agent_t *self, const sequences_t *s, const tr_message_t *message) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_str(&w, "last");
    tr_write_array(&w, SENDERS);
    for (int i = 0; i < SENDERS; i++)
        tr_write_int(&w, s->last[i]);
    tr_write_str(&w, "wrong");
    tr_write_array(&w, SENDERS);
    for (int i = 0; i < SENDERS; i++)
        tr_write_int(&w, s->wrong[i]);
    return tr_reply_content(self, message, TR_INFORM, &w);
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    sequences_t *s = state;
    tr_value_t value = tr_message_value(message);
    int64_t from = tr_value_int(tr_value_get(value, "from"), 0),
            n = tr_value_int(tr_value_get(value, "n"), 0);
    if (n > 0 && from >= 0 && from < SENDERS) {
        s->wrong[from] += n != s->last[from] + 1;
        s->last[from] = n;
    }
    return tr_message_performative(message) == TR_REQUEST ? answer(self, s, message) : 0;
}

static int save(tr_agent_t *self, const void *state, tr_content_writer_t *out) {
    const sequences_t *s = state;
    (void)self;
    pause_for(s->save_ms);
    tr_write_array(out, 2 * SENDERS);
    for (int i = 0; i < SENDERS; i++) {
        tr_write_int(out, s->last[i]);
        tr_write_int(out, s->wrong[i]);
    }
    return 0;
}

static int restore(tr_agent_t *self, void *state, tr_value_t saved) {
    sequences_t *s = state;
    (void)self;
    if (s->refuse || tr_value_size(saved) != 2 * SENDERS)
        return -1;
    pause_for(s->restore_ms);
    for (size_t i = 0; i < SENDERS; i++) {
        s->last[i] = tr_value_int(tr_value_at(saved, 2 * i), 0);
        s->wrong[i] = tr_value_int(tr_value_at(saved, 2 * i + 1), 0);
    }
    return 0;
}

static int on_subscribe(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    (void)self;
    (void)state;
    (void)message;
    return tr_conversation_act(c, TR_AGREE, NULL, 0, NULL);
}

static void on_end(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)self;
    (void)state;
    (void)c;
    (void)outcome;
    (void)last;
    (void)arg;
}

static const tr_participant_t participants[] = {
    {.protocol = "fipa-subscribe", .on_request = on_subscribe, .on_end = on_end}, {.protocol = NULL}};

static const tr_behaviour_t sequences = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "sequences",
    .summary = "looks whether what comes is complete and in order",
    .state_size = sizeof(sequences_t),
    .init = init,
    .receive = receive,
    .save = save,
    .restore = restore,
    .participants = participants,
};

TR_EXPORT_BEHAVIOUR(sequences)
