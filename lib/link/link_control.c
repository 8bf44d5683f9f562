/* What the broker says about the link, and what the link says to it. All under the lock. */
#include "lib/link/link_private.h"

#include "proto/link.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX 1024

void tr_link_put(tr_link_t *l, const tr_record_header_t *h, const void *body, size_t len) {
    tr_record_header_t out = *h;
    out.length = TR_RECORD_HEADER + (uint32_t)len;
    uint8_t *at = tr_outbox_add(&l->control, &l->pool, out.length, NULL);
    if (!at)
        return; /* out of memory: heartbeats and requests are repeated */
    tr_record_header_write(&out, at);
    if (len)
        memcpy(at + TR_RECORD_HEADER, body, len);
}

static void copy_text(char *out, size_t size, const char *text) {
    size_t n = text ? strnlen(text, size - 1) : 0;
    if (n)
        memcpy(out, text, n);
    out[n] = 0;
}

void tr_link_say(tr_link_t *l, tr_host_event_t event, const char *detail) {
    atomic_store_explicit(&l->news, true, memory_order_release);
    tr_link_event_t *e = malloc(sizeof *e);
    if (!e)
        return; /* only a notice is lost */
    e->next = NULL;
    e->event = event;
    copy_text(e->detail, sizeof e->detail, detail);
    *l->events_end = e;
    l->events_end = &e->next;
}

void tr_link_hello(tr_link_t *l, int64_t now_ms) {
    uint8_t body[BODY_MAX];
    if (l->state != TR_LINK_HELLO || !l->epoch)
        l->epoch++;
    l->state = TR_LINK_HELLO;
    l->hello_ms = now_ms;
    tr_outbox_finish(&l->control); /* was meant for the connection before */
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.token = (ProtobufCBinaryData){.data = l->token, .len = l->token_len};
    m.epoch = l->epoch;
    m.process = l->process;
    m.host = l->host;
    m.pid = l->pid;
    m.window_records = l->window_records;
    m.window_bytes = l->window_bytes;
    m.producer = l->producer;
    m.producer_epoch = l->producer_epoch;
    if (troupe__hello__get_packed_size(&m) > sizeof body)
        m.process = (char *)(uintptr_t) "";
    size_t len = troupe__hello__pack(&m, body);
    tr_record_header_t h = {.kind = TR_KIND_HELLO, .id = l->next_id++};
    tr_link_put(l, &h, body, len);
}

void tr_link_send_subscribe(tr_link_t *l, const tr_link_sub_t *s, uint8_t kind) {
    uint8_t body[BODY_MAX];
    Troupe__Subscribe m = TROUPE__SUBSCRIBE__INIT;
    m.pattern = (char *)(uintptr_t)s->pattern;
    m.durable = l->durable && kind == TR_KIND_SUBSCRIBE && s->pattern[0] != '$';
    size_t len = troupe__subscribe__pack(&m, body);
    tr_record_header_t h = {.kind = kind, .id = l->next_id++, .src = s->registration->route + s->agent};
    tr_link_put(l, &h, body, len);
}

void tr_link_free_topics(tr_map_t *topics) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(topics, &cursor)))
        free((void *)(uintptr_t)slot->value);
    tr_map_finish(topics);
}

/* Out of memory: an event comes without its topic's name. */
static void keep_topic(tr_map_t *topics, const tr_map_slot_t *slot) {
    char *old = tr_map_find_ptr(topics, slot->key, slot->key_len);
    if (tr_map_put(topics, slot->key, slot->key_len, slot->value) < 0)
        free((void *)(uintptr_t)slot->value);
    else
        free(old);
}

/* The names of topics outlive their session: publications of it may still wait to be handed out, perhaps for more than one session after
 * it. */
static void forget_routes(tr_link_t *l) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    uint64_t seed = l->topics.seed;
    if (!l->inbox && !l->in_hand) {
        tr_link_free_topics(&l->old_topics);
        tr_map_init(&l->old_topics, seed);
    }
    while ((slot = tr_map_next(&l->topics, &cursor)))
        keep_topic(&l->old_topics, slot);
    tr_map_finish(&l->topics);
    tr_map_init(&l->topics, seed);
    tr_map_finish(&l->routes);
    tr_map_finish(&l->topic_routes);
    l->muted_n = 0;
}

/* What was in hand comes again, and what is kept goes again. */
static void begin_durable(tr_link_t *l) {
    l->held_first = l->held_n = 0;
    l->resend = tr_link_keeps(l);
}

static void begin_session(tr_link_t *l) {
    begin_durable(l);
    tr_link_unroute(l);
    forget_routes(l);
    l->sessions++;
    tr_link_register_all(l);
}

