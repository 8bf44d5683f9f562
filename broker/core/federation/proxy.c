/* Proxies: agents and services of other platforms, as entries of the link to their broker (neighbour.h). */
#include "broker/core/durable/durable.h"
#include "broker/core/federation/neighbour.h"
#include "broker/core/lease.h"

#include <errno.h>
#include <stdlib.h>

#define IDLE_MS 60000 /* one that nothing went to or came from for so long gives its place to a new one */

/* ---- they come and go ---- */

static void drop_idle(tr_core_t *core, tr_session_t *s) {
    for (uint32_t i = s->entries_n; i-- > 0;)
        if (core->now.mono_ms - s->entries[i]->used_ms > IDLE_MS && !s->entries[i]->services_n &&
            !s->entries[i]->subscriptions_n)
            tr_entry_remove(core, s->entries[i], TR_REASON_NONE);
}

tr_entry_t *tr_proxy_new(tr_core_t *core, tr_neighbour_t *n, const char *aid, size_t len) {
    tr_federation_t *f = core->federation;
    if (f->proxies >= core->config.proxies_max)
        drop_idle(core, n->session);
    if (f->proxies >= core->config.proxies_max)
        return NULL;
    tr_entry_t *e = tr_entry_add_proxy(core, n->session, aid, len);
    if (!e)
        return NULL;
    e->neighbour = n;
    e->used_ms = core->now.mono_ms;
    core->stats.proxies = ++f->proxies;
    return e;
}

void tr_proxy_forget(tr_core_t *core, tr_entry_t *proxy) {
    tr_neighbour_t *n = proxy->neighbour;
    const char *key = (const char *)&proxy->spoke;
    core->stats.proxies = --core->federation->proxies;
    if (n->last == proxy)
        n->last = NULL;
    if (n->session && tr_map_find_ptr(&n->senders, key, sizeof proxy->spoke) == proxy)
        tr_map_delete(&n->senders, key, sizeof proxy->spoke);
}

/* It speaks by this route from now on. Where that is another one than before it was registered anew: what it had sent as who it was before, and
 * comes back, is not for it, and so it gets another number here. Who asks by the old one is told the new one. */
static int speaks_by(tr_core_t *core, tr_neighbour_t *n, tr_entry_t *e, tr_route_t route) {
    if (tr_map_put(&n->senders, (const char *)&route, sizeof route, (uint64_t)(uintptr_t)e) < 0)
        return -ENOMEM;
    if (e->spoke && e->spoke != route) {
        if (tr_map_find_ptr(&n->senders, (const char *)&e->spoke, sizeof e->spoke) == e)
            tr_map_delete(&n->senders, (const char *)&e->spoke, sizeof e->spoke);
        tr_entry_renew(core, e);
    }
    e->remote = e->spoke = route;
    return 0;
}

static tr_entry_t *find_or_make(tr_core_t *core, tr_neighbour_t *n, const char *aid, size_t len) {
    tr_entry_t *e = tr_map_find_ptr(&core->names, aid, len);
    return e ? e : tr_proxy_new(core, n, aid, len);
}

tr_entry_t *tr_proxy_find(tr_core_t *core, const tr_aid_t *aid, tr_reason_t *ret_why) {
    char text[TR_AID_MAX + 1];
    tr_neighbour_t *n = tr_neighbour_find(core, aid->platform);
    *ret_why = n ? TR_REASON_PEER_DOWN : TR_REASON_UNKNOWN_PLATFORM;
    if (!n || !n->session)
        return NULL;
    int len = tr_aid_print(aid, text, sizeof text);
    tr_entry_t *e = len > 0 ? find_or_make(core, n, text, (size_t)len) : NULL;
    *ret_why = e ? TR_REASON_NONE : TR_REASON_LIMIT;
    return e;
}

/* ---- who speaks ---- */

static bool is_named(const tr_entry_t *proxy, const char *aid, size_t len) {
    return proxy->name_len == len && !memcmp(proxy->name, aid, len);
}

