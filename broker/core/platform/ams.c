/* The AMS: who is registered, in which state; and the platform's own description, topics and services for
 * tools. */
#include "broker/core/durable/stream.h"
#include "broker/core/platform/platform.h"

#include "broker/core/federation/neighbour.h"
#include "broker/core/guard.h"
#include "broker/core/platform/conduct.h"
#include "broker/core/platform/move.h"
#include "broker/core/platform/quarantine.h"
#include "broker/core/platform/spans.h"
#include "broker/core/platform/spending.h"
#include "broker/core/platform/why.h"

#include <stdio.h>
#include <stdlib.h>

bool tr_session_reachable(const tr_core_t *core, const tr_session_t *s) {
    return s->state != TR_SESSION_LOST &&
           core->now.mono_ms - s->heard_ms <= (int64_t)core->config.heartbeat_ms * 3;
}

void tr_write_hang(tr_content_writer_t *w, tr_core_t *core, const tr_session_t *s) {
    char aid[2 * TR_AID_MAX];
    int64_t ms = 0;
    bool hangs = tr_session_hangs(core, s, aid, &ms);
    tr_write_kv(w, "hung", hangs ? aid : NULL);
    tr_write_str(w, "hung_ms");
    if (hangs)
        tr_write_int(w, ms);
    else
        tr_write_nil(w);
}

static void write_agent(tr_content_writer_t *w, tr_core_t *core, const tr_entry_t *e) {
    const tr_session_t *s = e->session;
    char aid[TR_AID_MAX + 1];
    snprintf(aid, sizeof aid, "%s@%s", e->name, core->platform);
    tr_account_t box = tr_life_waiting(e);
    tr_write_map(w, 24);
    tr_write_kv(w, "name", aid);
    tr_write_kv_uint(w, "count", e->count);
    tr_write_kv(w, "state", tr_agent_state_name(e->life.state));
    tr_write_kv_uint(w, "apart", tr_apart_count(e));
    tr_write_kv(w, "behaviour", e->behaviour);
    tr_write_kv(w, "process", s->process);
    tr_write_kv(w, "host", s->host);
    tr_write_kv_uint(w, "pid", s->pid);
    tr_write_kv_uint(w, "queued", box.records + e->waiting.records);
    tr_write_kv_uint(w, "queued_bytes", box.bytes + e->waiting.bytes);
    tr_write_kv_bool(w, "durable", e->durable);
    tr_write_kv_uint(w, "leased", e->waiting.leased);
    tr_write_kv_uint(w, "on_disk", e->waiting.on_disk);
    tr_write_kv_uint(w, "received", e->received);
    tr_write_kv_uint(w, "sent", e->sent);
    tr_write_kv_int(w, "since_ms", e->since_ms);
    tr_write_kv_uint(w, "in_hand", s->sent_records - s->acked_records);
    tr_write_kv_int(w, "silent_ms", core->now.mono_ms - s->heard_ms);
    tr_write_kv_bool(w, "reachable", tr_session_reachable(core, s));
    tr_write_kv_bool(w, "quarantined", e->quarantined);
    tr_write_kv_uint(w, "passive", e->passive);
    tr_write_hang(w, core, s);
    tr_write_kv(w, "protocol", tr_conduct_policy_name(e->conduct));
}

/* One of them at least, where some of a range are in another state than the rest. */
static bool any_is(const tr_entry_t *e, tr_value_t state) {
    size_t cursor = 0;
    const tr_apart_t *apart;
    if (tr_apart_count(e) < e->count && tr_value_equals(state, tr_agent_state_name(e->life.state)))
        return true;
    while ((apart = tr_apart_next(e, &cursor)))
        if (tr_value_equals(state, tr_agent_state_name(apart->life.state)))
            return true;
    return false;
}

/* Matches by "name" (with or without the platform) and "state", where given. */
static bool matches(const tr_answer_t *a, const tr_entry_t *e) {
    tr_value_t state = tr_value_get(a->request, "state");
    size_t len;
    const char *name = tr_answer_name(a, &len);
    uint32_t agent;
    if (name && tr_entry_find(a->core, name, len, &agent) != e &&
        (len != e->name_len || memcmp(name, e->name, len) != 0))
        return false;
    return !state || any_is(e, state);
}

