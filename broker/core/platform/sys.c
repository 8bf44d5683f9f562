/* The platform's own publications ($sys.*), sent by its ams, and the events that the shell logs. Built only
 * when somebody listens. */
#include "broker/core/federation/neighbour.h"

#include "proto/content.h"
#include "proto/traceparent.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXTS_MAX      6
#define ARENA_LIMIT    (1u << 20)
#define NAMED_PER_TICK 64

/* One behind the other in a block: "text\0detail\0". */
static void tell(tr_core_t *core, tr_core_event_t event, const char *const *texts, size_t n) {
    tr_core_out_t out = {.type = TR_OUT_EVENT, .event = event};
    size_t sizes[TEXTS_MAX], size = 0;
    for (size_t i = 0; i < n; i++)
        size += sizes[i] = strlen(texts[i] ? texts[i] : "") + 1;
    char *at = malloc(size);
    if (!at)
        return; /* only a log line is lost */
    out.text = out.detail = (void *)at;
    for (size_t i = 0; i < n; at += sizes[i++])
        memcpy(at, texts[i] ? texts[i] : "", sizes[i]);
    tr_core_out(core, &out);
}

/* Whoever causes such lines again and again would have all of their envelopes read. */
static bool reads(tr_core_t *core, tr_core_event_t event, const tr_record_t *about) {
    return about && event >= TR_EVENT_REFUSED && core->named++ < NAMED_PER_TICK;
}

void tr_event_about(
    tr_core_t *core, tr_core_event_t event, const char *text, const char *detail, const tr_record_t *about) {
    tr_acl_t acl = {0};
    tr_arena_t arena; /* the core's own may hold the request that this follows from */
    char trace[TR_TRACE_ID_SIZE];
    tr_arena_init(&arena, ARENA_LIMIT);
    if (!reads(core, event, about) || tr_acl_read(&acl, about, &arena) < 0)
        acl = (tr_acl_t){.performative = TR_ACT_NONE};
    tell(core, event,
        (const char *const[]){text, detail, acl.conversation_id, tr_traceparent_id(acl.traceparent, trace)},
        4);
    tr_arena_finish(&arena);
}

void tr_event(tr_core_t *core, tr_core_event_t event, const char *text, const char *detail) {
    tr_event_about(core, event, text, detail, core->routed);
}

void tr_event_message(tr_core_t *core, const tr_record_t *record, tr_reason_t why) {
    tr_acl_t acl = {0};
    tr_arena_t arena; /* the core's own may hold the request that this follows from */
    char trace[TR_TRACE_ID_SIZE];
    tr_arena_init(&arena, ARENA_LIMIT);
    if (tr_acl_read(&acl, record, &arena) < 0)
        acl = (tr_acl_t){.performative = TR_ACT_NONE};
    tell(core, TR_EVENT_MESSAGE,
        (const char *const[TEXTS_MAX]){acl.sender,
            acl.topic             ? acl.topic
            : acl.receivers.count ? acl.receivers.items[0]
                                  : NULL,
            acl.performative ? tr_performative_name(acl.performative) : "message",
            why == TR_REASON_NONE ? NULL : tr_reason_name(why), acl.conversation_id,
            tr_traceparent_id(acl.traceparent, trace)},
        TEXTS_MAX);
    tr_arena_finish(&arena);
}

static bool heard(tr_core_t *core, const char *name, size_t len) {
    if (tr_interest_matches(core, name, len) || tr_streams_match(core, name, len))
        return true;
    for (uint32_t i = 0; i < core->subscriptions_n; i++) {
        const tr_subscription_t *s = core->subscriptions[i];
        if ((!s->entry->neighbour || s->pattern[0] == '$') &&
            tr_pattern_matches(s->pattern, s->pattern_len, name, len))
            return true;
    }
    return false;
}

/* The topic, where anybody listens to it. */
tr_topic_t *tr_sys_topic(tr_core_t *core, const char *name) {
    size_t len = strlen(name);
    return heard(core, name, len) ? tr_topic_get(core, name, len) : NULL;
}

