/* Links to other brokers: they come, they are kept alive, they end. */
#include "broker/core/federation/neighbour.h"
#include "broker/core/durable/durable.h"
#include "broker/core/federation/interest.h"
#include "broker/core/guard.h"
#include "broker/core/link.h"
#include "broker/core/platform/search.h"

#include "proto/link.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX 1024

static tr_federation_t *federation(tr_core_t *core) {
    if (core->federation || !(core->federation = calloc(1, sizeof *core->federation)))
        return core->federation;
    while (!core->federation->instance)
        core->federation->instance = tr_core_random(core);
    tr_map_init(&core->federation->seen, tr_core_random(core));
    tr_map_init(&core->federation->seen_before, tr_core_random(core));
    tr_interests_begin(core);
    return core->federation;
}

tr_neighbour_t *tr_neighbour_find(const tr_core_t *core, const char *platform) {
    const tr_federation_t *f = core->federation;
    for (uint32_t i = 0; f && i < f->neighbours_n; i++)
        if (!strcmp(f->neighbours[i]->platform, platform))
            return f->neighbours[i];
    return NULL;
}

/* NULL when out of memory, or there are too many. */
static tr_neighbour_t *get(tr_core_t *core, const char *platform) {
    tr_federation_t *f = core->federation;
    tr_neighbour_t *n = tr_neighbour_find(core, platform);
    if (n || f->neighbours_n == TR_NEIGHBOURS_MAX)
        return n;
    tr_neighbour_t **grown = realloc(f->neighbours, (f->neighbours_n + 1) * sizeof(tr_neighbour_t *));
    if (!grown)
        return NULL;
    f->neighbours = grown;
    if (!(n = calloc(1, sizeof *n)))
        return NULL;
    n->platform_len = strlen(platform);
    memcpy(n->platform, platform, n->platform_len + 1);
    n->rtt_ms = -1;
    tr_map_init(&n->senders, tr_core_random(core));
    tr_map_init(&n->offers, tr_core_random(core));
    tr_map_init(&n->topics, tr_core_random(core));
    grown[f->neighbours_n++] = n;
    return n;
}

static void neighbour_free(tr_core_t *core, tr_neighbour_t *n) {
    tr_map_finish(&n->senders);
    tr_interests_forget(core, n);
    tr_foreign_topics_forget(n);
    tr_audience_finish(&n->muted);
    free(n);
}

void tr_federation_finish(tr_core_t *core) {
    tr_federation_t *f = core->federation;
    for (uint32_t i = 0; f && i < f->neighbours_n; i++)
        neighbour_free(core, f->neighbours[i]);
    if (!f)
        return;
    tr_interests_finish(f);
    tr_searches_finish(f);
    free(f->neighbours);
    free(f);
    core->federation = NULL;
}

bool tr_core_is_linked(const tr_core_t *self, const char *platform) {
    const tr_neighbour_t *n = tr_neighbour_find(self, platform);
    return n && n->session;
}

void tr_core_dials_are(tr_core_t *self, const tr_core_dial_t *dials, size_t n) {
    tr_federation_t *f = federation(self);
    if (!f)
        return; /* out of memory: only a table lacks them */
    f->dials = dials;
    f->dials_n = n;
}

/* ---- PEER and PEER_OK ---- */

typedef struct answer {
    tr_reason_t reason;
    const char *detail;
} answer_t;

/* Before there is a session: a bundle of its own. */
static void say(tr_core_t *core, tr_peer_t peer, tr_kind_t kind, answer_t answer) {
    const tr_core_config_t *c = &core->config;
    Troupe__Peer m = TROUPE__PEER__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.platform = core->platform;
    m.instance = core->federation->instance;
    m.window_records = c->window_records;
    m.window_bytes = c->window_bytes;
    m.heartbeat_ms = c->heartbeat_ms;
    m.max_record = c->max_record;
    m.software = core->version;
    m.journal = core->durable != NULL;
    m.reason = answer.reason;
    m.detail = (char *)(uintptr_t)answer.detail;
    uint8_t body[BODY_MAX];
    tr_buf_t *buf =
        troupe__peer__get_packed_size(&m) <= sizeof body ? tr_pool_get(core->pool, TR_BUF_SIZE) : NULL;
    if (!buf)
        return; /* the connection is given up after a while, and dialled again */
    size_t len = troupe__peer__pack(&m, body);
    tr_record_header_t h = {.length = (uint32_t)(TR_RECORD_HEADER + len), .kind = (uint8_t)kind};
    h.reason = (uint16_t)answer.reason;
    tr_bundle_begin(buf);
    uint8_t *at = tr_bundle_add(buf, h.length);
    tr_record_header_write(&h, at);
    memcpy(at + TR_RECORD_HEADER, body, len);
    tr_bundle_end(buf, 1);
    tr_core_out(core, &(tr_core_out_t){.type = TR_OUT_SEND, .peer = peer, .buf = buf});
}

