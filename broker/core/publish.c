/*
 * A publication: the topic's next sequence number is stamped on it; it goes on the topic stream when somebody
 * listens there, and into the mailbox of each agent that subscribed through its link. A subscriber whose
 * mailbox is full misses it and is told how many it missed (GAP) as soon as there is room. Nobody hears his
 * own publications.
 */
#include "broker/core/durable/stream.h"
#include "broker/core/federation/neighbour.h"
#include "broker/core/platform/quarantine.h"

#include <stdio.h>
#include <stdlib.h>

static bool matches(const tr_subscription_t *s, const tr_topic_t *topic) {
    if (s->entry->neighbour && (topic->restricted || (topic->name[0] == '$' && s->pattern[0] != '$')))
        return false; /* what another broker would put on its open stream, and the platform's own that no wildcard means */
    return tr_pattern_matches(s->pattern, s->pattern_len, topic->name, topic->name_len);
}

/* To another platform a publication goes once, however many of its patterns match. */
static bool has_it(const tr_topic_t *topic, const tr_subscription_t *s) {
    for (uint32_t i = 0; s->entry->neighbour && i < topic->subs_n; i++)
        if (topic->subs[i].subscription->entry == s->entry)
            return true;
    return false;
}

static bool add_sub(tr_topic_t *topic, tr_subscription_t *s) {
    uint32_t n = topic->subs_n;
    if (!(n & (n - 1))) { /* the array doubles at powers of two */
        tr_topic_sub_t *grown = realloc(topic->subs, (n ? n * 2 : 1) * sizeof *grown);
        if (!grown)
            return false;
        topic->subs = grown;
    }
    topic->subs[topic->subs_n++] = (tr_topic_sub_t){.subscription = s};
    return true;
}

/* Who subscribes to this topic, after subscriptions have changed. */
static void match(tr_core_t *core, tr_topic_t *topic) {
    if (topic->subs_renewed != core->subs_renewed) {
        free(topic->subs); /* may point to subscriptions that are gone */
        topic->subs = NULL;
        topic->subs_n = topic->subs_seen = 0;
        topic->subs_renewed = core->subs_renewed;
    }
    for (; topic->subs_seen < core->subscriptions_n; topic->subs_seen++) {
        tr_subscription_t *s = core->subscriptions[topic->subs_seen];
        if (matches(s, topic) && !has_it(topic, s) && !add_sub(topic, s))
            return; /* out of memory: they miss this publication, the next one tries again */
    }
    topic->subs_version = core->subs_version;
}

/* With its topic's name, which may have been told on a connection that was lost since. */
static void send_gap(tr_core_t *core, tr_subscription_t *s) {
    tr_session_t *session = s->entry->session;
    const tr_topic_t *topic = tr_topic_of_route(core, s->gap_topic);
    tr_record_header_t h = {
        .length = TR_RECORD_HEADER,
        .kind = TR_KIND_GAP,
        .src = s->gap_topic,
        .dst = tr_session_route(session, s->agent),
        .id = s->gap,
    };
    tr_record_t r = {.h = h, .envelope = (const uint8_t *)""};
    if (!tr_mailbox_has_room(core, s->entry, s->agent, h.length))
        return;
    if (topic)
        tr_control_resolved(core, session, topic->name, s->gap_topic);
    if (tr_mailbox_push(core, s->entry, &r, &h, NULL) != TR_REASON_NONE)
        return;
    s->gap = 0;
    core->gaps_pending--;
}

void tr_publish_gaps(tr_core_t *core) {
    for (uint32_t i = 0; i < core->subscriptions_n && core->gaps_pending; i++)
        if (core->subscriptions[i]->gap)
            send_gap(core, core->subscriptions[i]);
}

/* Dropped for this subscriber. A notice speaks of one topic, so a gap in another one is told with it. */
static void miss(tr_core_t *core, const tr_topic_t *topic, tr_subscription_t *s) {
    core->stats.accepted++;
    core->stats.dropped[TR_REASON_BUSY]++;
    core->stats.gaps++;
    core->gaps_pending += !s->gap;
    s->gap++;
    s->gap_topic = tr_topic_route(topic);
}