/* Calls visit for each entry, sessions in the order of their slots; both passes of a search see the same. */
static size_t each_match(tr_answer_t *a, size_t offset, size_t max, bool write) {
    size_t seen = 0, n = 0;
    for (uint32_t i = 0; i < a->core->sessions_n; i++) {
        const tr_session_t *s = a->core->sessions[i];
        for (uint32_t j = 0; s && !s->neighbour && j < s->entries_n; j++) {
            if (!matches(a, s->entries[j]) || seen++ < offset || n == max)
                continue;
            n++;
            if (write)
                write_agent(&a->content, a->core, s->entries[j]);
        }
    }
    return write ? n : seen;
}

static void handle_search(tr_answer_t *a) {
    size_t offset = tr_answer_bounded(a, "offset", 0, SIZE_MAX / 2);
    size_t max = tr_answer_bounded(a, "max-results", TR_RESULTS_MAX, TR_RESULTS_MAX);
    tr_waiting_sum_up(a->core);
    size_t total = each_match(a, offset, max, false);
    size_t left = total > offset ? total - offset : 0;
    tr_write_map(&a->content, 2);
    tr_write_kv_uint(&a->content, "total", total);
    tr_write_str(&a->content, "agents");
    tr_write_array(&a->content, left < max ? left : max);
    each_match(a, offset, max, true);
}

static void handle_get_description(tr_answer_t *a) {
    const tr_core_t *c = a->core;
    tr_content_writer_t *w = &a->content;
    char mark[TR_CERT_MARK_TEXT];
    if (c->guard)
        tr_cert_book_mark(c->guard->book, mark);
    tr_write_map(w, 9);
    tr_write_kv(w, "name", c->platform);
    tr_write_kv(w, "version", c->version);
    tr_write_kv(w, "stream", c->stream_endpoint);
    tr_write_kv_uint(w, "agents", c->stats.agents);
    tr_write_kv_uint(w, "sessions", c->stats.sessions);
    tr_write_kv_uint(w, "topics", c->stats.topics);
    tr_write_kv_uint(w, "services", c->stats.services);
    tr_write_kv_bool(w, "journal", c->durable != NULL);
    tr_write_kv(w, "certificates", c->guard ? mark : NULL);
}

/* The agent that "name" speaks of, where it belongs to the requester's process. */
static tr_entry_t *own_entry(tr_answer_t *a) {
    char name[TR_AID_MAX + 1];
    if (tr_value_copy(tr_value_get(a->request, "name"), name, sizeof name) < 0) {
        tr_answer_refuse(a, "missing-argument", "name");
        return NULL;
    }
    char *at = strchr(name, '@');
    if (at && !strcmp(at + 1, a->core->platform))
        *at = 0;
    tr_entry_t *e = tr_map_find_ptr(&a->core->names, name, strlen(name));
    if (!e) {
        tr_answer_refuse(a, "not-registered", name);
        return NULL;
    }
    if (e->session != a->session) {
        tr_answer_refuse(a, "unauthorised", "it belongs to another process");
        return NULL;
    }
    return e;
}

static void handle_register(tr_answer_t *a) {
    char name[TR_NAME_MAX + 1];
    if (tr_value_copy(tr_value_get(a->request, "name"), name, sizeof name) < 0) {
        tr_answer_refuse(a, "missing-argument", "name");
        return;
    }
    if (a->core->shutdown) {
        tr_answer_refuse(a, "unauthorised", "the broker is shutting down");
        return;
    }
    if (!tr_guard_name(a->core, a->session, name, 1)) {
        tr_answer_refuse(a, "unauthorised", tr_guard_words(a->core, "", NULL));
        return;
    }
    tr_entry_t *e;
    int r = tr_entry_add(a->core, a->session, name, 1, &e);
    if (r < 0) {
        tr_answer_refuse(
            a, r == -TR_REASON_DUPLICATE_NAME ? "already-registered" : "unrecognised-parameter-value", name);
        return;
    }
    if (!tr_durable_arrived(a->core, e)) {
        tr_entry_remove(a->core, e, TR_REASON_LIMIT);
        tr_answer_fail(a, tr_durable_words(a->core, "no memory for its mailbox"));
        return;
    }
    tr_sys_agent(a->core, "joined", e, TR_REASON_NONE);
    tr_write_map(&a->content, 2);
    tr_write_kv(&a->content, "name", name);
    tr_write_kv_uint(&a->content, "route", tr_session_route(a->session, e->first));
}

