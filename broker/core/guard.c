#include "broker/core/guard.h"
#include "broker/core/durable/durable.h"
#include "broker/core/federation/neighbour.h"

#include "proto/content.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define RATE_MAX    (1ull << 40) /* a second: so that thousandths of it fit, and a minute of them */
#define WAIT_MAX_MS 60000

/* ---- words ---- */

static void say(tr_core_t *core, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(tr_core_t *core, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(core->guard->detail, sizeof core->guard->detail, format, args);
    va_end(args);
}

const char *tr_guard_words(tr_core_t *core, const char *otherwise, uint32_t *ret_retry_ms) {
    tr_guard_t *g = core->guard;
    if (!g || !*g->detail)
        return otherwise;
    if (ret_retry_ms)
        *ret_retry_ms = g->retry_ms;
    g->retry_ms = 0;
    memcpy(g->words, g->detail, sizeof g->words);
    g->detail[0] = 0;
    return g->words;
}

/* Refuses: says so to whoever asked, and to the audit. */
static bool refuse(
    tr_core_t *core, tr_session_t *s, tr_core_event_t kind, const char *what, const char *list) {
    const tr_identity_t *id = s->guest->identity;
    say(core, "the certificate %s does not allow %s: it is not in its rights' `%s`", id->name, what, list);
    tr_audit(core, kind, s, id->name, what, core->guard->detail);
    return false;
}

/* ---- identities ---- */

static uint64_t rate(uint64_t per_s) {
    return per_s < RATE_MAX ? per_s : RATE_MAX;
}

static tr_identity_t *identity_of(tr_core_t *core, const tr_cert_t *cert) {
    tr_map_t *map = &core->guard->identities;
    size_t len = strlen(cert->name);
    tr_identity_t *id = tr_map_find_ptr(map, cert->name, len);
    if (id)
        return id;
    id = calloc(1, sizeof *id);
    if (!id || !(id->name = strdup(cert->name)) ||
        tr_map_put(map, cert->name, len, (uint64_t)(uintptr_t)id) < 0) {
        if (id)
            free(id->name);
        free(id);
        return NULL;
    }
    id->cert = cert;
    id->filled_ms = core->now.mono_ms;
    id->messages = (int64_t)rate(cert->limits.messages_per_s) * 1000;
    id->bytes = (int64_t)rate(cert->limits.bytes_per_s) * 1000;
    return id;
}

static void identity_free(tr_identity_t *id) {
    free(id->name);
    free(id);
}

/* Every identity learns its certificate in the new book; who has none there and no session either is
 * forgotten. */
static void renew_identities(tr_guard_t *g) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&g->identities, &cursor))) {
        tr_identity_t *id = (tr_identity_t *)(uintptr_t)slot->value;
        id->cert = tr_cert_book_find(g->book, id->name);
        if (id->cert || id->sessions)
            continue;
        tr_map_delete(&g->identities, id->name, strlen(id->name));
        identity_free(id);
        cursor = 0; /* deleting moves slots */
    }
}

void tr_guard_finish(tr_core_t *core) {
    tr_guard_t *g = core->guard;
    if (!g)
        return;
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&g->identities, &cursor)))
        identity_free((tr_identity_t *)(uintptr_t)slot->value);
    tr_map_finish(&g->identities);
    tr_cert_book_release(&g->book);
    free(g);
    core->guard = NULL;
}

/* ---- coming and going ---- */

static tr_cert_state_t judge(const tr_core_t *core, const uint8_t *key, const tr_cert_t **ret_cert) {
    *ret_cert = NULL;
    return key ? tr_cert_book_judge(core->guard->book, key, core->now.wall_ms, ret_cert) : TR_CERT_UNKNOWN;
}

