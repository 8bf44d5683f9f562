#include "lib/agent/host_fixture.h"

#include "proto/bundle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define AGENTS_MAX  128 /* that were ever there */
#define SETTLED_MAX 2048
#define EPOCH       1

struct tr_registration {
    char name[TR_NAME_MAX + 1];
    tr_route_t route;
    void *owner;
    bool gone;
};

typedef struct wire {
    struct wire *next;
    char to[TR_AID_MAX + 1];
    uint32_t length;
    bool held; /* it was sent while the link holds */
    uint8_t bytes[];
} wire_t;

struct tr_link {
    int fd;
    tr_registration_t *registrations[AGENTS_MAX];
    size_t registrations_n;
    wire_t *wire, **wire_end, *last;
    tr_inbound_t *inbox;
    char said[4096];
    char told[4096];
    tr_arena_t arena;
    tr_acl_t acl;
    const char *provider;
    const char *topic;
    const char *nack_to;
    tr_reason_t nack_reason;
    uint64_t delivery, sent;
    bool down;
    tr_settled_t settled[SETTLED_MAX];
    size_t settled_n;
    size_t held;
    bool holds;
    uint64_t taken, instance;
    uint64_t sessions; /* after the first one */
};

/* The link's functions, as the host calls them. */
int tr_link_new(const tr_host_options_t *options, tr_link_t **ret_link, tr_error_t *error) {
    (void)options;
    (void)error;
    tr_link_t *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->fd = eventfd(0, EFD_CLOEXEC);
    l->wire_end = &l->wire;
    tr_arena_init(&l->arena, 1u << 20);
    *ret_link = l;
    return 0;
}

void tr_link_destroy(tr_link_t **self, int64_t wait_ms) {
    (void)wait_ms;
    tr_link_t *l = *self;
    if (!l)
        return;
    for (wire_t *w = l->wire, *next; w; w = next) {
        next = w->next;
        free(w);
    }
    free(l->last);
    for (size_t i = 0; i < l->registrations_n; i++)
        free(l->registrations[i]);
    tr_arena_finish(&l->arena);
    close(l->fd);
    free(l);
    *self = NULL;
}

bool tr_link_work(tr_link_t *self, int64_t *ret_due_ms) {
    *ret_due_ms = INT64_MAX;
    return self->inbox != NULL;
}

void tr_link_expect(tr_link_t *self) {
    (void)self;
}

int tr_link_fd(tr_link_t *self) {
    return self->fd;
}

bool tr_link_has_data(tr_link_t *self) {
    return self->inbox != NULL;
}

tr_inbound_t *tr_link_take(tr_link_t *self, bool *ret_more) {
    tr_inbound_t *in = self->inbox;
    self->inbox = NULL;
    *ret_more = false;
    return in;
}

void tr_link_finished(tr_link_t *self, tr_inbound_t *inbound, uint64_t records, uint64_t bytes) {
    (void)bytes;
    self->held -= records;
    zmq_msg_close(&inbound->frame);
    free(inbound->gone);
    free(inbound);
}

void tr_link_taken(tr_link_t *self, uint64_t epoch, uint64_t records, uint64_t bytes) {
    (void)bytes;
    self->held -= epoch ? records : 0;
}

bool tr_link_has_news(tr_link_t *self) {
    (void)self;
    return false;
}

tr_link_event_t *tr_link_event(tr_link_t *self) {
    (void)self;
    return NULL;
}

static const char *short_name(const char *aid, char out[TR_AID_MAX + 1]) {
    snprintf(out, TR_AID_MAX + 1, "%.*s", (int)strcspn(aid, "@"), aid);
    return out;
}

static wire_t *encode(const tr_acl_t *acl, tr_record_header_t h, const char *to) {
    size_t envelope = tr_acl_envelope_size(acl);
    h.length = (uint32_t)(TR_RECORD_HEADER + envelope + acl->content_len);
    h.envelope_len = (uint16_t)envelope;
    h.performative = (uint8_t)acl->performative;
    h.hops = acl->hops_spent ? 0 : acl->hops ? acl->hops : TR_HOPS_DEFAULT;
    h.deadline_ms = acl->reply_by_ms;
    h.priority = acl->priority;
    h.marks = tr_traceparent_sampled(acl->traceparent) ? TR_MARK_TRACED : 0;
    wire_t *w = calloc(1, sizeof *w + h.length);
    assert_non_null(w);
    snprintf(w->to, sizeof w->to, "%s", to);
    w->length = h.length;
    tr_record_header_write(&h, w->bytes);
    uint8_t *at = tr_acl_envelope_write(acl, w->bytes + TR_RECORD_HEADER);
    if (acl->content_len)
        memcpy(at, acl->content, acl->content_len);
    return w;
}