/* What was asked on the old connection may not have been answered: it is asked again, and asking twice does
 * no harm. */
static void resume_session(tr_link_t *l) {
    begin_durable(l);
    if (l->resend)
        tr_link_strip(l);
    l->muted_n = 0;
    tr_link_register_rest(l);
    for (const tr_link_sub_t *s = l->subs; s; s = s->next)
        if (s->registration->route)
            tr_link_send_subscribe(l, s, TR_KIND_SUBSCRIBE);
    tr_link_reroute(l);
}

/* The host's thread reads these texts without the lock, so they are not written without need. */
static void set_text(char *field, size_t size, const char *text) {
    if (strcmp(field, text) != 0)
        copy_text(field, size, text);
}

/* A broker that listens on all addresses tells its stream's port only: the host is the one that we reached it
 * at. */
static void set_stream(tr_link_t *l, const char *stream) {
    static const char *const any[] = {"tcp://0.0.0.0:", "tcp://[::]:", "tcp://*:"};
    const char *end = strrchr(l->endpoint, ':');
    char text[sizeof l->stream];
    copy_text(text, sizeof text, stream);
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        if (!strncmp(stream, any[i], strlen(any[i])) && !strncmp(l->endpoint, "tcp://", 6))
            snprintf(
                text, sizeof text, "%.*s:%s", (int)(end - l->endpoint), l->endpoint, stream + strlen(any[i]));
    set_text(l->stream, sizeof l->stream, text);
}

const char *tr_link_stream_refusal(const tr_link_t *self) {
    return self->stream_refusal;
}

static void begin_counting(tr_link_t *l, const Troupe__Welcome *m) {
    l->grant_records = m->window_records;
    l->grant_bytes = m->window_bytes;
    tr_outbox_fit(&l->data, m->window_records, m->window_bytes);
    memmove(l->past + 1, l->past, sizeof l->past - sizeof *l->past);
    l->past[0] = (struct tr_link_past){l->welcomed_epoch, l->sent_before};
    l->sent_before += l->sent_records;
    l->welcomed_epoch = l->epoch;
    l->sent_records = l->sent_bytes = l->acked_records = l->acked_bytes = 0;
    l->taken_records = l->taken_bytes = l->credited_records = l->credited_bytes = 0;
}

static void enter(tr_link_t *l, const Troupe__Welcome *m) {
    l->state = TR_LINK_READY;
    l->backoff_ms = 0;
    l->farewell = false;
    l->hellos = 0;
    l->trouble[0] = 0;
    l->refused_ms = 0;
    memcpy(l->token, m->token.data, m->token.len);
    l->token_len = m->token.len;
    set_text(l->platform, sizeof l->platform, m->platform);
    set_stream(l, m->stream);
    set_text(l->stream_refusal, sizeof l->stream_refusal, m->stream_refusal);
    l->heartbeat_ms = m->heartbeat_ms ? m->heartbeat_ms : 1000;
    l->lease_ms = m->lease_ms > l->heartbeat_ms ? m->lease_ms : l->heartbeat_ms * 3;
    l->max_record = m->max_record ? m->max_record : TR_RECORD_MAX;
    l->journal = m->journal;
    l->message_lease_ms = m->message_lease_ms;
    l->instance = m->instance;
    begin_counting(l, m);
    if (m->resumed)
        resume_session(l);
    else
        begin_session(l);
    tr_link_report_all(l);
    tr_link_say(l, m->resumed ? TR_HOST_RESUMED : TR_HOST_CONNECTED, m->platform);
}

static void lose_session(tr_link_t *l, int64_t now, const char *why) {
    tr_link_say(l, TR_HOST_DISCONNECTED, why);
    l->stats.reconnects++;
    tr_link_hello(l, now);
}

/* Our HELLO was heard twice, and between the two the session that the first answer spoke of has ended: the
 * broker has opened another one, in which there are no agents. */
static bool is_of_another(const tr_link_t *l, const Troupe__Welcome *m) {
    return l->state == TR_LINK_READY && m->epoch == l->epoch &&
           (m->token.len != l->token_len || memcmp(m->token.data, l->token, l->token_len) != 0);
}

static void on_welcome(tr_link_t *l, const tr_record_t *record, int64_t now) {
    Troupe__Welcome *m = troupe__welcome__unpack(NULL, record->content_len, record->content);
    if (!m)
        return;
    if (l->state == TR_LINK_HELLO && m->epoch == l->epoch && m->token.len <= sizeof l->token) {
        enter(l, m);
    } else if (is_of_another(l, m)) {
        l->token_len = 0;
        lose_session(l, now, "the session ended while it was being resumed");
    }
    troupe__welcome__free_unpacked(m, NULL);
}

