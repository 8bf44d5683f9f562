/* Handlers of what a process says about its link: hello, registration, subscriptions, credit,
 * heartbeat, bye. */
#include "broker/core/link.h"
#include "broker/core/durable/durable.h"
#include "broker/core/guard.h"
#include "broker/core/platform/move.h"

#include "proto/link.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

static void *take(void *arena, size_t size) {
    return tr_arena_alloc(arena, size);
}

static void drop(void *arena, void *p) {
    (void)arena;
    (void)p; /* with the arena */
}

ProtobufCAllocator tr_link_bodies(tr_core_t *core) {
    tr_arena_reset(&core->arena);
    return (ProtobufCAllocator){.alloc = take, .free = drop, .allocator_data = &core->arena};
}

static void set_text(char **field, const char *text) {
    free(*field);
    *field = strndup(text ? text : "", 64);
}

static bool same_token(const tr_session_t *s, const ProtobufCBinaryData *token) {
    unsigned differ = token->len != sizeof s->token;
    for (size_t i = 0; i < sizeof s->token && i < token->len; i++)
        differ |= (unsigned)(s->token[i] ^ token->data[i]);
    return !differ;
}

/* A token begins with its session's slot (tr_session_open). */
static tr_session_t *resumable(
    tr_core_t *core, const Troupe__Hello *m, const tr_identity_t *who, tr_reason_t *why) {
    uint32_t slot = m->token.len >= sizeof slot ? tr_get32(m->token.data) : UINT32_MAX;
    tr_session_t *s = slot < core->sessions_n ? core->sessions[slot] : NULL;
    if (!s || !same_token(s, &m->token) || !tr_guard_is_own(s, who))
        return NULL;
    if (m->epoch > s->epoch)
        return s;
    *why = TR_REASON_OLD_EPOCH;
    return NULL;
}

static void welcome(tr_core_t *core, tr_session_t *s, bool resumed) {
    uint8_t body[1280];
    char refusal[200];
    const tr_core_config_t *c = &core->config;
    Troupe__Welcome m = TROUPE__WELCOME__INIT;
    m.platform = core->platform;
    m.token = (ProtobufCBinaryData){.data = s->token, .len = sizeof s->token};
    m.resumed = resumed;
    m.epoch = s->epoch;
    m.window_records = c->window_records;
    m.window_bytes = c->window_bytes;
    m.heartbeat_ms = c->heartbeat_ms;
    m.lease_ms = c->lease_ms;
    m.max_record = c->max_record;
    m.stream = core->stream_endpoint;
    m.version = core->version;
    m.journal = core->durable != NULL;
    m.message_lease_ms = m.journal ? c->message_lease_ms : 0;
    m.instance = core->instance;
    if (tr_guard_watchers_full(s, refusal, sizeof refusal))
        m.stream_refusal = refusal;
    if (troupe__welcome__get_packed_size(&m) > sizeof body)
        return; /* endpoints and versions are shorter: checked at start */
    size_t len = troupe__welcome__pack(&m, body);
    tr_record_header_t h = {.kind = TR_KIND_WELCOME};
    tr_outbox_t waiting = s->control; /* since the connection broke: WELCOME goes before all else */
    s->control = (tr_outbox_t){0};
    tr_control_send(core, s, &h, body, len);
    tr_outbox_append(&s->control, &waiting);
}

static void bind_again(tr_core_t *core, tr_session_t *s, tr_peer_t peer) {
    if (s->peer != peer)
        tr_session_unbind(core, s);
    tr_session_bind(core, s, peer);
}

static void registered(tr_core_t *core, tr_session_t *s, const tr_entry_t *e, uint64_t id) {
    uint8_t body[TR_AID_MAX + 64];
    Troupe__Registered m = TROUPE__REGISTERED__INIT;
    m.name = e->name;
    m.count = e->count;
    m.route = tr_session_route(s, e->first);
    size_t len = troupe__registered__pack(&m, body);
    tr_record_header_t h = {.kind = TR_KIND_REGISTERED, .id = id};
    tr_control_send(core, s, &h, body, len);
}