void tr_core_dial(tr_core_t *self, tr_peer_t peer, tr_core_now_t now) {
    self->now = now;
    if (federation(self))
        say(self, peer, TR_KIND_PEER, (answer_t){TR_REASON_NONE, ""});
}

static void cut(tr_core_t *core, tr_peer_t peer) {
    tr_core_out(core, &(tr_core_out_t){.type = TR_OUT_CUT, .peer = peer});
}

static void tell_shell(
    tr_core_t *core, tr_peer_t peer, tr_dialled_t what, const char *platform, const char *detail) {
    tr_core_out_t out = {.type = TR_OUT_DIALLED, .peer = peer, .number = what};
    size_t n = strlen(platform) + 1, m = strlen(detail) + 1;
    if (!(out.detail = malloc(n + m)))
        return; /* it is dialled again after a while */
    memcpy(out.detail, platform, n);
    memcpy(out.detail + n, detail, m);
    out.text = out.detail;
    tr_core_out(core, &out);
}

/* What the shell does about an answer that there is no link. */
static tr_dialled_t dialled_as(uint32_t reason) {
    return reason == TR_REASON_DUPLICATE_NAME ? TR_DIALLED_TWICE
           : reason == TR_REASON_SHUTDOWN     ? TR_DIALLED_LATER
                                              : TR_DIALLED_REFUSED;
}

/* There is no link. Who dialled is told, in one way or the other. */
static void refuse(tr_core_t *core, tr_peer_t peer, bool dialled, const char *platform, answer_t why) {
    tr_dialled_t what = dialled_as(why.reason);
    core->stats.refused[why.reason]++;
    if (what != TR_DIALLED_TWICE)
        tr_event(core, TR_EVENT_PEER_REFUSED, platform, why.detail);
    if (!dialled)
        say(core, peer, TR_KIND_PEER_OK, why);
    else
        tell_shell(core, peer, what, platform, why.detail);
    cut(core, peer);
}

/* What the connection's certificate may be: NULL, with the reason, when it is no broker of that platform. */
static tr_identity_t *identify(tr_core_t *core, tr_peer_t peer, const char *platform, answer_t *ret_why) {
    tr_identity_t *who = core->guard ? tr_guard_knock(core, peer, 0) : NULL;
    ret_why->reason = TR_REASON_FORBIDDEN;
    ret_why->detail = "brokers are linked with certificates alone, and this one's is not good";
    if (who && tr_right_word(&who->cert->rights.platforms, platform, strlen(platform)))
        return who;
    if (who) {
        tr_audit(core, TR_EVENT_NAME_REFUSED, NULL, who->name, platform,
            "the certificate may not speak for this platform: it is not in its rights' `platforms`");
        ret_why->detail = "the certificate may not speak for this platform: see its rights' `platforms`";
    }
    return NULL;
}

/* A link that there is stands, unless the other side has begun a new life. Where both dial at the same moment, each
 * takes the other's before its own is answered: then the one that the lower name has dialled stands. */
static bool stands(const tr_core_t *core, const tr_neighbour_t *n, const Troupe__Peer *m, bool dialled) {
    if (!n->session || n->instance != m->instance)
        return false;
    return !dialled || (!n->dialled && strcmp(n->platform, core->platform) < 0);
}

static void up(tr_core_t *core, tr_neighbour_t *n, const Troupe__Peer *m, bool dialled) {
    tr_session_t *s = n->session;
    n->instance = m->instance;
    n->dialled = dialled;
    n->max_record = m->max_record;
    n->journal = m->journal;
    n->lease_ms = m->heartbeat_ms * 3 > core->config.lease_ms ? m->heartbeat_ms * 3 : core->config.lease_ms;
    n->rtt_ms = -1;
    n->pinged_ms = 0;
    n->since_ms = core->now.wall_ms;
    n->ups++;
    snprintf(n->software, sizeof n->software, "%.31s", m->software);
    s->neighbour = n;
    s->window_records = m->window_records;
    s->window_bytes = m->window_bytes;
    tr_outbox_fit(&s->data, m->window_records, m->window_bytes);
    s->process = strdup("troupe-broker");
    s->host = strdup(n->platform);
    core->stats.sessions--; /* it is no process */
    core->stats.peers++;
}