void tr_link_forget_topic(tr_link_t *self, tr_route_t route) {
    pthread_mutex_lock(&self->lock);
    const char *name = tr_map_find_ptr(&self->topics, (const char *)&route, sizeof route);
    if (name)
        tr_map_delete(&self->topic_routes, name, strlen(name));
    pthread_mutex_unlock(&self->lock);
}

static void on_registered(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)now;
    Troupe__Registered *m = troupe__registered__unpack(NULL, record->content_len, record->content);
    if (!m)
        return;
    tr_link_registered(l, record->h.id, m->name, m->count, m->route);
    troupe__registered__free_unpacked(m, NULL);
}

static void on_no_session(tr_link_t *l, int64_t now) {
    if (l->state == TR_LINK_READY)
        lose_session(l, now, "the broker does not know this session");
    else if (l->state == TR_LINK_BYE)
        l->state = TR_LINK_CLOSED;
}

static void on_refused(tr_link_t *l, const tr_record_t *record, int64_t now) {
    Troupe__Refusal *m = troupe__refusal__unpack(NULL, record->content_len, record->content);
    const char *detail = m ? m->detail : "";
    tr_reason_t reason = record->h.reason < TR_REASON_MAX ? record->h.reason : TR_REASON_NONE;
    char text[256];
    snprintf(text, sizeof text, "%s: %s", tr_reason_name(reason), detail);
    /* A HELLO that was said twice, the second one over a connection that the session is not bound to: begin anew on this one. */
    bool elsewhere = reason == TR_REASON_OLD_EPOCH && l->state == TR_LINK_READY;
    if (reason == TR_REASON_NO_SESSION || elsewhere) {
        on_no_session(l, now);
    } else if (l->state == TR_LINK_HELLO) {
        copy_text(l->trouble, sizeof l->trouble, text);
        l->epoch += reason == TR_REASON_OLD_EPOCH;
    } else if (!tr_link_register_refused(l, record->h.id, reason, detail) &&
               !tr_link_deregistered(l, record->h.id)) {
        tr_link_say(l, TR_HOST_REFUSED, text);
    }
    if (m)
        troupe__refusal__free_unpacked(m, NULL);
}

static void on_done(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)now;
    tr_link_deregistered(l, record->h.id); /* of a subscription, that it is done is all that it says */
}

static void remember_topic(tr_link_t *l, tr_route_t route, const char *name) {
    const char *key = (const char *)&route;
    char *copy = strdup(name), *old = tr_map_find_ptr(&l->topics, key, sizeof route);
    if (!copy || tr_map_put(&l->topics, key, sizeof route, (uint64_t)(uintptr_t)copy) < 0)
        free(copy); /* the events of this topic come without its name */
    else
        free(old);
}

static void on_resolved(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)now;
    Troupe__Resolved *m = troupe__resolved__unpack(NULL, record->content_len, record->content);
    if (!m)
        return;
    if (l->routes.count > 100000)
        tr_map_finish(&l->routes); /* a cache: begin anew rather than grow for ever */
    bool topic = tr_route_type(m->route) == TR_ROUTE_TOPIC;
    tr_map_put(topic ? &l->topic_routes : &l->routes, m->name, strlen(m->name), m->route);
    if (topic)
        remember_topic(l, m->route, m->name);
    troupe__resolved__free_unpacked(m, NULL);
}

static void on_ping(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)now;
    tr_record_header_t h = {.kind = TR_KIND_PONG, .id = record->h.id};
    tr_link_put(l, &h, NULL, 0);
}

static void on_credit(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)now;
    if (record->content_len < TR_CREDIT_SIZE)
        return;
    uint64_t records = tr_get64(record->content), bytes = tr_get64(record->content + 8);
    if (records > l->sent_records || bytes > l->sent_bytes)
        return; /* of a connection before this one */
    l->acked_records = records;
    l->acked_bytes = bytes;
}

static void on_bye_ok(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)record;
    (void)now;
    if (l->state == TR_LINK_BYE)
        l->state = TR_LINK_CLOSED;
    else
        l->farewell = true; /* unasked: the broker ends */
}

static void on_mute(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)now;
    tr_muted_t *grown = realloc(l->muted, (l->muted_n + 1) * sizeof *grown);
    if (!grown)
        return; /* then the broker refuses what is too much */
    l->muted = grown;
    grown[l->muted_n++] = (tr_muted_t){.first = record->h.src, .count = record->h.id};
}

