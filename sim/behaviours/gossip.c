/*
 * gossip: a rumour that spreads from one to another (D. Daley, D. Kendall, "Epidemics and rumours", Nature 204, 1964).
 *
 *   args: {"contacts": 1, "first": 1, "stifle": 0.5}
 *
 * At each step whoever spreads the rumour tells `contacts` others of his group, drawn by chance. Who did not know it spreads it from the next
 * step on; who did says so (confirm), and the one who told him loses interest with probability `stifle`. The `first` agents know it from the
 * beginning. Measures: ignorant, spreader, stifler.
 */
#include "sim/behaviours/table.h"

#include <string.h>

enum { IGNORANT, SPREADER, STIFLER };
static const char *const names[] = {"ignorant", "spreader", "stifler"};

typedef struct gossip_args {
    int64_t contacts, first;
    double stifle;
} gossip_args_t;

typedef struct gossip {
    tr_part_t part;
    tr_part_group_t group;
    uint8_t state;
    uint16_t contacts;
    double stifle;
} gossip_t;

static const tr_arg_t known[] = {
    {"contacts", TR_ARG_WHOLE, offsetof(gossip_args_t, contacts), .min = 1, .max = 1000},
    {"first", TR_ARG_WHOLE, offsetof(gossip_args_t, first), .min = 0, .max = 1000000},
    {"stifle", TR_ARG_REAL, offsetof(gossip_args_t, stifle), .min = 0, .max = 1},
    TR_PART_ARG,
};

static int read_args(tr_value_t args, gossip_args_t *ret, tr_problem_t *problem) {
    *ret = (gossip_args_t){.contacts = 1, .first = 1, .stifle = 0.5};
    return tr_args_read(known, sizeof known / sizeof *known, args, ret, problem);
}

int tr_gossip_check(tr_value_t args, tr_problem_t *problem) {
    return read_args(args, &(gossip_args_t){0}, problem);
}

static void become(tr_agent_t *self, gossip_t *g, uint8_t state) {
    if (g->state == state)
        return;
    tr_part_measure(self, names[g->state], -1);
    tr_part_measure(self, names[state], 1);
    g->state = state;
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    gossip_t *g = state;
    gossip_args_t read;
    int rc = read_args(args, &read, NULL);
    if (rc == 0)
        rc = tr_part_init(&g->part, self, args);
    tr_part_group(args, NULL, &g->group);
    g->contacts = (uint16_t)read.contacts;
    g->stifle = read.stifle;
    g->state = g->part.index < read.first ? SPREADER : IGNORANT;
    if (rc == 0)
        tr_part_measure(self, names[g->state], 1);
    return rc;
}

static int step(tr_agent_t *self, gossip_t *g) {
    char name[TR_NAME_MAX + 1];
    int rc = 0;
    for (uint16_t i = 0; g->state == SPREADER && i < g->contacts && rc == 0; i++)
        rc = tr_part_tell(self, tr_part_other(&g->part, &g->group, true, name), TR_INFORM, 1);
    return rc;
}

static int hear(tr_agent_t *self, gossip_t *g, const tr_message_t *message) {
    tr_performative_t act = tr_message_performative(message);
    if (act == TR_CONFIRM && g->state == SPREADER && tr_part_chance(&g->part) < g->stifle)
        become(self, g, STIFLER);
    if (act != TR_INFORM)
        return 0;
    if (g->state != IGNORANT)
        return tr_part_tell(self, tr_message_sender(message), TR_CONFIRM, 1);
    become(self, g, SPREADER);
    return 0;
}

static int tell_state(tr_agent_t *self, const gossip_t *g) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv(&w, "is", names[g->state]);
    return tr_publish_content(self, "sim.state", &w);
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    switch (tr_part_news(message, NULL)) {
    case TR_PART_STEP: return step(self, state);
    case TR_PART_END: return tell_state(self, state);
    default: return hear(self, state, message);
    }
}

const tr_behaviour_t tr_sim_gossip = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "gossip",
    .summary = "hears a rumour, tells it, and loses interest",
    .state_size = sizeof(gossip_t),
    .init = init,
    .receive = receive,
};