tr_identity_t *tr_guard_knock(tr_core_t *core, tr_peer_t peer, uint64_t id) {
    const tr_cert_t *cert;
    tr_cert_state_t state = judge(core, core->speaker, &cert);
    tr_identity_t *who = state == TR_CERT_VALID ? identity_of(core, cert) : NULL;
    if (who)
        return who;
    char detail[160];
    snprintf(detail, sizeof detail, "this broker wants a certificate, and yours is %s",
        !core->speaker           ? "none"
        : state == TR_CERT_VALID ? "valid, but there is no memory"
                                 : tr_cert_state_name(state));
    tr_audit(core, TR_EVENT_KEY_REFUSED, NULL, cert ? cert->name : "", tr_cert_state_name(state), detail);
    tr_control_turn_down_peer(core, peer, id, TR_REASON_FORBIDDEN, detail);
    return NULL;
}

bool tr_guard_is_own(const tr_session_t *session, const tr_identity_t *identity) {
    return (session->guest ? session->guest->identity : NULL) == identity;
}

/* Sessions that wait for their process to come back are not counted where it matters: it may be this one. */
static uint64_t live_sessions(const tr_core_t *core, const tr_identity_t *id) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < core->sessions_n; i++) {
        const tr_session_t *s = core->sessions[i];
        n += s && s->guest && s->guest->identity == id && s->state == TR_SESSION_LIVE;
    }
    return n;
}

static bool has_place(tr_core_t *core, const tr_identity_t *id) {
    uint64_t most = id->cert->limits.connections;
    return !most || id->sessions < most || live_sessions(core, id) < most;
}

bool tr_guard_enter(tr_core_t *core, tr_session_t *session, tr_identity_t *identity) {
    tr_guest_t *guest = session->guest;
    if (!guest) {
        if (!has_place(core, identity)) {
            say(core, "the certificate %s may have %llu connections at a time", identity->name,
                (unsigned long long)identity->cert->limits.connections);
            tr_audit(core, TR_EVENT_LIMIT, NULL, identity->name, "connections", core->guard->detail);
            return false;
        }
        if (!(guest = calloc(1, sizeof *guest)))
            return false;
        guest->identity = identity;
        identity->sessions++;
        session->guest = guest;
    }
    memcpy(guest->key, core->speaker, sizeof guest->key);
    return true;
}

void tr_guard_leave(tr_session_t *session) {
    if (!session->guest)
        return;
    session->guest->identity->sessions--;
    free(session->guest);
    session->guest = NULL;
}

void tr_core_watchers(tr_core_t *self, const struct tr_cert *cert, uint32_t count) {
    tr_identity_t *id = self->guard ? identity_of(self, cert) : NULL;
    if (id)
        id->watchers = count;
}

bool tr_guard_watchers_full(const tr_session_t *session, char *out, size_t size) {
    const tr_identity_t *id = session->guest ? session->guest->identity : NULL;
    uint64_t most = id && id->cert ? id->cert->limits.connections : 0;
    if (!most || id->watchers < most)
        return false;
    snprintf(out, size, "the certificate %.100s may have %llu watchers of the stream at a time, and has them",
        id->name, (unsigned long long)most);
    return true;
}

/* ---- rights ---- */

static const tr_rights_t *rights_of(const tr_session_t *s) {
    return &s->guest->identity->cert->rights;
}

bool tr_guard_name(tr_core_t *core, tr_session_t *session, const char *name, uint32_t count) {
    if (!session->guest)
        return true;
    size_t len = strlen(name);
    const tr_strings_t *names = &rights_of(session)->names;
    if (count > 1 ? tr_right_range(names, name, len) : tr_right_word(names, name, len))
        return true;
    char what[TR_NAME_MAX + 24];
    snprintf(what, sizeof what, count > 1 ? "the names %.128s-*" : "the name %.128s", name);
    return refuse(core, session, TR_EVENT_NAME_REFUSED, what, "names");
}

bool tr_guard_topic(tr_core_t *core, tr_session_t *session, const char *topic, size_t len) {
    if (!session->guest || tr_right_topic(&rights_of(session)->publish, topic, len))
        return true;
    char what[TR_TOPIC_MAX + 40];
    snprintf(what, sizeof what, "publishing on %.*s", (int)(len < TR_TOPIC_MAX ? len : TR_TOPIC_MAX), topic);
    return refuse(core, session, TR_EVENT_TOPIC_REFUSED, what, "publish");
}

