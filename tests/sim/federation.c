#include "tests/sim/federation.h"

#include "broker/core/durable/durable.h"
#include "broker/core/federation/interest.h"
#include "lib/cert/role.h"
#include "tests/sim/durable.h"
#include "tests/sim/road.h"

#include <stdlib.h>
#include <string.h>

#define CONVERGED_NS (5 * SIM_SECOND) /* DESIGN.md: after it heals */
#define LOOK_NS      (100 * SIM_MS)
#define SUMS         256u /* that are remembered; more of them within that time are as good as none */

/* A sum that a broker has told. */
typedef struct told {
    uint64_t hash;
    uint32_t items;
    int64_t until_ns; /* it held; SIM_NEVER: it holds */
} told_t;

struct sim_federation {
    told_t told[SUMS]; /* a ring */
    unsigned told_at;
    int64_t differs_ns
        [SIM_BROKERS_MAX]; /* since when it believes of another one what that has not told; 0 = it does not */
    int64_t untrue_ns[SIM_BROKERS_MAX]; /* ... or what is not so */
};

sim_federation_t *sim_federation_new(void) {
    return sim_alloc(sizeof(sim_federation_t));
}

void sim_federation_destroy(sim_federation_t **self) {
    free(*self);
    *self = NULL;
}

static tr_cert_t *cert_of(const sim_broker_t *b) {
    tr_cert_t *c = tr_cert_new(b->platform);
    if (!c || tr_role_grant(c, TR_ROLE_BROKER) < 0)
        abort();
    c->keys_n = 1;
    memset(c->keys[0].bytes, (int)b->index + 1, TR_KEY_SIZE);
    return c;
}

void sim_federation_begin(sim_broker_t *broker) {
    tr_cert_t *certs[SIM_BROKERS_MAX];
    for (unsigned i = 0; i < broker->world->brokers_n; i++)
        certs[i] = cert_of(broker->world->brokers[i]);
    tr_cert_book_t *book = tr_cert_book_new(certs, broker->world->brokers_n);
    if (!book || !tr_core_guard(broker->core, book, sim_broker_now(broker)))
        abort();
    tr_cert_book_release(&book);
    memset(broker->federation, 0, sizeof *broker->federation);
    sim_road_begin(broker);
}

/* ---- what is said ---- */

static void check_stamp(const sim_broker_t *b, const tr_record_t *r) {
    size_t len = 0;
    const char *sender = tr_envelope_sender(r->envelope, r->h.envelope_len, &len);
    const char *at = sender ? memchr(sender, '@', len) : NULL;
    size_t platform = at ? len - (size_t)(at + 1 - sender) : 0;
    if (platform != strlen(b->platform) || memcmp(at + 1, b->platform, platform) != 0)
        sim_fail(b->world, "%s sends another broker what is from \"%.*s\"", b->platform, (int)len, sender);
}

void sim_federation_says(sim_broker_t *broker, const tr_core_out_t *out) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    const tr_session_t *s = tr_session_of_peer(broker->core, out->peer);
    if (tr_bundle_open(&reader, out->buf->data, out->buf->len, UINT32_MAX) != TR_REASON_NONE)
        sim_fail(broker->world, "%s sends another broker what is no bundle", broker->platform);
    while (tr_bundle_next(&reader, &r) > 0) {
        if (r.h.kind == TR_KIND_MESSAGE || r.h.kind == TR_KIND_PUBLISH)
            check_stamp(broker, &r);
        if (r.h.kind == TR_KIND_STORED && s && s->neighbour)
            sim_durable_says_to(broker, sim_broker_of(broker->world, s->neighbour->platform), &r);
    }
}

/* ---- what is known ---- */

void sim_federation_note(const sim_broker_t *broker) {
    sim_federation_t *f = broker->federation;
    const tr_federation_t *core = broker->core->federation;
    told_t *now = &f->told[f->told_at % SUMS];
    if (!core || (now->until_ns == SIM_NEVER && now->hash == core->told_hash && now->items == core->told_n))
        return;
    now->until_ns = broker->world->now_ns;
    f->told[++f->told_at % SUMS] = (told_t){core->told_hash, core->told_n, SIM_NEVER};
}

