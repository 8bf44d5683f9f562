/* A user's own behaviour in a simulation: a random walk, by nothing but the public headers. */
#include <troupe/troupe.h>

#include <string.h>

typedef struct walker {
    uint32_t chance;
    int64_t place;
} walker_t;

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    walker_t *w = state;
    char aid[TR_AID_MAX + 1];
    w->chance = (uint32_t)tr_value_int(tr_value_get(args, "seed"), 1);
    for (const char *p = tr_agent_aid(self, aid); *p; p++)
        w->chance = w->chance * 31 + (uint8_t)*p;
    return tr_subscribe(self, "sim.step");
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    walker_t *w = state;
    tr_content_writer_t out;
    if (tr_message_type(message) != TR_MESSAGE_EVENT)
        return 0;
    w->chance = w->chance * 1664525 + 1013904223;
    w->place += w->chance >> 31 ? 1 : -1;
    tr_content_writer_init(&out);
    tr_write_int(&out, w->place * w->place);
    return tr_publish_content(self, "sim.sample.square", &out);
}

static const tr_behaviour_t walker = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "walker",
    .summary = "walks at random",
    .state_size = sizeof(walker_t),
    .init = init,
    .receive = receive,
};
TR_EXPORT_BEHAVIOUR(walker)