/* What was on its way when the connection broke may be lost; leased requests may not, nor the routes of agents for
 * which messages wait, nor the names of the topics whose publications do. After WELCOME, because much of it may go
 * out at once. */
static void resume(tr_core_t *core, tr_session_t *s) {
    for (uint32_t i = 0; i < s->entries_n; i++)
        registered(core, s, s->entries[i], 0);
    core->subs_version++; /* topics are announced to it again */
    core->subs_renewed++;
    tr_publish_announce(core, s);
    tr_service_repeat(core, s);
}

static tr_session_t *open_session(tr_core_t *core, tr_peer_t peer, uint64_t id) {
    tr_session_t *s = core->shutdown ? NULL : tr_session_open(core, peer);
    if (!s)
        tr_control_refuse_peer(core, peer, id, core->shutdown ? TR_REASON_SHUTDOWN : TR_REASON_LIMIT,
            core->shutdown ? "the broker is shutting down"
                           : "this broker has as many sessions as it may (--sessions-max)");
    return s;
}

/* Who the session's durable messages are of: under a guard each certificate has producers of its own, so that
 * nobody takes another's numbers. False where a newer life of the producer is known. */
static bool set_producer(tr_core_t *core, tr_session_t *s, const tr_identity_t *who, const Troupe__Hello *m,
    tr_reason_t *ret_why) {
    char name[2 * TR_PRODUCER_MAX + 2];
    size_t len = strlen(m->producer);
    const char *holder = who ? who->name : "";
    if (!core->durable || !len)
        return true;
    *ret_why = TR_REASON_BAD_NAME;
    if (len > TR_PRODUCER_MAX || !tr_name_valid(m->producer, len) || strlen(holder) > TR_PRODUCER_MAX)
        return false;
    snprintf(name, sizeof name, "%s%s%s", holder, *holder ? "/" : "", m->producer);
    tr_producer_t *p = tr_producer_get(core, name, m->producer_epoch, s, ret_why);
    if (p)
        tr_producer_speaks(core, p, s);
    return p != NULL;
}

static void start_counting(tr_session_t *s, const Troupe__Hello *m) {
    s->epoch = m->epoch;
    s->in_records = s->in_bytes = s->credited_records = s->credited_bytes = 0;
    s->acked_records = s->acked_bytes = s->sent_records = s->sent_bytes = 0;
    tr_gone_recount(s);
    s->window_records = m->window_records;
    s->window_bytes = m->window_bytes;
}

/* Its identity takes the session on, or not: then it ends before anything came of it. */
static bool enter(tr_core_t *core, tr_session_t *s, tr_identity_t *who, uint64_t id) {
    bool first = !s->guest;
    if (!tr_guard_enter(core, s, who)) {
        tr_control_turn_down_peer(
            core, s->peer, id, TR_REASON_LIMIT, tr_guard_words(core, "out of memory", NULL));
        tr_session_close(core, s, TR_REASON_AGENT_GONE);
        return false;
    }
    if (first)
        tr_audit(core, TR_EVENT_CONNECTED, s, who->name, who->name, "");
    return true;
}