/* Whether one that was told not longer ago than it may take. */
static bool was_told(const sim_broker_t *by, uint64_t hash, uint32_t items) {
    int64_t since = by->world->now_ns - CONVERGED_NS;
    for (unsigned i = 0; i < SUMS; i++) {
        const told_t *t = &by->federation->told[i];
        if (t->until_ns && t->until_ns >= since && t->hash == hash && t->items == items)
            return true;
    }
    return false;
}

static bool knows(const sim_broker_t *self, const sim_broker_t *other) {
    const tr_neighbour_t *n = tr_neighbour_find(self->core, other->platform);
    return n && n->session && was_told(other, n->offers_hash, (uint32_t)n->offers.count);
}

static uint32_t capacity_of(const tr_service_t *s, const char *platform) {
    uint32_t capacity = 0;
    for (uint32_t i = 0; i < s->providers_n; i++) {
        const tr_neighbour_t *n = s->providers[i].entry->neighbour;
        bool its = platform ? n && !strcmp(n->platform, platform) : !n;
        capacity += its ? s->providers[i].capacity : 0;
    }
    return capacity;
}

/* One of which it believes what is not so; NULL where there is none. */
static const tr_service_t *wrong_service(const sim_broker_t *self, const sim_broker_t *other) {
    for (uint32_t i = 0; i < other->core->services_n; i++) {
        const tr_service_t *there = other->core->services[i];
        const char *agent;
        if (tr_service_is_mailbox(there, &agent))
            continue;
        const tr_service_t *here = tr_service_get(self->core, there->name, strlen(there->name), false);
        if (capacity_of(there, NULL) != (here ? capacity_of(here, other->platform) : 0))
            return there;
    }
    return NULL;
}

static void check_services(const sim_broker_t *self, const sim_broker_t *other) {
    const tr_service_t *s = wrong_service(self, other);
    if (s)
        sim_fail(self->world, "federation: %s offers %s %u times, and %s does not know", other->platform,
            s->name, capacity_of(s, NULL), self->platform);
}

/* Since when nothing has been in the way of the two. */
static int64_t undisturbed_ns(const sim_broker_t *a, const sim_broker_t *b) {
    if (!a->up || !b->up || a->paused || b->paused || a->draining || b->draining)
        return SIM_NEVER;
    int64_t ns = a->world->roads->between[a->index][b->index].disturbed_ns;
    ns = a->disturbed_ns > ns ? a->disturbed_ns : ns;
    return b->disturbed_ns > ns ? b->disturbed_ns : ns;
}

/* Whether it has been so for longer than it may, of the time that nothing is in the way. */
static bool lasts(const sim_broker_t *self, const sim_broker_t *other, bool wrong, int64_t *since_ns) {
    int64_t now = self->world->now_ns, undisturbed = undisturbed_ns(self, other);
    if (undisturbed == SIM_NEVER || !wrong) {
        *since_ns = 0;
        return false;
    }
    *since_ns = *since_ns ? *since_ns : now;
    return now - (*since_ns > undisturbed ? *since_ns : undisturbed) >
           CONVERGED_NS + 6 * self->world->plan.delay_max_ns;
}

static void look_at(const sim_broker_t *self, const sim_broker_t *other) {
    sim_federation_t *f = self->federation;
    bool up = self->up && other->up;
    if (lasts(self, other, up && wrong_service(self, other), &f->untrue_ns[other->index]))
        sim_fail(self->world, "federation: %s has believed for more than 5 s what is not so of %s at %s",
            self->platform, wrong_service(self, other)->name, other->platform);
    if (!lasts(self, other, up && !knows(self, other), &f->differs_ns[other->index]))
        return;
    const tr_neighbour_t *n = tr_neighbour_find(self->core, other->platform);
    sim_fail(self->world, "federation: %s %s for more than 5 s, and nothing is in the way", self->platform,
        n && n->session ? "believes of another what it has not told" : "has had no link to another one");
}