/* The name of the route that the subscriber is about to see. */
static void announce(tr_core_t *core, const tr_topic_t *topic, tr_topic_sub_t *sub) {
    if (sub->announced)
        return;
    tr_control_resolved(core, sub->subscription->entry->session, topic->name, tr_topic_route(topic));
    sub->announced = true;
}

/* What it gets is in its record. */
static void tap_publication(tr_core_t *core, const tr_topic_t *topic, const tr_record_t *record,
    const tr_record_header_t *h, const tr_subscription_t *s) {
    char to[TR_NAME_MAX + 1];
    tr_record_t got = *record;
    got.h = *h;
    tr_entry_agent_name(s->entry, s->agent, to);
    tr_tap_delivery(core, topic, &got, to);
}

static void deliver(tr_core_t *core, tr_topic_t *topic, tr_topic_sub_t *sub, const tr_record_t *record,
    tr_record_header_t h) {
    tr_subscription_t *s = sub->subscription;
    tr_session_t *session = s->entry->session;
    h.dst = tr_session_route(session, s->agent);
    if (h.dst == record->h.src || session->state == TR_SESSION_CLOSING ||
        (core->foreign && session->neighbour))
        return;
    if (s->entry->quarantined && tr_quarantine_holds(core, s->entry, s->agent))
        return;
    if (s->gap)
        send_gap(core, s);
    announce(core, topic, sub);
    h.deadline_ms = tr_topic_route(topic);
    if (s->gap || tr_mailbox_push(core, s->entry, record, &h, NULL) != TR_REASON_NONE)
        miss(core, topic, s);
    else if (core->tapped && !session->neighbour)
        tap_publication(core, topic, record, &h, s);
}

void tr_publish_record(tr_core_t *core, tr_topic_t *topic, const tr_record_t *record, tr_record_header_t h) {
    h.id = ++topic->sequence;
    h.dst = tr_topic_route(topic);
    topic->bytes += h.length;
    topic->used_ms = core->now.wall_ms;
    if (tr_topic_wanted(core, topic))
        tr_topic_stream(core, topic, record, &h);
    if (tr_topic_in_streams(core, topic))
        tr_stream_append(core, topic, topic, record, &h);
    if (core->durable && tr_topic_in_durable_subs(core, topic))
        tr_durable_publish(core, topic, record, &h);
    if (topic->subs_version != core->subs_version)
        match(core, topic);
    for (uint32_t i = 0; i < topic->subs_n; i++)
        deliver(core, topic, &topic->subs[i], record, h);
}

void tr_publish_skip(tr_core_t *core, tr_topic_t *topic, uint64_t n) {
    topic->sequence += n;
    core->stats.gaps++;
    if (topic->subs_version != core->subs_version)
        match(core, topic);
    for (uint32_t i = 0; i < topic->subs_n; i++) {
        tr_subscription_t *s = topic->subs[i].subscription;
        if (s->entry->neighbour)
            continue;
        announce(core, topic, &topic->subs[i]);
        core->gaps_pending += !s->gap;
        s->gap += n;
        s->gap_topic = tr_topic_route(topic);
        send_gap(core, s);
    }
}

static void announce_one(tr_core_t *core, tr_session_t *session, tr_route_t route) {
    tr_topic_t *topic = tr_topic_of_route(core, route);
    if (!topic || topic->announced_in == core->announcements)
        return;
    topic->announced_in = core->announcements;
    tr_control_resolved(core, session, topic->name, route);
}

static void announce_box(tr_core_t *core, tr_session_t *session, const tr_outbox_t *box) {
    for (const tr_chunk_t *chunk = box->head; chunk; chunk = chunk->next) {
        tr_bundle_reader_t reader = {.at = chunk->buf->data + TR_BUNDLE_HEADER,
            .end = chunk->buf->data + chunk->buf->len,
            .left = chunk->records,
            .max_record = UINT32_MAX};
        tr_record_t record;
        while (tr_bundle_next(&reader, &record) > 0) {
            if (record.h.kind == TR_KIND_PUBLISH)
                announce_one(core, session, record.h.deadline_ms);
            else if (record.h.kind == TR_KIND_GAP)
                announce_one(core, session, record.h.src);
        }
    }
}