tr_session_t *tr_handle_hello(tr_core_t *core, tr_peer_t peer, const tr_record_t *r) {
    ProtobufCAllocator a = tr_link_bodies(core);
    Troupe__Hello *m = troupe__hello__unpack(&a, r->content_len, r->content);
    tr_reason_t why = TR_REASON_NONE;
    if (!m || m->version != TR_PROTOCOL_VERSION) {
        tr_control_refuse_peer(core, peer, r->h.id, m ? TR_REASON_BAD_VERSION : TR_REASON_BAD_RECORD,
            "this broker speaks version 1");
        return NULL;
    }
    tr_identity_t *who = NULL;
    if (core->guard && !core->config.open_links && !(who = tr_guard_knock(core, peer, r->h.id)))
        return NULL;
    tr_session_t *known = tr_session_of_peer(core, peer);
    if (known && known->epoch == m->epoch) { /* it asked twice because the first answer took long */
        welcome(core, known, known->resumed);
        return known;
    }
    tr_session_t *s = resumable(core, m, who, &why);
    bool resumed = s != NULL;
    if (why != TR_REASON_NONE) {
        tr_control_refuse_peer(core, peer, r->h.id, why, "a newer connection has this session");
        return NULL;
    }
    if (known && known != s)
        tr_session_close(core, known, TR_REASON_AGENT_GONE); /* it began anew on the same connection */
    if (s)
        bind_again(core, s, peer);
    else if (!(s = open_session(core, peer, r->h.id)))
        return NULL;
    start_counting(s, m);
    if (!set_producer(core, s, who, m, &why)) { /* what waits for it goes back, and not to this peer */
        tr_control_refuse_peer(core, peer, r->h.id, why,
            tr_durable_words(core, "the producer in HELLO: a name of 1 to 64, no older epoch than before"));
        tr_session_close(core, s, TR_REASON_AGENT_GONE);
        return NULL;
    }
    s->resumed = resumed;
    if (resumed)
        tr_mailbox_drop_refusals(core, s);
    set_text(&s->process, m->process);
    set_text(&s->host, m->host);
    s->pid = m->pid;
    if (who && !enter(core, s, who, r->h.id))
        return NULL;
    welcome(core, s, resumed);
    if (resumed)
        resume(core, s);
    tr_session_dirty(core, s);
    return s;
}

static const char *refusal_text(tr_reason_t why) {
    switch (why) {
    case TR_REASON_BAD_NAME:
        return "a name is 1 to 128 of A-Z a-z 0-9 . _ - + ~, the first neither . nor - (of a range, 119)";
    case TR_REASON_DUPLICATE_NAME: return "an agent of this name is registered already";
    case TR_REASON_LIMIT: return "no room for more agents";
    case TR_REASON_NO_JOURNAL: return "a durable mailbox needs a broker with --journal";
    case TR_REASON_BAD_RECORD: return "the state is none of active, initiated, waiting, suspended, transit";
    default: return tr_reason_name(why);
    }
}

/* What a process has registered already, and asks for again because the answer was lost with a connection. */
static tr_entry_t *registered_already(tr_core_t *core, const tr_session_t *s, const Troupe__Register *m) {
    tr_entry_t *e = m ? tr_map_find_ptr(&core->names, m->name, strlen(m->name)) : NULL;
    uint32_t count = m && m->count > 1 ? m->count : 1;
    return e && e->session == s && e->count == count ? e : NULL;
}

/* Of an agent that is being moved here. It is in transit still, and what it was registered as stays. */
static void claim(tr_core_t *core, tr_session_t *s, const Troupe__Register *m, uint64_t id) {
    tr_entry_t *entry = tr_move_claim(core, s, m->name, m->move);
    char detail[TR_NAME_MAX + 80];
    if (entry) {
        set_text(&entry->behaviour, m->behaviour);
        registered(core, s, entry, id);
        return;
    }
    snprintf(detail, sizeof detail, "%.128s: it is not being moved here, or not any more", m->name);
    tr_control_refuse(core, s, id, TR_REASON_NOT_FOUND, detail);
}