void tr_sys_publish(tr_core_t *core, tr_topic_t *topic, const tr_content_writer_t *content) {
    const void *body;
    size_t len;
    char sender[TR_AID_MAX + 1];
    uint8_t envelope[TR_AID_MAX + 8];
    if (tr_content_writer_take(content, &body, &len) < 0 || len > core->config.max_record / 2)
        return;
    snprintf(sender, sizeof sender, "ams@%s", core->platform);
    tr_acl_t acl = {.sender = sender};
    size_t envelope_len = (size_t)(tr_acl_envelope_write(&acl, envelope) - envelope);
    uint8_t *bytes = malloc(envelope_len + len);
    if (!bytes)
        return;
    memcpy(bytes, envelope, envelope_len);
    memcpy(bytes + envelope_len, body, len);
    tr_record_header_t h = {
        .length = (uint32_t)(TR_RECORD_HEADER + envelope_len + len),
        .kind = TR_KIND_PUBLISH,
        .performative = TR_INFORM,
        .hops = 1,
        .src = tr_route(TR_ROUTE_PLATFORM, TR_PLATFORM_AMS, 1, 0),
        .envelope_len = (uint16_t)envelope_len,
    };
    tr_record_t r = {
        .h = h, .envelope = bytes, .content = bytes + envelope_len, .content_len = (uint32_t)len};
    tr_publish_record(core, topic, &r, h);
    free(bytes);
}

void tr_sys_agent(tr_core_t *core, const char *what, const tr_entry_t *entry, tr_reason_t reason) {
    char name[64], detail[160];
    snprintf(name, sizeof name, "$sys.agent.%s", what);
    snprintf(detail, sizeof detail, "%s pid %u at %s",
        entry->session->process ? entry->session->process : "process", entry->session->pid,
        entry->session->host ? entry->session->host : "unknown host");
    tr_core_event_t event = !strcmp(what, "joined") ? TR_EVENT_JOINED
                            : !strcmp(what, "left") ? TR_EVENT_LEFT
                                                    : TR_EVENT_LOST;
    tr_event(core, event, entry->name, detail);
    tr_topic_t *topic = tr_sys_topic(core, name);
    if (!topic)
        return;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 7);
    tr_write_kv(&w, "agent", entry->name);
    tr_write_kv_uint(&w, "count", entry->count);
    tr_write_kv(&w, "behaviour", entry->behaviour);
    tr_write_kv(&w, "process", entry->session->process);
    tr_write_kv(&w, "host", entry->session->host);
    tr_write_kv_uint(&w, "pid", entry->session->pid);
    tr_write_kv(&w, "reason", tr_reason_name(reason));
    tr_sys_publish(core, topic, &w);
    tr_content_writer_finish(&w);
}

void tr_sys_state(tr_core_t *core, const tr_members_t *who, const tr_wish_t *wish, tr_agent_state_t from) {
    char name[TR_AID_MAX + 1];
    tr_topic_t *topic = tr_sys_topic(core, "$sys.agent.state");
    if (!topic)
        return;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_members_name(who, name);
    tr_write_map(&w, 6);
    tr_write_kv(&w, "agent", name);
    tr_write_kv_uint(&w, "count", who->count);
    tr_write_kv(&w, "state", tr_agent_state_name(wish->to));
    tr_write_kv(&w, "was", tr_agent_state_name(from));
    tr_write_kv(&w, "by", wish->by);
    tr_write_kv(&w, "reason", wish->reason);
    tr_sys_publish(core, topic, &w);
    tr_content_writer_finish(&w);
}