/* A link, in place of another one to the same broker. NULL with the reason. */
static tr_neighbour_t *open_link(
    tr_core_t *core, tr_peer_t peer, const Troupe__Peer *m, bool dialled, answer_t *ret_why) {
    tr_identity_t *who = identify(core, peer, m->platform, ret_why);
    tr_neighbour_t *n = who ? get(core, m->platform) : NULL;
    if (!who)
        return NULL;
    *ret_why = (answer_t){TR_REASON_DUPLICATE_NAME, "there is a link between the two already"};
    if (n && stands(core, n, m, dialled))
        return NULL;
    *ret_why = (answer_t){TR_REASON_LIMIT, "no room for one more broker"};
    if (n && n->session)
        tr_session_close(core, n->session, TR_REASON_PEER_DOWN);
    if (!n || !(n->session = tr_session_open(core, peer)))
        return NULL;
    tr_session_t *s = n->session;
    up(core, n, m, dialled);
    if (tr_guard_enter(core, s, who))
        return n;
    tr_session_close(core, s, TR_REASON_PEER_DOWN);
    return NULL;
}

/* Without a detail: it is fit. */
static answer_t unfit(const tr_core_t *core, const Troupe__Peer *m) {
    if (!m)
        return (answer_t){TR_REASON_BAD_RECORD, "a link between brokers begins with PEER"};
    if (m->version != TR_PROTOCOL_VERSION)
        return (answer_t){TR_REASON_BAD_RECORD, "this broker speaks version 1"};
    if (!tr_platform_valid(m->platform, strlen(m->platform)) || !m->instance || !m->window_records ||
        !m->window_bytes || m->max_record < TR_RECORD_HEADER)
        return (answer_t){TR_REASON_BAD_RECORD, "a PEER record that says nothing sensible"};
    return (answer_t){TR_REASON_SHUTDOWN, core->shutdown ? "the broker is shutting down" : NULL};
}

/* Its own address is in the list, or another broker has taken the same name. */
static bool is_namesake(tr_core_t *core, tr_peer_t peer, const Troupe__Peer *m, bool dialled) {
    if (strcmp(m->platform, core->platform) != 0)
        return false;
    bool self = m->instance == core->federation->instance;
    if (!self) {
        refuse(core, peer, dialled, m->platform,
            (answer_t){
                TR_REASON_BAD_NAME, "both brokers have the same name: give each its own (--platform)"});
        return true;
    }
    if (dialled)
        tell_shell(core, peer, TR_DIALLED_SELF, core->platform, "this is the broker itself");
    else
        say(core, peer, TR_KIND_PEER_OK, (answer_t){TR_REASON_DUPLICATE_NAME, "this is the broker itself"});
    cut(core, peer);
    return true;
}

/* The first record of a connection. */
static void meet(tr_core_t *core, tr_peer_t peer, const tr_record_t *r, bool dialled) {
    ProtobufCAllocator a = tr_link_bodies(core);
    Troupe__Peer *m = NULL;
    if (dialled && r->h.kind == TR_KIND_REFUSED)
        return; /* the guard's own word; PEER_OK says the same */
    if (r->h.kind == (dialled ? TR_KIND_PEER_OK : TR_KIND_PEER))
        m = troupe__peer__unpack(&a, r->content_len, r->content);
    answer_t why = unfit(core, m);
    if (why.detail) {
        refuse(core, peer, dialled, "", why);
        return;
    }
    if (is_namesake(core, peer, m, dialled))
        return;
    if (dialled && m->reason) {
        tell_shell(core, peer, dialled_as(m->reason), m->platform, m->detail);
        if (m->reason != TR_REASON_DUPLICATE_NAME)
            tr_event(core, TR_EVENT_PEER_REFUSED, m->platform, m->detail);
        cut(core, peer);
        return;
    }
    tr_neighbour_t *n = open_link(core, peer, m, dialled, &why);
    if (!n) {
        refuse(core, peer, dialled, m->platform, why);
        return;
    }
    if (dialled)
        tell_shell(core, peer, TR_DIALLED_LINKED, n->platform, "");
    else
        say(core, peer, TR_KIND_PEER_OK, (answer_t){TR_REASON_NONE, ""});
    tr_sys_peer(core, "up", n, "");
    tr_interests_tell(core, n);
    tr_foreign_mailboxes(core, n);
}