void tr_handle_register(tr_core_t *core, tr_session_t *s, const tr_record_t *r) {
    ProtobufCAllocator a = tr_link_bodies(core);
    Troupe__Register *m = troupe__register__unpack(&a, r->content_len, r->content);
    tr_entry_t *again = registered_already(core, s, m);
    if (again) {
        registered(core, s, again, r->h.id);
        return;
    }
    if (m && m->move) {
        claim(core, s, m, r->h.id);
        return;
    }
    tr_entry_t *entry;
    tr_agent_state_t state = TR_AGENT_ACTIVE;
    int why = !m                                                     ? -TR_REASON_BAD_RECORD
              : core->shutdown                                       ? -TR_REASON_SHUTDOWN
              : m->durable && !core->durable                         ? -TR_REASON_NO_JOURNAL
              : *m->state && !tr_agent_state_parse(m->state, &state) ? -TR_REASON_BAD_RECORD
              : !tr_guard_name(core, s, m->name, m->count)           ? -TR_REASON_FORBIDDEN
                                                           : tr_entry_add(core, s, m->name, m->count, &entry);
    if (why < 0) {
        char detail[TR_NAME_MAX + 160];
        if (why == -TR_REASON_FORBIDDEN) {
            tr_control_turn_down(core, s, r->h.id, TR_REASON_FORBIDDEN, tr_guard_words(core, "", NULL));
            return;
        }
        if (m)
            snprintf(detail, sizeof detail, "%.128s: %s", m->name, refusal_text((tr_reason_t)-why));
        else
            snprintf(detail, sizeof detail, "the body of this REGISTER cannot be read");
        tr_control_refuse(core, s, r->h.id, (tr_reason_t)-why, detail);
        return;
    }
    entry->life.state = state;
    entry->durable = m->durable && core->durable;
    set_text(&entry->behaviour, m->behaviour);
    registered(core, s, entry,
        r->h.id); /* ahead of what waits for it: that may be so much that some of it leaves at once */
    if (!tr_durable_arrived(core, entry)) {
        tr_entry_remove(core, entry, TR_REASON_LIMIT);
        tr_control_refuse(
            core, s, r->h.id, TR_REASON_LIMIT, tr_durable_words(core, "no memory for its mailbox"));
        return;
    }
    tr_sys_agent(core, "joined", entry, TR_REASON_NONE);
}

void tr_handle_deregister(tr_core_t *core, tr_session_t *s, const tr_record_t *r) {
    ProtobufCAllocator a = tr_link_bodies(core);
    Troupe__Deregister *m = troupe__deregister__unpack(&a, r->content_len, r->content);
    tr_entry_t *entry = m ? tr_map_find_ptr(&core->names, m->name, strlen(m->name)) : NULL;
    if (entry && !entry->neighbour && tr_move_released(core, s, entry)) {
        tr_control_done(core, s, r->h.id);
        return;
    }
    if (!entry || entry->session != s) {
        tr_control_refuse(core, s, r->h.id, TR_REASON_NOT_FOUND, "no agent of this process has that name");
        return;
    }
    tr_entry_remove(core, entry, TR_REASON_NONE);
    tr_control_done(core, s, r->h.id);
}

/* The subscribing agent, where it is one of this process. */
static tr_entry_t *own_agent(const tr_session_t *s, tr_route_t route) {
    if (tr_route_type(route) != TR_ROUTE_AGENT || tr_route_slot(route) != s->slot ||
        tr_route_generation(route) != s->generation)
        return NULL;
    return tr_entry_in_session(s, tr_route_agent(route));
}

static const char *subscription_text(tr_reason_t why) {
    switch (why) {
    case TR_REASON_BAD_TOPIC:
        return "not a topic pattern (at most 200 bytes of dotted parts, `*` and a last `>`)";
    case TR_REASON_FORBIDDEN:
        return "$tap is on the topic stream only: subscribe to it there; nothing that begins with $ is "
               "durable";
    case TR_REASON_NO_JOURNAL: return "this broker keeps no journal: it was started without --journal";
    default: return "no room for more subscriptions";
    }
}

/* Of the two kinds, an agent has one for a pattern: the last one counts. */
static tr_reason_t subscribe(
    tr_core_t *core, tr_entry_t *entry, uint32_t agent, const char *pattern, bool durable) {
    size_t len = strlen(pattern);
    tr_reason_t why = durable ? tr_durable_subscribe(core, entry, agent, pattern, len)
                              : tr_core_subscribe(core, entry, agent, pattern, len);
    if (why == TR_REASON_NONE && durable)
        tr_core_unsubscribe(core, entry, agent, pattern, len);
    else if (why == TR_REASON_NONE)
        tr_durable_unsubscribe(core, entry, agent, pattern, len);
    return why;
}