/* The envelope says who it is: an agent of that very platform, or one of the broker's own. */
static tr_entry_t *introduce(tr_core_t *core, tr_neighbour_t *n, tr_route_t route, const char *text,
    size_t len, tr_reason_t *ret_why) {
    tr_aid_t aid;
    *ret_why = TR_REASON_FORGED_SENDER;
    bool known_type = tr_route_type(route) == TR_ROUTE_AGENT || tr_route_type(route) == TR_ROUTE_PLATFORM;
    if (!known_type || tr_aid_parse(&aid, text, len) < 0 || aid.service ||
        strcmp(aid.platform, n->platform) != 0)
        return NULL;
    *ret_why = TR_REASON_LIMIT;
    tr_entry_t *e = find_or_make(core, n, text, len);
    return e && speaks_by(core, n, e, route) == 0 ? e : NULL;
}

/* Known by name alone. */
static tr_entry_t *by_name_alone(
    tr_core_t *core, tr_neighbour_t *n, const char *text, size_t len, tr_reason_t *ret_why) {
    tr_aid_t aid;
    *ret_why = TR_REASON_FORGED_SENDER;
    if (tr_aid_parse(&aid, text, len) < 0 || aid.service || strcmp(aid.platform, n->platform) != 0)
        return NULL;
    *ret_why = TR_REASON_LIMIT;
    return find_or_make(core, n, text, len);
}

tr_entry_t *tr_proxy_of_sender(
    tr_core_t *core, tr_neighbour_t *n, const tr_record_t *record, tr_reason_t *ret_why) {
    size_t len;
    tr_route_t route = record->h.src;
    const char *aid = tr_envelope_sender(record->envelope, record->h.envelope_len, &len);
    *ret_why = TR_REASON_BAD_ENVELOPE;
    if (!aid)
        return NULL;
    if (!route &&
        record->h.flags & (TR_FLAG_DURABLE | TR_FLAG_LEASED)) /* it has registered anew since it was sent */
        return by_name_alone(core, n, aid, len, ret_why);
    tr_entry_t *e = n->last && n->last_route == route
                        ? n->last
                        : tr_map_find_ptr(&n->senders, (const char *)&route, sizeof route);
    if (!e || !is_named(e, aid, len)) /* unknown, or the number has gone over to another agent */
        e = introduce(core, n, route, aid, len, ret_why);
    if (!e)
        return NULL;
    n->last = e;
    n->last_route = route;
    e->used_ms = core->now.mono_ms;
    return e;
}

/* ---- what goes to them ---- */

/* An envelope's sender with its platform: agents of here may call themselves by their bare names. */
typedef struct stamp {
    const char *name;
    size_t len;    /* of the name as it stands there */
    size_t head;   /* bytes of the envelope before the name */
    uint32_t more; /* that the envelope grows by */
} stamp_t;

static size_t head_of(size_t name_len) {
    return name_len < 0x80 ? 2 : 3;
}

static stamp_t stamp_of(const tr_core_t *core, const tr_record_t *record) {
    stamp_t s = {0};
    s.name = tr_envelope_sender(record->envelope, record->h.envelope_len, &s.len);
    if (!s.name || memchr(s.name, '@', s.len))
        return (stamp_t){0}; /* a GAP has none */
    size_t len = s.len + 1 + core->platform_len;
    s.head = (size_t)(s.name - (const char *)record->envelope);
    s.more = (uint32_t)(head_of(len) - s.head + 1 + core->platform_len);
    return s;
}

static void write_stamped(
    const tr_core_t *core, const tr_record_t *record, const stamp_t *s, uint8_t *at, size_t rest) {
    if (!s->more) {
        memcpy(at, record->envelope, rest);
        return;
    }
    size_t len = s->len + 1 + core->platform_len, done = s->head + s->len;
    *at++ = 0x0a;
    if (len >= 0x80)
        *at++ = (uint8_t)(len | 0x80);
    *at++ = (uint8_t)(len >= 0x80 ? len >> 7 : len);
    memcpy(at, s->name, s->len);
    at[s->len] = '@';
    memcpy(at + s->len + 1, core->platform, core->platform_len);
    memcpy(at + len, record->envelope + done, rest - done);
}

static bool has_room(const tr_core_t *core, const tr_neighbour_t *n, uint32_t length) {
    return !n->queue.records || (n->queue.records < core->config.peer_records &&
                                    n->queue.bytes + length <= core->config.peer_bytes);
}

bool tr_proxy_has_room(const tr_core_t *core, const tr_entry_t *proxy, uint32_t length) {
    return has_room(core, proxy->neighbour, length);
}

static bool fuller_than(const tr_core_t *core, const tr_neighbour_t *n, uint32_t part) {
    return n->queue.records > core->config.peer_records / part ||
           n->queue.bytes > core->config.peer_bytes / part;
}