static void handle_deregister(tr_answer_t *a) {
    tr_entry_t *e = own_entry(a);
    if (!e)
        return;
    if (e == a->requester) {
        tr_answer_refuse(a, "unauthorised", "an agent ends itself by a DEREGISTER record of its link");
        return;
    }
    tr_entry_remove(a->core, e, TR_REASON_NONE);
    tr_answer_done(a);
}

/* Catalogue of live topics: all, or those that match "pattern". */
static void handle_topics(tr_answer_t *a) {
    char pattern[TR_TOPIC_MAX + 1] = ">";
    tr_value_copy(tr_value_get(a->request, "pattern"), pattern, sizeof pattern); /* absent: all */
    uint32_t n = 0, max = TR_RESULTS_MAX * 4;
    tr_core_t *c = a->core;
    for (int pass = 0; pass < 2; pass++) {
        if (pass) {
            tr_write_map(&a->content, 1);
            tr_write_str(&a->content, "topics");
            tr_write_array(&a->content, n);
        }
        uint32_t seen = 0;
        for (uint32_t i = 0; i < c->topics_n && seen < max; i++) {
            const tr_topic_t *t = c->topics[i];
            if (!t || !tr_pattern_matches(pattern, strlen(pattern), t->name, t->name_len))
                continue;
            seen++;
            if (!pass) {
                n++;
                continue;
            }
            tr_write_map(&a->content, 6);
            tr_write_kv(&a->content, "topic", t->name);
            tr_write_kv_uint(&a->content, "messages", t->sequence);
            tr_write_kv_uint(&a->content, "bytes", t->bytes);
            tr_write_kv_double(&a->content, "per_s", t->rate);
            tr_write_kv_uint(&a->content, "subscribers", t->subs_version == c->subs_version ? t->subs_n : 0);
            tr_write_kv_int(&a->content, "last_ms", t->used_ms);
        }
    }
}

static void write_service(tr_content_writer_t *w, const tr_service_t *s) {
    tr_waiting_t waiting = tr_waiting_of(s);
    uint64_t capacity = 0, away = 0;
    for (uint32_t j = 0; j < s->providers_n; j++) {
        capacity += s->providers[j].capacity;
        away += s->providers[j].entry->neighbour ? s->providers[j].leases.count : 0;
    }
    tr_write_map(w, 9);
    tr_write_kv(w, "service", s->name);
    tr_write_kv_uint(w, "providers", s->providers_n);
    tr_write_kv_uint(w, "capacity", capacity);
    tr_write_kv_uint(w, "queued", waiting.records);
    tr_write_kv_uint(w, "leased", waiting.leased);
    tr_write_kv_uint(w, "away", away);
    tr_write_kv_bool(w, "durable", s->durable || s->durable_policy);
    tr_write_kv_uint(w, "requests", s->requests);
    tr_write_kv_uint(w, "settled", s->settled);
}

static void handle_services(tr_answer_t *a) {
    const tr_core_t *c = a->core;
    const char *agent;
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->services_n; i++)
        n += !tr_service_is_mailbox(c->services[i], &agent);
    tr_write_map(&a->content, 1);
    tr_write_str(&a->content, "services");
    tr_write_array(&a->content, n);
    for (uint32_t i = 0; i < c->services_n; i++)
        if (!tr_service_is_mailbox(c->services[i], &agent))
            write_service(&a->content, c->services[i]);
}

/* Reasons that have counted anything, by name. */
static void write_reasons(tr_content_writer_t *w, const char *key, const uint64_t *counts) {
    size_t n = 0;
    for (unsigned i = 0; i < TR_REASON_MAX; i++)
        n += counts[i] > 0;
    tr_write_str(w, key);
    tr_write_map(w, n);
    for (unsigned i = 0; i < TR_REASON_MAX; i++)
        if (counts[i])
            tr_write_kv_uint(w, tr_reason_name(i), counts[i]);
}

