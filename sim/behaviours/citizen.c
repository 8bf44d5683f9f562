/*
 * citizen: has an opinion, hears those of others, and votes.
 *
 *   args: {"options": 3, "influence": 0.3, "stubborn": 0.1, "talks": 0.5}
 *
 * The options stand on a line, from 0 to 1; an opinion is a place on it, drawn by chance. At each step a citizen asks one of his group for
 * an opinion with probability `talks`, and moves by `influence` of the way to it where it is not further away than 0.3 (R. Hegselmann, U. Krause,
 * "Opinion dynamics and bounded confidence", JASSS 5(3), 2002; two at a time as G. Deffuant and others, "Mixing beliefs among interacting
 * agents", Advances in Complex Systems 3, 2000). A part of `stubborn` never moves. When a poll is called (sim.poll), each ranks the options by how
 * near they are. Measures: favours-0, favours-1 ... (whose nearest option it is).
 */
#include "sim/behaviours/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NEAR        0.3
#define OPTIONS_MAX 16

typedef struct citizen_args {
    int64_t options;
    double influence, stubborn, talks;
} citizen_args_t;

typedef struct citizen {
    tr_part_t part;
    tr_part_group_t group;
    uint8_t options, favours;
    float opinion, influence, talks;
} citizen_t;

static const tr_arg_t known[] = {
    {"options", TR_ARG_WHOLE, offsetof(citizen_args_t, options), .min = 2, .max = OPTIONS_MAX},
    {"influence", TR_ARG_REAL, offsetof(citizen_args_t, influence), .min = 0, .max = 1},
    {"stubborn", TR_ARG_REAL, offsetof(citizen_args_t, stubborn), .min = 0, .max = 1},
    {"talks", TR_ARG_REAL, offsetof(citizen_args_t, talks), .min = 0, .max = 1},
    TR_PART_ARG,
};

static int read_args(tr_value_t args, citizen_args_t *ret, tr_problem_t *problem) {
    *ret = (citizen_args_t){.options = 3, .influence = 0.3, .stubborn = 0.1, .talks = 0.5};
    return tr_args_read(known, sizeof known / sizeof *known, args, ret, problem);
}

int tr_citizen_check(tr_value_t args, tr_problem_t *problem) {
    return read_args(args, &(citizen_args_t){0}, problem);
}

static double place_of(const citizen_t *c, unsigned option) {
    return (double)option / (c->options - 1);
}

/* Which option is the n-th nearest: 0 is the nearest, of equal ones that with the lower number. */
static unsigned rank_of(const citizen_t *c, unsigned option) {
    double own = fabs(place_of(c, option) - (double)c->opinion);
    unsigned rank = 0;
    for (unsigned i = 0; i < c->options; i++) {
        double other = fabs(place_of(c, i) - (double)c->opinion);
        rank += other < own || (other == own && i < option);
    }
    return rank;
}

static void favour(tr_agent_t *self, unsigned option, double change) {
    char name[32];
    snprintf(name, sizeof name, "favours-%u", option);
    tr_part_measure(self, name, change);
}

static void look(tr_agent_t *self, citizen_t *c, bool first) {
    unsigned nearest = 0;
    while (rank_of(c, nearest) != 0)
        nearest++;
    if (!first && nearest == c->favours)
        return;
    if (!first)
        favour(self, c->favours, -1);
    favour(self, nearest, 1);
    c->favours = (uint8_t)nearest;
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    citizen_t *c = state;
    citizen_args_t read;
    int rc = read_args(args, &read, NULL);
    if (rc == 0)
        rc = tr_part_init(&c->part, self, args);
    if (rc == 0)
        rc = tr_subscribe(self, "sim.poll");
    if (rc < 0)
        return rc;
    tr_part_group(args, NULL, &c->group);
    c->options = (uint8_t)read.options;
    c->opinion = (float)tr_part_chance(&c->part);
    c->influence = tr_part_chance(&c->part) < read.stubborn ? 0 : (float)read.influence;
    c->talks = (float)read.talks;
    look(self, c, true);
    return 0;
}

/* Opinions travel as whole numbers of millionths. */
static int ask(tr_agent_t *self, citizen_t *c) {
    char name[TR_NAME_MAX + 1];
    if (c->group.count < 2 || tr_part_chance(&c->part) >= (double)c->talks)
        return 0;
    return tr_part_tell(self, tr_part_other(&c->part, &c->group, true, name), TR_QUERY_REF, 1);
}

static int hear(tr_agent_t *self, citizen_t *c, const tr_message_t *message) {
    tr_performative_t act = tr_message_performative(message);
    if (act == TR_QUERY_REF)
        return tr_part_tell(self, tr_message_sender(message), TR_INFORM, (int64_t)((double)c->opinion * 1e6));
    if (act != TR_INFORM)
        return 0;
    float other = (float)((double)tr_value_int(tr_message_value(message), 0) / 1e6);
    if (fabsf(other - c->opinion) <= (float)NEAR)
        c->opinion += c->influence * (other - c->opinion);
    look(self, c, false);
    return 0;
}

/* Its ballot: a place for each option, 1 is the best. */
static int vote(tr_agent_t *self, const citizen_t *c) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_array(&w, c->options);
    for (unsigned i = 0; i < c->options; i++)
        tr_write_uint(&w, rank_of(c, i) + 1);
    return tr_publish_content(self, "sim.ballot", &w);
}

static int tell_state(tr_agent_t *self, const citizen_t *c) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 3);
    tr_write_kv_double(&w, "opinion", (double)c->opinion);
    tr_write_kv_uint(&w, "favours", c->favours);
    tr_write_kv_bool(&w, "stubborn", c->influence == 0);
    return tr_publish_content(self, "sim.state", &w);
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    citizen_t *c = state;
    if (tr_message_type(message) == TR_MESSAGE_EVENT && strcmp(tr_message_topic(message), "sim.poll") == 0)
        return vote(self, c);
    switch (tr_part_news(message, NULL)) {
    case TR_PART_STEP: return ask(self, c);
    case TR_PART_END: return tell_state(self, c);
    default: return hear(self, c, message);
    }
}

const tr_behaviour_t tr_sim_citizen = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "citizen",
    .summary = "has an opinion, hears those of others, and votes",
    .state_size = sizeof(citizen_t),
    .init = init,
    .receive = receive,
};