/* ---- its life ---- */

void tr_neighbour_down(tr_core_t *core, tr_session_t *session) {
    tr_neighbour_t *n = session->neighbour;
    core->stats.sessions++; /* tr_session_close counts it out */
    if (n->session != session)
        return;
    core->stats.peers--;
    n->session = NULL;
    n->last = NULL;
    n->since_ms = core->now.wall_ms;
    tr_unmute_all(core, &n->muted, (tr_scope_t){tr_session_route(session, 0), TR_ROUTE_AGENTS_MAX});
    tr_map_finish(&n->senders);
    tr_interests_forget(core, n);
    tr_foreign_topics_forget(n);
    tr_searches_lost(core, n);
    tr_producers_silent(core, session);
    cut(core, session->peer);
    tr_sys_peer(
        core, "down", n, core->shutdown ? "this broker ends" : "the connection broke, or it was silent");
}

static void ping(tr_core_t *core, tr_neighbour_t *n) {
    if (core->now.mono_ms - n->pinged_ms < (int64_t)core->config.heartbeat_ms)
        return;
    n->pinged_ms = core->now.mono_ms;
    tr_record_header_t h = {.kind = TR_KIND_PING, .id = (uint64_t)core->now.mono_ms};
    tr_control_send(core, n->session, &h, NULL, 0);
    tr_interests_remind(core, n);
}

void tr_neighbours_tick(tr_core_t *core) {
    tr_federation_t *f = core->federation;
    for (uint32_t i = 0; f && i < f->neighbours_n; i++) {
        tr_neighbour_t *n = f->neighbours[i];
        if (n->session)
            ping(core, n);
    }
    if (f)
        tr_searches_tick(core);
}

static void bye(tr_core_t *core, tr_session_t *s, const tr_record_t *r) {
    (void)r;
    tr_session_close(core, s, TR_REASON_PEER_DOWN);
}

tr_link_handler_t tr_neighbour_handler(uint8_t kind, bool *ret_charged) {
    static const tr_link_handler_t handlers[TR_KIND_MAX] = {
        [TR_KIND_MESSAGE] = tr_route_message,
        [TR_KIND_PUBLISH] = tr_foreign_publish,
        [TR_KIND_NACK] = tr_foreign_nack,
        [TR_KIND_GAP] = tr_foreign_gap,
        [TR_KIND_SETTLE] = tr_service_settle,
        [TR_KIND_STORED] = tr_foreign_stored,
        [TR_KIND_INTEREST] = tr_foreign_interest,
        [TR_KIND_PING] = tr_handle_ping,
        [TR_KIND_PONG] = tr_foreign_pong,
        [TR_KIND_CREDIT] = tr_handle_credit,
        [TR_KIND_BYE_OK] = bye,
        [TR_KIND_RESOLVED] = tr_foreign_resolved,
        [TR_KIND_GONE] = tr_foreign_gone,
        [TR_KIND_REFUSED] = tr_foreign_refused,
    };
    *ret_charged = tr_kind_is_data(kind);
    return kind < TR_KIND_MAX ? handlers[kind] : NULL;
}

void tr_core_peer_bundle(tr_core_t *self, tr_peer_t peer, bool dialled, const uint8_t *key, const void *bytes,
    size_t len, tr_core_now_t now) {
    tr_session_t *s = tr_session_of_peer(self, peer);
    if (s) {
        tr_core_bundle(self, peer, bytes, len, now);
        return;
    }
    tr_bundle_reader_t reader;
    tr_record_t record;
    self->now = now;
    self->stats.bundles_in++;
    self->stats.bytes_in += len;
    if (!federation(self) || tr_bundle_open(&reader, bytes, len, self->config.max_record) != TR_REASON_NONE ||
        tr_bundle_next(&reader, &record) <= 0) {
        cut(self, peer);
        return;
    }
    self->speaker = key;
    meet(self, peer, &record, dialled);
    self->speaker = NULL;
    /* What the other side has sent behind it comes in bundles of their own. */
}
