/* The core's entrances: bundles in, outputs out. What each record asks for is in the table of handlers. */
#include "broker/core/core.h"

#include "broker/core/durable/durable.h"
#include "broker/core/durable/stream.h"
#include "broker/core/federation/interest.h"
#include "broker/core/federation/neighbour.h"
#include "broker/core/guard.h"
#include "broker/core/link.h"
#include "broker/core/mandate.h"
#include "broker/core/platform/conduct.h"
#include "broker/core/platform/df_watch.h"
#include "broker/core/platform/move.h"
#include "broker/core/platform/quarantine.h"
#include "broker/core/platform/spans.h"
#include "broker/core/platform/why.h"

#include <sodium.h>
#include <stdlib.h>

#define ARENA_LIMIT    (1u << 20)
#define STATS_EVERY_MS 1000
#define INTERESTS_MAX  4096

void tr_core_config_defaults(tr_core_config_t *config) {
    *config = (tr_core_config_t){
        .platform = "local",
        .version = "",
        .stream_endpoint = "",
        .max_record = TR_RECORD_MAX,
        .window_records = 32768,
        .window_bytes = 8u << 20,
        .mailbox_records = 262144,
        .mailbox_bytes = 32u << 20,
        .trace_bytes = 4u << 20,
        .trace_per_second = 1000,
        .service_records = 65536,
        .service_bytes = 64u << 20,
        .service_wait_ms = 30000,
        .tries_max = 20,
        .poison_max = 3,
        .heartbeat_ms = 750,
        .lease_ms = 2500,
        .grace_ms = 1000,
        .sessions_max = 100000,
        .topics_max = 65536,
        .subscriptions_max = 1000000,
        .services_max = 65536,
        .mandates_max = 262144,
        .told_max = 1024,
        .message_lease_ms = 30000,
        .queue_in_hand = 1024,
        .queue_records = 1u << 28,
        .queue_bytes = 4ull << 30,
        .queue_resident_bytes = 8u << 20,
        .unsynced_bytes = 64u << 20,
        .producers_max = 100000,
        .queues_each = 16384,
        .producers_each = 25000,
        .queue_idle_ms = 3600000,
        .letters_records = 1000000,
        .letters_bytes = 4ull << 30,
        .letters_each_records = 100000,
        .letters_each_bytes = 256u << 20,
        .dedup_ms = 3600000,
        .peer_records = 262144,
        .peer_bytes = 64u << 20,
        .peer_offers = 262144,
        .proxies_max = 1u << 20,
    };
}

/* A keyed hash of the seed, which everybody may know without learning anything of the seed. */
static uint64_t name_life(const tr_core_config_t *config) {
    uint8_t text[16] = "instance", hash[crypto_shorthash_BYTES];
    tr_put64(text + 8, config->seed);
    crypto_shorthash(hash, text, sizeof text, config->secret);
    return tr_get64(hash) | 1;
}

tr_core_t *tr_core_new(const tr_core_config_t *config, tr_pool_t *pool) {
    size_t len = strlen(config->platform);
    if (!tr_platform_valid(config->platform, len))
        return NULL;
    tr_core_t *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->config = *config;
    memcpy(c->platform, config->platform, len + 1);
    c->platform_len = len;
    c->pool = pool;
    c->random = config->seed;
    c->instance = name_life(config);
    tr_arena_init(&c->arena, ARENA_LIMIT);
    tr_map_init(&c->peers, tr_core_random(c));
    tr_map_init(&c->names, tr_core_random(c));
    tr_map_init(&c->service_names, tr_core_random(c));
    tr_map_init(&c->topic_names, tr_core_random(c));
    tr_map_init(&c->subscription_keys, config->seed);
    c->subs_version = c->subs_renewed = c->interest_version = 1;
    c->stream_endpoint = strdup(config->stream_endpoint);
    c->version = strdup(config->version);
    c->config.platform = c->platform;
    c->config.stream_endpoint = c->stream_endpoint;
    c->config.version = c->version;
    if (!c->stream_endpoint || !c->version || (config->journal && !(c->durable = tr_durable_new(c))))
        tr_core_destroy(&c);
    return c;
}