static void put_on_wire(tr_link_t *l, wire_t *w) {
    w->held = l->holds;
    *l->wire_end = w;
    l->wire_end = &w->next;
}

int tr_link_send(tr_link_t *self, const tr_outgoing_t *out) {
    if (self->down)
        return -EAGAIN;
    if (out->ret_position)
        *out->ret_position = ++self->sent;
    char from[TR_AID_MAX + 1], to[TR_AID_MAX + 1];
    tr_record_header_t h = {
        .kind = out->kind, .flags = tr_outgoing_flags(out), .src = out->from->route + out->agent};
    wire_t *w = encode(out->acl, h, out->name);
    size_t at = strlen(self->said);
    snprintf(self->said + at, sizeof self->said - at, "%s%s>%s %s", at ? ", " : "",
        short_name(out->acl->sender, from), short_name(out->name, to),
        tr_performative_name(out->acl->performative));
    free(self->last);
    self->last = malloc(sizeof *w + w->length);
    assert_non_null(self->last);
    memcpy(self->last, w, sizeof *w + w->length);
    put_on_wire(self, w);
    return 0;
}

void tr_link_flush(tr_link_t *self) {
    (void)self;
}

void tr_link_hold_data(tr_link_t *self, bool holds) {
    self->holds = holds;
    for (wire_t *w = self->wire; w && !holds; w = w->next)
        w->held = false;
}

void tr_link_discard(tr_link_t *self, const tr_registration_t *r, uint32_t agent) {
    wire_t **p = &self->wire;
    while (*p) {
        wire_t *w = *p;
        if (!w->held || tr_get64(w->bytes + TR_RECORD_SRC) != r->route + agent) {
            p = &w->next;
            continue;
        }
        *p = w->next;
        free(w);
    }
    self->wire_end = p;
}

uint64_t tr_link_instance(tr_link_t *self) {
    return self->instance;
}

uint64_t tr_link_position_taken(tr_link_t *self) {
    return self->taken;
}

void *tr_link_stored(tr_link_t *self) {
    (void)self;
    return NULL; /* no durable messages in these worlds */
}

void *tr_link_refused(tr_link_t *self, uint64_t id) {
    (void)self;
    (void)id;
    return NULL;
}

void tr_link_drain(tr_link_t *self, int64_t wait_ms) {
    (void)self;
    (void)wait_ms;
}

void tr_link_hangs(tr_link_t *self, tr_registration_t *r, uint32_t agent, int64_t since_ms) {
    (void)self;
    (void)r;
    (void)agent;
    (void)since_ms;
}

void tr_link_passive(tr_link_t *self, tr_registration_t *r, uint32_t count) {
    (void)self;
    (void)r;
    (void)count;
}

void tr_link_settle(tr_link_t *self, tr_route_t agent, uint64_t number, tr_settle_t how) {
    (void)agent;
    assert_true(self->settled_n < SETTLED_MAX);
    for (size_t i = 0; i < self->settled_n; i++)
        assert_true(self->settled[i].number != number); /* once, and no more */
    self->settled[self->settled_n++] = (tr_settled_t){.number = number, .release = how != TR_SETTLE_DONE};
}

tr_registration_t *tr_link_register(
    tr_link_t *self, const char *name, uint32_t count, const char *behaviour) {
    (void)count;
    (void)behaviour;
    assert_true(self->registrations_n < AGENTS_MAX);
    tr_registration_t *r = calloc(1, sizeof *r);
    assert_non_null(r);
    snprintf(r->name, sizeof r->name, "%s", name);
    r->route = tr_route(TR_ROUTE_AGENT, (uint32_t)self->registrations_n + 1, 1, 0);
    self->registrations[self->registrations_n++] = r;
    return r;
}

tr_registration_t *tr_link_claim(tr_link_t *self, const char *name, const char *behaviour, uint64_t move) {
    assert_true(move);
    return tr_link_register(self, name, 1, behaviour);
}

tr_registration_status_t tr_link_status(tr_link_t *self, const tr_registration_t *r, tr_error_t *error) {
    (void)self;
    (void)error;
    return r->gone ? TR_REGISTRATION_GONE : TR_REGISTRATION_DONE;
}

void tr_link_deregister(tr_link_t *self, tr_registration_t *r) {
    (void)self;
    r->gone = true;
}

void tr_link_forget(tr_link_t *self, tr_registration_t *r) {
    (void)self;
    r->owner = NULL; /* freed with the link */
}

uint64_t tr_link_session(tr_link_t *self) {
    return 1 + self->sessions;
}

uint64_t tr_link_epoch(tr_link_t *self) {
    (void)self;
    return 1;
}