bool tr_guard_subscribe(tr_core_t *core, tr_session_t *session, const char *pattern, size_t len) {
    if (!session->guest || tr_right_covers(&rights_of(session)->subscribe, pattern, len))
        return true;
    char what[TR_TOPIC_MAX + 40];
    snprintf(
        what, sizeof what, "subscribing to %.*s", (int)(len < TR_TOPIC_MAX ? len : TR_TOPIC_MAX), pattern);
    return refuse(core, session, TR_EVENT_TOPIC_REFUSED, what, "subscribe");
}

bool tr_guard_offer(tr_core_t *core, tr_session_t *session, const char *service, size_t len) {
    if (!session->guest || tr_right_word(&rights_of(session)->offer, service, len))
        return true;
    char what[TR_NAME_MAX + 40];
    snprintf(what, sizeof what, "offering the service %.*s", (int)(len < TR_NAME_MAX ? len : TR_NAME_MAX),
        service);
    return refuse(core, session, TR_EVENT_SERVICE_REFUSED, what, "offer");
}

bool tr_guard_verb(tr_core_t *core, tr_session_t *session, const char *agent, const char *action) {
    if (!session->guest)
        return true;
    char verb[TR_NAME_MAX + 1];
    int n = snprintf(verb, sizeof verb, "%.20s.%.100s", agent, action);
    if (tr_right_word(&rights_of(session)->verbs, verb, (size_t)n))
        return true;
    return refuse(core, session, TR_EVENT_VERB_REFUSED, verb, "verbs");
}

bool tr_guard_fleet(tr_core_t *core, tr_session_t *session, const tr_record_t *record) {
    tr_content_t content;
    char action[64] = "";
    if (record->h.performative != TR_REQUEST)
        return true; /* it does nothing for any other */
    if (tr_content_init(&content, record->content, record->content_len) == 0) {
        tr_value_copy(tr_value_get(&content.root, "action"), action, sizeof action);
        tr_content_finish(&content);
    }
    return tr_guard_verb(core, session, "fleet", action);
}

/* ---- what is used again and again ---- */

static tr_route_t *grant_of(const tr_core_t *core, tr_guest_t *guest, tr_route_t route) {
    if (guest->version != core->guard->version) {
        memset(guest->grants, 0, sizeof guest->grants);
        guest->version = core->guard->version;
    }
    return &guest->grants[(tr_route_slot(route) + 31u * (unsigned)tr_route_type(route)) & (TR_GRANTS - 1)];
}

bool tr_guard_publish(tr_core_t *core, tr_session_t *session, const tr_topic_t *topic) {
    tr_route_t route = tr_topic_route(topic), *grant = grant_of(core, session->guest, route);
    if (*grant == route)
        return true;
    if (!tr_guard_topic(core, session, topic->name, topic->name_len))
        return false;
    *grant = route;
    return true;
}

bool tr_guard_ask(tr_core_t *core, tr_session_t *session, const tr_service_t *service) {
    tr_route_t route = tr_service_route(service), *grant = grant_of(core, session->guest, route);
    if (*grant == route)
        return true;
    if (!tr_right_word(&rights_of(session)->ask, service->name, strlen(service->name))) {
        char what[TR_NAME_MAX + 40];
        snprintf(what, sizeof what, "asking the service %.128s", service->name);
        return refuse(core, session, TR_EVENT_SERVICE_REFUSED, what, "ask");
    }
    *grant = route;
    return true;
}

/* ---- limits ---- */

/* Fills up by the time that went by, to no more than what a second brings. */
static int64_t filled(int64_t level, uint64_t per_s, int64_t elapsed_ms) {
    int64_t most = (int64_t)per_s * 1000;
    level += (int64_t)per_s * (elapsed_ms < WAIT_MAX_MS ? elapsed_ms : WAIT_MAX_MS);
    return level < most ? level : most;
}