static void on_unmute(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)now;
    for (size_t i = l->muted_n; i-- > 0;)
        if (l->muted[i].first == record->h.src)
            l->muted[i] = l->muted[--l->muted_n];
}

static void forget_aid(tr_link_t *l, const char *aid, size_t len, const tr_record_t *gone) {
    const uint64_t *route = tr_map_find(&l->routes, aid, len);
    if (route && *route - gone->h.src < gone->h.id)
        tr_map_delete(&l->routes, aid, len);
}

/* Names of agents are cached as they were written: with the platform or without. */
static void forget_name(tr_link_t *l, const char *name, const tr_record_t *gone) {
    char aid[TR_AID_MAX + 1];
    for (int full = 0; full < 2; full++) {
        int n = snprintf(aid, sizeof aid, "%s%s%s", name, full ? "@" : "", full ? l->platform : "");
        forget_aid(l, aid, (size_t)n, gone);
    }
}

/* A name without a route is resolved anew, like one that is not there. */
static void forget_range(tr_link_t *l, const tr_record_t *gone) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&l->routes, &cursor)))
        if (slot->value - gone->h.src < gone->h.id)
            *tr_map_find(&l->routes, slot->key, slot->key_len) = 0;
}

/* How far what was sent had been taken then. It may have waited for connections since; what was sent after it came back by
 * itself. Of an epoch that is forgotten, nothing of those that are known was taken. */
static uint64_t position_of(const tr_link_t *l, const Troupe__Gone *m) {
    if (m->epoch == l->welcomed_epoch)
        return l->sent_before + m->taken;
    for (size_t i = 0; i < TR_LINK_PAST; i++)
        if (l->past[i].epoch == m->epoch)
            return l->past[i].before + m->taken;
    return l->past[TR_LINK_PAST - 1].before;
}

/* The host's agents hear of it in its turn: behind what the ended one had said. Out of memory: those who wait
 * for it wait for their time. */
static void deliver_gone(tr_link_t *l, const tr_record_t *record, const Troupe__Gone *m) {
    tr_inbound_t *in = calloc(1, sizeof *in);
    tr_gone_t *gone = calloc(1, sizeof *gone);
    if (!in || !gone) {
        free(in);
        free(gone);
        return;
    }
    gone->count = record->h.id;
    gone->position = position_of(l, m);
    copy_text(gone->name, sizeof gone->name, m->name);
    zmq_msg_init(&in->frame);
    in->gone = gone;
    tr_link_deliver(l, in);
}

static void on_gone(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)now;
    Troupe__Gone *m = troupe__gone__unpack(NULL, record->content_len, record->content);
    if (!m)
        return;
    if (record->h.id > 1)
        forget_range(l, record);
    else if (tr_name_valid(m->name, strlen(m->name)))
        forget_name(l, m->name, record);
    else
        forget_aid(l, m->name, strlen(m->name), record); /* of another platform */
    deliver_gone(l, record, m);
    troupe__gone__free_unpacked(m, NULL);
}

static void on_moved(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)now;
    Troupe__Deregister *m = troupe__deregister__unpack(NULL, record->content_len, record->content);
    if (!m)
        return;
    tr_link_moved(l, m->name, record->h.src);
    troupe__deregister__free_unpacked(m, NULL);
}

static void on_nothing(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)l;
    (void)record;
    (void)now; /* PONG: that the broker spoke is all it says */
}

typedef void (*control_fn)(tr_link_t *l, const tr_record_t *record, int64_t now);

static const control_fn handlers[TR_KIND_MAX] = {
    [TR_KIND_WELCOME] = on_welcome,
    [TR_KIND_REGISTERED] = on_registered,
    [TR_KIND_REFUSED] = on_refused,
    [TR_KIND_RESOLVED] = on_resolved,
    [TR_KIND_PING] = on_ping,
    [TR_KIND_PONG] = on_nothing,
    [TR_KIND_DONE] = on_done,
    [TR_KIND_CREDIT] = on_credit,
    [TR_KIND_BYE_OK] = on_bye_ok,
    [TR_KIND_MUTE] = on_mute,
    [TR_KIND_UNMUTE] = on_unmute,
    [TR_KIND_GONE] = on_gone,
    [TR_KIND_MOVED] = on_moved,
    [TR_KIND_STORED] = tr_link_stored_ranges,
};

void tr_link_control(tr_link_t *l, const tr_record_t *record, int64_t now_ms) {
    if (record->h.kind < TR_KIND_MAX && handlers[record->h.kind])
        handlers[record->h.kind](l, record, now_ms);
    else
        tr_link_say(l, TR_HOST_REFUSED, "the broker sent a record of an unknown kind");
}