static void announce_held(tr_core_t *core, tr_session_t *session, const tr_entry_t *entry) {
    size_t cursor = 0;
    const tr_apart_t *apart;
    announce_box(core, session, &entry->held);
    while ((apart = tr_apart_next(entry, &cursor)))
        announce_box(core, session, &apart->held);
}

void tr_publish_announce(tr_core_t *core, tr_session_t *session) {
    core->announcements++;
    announce_box(core, session, &session->data);
    for (uint32_t i = 0; i < session->entries_n; i++)
        announce_held(core, session, session->entries[i]);
}

/* Dots would make parts of their own. */
static size_t append_part(char *out, size_t at, const char *name, size_t len) {
    out[at++] = '.';
    for (size_t i = 0; i < len; i++)
        out[at++] = name[i] == '.' ? '_' : name[i];
    return at;
}

/* $tap.FROM.TO; where that would be too long FROM is cut: the record says who it is. 0: there is no room for TO. */
static size_t tap_name(const char *from, const char *to, char out[TR_TOPIC_MAX]) {
    size_t from_len = strlen(from), to_len = strlen(to), head = strlen("$tap");
    if (head + 1 + to_len + 2 > TR_TOPIC_MAX)
        return 0;
    size_t room = TR_TOPIC_MAX - head - 1 - to_len - 1;
    memcpy(out, "$tap", head);
    size_t at = append_part(out, head, from, from_len < room ? from_len : room);
    return append_part(out, at, to, to_len);
}

static tr_topic_t *tap_topic(tr_core_t *core, const tr_tap_t *tap, bool on_the_wire) {
    char name[TR_TOPIC_MAX];
    size_t len = tap_name(tap->from, tap->to, name);
    if (!len || !((on_the_wire && tr_interest_matches(core, name, len)) || tr_streams_match(core, name, len)))
        return NULL;
    tr_topic_t *topic =
        tr_topic_get(core, name, len); /* the tap promises nothing when places for topics run out */
    if (topic)
        topic->used_ms = core->now.wall_ms;
    return topic;
}

void tr_tap(tr_core_t *core, const tr_tap_t *tap, const tr_record_t *record) {
    tr_topic_t *topic = tap_topic(core, tap, true);
    if (!topic)
        return;
    tr_record_header_t h = record->h;
    h.flags |= TR_FLAG_TAP;
    h.id = ++topic->sequence;
    topic->bytes += h.length;
    if (tr_topic_wanted(core, topic))
        tr_topic_stream(core, topic, record, &h);
    if (tr_topic_in_streams(core, topic))
        tr_stream_append(core, topic, topic, record, &h);
}

/* It takes no number of the tap's topic: whoever watches that sees no hole. */
static void keep(
    tr_core_t *core, const tr_tap_t *tap, const tr_topic_t *published, const tr_record_t *record) {
    tr_topic_t *topic = tap_topic(core, tap, false);
    if (!topic || !tr_topic_in_streams(core, topic))
        return;
    tr_record_header_t h = record->h;
    h.flags |= TR_FLAG_TAP;
    h.id = topic->sequence;
    tr_stream_append(core, topic, published ? published : topic, record, &h);
}

void tr_tap_delivery(
    tr_core_t *core, const tr_topic_t *published, const tr_record_t *record, const char *to) {
    tr_tap_t tap;
    size_t len = 0, tail = core->platform_len + 1;
    const char *aid = tr_envelope_sender(record->envelope, record->h.envelope_len, &len);
    if (!aid || len > TR_AID_MAX)
        return;
    bool here = len > tail && aid[len - tail] == '@' &&
                !memcmp(aid + len - tail + 1, core->platform, core->platform_len);
    len -= here ? tail : 0;
    memcpy(tap.from, aid, len);
    tap.from[len] = 0;
    snprintf(tap.to, sizeof tap.to, "%s", to);
    keep(core, &tap, published, record);
}