static uint32_t wait_ms(int64_t level, uint64_t per_s) {
    int64_t ms = per_s && level < 0 ? (-level + (int64_t)per_s - 1) / (int64_t)per_s : 0;
    return ms > WAIT_MAX_MS ? WAIT_MAX_MS : (uint32_t)ms;
}

static void fill(const tr_core_t *core, tr_identity_t *id) {
    int64_t elapsed = core->now.mono_ms - id->filled_ms;
    if (elapsed <= 0)
        return;
    id->messages = filled(id->messages, rate(id->cert->limits.messages_per_s), elapsed);
    id->bytes = filled(id->bytes, rate(id->cert->limits.bytes_per_s), elapsed);
    id->filled_ms = core->now.mono_ms;
}

static bool over(tr_core_t *core, tr_session_t *session, uint64_t per_s, int64_t level, const char *what) {
    const tr_identity_t *id = session->guest->identity;
    say(core, "the certificate %s may send %llu %s a second", id->name, (unsigned long long)per_s, what);
    core->guard->retry_ms = wait_ms(level, per_s);
    tr_audit(core, TR_EVENT_LIMIT, session, id->name, what, core->guard->detail);
    return false;
}

/* What is over the limit of bytes is let through once and has to be made up for: a record of any size
 * passes. */
bool tr_guard_charge(tr_core_t *core, tr_session_t *session, const tr_record_t *record) {
    tr_identity_t *id = session->guest->identity;
    uint64_t messages = rate(id->cert->limits.messages_per_s), bytes = rate(id->cert->limits.bytes_per_s);
    if (!messages && !bytes)
        return true;
    fill(core, id);
    if (messages && id->messages < 1000)
        return over(core, session, messages, id->messages - 1000, "messages");
    if (bytes && id->bytes <= 0)
        return over(core, session, bytes, id->bytes - 1000, "bytes");
    if (messages)
        id->messages -= 1000;
    if (bytes)
        id->bytes -= (int64_t)record->h.length * 1000;
    return true;
}

/* What really waits for all agents of the identity. */
static void count_waiting(const tr_core_t *core, tr_identity_t *id) {
    id->waiting = 0;
    id->counted_ms = core->now.mono_ms;
    for (uint32_t i = 0; i < core->sessions_n; i++) {
        const tr_session_t *s = core->sessions[i];
        if (!s || !s->guest || s->guest->identity != id)
            continue;
        for (uint32_t k = 0; k < s->entries_n; k++)
            id->waiting += tr_life_waiting(s->entries[k]).bytes;
    }
}

/* One of any size may wait alone, as in a mailbox. Counting is dear, so what came since the last count is added, and all is counted again only when that is
 * too much, and once a millisecond. */
bool tr_guard_has_room(const tr_core_t *core, const tr_entry_t *to, uint32_t length) {
    const tr_guest_t *guest = to->session->guest;
    tr_identity_t *id = guest ? guest->identity : NULL;
    uint64_t most = id && id->cert ? id->cert->limits.mailbox_bytes : 0;
    if (!most || id->waiting + length <= most)
        return true;
    if (id->counted_ms != core->now.mono_ms)
        count_waiting(core, id);
    return !id->waiting || id->waiting + length <= most;
}

void tr_guard_queued(const tr_entry_t *to, uint32_t length) {
    if (to->session->guest)
        to->session->guest->identity->waiting += length;
}

/* ---- when certificates change ---- */

/* Of a link to another broker: it speaks for a platform. What its agents wanted here is asked for anew. */
static bool platform_still_right(const tr_session_t *s) {
    const char *platform = s->neighbour->platform;
    return tr_right_word(&rights_of(s)->platforms, platform, strlen(platform));
}