static void free_outs(tr_core_t *c) {
    for (size_t i = c->outs_at; i < c->outs_n; i++) {
        tr_buf_release(c->outs[i].buf);
        free(c->outs[i].detail);
    }
    free(c->outs);
}

void tr_core_destroy(tr_core_t **self) {
    tr_core_t *c = *self;
    if (!c)
        return;
    for (uint32_t i = 0; i < c->sessions_n; i++)
        if (c->sessions[i])
            tr_session_close(c, c->sessions[i], TR_REASON_SHUTDOWN);
    for (uint32_t i = 0; i < c->services_n; i++)
        tr_service_destroy(c, c->services[i]);
    for (uint32_t i = 0; i < c->topics_n; i++)
        if (c->topics[i])
            tr_topic_free(c, c->topics[i]);
    for (uint32_t i = 0; i < c->interests_n; i++)
        free(c->interests[i].prefix);
    tr_durable_finish(c);
    tr_federation_finish(c);
    free_outs(c);
    tr_guard_finish(c);
    tr_mandates_finish(c);
    tr_quarantine_finish(c);
    tr_spans_finish(c);
    tr_conduct_finish(c);
    tr_why_finish(c);
    tr_move_finish(c);
    tr_df_watch_finish(c);
    for (uint32_t i = 0; i < c->restricted_n; i++)
        free(c->restricted[i]);
    free(c->restricted);
    tr_map_finish(&c->peers);
    tr_map_finish(&c->names);
    tr_map_finish(&c->service_names);
    tr_map_finish(&c->topic_names);
    tr_map_finish(&c->subscription_keys);
    tr_arena_finish(&c->arena);
    free(c->sessions);
    free(c->generations);
    free(c->free_slots);
    free(c->services);
    free(c->topics);
    free(c->topic_generations);
    free(c->subscriptions);
    free(c->interests);
    free(c->df);
    free(c->stream_endpoint);
    free(c->version);
    free(c);
    *self = NULL;
}