tr_registration_t *tr_link_owner(tr_link_t *self, tr_route_t route, uint32_t *ret_index) {
    for (size_t i = 0; i < self->registrations_n; i++) {
        if (self->registrations[i]->route == route) {
            *ret_index = 0;
            return self->registrations[i];
        }
    }
    return NULL;
}

void tr_registration_set_owner(tr_registration_t *r, void *owner) {
    r->owner = owner;
}

void *tr_registration_owner(const tr_registration_t *r) {
    return r->owner;
}

int tr_link_subscribe(tr_link_t *self, tr_registration_t *r, uint32_t agent, const char *pattern) {
    (void)self;
    (void)r;
    (void)agent;
    (void)pattern;
    return 0;
}

bool tr_link_subscription(
    tr_link_t *self, const tr_registration_t *r, uint32_t agent, size_t at, char out[TR_TOPIC_MAX + 1]) {
    (void)self;
    (void)r;
    (void)agent;
    (void)at;
    (void)out;
    return false;
}

bool tr_link_subscribes(tr_link_t *self, const tr_registration_t *r, uint32_t agent, const char *pattern) {
    (void)self;
    (void)r;
    (void)agent;
    (void)pattern;
    return false;
}

int tr_link_unsubscribe(tr_link_t *self, tr_registration_t *r, uint32_t agent, const char *pattern) {
    return tr_link_subscribe(self, r, agent, pattern);
}

const char *tr_link_platform(const tr_link_t *self) {
    (void)self;
    return "here";
}

const char *tr_link_stream(const tr_link_t *self) {
    (void)self;
    return "";
}

const char *tr_link_stream_refusal(const tr_link_t *self) {
    (void)self;
    return "";
}

void tr_link_topic(tr_link_t *self, tr_route_t route, char *out) {
    (void)route;
    snprintf(out, TR_TOPIC_MAX + 1, "%s", self->topic ? self->topic : "");
}

void tr_fixture_topic(tr_host_t *host, const char *name) {
    host->link->topic = name;
}

void tr_link_forget_topic(tr_link_t *self, tr_route_t route) {
    (void)self;
    (void)route;
}

bool tr_link_ready(tr_link_t *self) {
    (void)self;
    return true;
}

uint32_t tr_link_max_record(const tr_link_t *self) {
    (void)self;
    return TR_RECORD_MAX;
}

void tr_link_stats(tr_link_t *self, tr_host_stats_t *ret_stats) {
    (void)self;
    *ret_stats = (tr_host_stats_t){0};
}

int64_t tr_link_kept_out(tr_link_t *self) {
    (void)self;
    return 0;
}

void tr_link_trouble(tr_link_t *self, tr_error_t *error) {
    (void)self;
    (void)error;
}

/* What tests call. */
tr_host_t *tr_fixture_host(void) {
    tr_host_t *host;
    tr_error_t error = {0};
    assert_int_equal(tr_host_new(&(tr_host_options_t){.endpoint = "memory"}, &host, &error), 0);
    return host;
}

tr_agent_t *tr_fixture_agent(tr_host_t *host, const char *name, const tr_behaviour_t *behaviour) {
    tr_agent_t *agent;
    tr_error_t error = {0};
    assert_int_equal(tr_host_add(host, name, behaviour, NULL, &agent, &error), 0);
    return agent;
}

static const tr_registration_t *registration_of(const tr_link_t *l, const char *aid) {
    char name[TR_AID_MAX + 1];
    short_name(aid, name);
    for (size_t i = 0; i < l->registrations_n; i++)
        if (!l->registrations[i]->gone && !strcmp(l->registrations[i]->name, name))
            return l->registrations[i];
    return NULL;
}

/* The header as the receiver, or after a refusal the sender, is to see it. False where it goes nowhere. */
static bool address(tr_link_t *l, const wire_t *w, tr_record_header_t *h) {
    char name[TR_AID_MAX + 1];
    bool service = !strncmp(w->to, TR_SERVICE_PREFIX, 4);
    const char *to = service ? l->provider : w->to;
    const tr_registration_t *r = to ? registration_of(l, to) : NULL;
    bool refused = l->nack_to && !strcmp(short_name(w->to, name), l->nack_to);
    if (r && !refused) {
        h->dst = r->route;
        if (service) {
            h->flags |= TR_FLAG_LEASED;
            h->id = ++l->delivery;
        }
        return true;
    }
    h->kind = TR_KIND_NACK;
    h->reason = (uint16_t)(refused ? l->nack_reason : service ? TR_REASON_NO_PROVIDER : TR_REASON_NOT_FOUND);
    h->dst = h->src;
    h->src = 0;
    return h->dst != 0;
}