void tr_handle_subscribe(tr_core_t *core, tr_session_t *s, const tr_record_t *r) {
    ProtobufCAllocator a = tr_link_bodies(core);
    Troupe__Subscribe *m = troupe__subscribe__unpack(&a, r->content_len, r->content);
    tr_entry_t *entry = own_agent(s, r->h.src);
    if (!m || !entry) {
        if (m)
            tr_audit(core, TR_EVENT_FORGED_SENDER, s, NULL, m->pattern,
                "subscribes for an agent that is not its own");
        tr_control_refuse(
            core, s, r->h.id, m ? TR_REASON_FORGED_SENDER : TR_REASON_BAD_RECORD, "bad subscription");
        return;
    }
    uint32_t agent = tr_route_agent(r->h.src);
    size_t len = strlen(m->pattern);
    if (r->h.kind == TR_KIND_UNSUBSCRIBE) {
        tr_core_unsubscribe(core, entry, agent, m->pattern, len);
        tr_durable_unsubscribe(core, entry, agent, m->pattern, len);
        tr_control_done(core, s, r->h.id);
        return;
    }
    if (!tr_guard_subscribe(core, s, m->pattern, len)) {
        tr_durable_unsubscribe(core, entry, agent, m->pattern, len); /* from when it still was allowed */
        tr_control_turn_down(core, s, r->h.id, TR_REASON_FORBIDDEN, tr_guard_words(core, "", NULL));
        return;
    }
    tr_reason_t why = subscribe(core, entry, agent, m->pattern, m->durable);
    if (why == TR_REASON_NONE)
        tr_control_done(core, s, r->h.id);
    else
        tr_control_refuse(core, s, r->h.id, why, tr_durable_words(core, subscription_text(why)));
}

void tr_handle_ping(tr_core_t *core, tr_session_t *s, const tr_record_t *r) {
    tr_record_header_t h = {.kind = TR_KIND_PONG, .id = r->h.id};
    tr_control_send(core, s, &h, NULL, 0);
}

void tr_handle_pong(tr_core_t *core, tr_session_t *s, const tr_record_t *r) {
    (void)core;
    (void)s;
    (void)r; /* that it spoke is all we wanted to know */
}

void tr_handle_credit(tr_core_t *core, tr_session_t *s, const tr_record_t *r) {
    if (r->content_len < TR_CREDIT_SIZE) {
        tr_control_refuse(core, s, r->h.id, TR_REASON_BAD_RECORD, "a credit has 16 bytes");
        return;
    }
    uint64_t records = tr_get64(r->content), bytes = tr_get64(r->content + 8);
    if (records > s->sent_records || bytes > s->sent_bytes || records < s->acked_records ||
        bytes < s->acked_bytes) {
        tr_control_refuse(core, s, r->h.id, TR_REASON_BAD_RECORD, "a credit for what was not sent");
        return;
    }
    s->acked_records = records;
    s->acked_bytes = bytes;
    if (s->data.head)
        tr_session_dirty(core, s);
}

/* Its messages fail to their senders now; what it must know of its own (NACKs) goes out before the answer. */
void tr_handle_bye(tr_core_t *core, tr_session_t *s, const tr_record_t *r) {
    tr_move_session_ends(core, s);
    tr_mailbox_fail_session(core, s, TR_REASON_AGENT_GONE, false);
    tr_session_flush(core, s);
    tr_record_header_t h = {.kind = TR_KIND_BYE_OK, .id = r->h.id};
    tr_control_send(core, s, &h, NULL, 0);
    tr_session_close(core, s, TR_REASON_NONE);
}