void tr_sys_dead_letter(tr_core_t *core, const tr_record_t *record, tr_reason_t reason) {
    size_t len = 0;
    const char *sender = tr_envelope_sender(record->envelope, record->h.envelope_len, &len);
    char who[TR_AID_MAX + 1];
    snprintf(who, sizeof who, "%.*s", (int)(len < TR_AID_MAX ? len : TR_AID_MAX), sender ? sender : "");
    tr_event_about(core, TR_EVENT_DEAD_LETTER, tr_reason_name(reason), who, record);
    tr_topic_t *topic = tr_sys_topic(core, "$sys.dead-letter");
    if (!topic)
        return;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 6);
    tr_write_kv(&w, "reason", tr_reason_name(reason));
    tr_write_kv(&w, "sender", who);
    tr_write_kv(&w, "performative", tr_performative_name(record->h.performative));
    tr_write_kv_uint(&w, "id", record->h.id);
    tr_write_kv_uint(&w, "bytes", record->h.length);
    tr_write_kv_uint(&w, "attempts", record->h.attempt);
    tr_sys_publish(core, topic, &w);
    tr_content_writer_finish(&w);
}

void tr_sys_df(tr_core_t *core, const char *what, const tr_df_entry_t *entry) {
    char name[64];
    snprintf(name, sizeof name, "$sys.df.%s", what);
    tr_topic_t *topic = tr_sys_topic(core, name);
    if (!topic)
        return;
    tr_content_t content;
    if (tr_content_init(&content, entry->description, entry->description_len) < 0)
        return;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_value(&w, &content.root);
    tr_sys_publish(core, topic, &w);
    tr_content_writer_finish(&w);
    tr_content_finish(&content);
}

void tr_sys_peer(tr_core_t *core, const char *what, const tr_neighbour_t *n, const char *detail) {
    char name[64];
    snprintf(name, sizeof name, "$sys.broker.peer.%s", what);
    tr_event(core, strcmp(what, "up") ? TR_EVENT_PEER_DOWN : TR_EVENT_PEER_UP, n->platform, detail);
    tr_topic_t *topic = tr_sys_topic(core, name);
    if (!topic)
        return;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 3);
    tr_write_kv(&w, "platform", n->platform);
    tr_write_kv(&w, "version", n->software);
    tr_write_kv(&w, "detail", detail);
    tr_sys_publish(core, topic, &w);
    tr_content_writer_finish(&w);
}

static uint64_t sum(const uint64_t *counts) {
    uint64_t n = 0;
    for (size_t i = 0; i < TR_REASON_MAX; i++)
        n += counts[i];
    return n;
}

void tr_sys_stats(tr_core_t *core) {
    tr_topic_t *topic = tr_sys_topic(core, "$sys.broker.stats");
    const tr_core_stats_t *s = &core->stats, *then = &core->stats_then;
    double seconds = (double)(core->now.mono_ms - core->stats_ms) / 1000.0;
    if (topic && seconds > 0) {
        tr_content_writer_t w;
        tr_content_writer_init(&w);
        tr_write_map(&w, 14);
        tr_write_kv_double(&w, "in_per_s", (double)(s->records_in - then->records_in) / seconds);
        tr_write_kv_double(&w, "out_per_s", (double)(s->records_out - then->records_out) / seconds);
        tr_write_kv_double(&w, "stream_per_s", (double)(s->stream_out - then->stream_out) / seconds);
        tr_write_kv_double(&w, "bytes_in_per_s", (double)(s->bytes_in - then->bytes_in) / seconds);
        tr_write_kv_double(&w, "bytes_out_per_s", (double)(s->bytes_out - then->bytes_out) / seconds);
        tr_write_kv_uint(&w, "queued", s->queued);
        tr_write_kv_uint(&w, "queued_bytes", s->queued_bytes);
        tr_write_kv_uint(&w, "leased", s->leased);
        tr_write_kv_uint(&w, "redelivered", s->redelivered);
        tr_write_kv_uint(&w, "dead_letters", s->dead_letters);
        tr_write_kv_uint(&w, "dropped", sum(s->dropped));
        tr_write_kv_uint(&w, "refused", sum(s->refused));
        tr_write_kv_uint(&w, "agents", s->agents);
        tr_write_kv_uint(&w, "sessions", s->sessions);
        tr_sys_publish(core, topic, &w);
        tr_content_writer_finish(&w);
    }
    core->stats_then = *s;
}