bool tr_fixture_deliver(tr_host_t *host) {
    tr_link_t *l = host->link;
    wire_t *w = l->wire;
    if (!w)
        return false;
    l->wire = w->next;
    if (!l->wire)
        l->wire_end = &l->wire;
    tr_record_header_t h;
    tr_record_header_read(&h, w->bytes);
    if (address(l, w, &h)) {
        uint32_t length = h.kind == TR_KIND_NACK ? TR_RECORD_HEADER + h.envelope_len : h.length;
        h.length = length;
        tr_record_header_write(&h, w->bytes);
        tr_inbound_t *in = calloc(1, sizeof *in);
        assert_non_null(in);
        zmq_msg_init_size(&in->frame, TR_BUNDLE_HEADER + length);
        uint8_t *frame = zmq_msg_data(&in->frame);
        memcpy(frame, "TB\1\0\1\0\0\0", TR_BUNDLE_HEADER);
        memcpy(frame + TR_BUNDLE_HEADER, w->bytes, length);
        in->epoch = EPOCH;
        l->inbox = in;
        l->held++;
        tr_host_step(host, 0);
        assert_null(l->inbox);
    }
    free(w);
    return true;
}

void tr_fixture_run(tr_host_t *host) {
    for (int i = 0; i < 100000 && tr_fixture_deliver(host); i++)
        ;
    assert_null(host->link->wire); /* otherwise two agents talk for ever */
}

void tr_fixture_expire(tr_host_t *host) {
    uint64_t last = host->timers.order;
    while (host->timers.count && host->timers.heap[0]->order < last) {
        tr_timer_t *t = tr_timers_due(&host->timers, INT64_MAX);
        tr_agent_t *agent = t->agent;
        tr_timer_fn fn = t->fn;
        void *arg = t->arg;
        free(t);
        fn(agent, agent ? tr_agent_state(agent) : NULL, arg);
    }
}

void tr_fixture_inject(tr_host_t *host, const tr_acl_t *acl, uint8_t flags) {
    const tr_registration_t *from = registration_of(host->link, acl->sender);
    tr_route_t ams = strcmp(acl->sender, "ams@here") ? 0 : tr_route(TR_ROUTE_PLATFORM, 1, 1, 0);
    tr_record_header_t h = {.kind = TR_KIND_MESSAGE, .flags = flags, .src = from ? from->route : ams};
    if (flags & TR_FLAG_LEASED)
        h.id = ++host->link->delivery;
    put_on_wire(host->link, encode(acl, h, acl->receivers.items[0]));
}

const char *tr_fixture_said(tr_host_t *host) {
    tr_link_t *l = host->link;
    memcpy(l->told, l->said, sizeof l->told);
    l->said[0] = 0;
    return l->told;
}

const tr_acl_t *tr_fixture_last(tr_host_t *host) {
    tr_link_t *l = host->link;
    tr_bundle_reader_t reader = {
        .at = l->last->bytes, .end = l->last->bytes + l->last->length, .left = 1, .max_record = UINT32_MAX};
    tr_record_t record;
    tr_arena_reset(&l->arena);
    assert_int_equal(tr_bundle_next(&reader, &record), 1);
    assert_int_equal(tr_acl_read(&l->acl, &record, &l->arena), 0);
    return &l->acl;
}

void tr_fixture_provider(tr_host_t *host, const char *name) {
    host->link->provider = name;
}

void tr_fixture_nack(tr_host_t *host, const char *name, tr_reason_t reason) {
    host->link->nack_to = name;
    host->link->nack_reason = reason;
}

void tr_fixture_gone(tr_host_t *host, const char *name, uint64_t count) {
    tr_inbound_t *in = calloc(1, sizeof *in);
    assert_non_null(in);
    zmq_msg_init(&in->frame);
    in->gone = calloc(1, sizeof *in->gone);
    assert_non_null(in->gone);
    *in->gone = (tr_gone_t){.count = count, .position = host->link->sent};
    snprintf(in->gone->name, sizeof in->gone->name, "%s", name);
    host->link->inbox = in;
    tr_host_step(host, 0);
}

void tr_fixture_take(tr_host_t *host) {
    host->link->taken = host->link->sent;
}

void tr_fixture_broker(tr_host_t *host, uint64_t instance) {
    host->link->instance = instance;
    host->link->delivery = 0;
    host->link->settled_n = 0;
}

void tr_fixture_session(tr_host_t *host) {
    host->link->sessions++;
}

void tr_fixture_down(tr_host_t *host, bool down) {
    host->link->down = down;
}

const tr_settled_t *tr_fixture_settled(tr_host_t *host, size_t *ret_count) {
    *ret_count = host->link->settled_n;
    return host->link->settled;
}

size_t tr_fixture_held(const tr_host_t *host) {
    return host->link->held;
}
