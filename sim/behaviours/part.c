#include "sim/behaviours/part.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SplitMix64 (Steele, Lea, Flood, 2014), one for each agent. */
uint64_t tr_part_random(tr_part_t *self) {
    uint64_t z = self->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

double tr_part_chance(tr_part_t *self) {
    return (double)(tr_part_random(self) >> 11) * 0x1p-53;
}

uint32_t tr_part_below(tr_part_t *self, uint32_t limit) {
    return (uint32_t)((tr_part_random(self) >> 32) * limit >> 32);
}

int64_t tr_part_wait(tr_part_t *self, double mean) {
    double wait = -log1p(-tr_part_chance(self)) * mean;
    return wait < 1 ? 1 : wait > 1e12 ? INT64_C(1000000000000) : (int64_t)wait;
}

/* ---- groups ---- */

bool tr_part_group(tr_value_t args, const char *name, tr_part_group_t *ret_group) {
    tr_value_t world = tr_value_get(args, "world");
    if (!name && tr_value_copy(tr_value_get(world, "group"), ret_group->name, sizeof ret_group->name) < 0)
        return false;
    if (name)
        snprintf(ret_group->name, sizeof ret_group->name, "%s", name);
    ret_group->count =
        (uint32_t)tr_value_int(tr_value_get(tr_value_get(world, "groups"), ret_group->name), 0);
    return ret_group->count > 0;
}

int tr_part_need_group(tr_value_t args, const char *key, const char *name, tr_problem_t *problem) {
    tr_part_group_t group;
    return tr_part_group(args, name, &group)
               ? 0
               : tr_args_wrong(problem, key, tr_value_get(args, key), "the name of a group of agents");
}

const char *tr_part_name(const tr_part_group_t *group, uint32_t index, char *out) {
    if (group->count > 1)
        snprintf(out, TR_NAME_MAX + 1, "%.100s-%u", group->name, index);
    else
        snprintf(out, TR_NAME_MAX + 1, "%s", group->name);
    return out;
}

const char *tr_part_other(tr_part_t *self, const tr_part_group_t *group, bool own, char *out) {
    bool skip = own && group->count > 1;
    uint32_t index = tr_part_below(self, group->count - skip);
    return tr_part_name(group, index + (skip && index >= self->index), out);
}

/* ---- the agent ---- */

static uint32_t index_of(const tr_agent_t *agent) {
    char aid[TR_AID_MAX + 1];
    char *at = strchr(tr_agent_aid(agent, aid), '@');
    if (at)
        *at = '\0';
    const char *dash = strrchr(aid, '-');
    return dash ? (uint32_t)strtoul(dash + 1, NULL, 10) : 0;
}

int tr_part_init(tr_part_t *self, tr_agent_t *agent, tr_value_t args) {
    uint64_t seed = (uint64_t)tr_value_int(tr_value_get(tr_value_get(args, "world"), "seed"), 0);
    self->index = index_of(agent);
    self->random = seed + self->index * UINT64_C(0xd1342543de82ef95);
    tr_part_random(self);
    int rc = tr_subscribe(agent, "sim.step");
    return rc == 0 ? tr_subscribe(agent, "sim.end") : rc;
}

tr_part_news_t tr_part_news(const tr_message_t *message, uint64_t *ret_step) {
    if (tr_message_type(message) != TR_MESSAGE_EVENT)
        return TR_PART_MESSAGE;
    if (strcmp(tr_message_topic(message), "sim.end") == 0)
        return TR_PART_END;
    if (ret_step)
        *ret_step = (uint64_t)tr_value_int(tr_value_get(tr_message_value(message), "step"), 0);
    return TR_PART_STEP;
}

int tr_part_tell(tr_agent_t *agent, const char *to, tr_performative_t act, int64_t content) {
    const uint8_t small = (uint8_t)content;
    if (content >= 0 && content < 128) /* msgpack's own form of a small number: no writer is needed */
        return tr_send(agent, &(tr_acl_t){.performative = act,
                                  .receivers = {.items = &to, .count = 1},
                                  .content = &small,
                                  .content_len = 1});
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    tr_write_int(&w, content);
    int rc = tr_content_writer_take(&w, &bytes, &len);
    if (rc == 0)
        rc = tr_send(agent, &(tr_acl_t){.performative = act,
                                .receivers = {.items = &to, .count = 1},
                                .content = bytes,
                                .content_len = len});
    tr_content_writer_finish(&w);
    return rc;
}

static void publish(tr_agent_t *agent, const char *kind, const char *name, double value) {
    char topic[200];
    tr_content_writer_t w;
    snprintf(topic, sizeof topic, "sim.%s.%s", kind, name);
    tr_content_writer_init(&w);
    tr_write_double(&w, value);
    tr_publish_content(agent, topic, &w); /* ignoring, as said */
}

void tr_part_measure(tr_agent_t *agent, const char *measure, double change) {
    publish(agent, "measure", measure, change);
}

void tr_part_sample(tr_agent_t *agent, const char *measure, double value) {
    publish(agent, "sample", measure, value);
}
