/*
 * Publications that cross. A neighbour sends those that somebody here wants, once each, with its own route for the
 * topic, whose name it has told before. Here they get the next numbers of this broker's topic, like those that are
 * published here: a topic's sequence is of the broker where one listens. Where the neighbour had to drop some it says
 * so (GAP), and the sequence here jumps by as many.
 */
#include "broker/core/federation/interest.h"
#include "broker/core/guard.h"

#include <stdlib.h>

#define GAP_MAX UINT32_MAX /* publications that nobody can have lost at once: more is no gap */

typedef struct foreign_topic {
    tr_route_t there;
    tr_route_t here; /* of our topic of that name, as it was last seen */
    size_t len;
    char name[];
} foreign_topic_t;

/* By its slot over there, which another topic may have later. */
static foreign_topic_t *find(const tr_neighbour_t *n, tr_route_t route) {
    uint32_t slot = tr_route_slot(route);
    return tr_map_find_ptr(&n->topics, (const char *)&slot, sizeof slot);
}

void tr_foreign_topic_named(tr_core_t *core, tr_neighbour_t *n, const char *name, tr_route_t route) {
    size_t len = strlen(name);
    uint32_t slot = tr_route_slot(route);
    foreign_topic_t *old = find(n, route);
    if (!tr_topic_valid(name, len) || tr_interest_stays(name, len) || (old && old->there == route))
        return;
    if (!old && n->topics.count >= core->config.topics_max)
        return; /* as many as there may be here: what is published on the others is dropped */
    foreign_topic_t *t = malloc(sizeof *t + len + 1);
    if (!t)
        return; /* its publications are dropped */
    *t = (foreign_topic_t){.there = route, .len = len};
    memcpy(t->name, name, len + 1);
    if (tr_map_put(&n->topics, (const char *)&slot, sizeof slot, (uint64_t)(uintptr_t)t) < 0)
        free(t);
    else
        free(old);
}

void tr_foreign_topics_forget(tr_neighbour_t *n) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&n->topics, &cursor)))
        free((void *)(uintptr_t)slot->value);
    tr_map_finish(&n->topics);
}

static tr_topic_t *topic_of(tr_core_t *core, const tr_neighbour_t *n, tr_route_t route) {
    foreign_topic_t *t = find(n, route);
    if (!t || t->there != route)
        return NULL;
    tr_topic_t *topic = tr_topic_of_route(core, t->here);
    if (!topic && (topic = tr_topic_get(core, t->name, t->len)))
        t->here = tr_topic_route(topic);
    return topic;
}

/* Nobody is told what is dropped here: who publishes hears nothing of his subscribers anyhow. */
void tr_foreign_publish(tr_core_t *core, tr_session_t *from, const tr_record_t *as_sent) {
    tr_record_t record = *as_sent;
    tr_entry_t *sender;
    tr_topic_t *topic = topic_of(core, from->neighbour, record.h.deadline_ms);
    record.h.deadline_ms = 0;
    tr_reason_t why = tr_foreign_check(core, from, &record, &sender);
    if (why == TR_REASON_NONE)
        why = core->shutdown                                              ? TR_REASON_SHUTDOWN
              : !topic                                                    ? TR_REASON_BAD_TOPIC
              : topic->restricted || !tr_guard_publish(core, from, topic) ? TR_REASON_FORBIDDEN
                                                                          : TR_REASON_NONE;
    if (why != TR_REASON_NONE) {
        core->stats.refused[why]++;
        return;
    }
    tr_record_header_t h = record.h;
    h.hops--;
    h.flags &= (uint8_t) ~(TR_FLAG_LEASED | TR_FLAG_REDELIVERED | TR_FLAG_TAP);
    h.attempt = 0;
    core->foreign = true;
    tr_publish_record(core, topic, &record, h);
    core->foreign = false;
}

void tr_foreign_gap(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    tr_topic_t *topic = topic_of(core, from->neighbour, record->h.src);
    from->neighbour->received++;
    if (topic && !topic->restricted && record->h.id && record->h.id <= GAP_MAX &&
        tr_guard_publish(core, from, topic))
        tr_publish_skip(core, topic, record->h.id);
}