/* What waited in a queue may be of one who has registered anew meanwhile. Its old number, told after the new one, would take
 * it for one more life over there, and what comes back to the one that it has would not reach it: so it goes by the name alone. */
static tr_route_t src_of(tr_core_t *core, const tr_record_t *record, const tr_record_header_t *h) {
    if (h->kind != TR_KIND_MESSAGE || !(h->flags & (TR_FLAG_LEASED | TR_FLAG_DURABLE)))
        return h->src;
    size_t len;
    const char *aid = tr_envelope_sender(record->envelope, record->h.envelope_len, &len);
    const tr_entry_t *e = tr_entry_of_route(core, h->src);
    bool its = e && aid && tr_entry_is_sender(core, e, tr_route_agent(h->src), aid, len);
    return its ? h->src : 0;
}

/* `origin` NULL: nothing stands behind the content. */
static tr_reason_t put(
    tr_core_t *core, tr_entry_t *to, const tr_record_t *record, tr_record_header_t h, const uint8_t *origin) {
    tr_neighbour_t *n = to->neighbour;
    stamp_t stamp = stamp_of(core, record);
    uint32_t rest = h.length - TR_RECORD_HEADER;
    h.length += stamp.more + (origin ? TR_ORIGIN_SIZE : 0);
    h.envelope_len = (uint16_t)(h.envelope_len + stamp.more);
    h.src = src_of(core, record, &h);
    h.dst = to->remote;
    if (h.length > n->max_record || h.envelope_len > TR_ENVELOPE_MAX)
        return TR_REASON_TOO_LARGE;
    if (!has_room(core, n, h.length))
        return TR_REASON_BUSY;
    uint8_t *at = tr_outbox_add(&to->session->data, core->pool, h.length, &n->queue);
    if (!at)
        return TR_REASON_LIMIT;
    tr_record_header_write(&h, at);
    write_stamped(core, record, &stamp, at + TR_RECORD_HEADER, rest);
    if (origin)
        memcpy(at + h.length - TR_ORIGIN_SIZE, origin, TR_ORIGIN_SIZE);
    core->stats.accepted++;
    core->stats.queued++;
    core->stats.queued_bytes += h.length;
    n->sent++;
    core->stats.peer_sent++;
    to->received++;
    to->used_ms = core->now.mono_ms;
    tr_session_dirty(core, to->session);
    return TR_REASON_NONE;
}

bool tr_proxy_takes(const tr_core_t *core, const tr_entry_t *proxy, uint32_t length) {
    return length + TR_ORIGIN_SIZE + core->platform_len + 2 <= proxy->neighbour->max_record;
}

tr_reason_t tr_proxy_forward(
    tr_core_t *core, tr_entry_t *to, const tr_lease_t *lease, const tr_record_header_t *header) {
    uint8_t origin[TR_ORIGIN_SIZE];
    tr_record_t r = tr_lease_record(lease);
    tr_put64(origin, lease->block->queue->id);
    tr_put64(origin + 8, (uint64_t)lease->block->queue->since_ms);
    tr_put64(origin + 16, lease->block->first + lease->at);
    return put(core, to, &r, *header, origin);
}

tr_reason_t tr_proxy_push(tr_core_t *core, tr_entry_t *to, const tr_record_t *record,
    const tr_record_header_t *header, tr_session_t *from) {
    tr_neighbour_t *n = to->neighbour;
    if (to->session->state != TR_SESSION_LIVE)
        return TR_REASON_PEER_DOWN;
    if (fuller_than(core, n, 2))
        tr_session_flush(core, to->session); /* much of it may be of this very turn, and free to go */
    tr_reason_t why = put(core, to, record, *header, NULL);
    if (why != TR_REASON_NONE) {
        n->dropped++;
        core->stats.peer_dropped++;
        return why;
    }
    if (from && fuller_than(core, n, 2))
        tr_mute(core, &n->muted, from, (tr_scope_t){tr_session_route(to->session, 0), TR_ROUTE_AGENTS_MAX});
    return TR_REASON_NONE;
}

void tr_proxies_drained(tr_core_t *core, tr_neighbour_t *n) {
    if (n->muted.n && !fuller_than(core, n, 4))
        tr_unmute_all(core, &n->muted, (tr_scope_t){tr_session_route(n->session, 0), TR_ROUTE_AGENTS_MAX});
}