/* splitmix64: reproducible, and unguessable as long as the seed is (CURVE guards links, not tokens). */
uint64_t tr_core_random(tr_core_t *core) {
    uint64_t z = core->random += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

bool tr_core_out_room(tr_core_t *core) {
    if (core->outs_n < core->outs_cap)
        return true;
    size_t cap = core->outs_cap ? core->outs_cap * 2 : 64;
    tr_core_out_t *grown = realloc(core->outs, cap * sizeof *grown);
    if (!grown)
        return false;
    core->outs = grown;
    core->outs_cap = cap;
    return true;
}

void tr_core_out(tr_core_t *core, const tr_core_out_t *out) {
    if (tr_core_out_room(core)) {
        core->outs[core->outs_n++] = *out;
        return;
    }
    tr_buf_release(out->buf);
    free(out->detail); /* out of memory: as if the network had lost it; heartbeats and sequences tell */
}

bool tr_core_next(tr_core_t *self, tr_core_out_t *ret_out) {
    if (self->outs_at == self->outs_n) {
        self->outs_at = self->outs_n = 0;
        return false;
    }
    *ret_out = self->outs[self->outs_at++];
    return true;
}

/* What each kind of record does. A kind that is not here is unknown to a broker. */
static const struct {
    tr_link_handler_t handle;
    bool charged; /* counts against the credit of the process */
} handlers[TR_KIND_MAX] = {
    [TR_KIND_MESSAGE] = {tr_route_message, true},
    [TR_KIND_PUBLISH] = {tr_route_publish, true},
    [TR_KIND_REPORT] = {tr_handle_report, false},
    [TR_KIND_PING] = {tr_handle_ping, false},
    [TR_KIND_PONG] = {tr_handle_pong, false},
    [TR_KIND_CREDIT] = {tr_handle_credit, false},
    [TR_KIND_BYE] = {tr_handle_bye, false},
    [TR_KIND_REGISTER] = {tr_handle_register, false},
    [TR_KIND_DEREGISTER] = {tr_handle_deregister, false},
    [TR_KIND_SUBSCRIBE] = {tr_handle_subscribe, false},
    [TR_KIND_UNSUBSCRIBE] = {tr_handle_subscribe, false},
    [TR_KIND_SETTLE] = {tr_service_settle, false},
};

/* More than its window since the last CREDIT: a process that does not keep to the protocol. */
static bool over_credit(tr_core_t *core, tr_session_t *s, const tr_record_t *r) {
    s->in_records++;
    s->in_bytes += r->h.length;
    uint64_t bytes = s->in_bytes - s->credited_bytes;
    if (s->in_records - s->credited_records <= core->config.window_records &&
        (bytes <= core->config.window_bytes ||
            bytes == r->h.length)) /* one of any size may go when nothing is out */
        return false;
    core->stats.refused[TR_REASON_CREDIT]++;
    const tr_entry_t *sender = tr_entry_of_route(core, r->h.src);
    if (sender && sender->session == s) /* nothing else of the record has been checked yet */
        tr_nack(core, r, TR_REASON_CREDIT, "sent ahead of its credit", 0);
    return true;
}

static tr_link_handler_t handler_of(const tr_session_t *s, uint8_t kind, bool *ret_charged) {
    if (s->neighbour)
        return tr_neighbour_handler(kind, ret_charged);
    *ret_charged = kind < TR_KIND_MAX && handlers[kind].charged;
    return kind < TR_KIND_MAX ? handlers[kind].handle : NULL;
}

static void handle(tr_core_t *core, tr_session_t *s, const tr_record_t *r) {
    bool charged;
    tr_link_handler_t handler = handler_of(s, r->h.kind, &charged);
    if (!handler) {
        tr_control_refuse(
            core, s, r->h.id, TR_REASON_UNKNOWN_KIND, "a broker does not know this kind of record");
        return;
    }
    if (charged && over_credit(core, s, r))
        return;
    core->routed = charged ? r : NULL;
    handler(core, s, r);
    core->routed = NULL;
}

/* Whether such a record ends the session. */
static bool ends(const tr_session_t *s, uint8_t kind) {
    return kind == (s->neighbour ? TR_KIND_BYE_OK : TR_KIND_BYE);
}

/* A record from a peer without a session: only HELLO means anything. True while the bundle may go on. */
static bool handle_stranger(
    tr_core_t *core, tr_peer_t peer, const tr_record_t *r, tr_session_t **ret_session) {
    if (r->h.kind == TR_KIND_HELLO) {
        *ret_session = tr_handle_hello(core, peer, r);
        return *ret_session != NULL;
    }
    if (r->h.kind == TR_KIND_BYE) { /* it is leaving anyhow */
        tr_control_refuse_peer(core, peer, r->h.id, TR_REASON_NO_SESSION, "no session");
        return false;
    }
    tr_control_refuse_peer(core, peer, r->h.id, TR_REASON_NO_SESSION,
        "say HELLO first: a connection that was lost, or cut for a frame that is too large, has no session");
    return false; /* one answer for the whole bundle */
}

/* Where a record cannot be read, nobody knows where the next one begins. */
static void refuse_rest(tr_core_t *core, tr_peer_t peer, tr_session_t *s, tr_reason_t why) {
    char detail[128] = "the rest of this bundle could not be read";
    if (why == TR_REASON_TOO_LARGE)
        snprintf(detail, sizeof detail, "a record of more than %u bytes; the rest of its bundle was not read",
            core->config.max_record);
    if (s)
        tr_control_refuse(core, s, 0, why, detail);
    else
        tr_control_refuse_peer(core, peer, 0, why, detail);
}

static void handle_records(tr_core_t *core, tr_peer_t peer, tr_bundle_reader_t *reader) {
    tr_session_t *s = tr_session_of_peer(core, peer);
    tr_record_t record;
    int r;
    while ((r = tr_bundle_next(reader, &record)) > 0) {
        core->stats.records_in++;
        if (!s || (record.h.kind == TR_KIND_HELLO && !s->neighbour)) {
            if (!handle_stranger(core, peer, &record, &s))
                return;
            continue;
        }
        bool last = ends(s, record.h.kind);
        handle(core, s, &record);
        if (last)
            return; /* the session is gone */
    }
    if (r < 0)
        refuse_rest(core, peer, s, (tr_reason_t)-r);
    if (s) {
        s->heard_ms = core->now.mono_ms;
        tr_session_credit(core, s);
    }
}

void tr_core_bundle(tr_core_t *self, tr_peer_t peer, const void *bytes, size_t len, tr_core_now_t now) {
    self->now = now;
    self->stats.bundles_in++;
    self->stats.bytes_in += len;
    tr_bundle_reader_t reader;
    tr_reason_t why = tr_bundle_open(&reader, bytes, len, self->config.max_record);
    if (why != TR_REASON_NONE) {
        tr_control_refuse_peer(self, peer, 0, why,
            why == TR_REASON_BAD_VERSION ? "this broker speaks version 1" : "not a Troupe bundle");
        return;
    }
    handle_records(self, peer, &reader);
}

void tr_core_bundle_by(
    tr_core_t *self, tr_peer_t peer, const uint8_t *key, const void *bytes, size_t len, tr_core_now_t now) {
    self->speaker = key;
    tr_core_bundle(self, peer, bytes, len, now);
    self->speaker = NULL;
}

void tr_core_refuse(tr_core_t *self, tr_peer_t peer, tr_reason_t reason, const char *detail) {
    tr_control_refuse_peer(self, peer, 0, reason, detail);
}

void tr_core_peer_lost(tr_core_t *self, tr_peer_t peer, tr_core_now_t now) {
    self->now = now;
    tr_session_t *s = tr_session_of_peer(self, peer);
    if (s && s->neighbour)
        tr_session_close(self, s, TR_REASON_PEER_DOWN);
    else if (s)
        tr_session_unbind(self, s);
}

static tr_interest_t *find_interest(tr_core_t *self, const char *prefix, size_t len) {
    for (uint32_t i = 0; i < self->interests_n; i++)
        if (self->interests[i].len == len && !memcmp(self->interests[i].prefix, prefix, len))
            return &self->interests[i];
    return NULL;
}

static void add_interest(tr_core_t *self, const char *prefix, size_t len) {
    tr_interest_t *grown = NULL;
    char *copy = NULL;
    if (self->interests_n < INTERESTS_MAX)
        grown = realloc(self->interests, (self->interests_n + 1) * sizeof *grown);
    if (grown) {
        self->interests = grown;
        copy = malloc(len + 1);
    }
    if (!copy) {
        self->interests_more++;
        tr_interest_pattern(self, ">", 1, 1);
        return;
    }
    memcpy(copy, prefix, len);
    copy[len] = 0;
    grown[self->interests_n++] = (tr_interest_t){.prefix = copy, .len = len};
    tr_interest_prefix(self, prefix, len, 1);
}

static void remove_interest(tr_core_t *self, tr_interest_t *have) {
    if (have) {
        tr_interest_prefix(self, have->prefix, have->len, -1);
        free(have->prefix);
        *have = self->interests[--self->interests_n];
    } else if (self->interests_more) {
        self->interests_more--;
        tr_interest_pattern(self, ">", 1, -1);
    }
}

void tr_core_interest(tr_core_t *self, const char *prefix, size_t len, bool on) {
    tr_interest_t *have = find_interest(self, prefix, len);
    if (on && have)
        return;
    if (on)
        add_interest(self, prefix, len);
    else
        remove_interest(self, have);
    self->interest_version++;
    self->tapped = self->interests_more > 0;
    for (uint32_t i = 0; i < self->interests_n; i++)
        self->tapped |= self->interests[i].len >= 4 && !memcmp(self->interests[i].prefix, "$tap", 4);
    self->tapped |= tr_streams_tap(self);
}

/* Dead is who has been silent for a lease, or whose connection broke and did not come back in time. A break that is found when the
 * lease has nearly ended does not prolong it, unless the grace is meant to be the longer one. */
static bool is_dead(const tr_core_config_t *c, const tr_session_t *s, int64_t silent, int64_t lost) {
    bool lease_over = silent > (int64_t)(s->neighbour ? s->neighbour->lease_ms : c->lease_ms);
    if (s->state != TR_SESSION_LOST)
        return lease_over;
    return lost > (int64_t)c->grace_ms || (lease_over && c->grace_ms <= c->lease_ms);
}

static void check_sessions(tr_core_t *self) {
    const tr_core_config_t *c = &self->config;
    for (uint32_t i = 0; i < self->sessions_n; i++) {
        tr_session_t *s = self->sessions[i];
        if (!s)
            continue;
        int64_t silent = self->now.mono_ms - s->heard_ms, lost = self->now.mono_ms - s->lost_ms;
        if (is_dead(c, s, silent, lost)) {
            tr_session_close(self, s, TR_REASON_AGENT_GONE);
            continue;
        }
        if (s->state != TR_SESSION_LIVE)
            continue;
        tr_session_credit_rest(self, s);
        if (silent > (int64_t)c->heartbeat_ms * 2 && !s->neighbour) {
            tr_record_header_t h = {.kind = TR_KIND_PING};
            tr_control_send(self, s, &h, NULL, 0);
        }
    }
}

static int64_t later(int64_t then_ms, int64_t by_ms, int64_t at_most_ms) {
    return then_ms + by_ms < at_most_ms ? then_ms + by_ms : at_most_ms;
}

void tr_core_paused(tr_core_t *self, int64_t ms, tr_core_now_t now) {
    for (uint32_t i = 0; i < self->sessions_n; i++) {
        tr_session_t *s = self->sessions[i];
        if (!s)
            continue;
        s->heard_ms = later(s->heard_ms, ms, now.mono_ms);
        s->lost_ms = later(s->lost_ms, ms, now.mono_ms);
    }
}

void tr_core_tick(tr_core_t *self, tr_core_now_t now) {
    self->now = now;
    tr_audit_tick(self);
    check_sessions(self);
    tr_guard_tick(self);
    tr_service_tick(self);
    tr_publish_gaps(self);
    tr_df_tick(self);
    tr_df_watch_tick(self);
    tr_why_tick(self);
    tr_move_tick(self);
    tr_durable_tick(self);
    tr_neighbours_tick(self);
    int64_t elapsed = now.mono_ms - self->stats_ms;
    if (elapsed < STATS_EVERY_MS)
        return;
    tr_topic_tick(self, elapsed);
    tr_sys_stats(self);
    self->stats_ms = now.mono_ms;
}

void tr_core_shutdown(tr_core_t *self) {
    self->shutdown = true;
    for (uint32_t i = 0; i < self->services_n; i++)
        if (self->services[i]->durable)
            tr_queue_park(self->services[i]);
}

void tr_core_farewell(tr_core_t *self) {
    tr_record_header_t h = {.kind = TR_KIND_BYE_OK};
    for (uint32_t i = 0; i < self->sessions_n; i++)
        if (self->sessions[i] && self->sessions[i]->state == TR_SESSION_LIVE)
            tr_control_send(self, self->sessions[i], &h, NULL, 0);
}

bool tr_core_drained(const tr_core_t *self) {
    const tr_core_stats_t *s = &self->stats;
    return s->queued == tr_durable_away(self) && !s->leased && tr_durable_quiet(self);
}

void tr_core_flush(tr_core_t *self) {
    tr_df_watch_flush(self);
    tr_spans_due(self);
    if (self->durable) {
        tr_mandates_keep(self);
        tr_batch_flush(self);
    }
    tr_interests_flush(self);
    while (self->dirty) {
        tr_session_t *s = self->dirty;
        self->dirty = s->next_dirty;
        s->dirty = false;
        tr_session_flush(self, s);
    }
    while (self->dirty_topics) {
        tr_topic_t *t = self->dirty_topics;
        self->dirty_topics = t->next_dirty;
        t->dirty = false;
        tr_topic_flush(self, t);
    }
}

const tr_core_stats_t *tr_core_stats(const tr_core_t *self) {
    return &self->stats;
}