static bool entries_still_right(tr_core_t *core, tr_session_t *s) {
    if (s->neighbour)
        return platform_still_right(s);
    for (uint32_t i = 0; i < s->entries_n; i++)
        if (!tr_guard_name(core, s, s->entries[i]->name, s->entries[i]->range ? 2 : 1))
            return false;
    return true;
}

static bool subscriptions_still_right(tr_core_t *core, tr_session_t *s) {
    for (uint32_t i = 0; i < core->subscriptions_n; i++) {
        const tr_subscription_t *sub = core->subscriptions[i];
        if (sub->entry->session == s && !tr_guard_subscribe(core, s, sub->pattern, sub->pattern_len))
            return false;
    }
    return tr_durable_subs_judge(core, s);
}

static bool services_still_right(tr_core_t *core, tr_session_t *s) {
    for (uint32_t i = 0; i < core->services_n; i++) {
        const tr_service_t *service = core->services[i];
        const char *agent;
        if (tr_service_is_mailbox(service, &agent))
            continue;
        for (uint32_t k = 0; k < service->providers_n; k++)
            if (service->providers[k].entry->session == s &&
                !tr_guard_offer(core, s, service->name, strlen(service->name)))
                return false;
    }
    return true;
}

/* Ends the session, and has its connection cut: what it still says on it is refused. */
static void expel(tr_core_t *core, tr_session_t *s, const char *why) {
    tr_peer_t peer = s->peer;
    bool live = s->state == TR_SESSION_LIVE;
    char detail[200];
    snprintf(
        detail, sizeof detail, "the certificate %s is not good any more: %s", s->guest->identity->name, why);
    tr_audit(core, TR_EVENT_REVOKED, s, s->guest->identity->name, why, detail);
    if (live)
        tr_control_turn_down_peer(core, peer, 0, TR_REASON_FORBIDDEN, detail);
    tr_session_close(core, s, TR_REASON_AGENT_GONE);
    if (live)
        tr_core_out(core, &(tr_core_out_t){.type = TR_OUT_CUT, .peer = peer});
}

static void review(tr_core_t *core, tr_session_t *s, bool rights_too) {
    const tr_cert_t *cert;
    tr_cert_state_t state = judge(core, s->guest->key, &cert);
    if (state != TR_CERT_VALID || cert != s->guest->identity->cert)
        expel(core, s, state == TR_CERT_VALID ? "its key is another one's" : tr_cert_state_name(state));
    else if (rights_too && (!entries_still_right(core, s) || !subscriptions_still_right(core, s) ||
                               !services_still_right(core, s)))
        expel(core, s, "it may no longer what it did");
    core->guard->detail[0] = 0;
}

static void review_all(tr_core_t *core, bool rights_too) {
    for (uint32_t i = 0; i < core->sessions_n; i++)
        if (core->sessions[i] && core->sessions[i]->guest)
            review(core, core->sessions[i], rights_too);
}

/* Of those whose agents are away, too. */
static void review_subs(tr_core_t *core) {
    tr_guard_t *g = core->guard;
    tr_durable_subs_review(core);
    g->revokes_ms = tr_cert_book_next_revocation(g->book, core->now.wall_ms);
}

bool tr_core_guard(tr_core_t *self, const tr_cert_book_t *book, tr_core_now_t now) {
    self->now = now;
    if (!self->guard) {
        if (!(self->guard = calloc(1, sizeof *self->guard)))
            return false;
        tr_map_init(&self->guard->identities, tr_core_random(self));
    }
    tr_cert_book_t *old = self->guard->book;
    self->guard->book = tr_cert_book_hold(book);
    self->guard->version++;
    renew_identities(self->guard);
    review_all(self, true);
    review_subs(self);
    tr_cert_book_release(&old);
    return true;
}

bool tr_core_is_guarded(const tr_core_t *self) {
    return self->guard != NULL;
}

void tr_guard_tick(tr_core_t *core) {
    const tr_guard_t *g = core->guard;
    if (!g)
        return;
    review_all(core, false);
    if (g->revokes_ms && g->revokes_ms <= core->now.wall_ms)
        review_subs(core);
}