static void handle_stats(tr_answer_t *a) {
    const tr_core_stats_t *s = &a->core->stats;
    tr_content_writer_t *w = &a->content;
    tr_write_map(w, 24);
    tr_write_kv_uint(w, "records_in", s->records_in);
    tr_write_kv_uint(w, "bytes_in", s->bytes_in);
    tr_write_kv_uint(w, "records_out", s->records_out);
    tr_write_kv_uint(w, "bytes_out", s->bytes_out);
    tr_write_kv_uint(w, "stream_out", s->stream_out);
    tr_write_kv_uint(w, "accepted", s->accepted);
    tr_write_kv_uint(w, "delivered", s->delivered);
    tr_write_kv_uint(w, "queued", s->queued);
    tr_write_kv_uint(w, "queued_bytes", s->queued_bytes);
    tr_write_kv_uint(w, "leased", s->leased);
    tr_write_kv_uint(w, "returned", s->returned);
    tr_write_kv_uint(w, "redelivered", s->redelivered);
    tr_write_kv_uint(w, "dead_letters", s->dead_letters);
    tr_write_kv_uint(w, "nacks", s->nacks);
    tr_write_kv_uint(w, "gaps", s->gaps);
    tr_write_kv_uint(w, "mutes", s->mutes);
    tr_write_kv_uint(w, "broken", s->broken);
    tr_write_kv_uint(w, "stored", s->stored);
    tr_write_kv_uint(w, "duplicates", s->duplicates);
    tr_write_kv_uint(w, "letters", s->letters);
    tr_write_kv_uint(w, "letter_bytes", s->letter_bytes);
    tr_write_kv_uint(w, "unsynced_bytes", s->unsynced_bytes);
    write_reasons(w, "dropped", s->dropped);
    write_reasons(w, "refused", s->refused);
}

const tr_action_t tr_ams_actions[] = {
    {"search", "name state offset max-results", handle_search, .abroad = true},
    {"get-description", "", handle_get_description, .abroad = true},
    {"register", "name*", handle_register},
    {"deregister", "name*", handle_deregister},
    {"modify", "name* state* reason", tr_handle_modify},
    {"suspend", "name* reason", tr_handle_suspend},
    {"resume", "name* reason", tr_handle_resume},
    {"move", "name* to wait-ms pause-ms", tr_handle_move},
    {"why", "name*", tr_handle_why},
    {"topics", "pattern", handle_topics, .abroad = true},
    {"services", "", handle_services, .abroad = true},
    {"stats", "", handle_stats, .abroad = true},
    {"brokers", "", tr_handle_brokers, .abroad = true},
    {"quarantine", "name* reason", tr_handle_quarantine},
    {"quarantine-release", "name* reason", tr_handle_quarantine_release},
    {"quarantine-list", "", tr_handle_quarantine_list},
    {"mailboxes", "name offset max-results", tr_handle_mailboxes},
    {"mailbox-limits", "name service max-records max-bytes max-age-ms", tr_handle_mailbox_limits},
    {"mailbox-protocol", "name* policy*", tr_handle_mailbox_protocol},
    {"mailbox-drop", "name service force", tr_handle_mailbox_drop},
    {"journal", "", tr_handle_journal},
    {"dead-letters", "after until name service reason", tr_handle_dead_letters},
    {"dead-letter", "number*", tr_handle_dead_letter},
    {"dead-letter-requeue", "number*", tr_handle_dead_letter_requeue},
    {"dead-letter-drop", "number*", tr_handle_dead_letter_drop},
    {"dead-letters-requeue", "after until name service reason", tr_handle_dead_letters_requeue},
    {"dead-letters-drop", "after until name service reason", tr_handle_dead_letters_drop},
    {"streams", "", tr_handle_streams},
    {"stream-declare", "stream* pattern* max-age-ms max-bytes max-records", tr_handle_stream_declare},
    {"stream-drop", "stream*", tr_handle_stream_drop},
    {"stream-read", "stream* from consumer max-results", tr_handle_stream_read},
    {"stream-commit", "stream* consumer* position*", tr_handle_stream_commit},
    {"spans", "spans* dropped spent", tr_handle_spans, .told = true},
    {"trace", "trace* offset max-results", tr_handle_trace, .abroad = true},
    {"traces", "max-results", tr_handle_traces, .abroad = true},
    {"spending", "name offset max-results", tr_handle_spending, .abroad = true},
    {NULL, NULL, NULL},
};
