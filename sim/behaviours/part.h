/*
 * What the built-in behaviours of the simulation share: steps, chance, other agents by their numbers, and measures. All of it is libtroupe's
 * public interface: what they do here they would do in any fleet.
 *
 * The environment publishes on `sim.step` when a step begins, and once on `sim.end`. What an agent publishes is kept:
 *   sim.measure.NAME   a number, which is added to the measure
 *   sim.sample.NAME    a number, of which mean and maximum are taken by step
 *   sim.event          anything: a line of events.jsonl
 *   sim.state          a map: its line of states.jsonl, usually at sim.end
 */
#ifndef TR_SIM_PART_H
#define TR_SIM_PART_H

#include "agentd/behaviours/args.h"
#include "troupe/agent.h"

typedef enum tr_part_news { TR_PART_STEP, TR_PART_END, TR_PART_MESSAGE } tr_part_news_t;

typedef struct tr_part {
    uint64_t random; /* the state of its chance, which is its own */
    uint32_t index;  /* within its group */
} tr_part_t;

/* A group of agents as another one addresses it. */
typedef struct tr_part_group {
    char name[TR_NAME_MAX + 1];
    uint32_t count;
} tr_part_group_t;

/* The simulation adds this argument to those of the scenario: which groups there are, and the agent's own. */
#define TR_PART_ARG                                                                                          \
    { "world", TR_ARG_ANY }

/* Subscribes to the steps and the end. Negative errno. */
int tr_part_init(tr_part_t *self, tr_agent_t *agent, tr_value_t args);
/* The group of that name; false: there is none. NULL: the agent's own. */
bool tr_part_group(tr_value_t args, const char *name, tr_part_group_t *ret_group);
/* The same for a check: -EINVAL with the problem. */
int tr_part_need_group(tr_value_t args, const char *key, const char *name, tr_problem_t *problem);

/* The step's number where it is one. */
tr_part_news_t tr_part_news(const tr_message_t *message, uint64_t *ret_step);

uint64_t tr_part_random(tr_part_t *self);
double tr_part_chance(tr_part_t *self); /* from 0 up to, but not, 1 */
uint32_t tr_part_below(tr_part_t *self, uint32_t limit);
/* Exponential, with this mean; at least 1. */
int64_t tr_part_wait(tr_part_t *self, double mean);

/* "person-7": TR_NAME_MAX + 1 bytes, which are returned. */
const char *tr_part_name(const tr_part_group_t *group, uint32_t index, char *out);
/* The name of one of them, but not the agent itself where it is of that group and not alone. */
const char *tr_part_other(tr_part_t *self, const tr_part_group_t *group, bool own, char *out);
/* A message with a small number as its content. Errors as tr_send. */
int tr_part_tell(tr_agent_t *agent, const char *to, tr_performative_t act, int64_t content);

/* Out of memory or no broker: not counted, as everything else that happens then. */
void tr_part_measure(tr_agent_t *agent, const char *measure, double change);
void tr_part_sample(tr_agent_t *agent, const char *measure, double value);

#endif