static void look(void *owner, uint64_t arg) {
    sim_world_t *w = owner;
    (void)arg;
    for (unsigned i = 0; i < w->brokers_n; i++)
        for (unsigned j = 0; j < w->brokers_n; j++)
            if (i != j)
                look_at(w->brokers[i], w->brokers[j]);
    sim_at(w, w->now_ns + LOOK_NS, look, w, 0);
}

void sim_federation_watch(sim_world_t *world) {
    if (world->brokers_n > 1)
        sim_at(world, world->now_ns + LOOK_NS, look, world, 0);
}

/* ---- that it is true, at the end ---- */

/* The patterns that durable mailboxes have. */
static bool mailbox_wants(const tr_core_t *core, const char *pattern, size_t len) {
    for (uint32_t i = 0; core->durable && i < core->services_n; i++) {
        const tr_queue_t *q = core->services[i]->durable;
        const char *p;
        size_t n;
        for (uint32_t at = 0; q && (p = tr_durable_sub_of(core, q, at, &n)); at++)
            if (n == len && !memcmp(p, pattern, len))
                return true;
    }
    return false;
}

static bool subscribed(const sim_broker_t *b, const char *pattern, size_t len, const char *platform) {
    for (uint32_t i = 0; i < b->core->subscriptions_n; i++) {
        const tr_subscription_t *s = b->core->subscriptions[i];
        const tr_neighbour_t *n = s->entry->neighbour;
        bool its = platform ? n && !strcmp(n->platform, platform) : !n;
        if (its && s->pattern_len == len && !memcmp(s->pattern, pattern, len))
            return true;
    }
    return false;
}

static bool wants(const sim_broker_t *b, const char *pattern, size_t len) {
    bool watched = b->world->plan.watched[b->index] && len == 3 && !memcmp(pattern, "t.>", 3);
    return watched || subscribed(b, pattern, len, NULL) || mailbox_wants(b->core, pattern, len);
}

static void check_patterns(const sim_broker_t *self, const sim_broker_t *other) {
    for (uint32_t i = 0; i < other->core->subscriptions_n; i++) {
        const tr_subscription_t *s = other->core->subscriptions[i];
        if (!s->entry->neighbour && !subscribed(self, s->pattern, s->pattern_len, other->platform))
            sim_fail(self->world, "federation: %s wants %s, and %s does not know", other->platform,
                s->pattern, self->platform);
    }
    for (uint32_t i = 0; i < self->core->subscriptions_n; i++) {
        const tr_subscription_t *s = self->core->subscriptions[i];
        if (s->entry->neighbour && !strcmp(s->entry->neighbour->platform, other->platform) &&
            !wants(other, s->pattern, s->pattern_len))
            sim_fail(self->world, "federation: %s believes that %s wants %s", self->platform, other->platform,
                s->pattern);
    }
}

void sim_federation_check(const sim_world_t *world) {
    for (unsigned i = 0; i < world->brokers_n; i++)
        for (unsigned j = 0; j < world->brokers_n; j++)
            if (i != j) {
                check_services(world->brokers[i], world->brokers[j]);
                check_patterns(world->brokers[i], world->brokers[j]);
            }
}

unsigned sim_federation_wishes(const sim_broker_t *broker) {
    unsigned n = 0;
    for (unsigned i = 0; i < broker->world->brokers_n; i++)
        for (unsigned topic = 0; i != broker->index && topic <= SIM_TOPICS + 1; topic++) {
            char pattern[16];
            snprintf(pattern, sizeof pattern,
                topic < SIM_TOPICS    ? "t.%u"
                : topic == SIM_TOPICS ? "t.*"
                                      : "t.>",
                topic);
            n += wants(broker->world->brokers[i], pattern, strlen(pattern));
        }
    return n;
}
