#include "tests/sim/guarded.h"

#include "broker/core/guard.h"
#include "broker/core/platform/quarantine.h"
#include "tests/sim/actor.h"

#include <stdlib.h>
#include <string.h>

#define ON_ITS_WAY_NS (30 * SIM_SECOND) /* what left before may be heard so late */

void sim_guarded_key(const sim_proc_t *proc, uint8_t out[32]) {
    memset(out, (int)proc->index + 1, 32);
}

static bool is_operators(const sim_world_t *w, const sim_proc_t *p) {
    return w->plan.actors[w->plan.actors_n - 1].proc == p->index;
}

static void allow(tr_cert_t *c, tr_strings_t *right, const char *item) {
    if (tr_cert_add(c, right, item) < 0)
        abort();
}

/* The pattern of all where none is missing. */
static void allow_but(
    tr_cert_t *c, tr_strings_t *right, const char *each, const char *all, unsigned n, unsigned bans) {
    char item[16];
    if (!bans)
        allow(c, right, all);
    for (unsigned i = 0; bans && i < n; i++) {
        snprintf(item, sizeof item, "%s%u", each, i);
        if (!(bans & 1u << i))
            allow(c, right, item);
    }
}

static const sim_bans_t *bans_of(const sim_actor_t *actor) {
    return &actor->world->plan.bans[actor->proc->index];
}

bool sim_may_publish(const sim_actor_t *actor, unsigned topic) {
    return !(bans_of(actor)->publish & 1u << topic);
}

bool sim_may_subscribe(const sim_actor_t *actor) {
    unsigned all = (1u << SIM_TOPICS) - 1,
             wanted = actor->plan->pattern == SIM_TOPICS ? all : 1u << actor->plan->pattern;
    return !(bans_of(actor)->subscribe & wanted);
}

bool sim_may_hear_all(const sim_actor_t *actor) {
    return !bans_of(actor)->subscribe;
}

bool sim_may_ask(const sim_actor_t *actor, unsigned service) {
    return !(bans_of(actor)->ask & 1u << service);
}

static tr_cert_t *cert_of(const sim_world_t *w, const sim_proc_t *p) {
    const sim_bans_t *bans = &w->plan.bans[p->index];
    tr_cert_t *c = tr_cert_new(p->name);
    if (!c)
        abort();
    sim_guarded_key(p, c->keys[c->keys_n++].bytes);
    c->limits = w->plan.limits[p->index];
    allow(c, &c->rights.names, "a*");
    allow_but(c, &c->rights.publish, "t.", "t.>", SIM_TOPICS, bans->publish);
    allow_but(c, &c->rights.subscribe, "t.", "t.>", SIM_TOPICS, bans->subscribe);
    allow(c, &c->rights.offer, "s*");
    allow_but(c, &c->rights.ask, "s", "s*", SIM_SERVICES, bans->ask);
    allow(c, &c->rights.verbs, "df.*");
    allow(c, &c->rights.verbs, is_operators(w, p) ? "ams.*" : "ams.stream-*");
    return c;
}

static unsigned actor_of(const sim_world_t *w, const char *name) {
    unsigned actor = SIM_NOBODY;
    return sscanf(name, "a%u", &actor) == 1 && actor < w->plan.actors_n ? actor : SIM_NOBODY;
}

/* The core's word: its events are told up to so many at once. */
static bool holds(const sim_broker_t *b, unsigned actor) {
    return b->core->quarantine && tr_quarantine_holds_name(b->core, sim_actor_name(b->world, actor));
}

void sim_guarded_look(sim_broker_t *broker) {
    for (unsigned i = 0; i < broker->world->plan.actors_n; i++) {
        sim_guarded_t *g = &broker->world->ledger->guarded[i];
        bool held = holds(broker, i);
        if (held == g->held)
            continue;
        *g = (sim_guarded_t){held, broker->world->now_ns};
        sim_say(
            broker->world, "%s is %s quarantine", sim_actor_name(broker->world, i), held ? "in" : "out of");
    }
}

/* Where there is no journal, everybody is free again. */
void sim_guarded_begin(sim_broker_t *broker) {
    sim_world_t *w = broker->world;
    tr_cert_t *certs[SIM_PROCS_MAX];
    for (unsigned i = 0; i < w->plan.procs_n; i++)
        certs[i] = cert_of(w, w->procs[i]);
    tr_cert_book_t *book = tr_cert_book_new(certs, w->plan.procs_n);
    if (!book || !tr_core_guard(broker->core, book, sim_broker_now(broker)))
        abort();
    tr_cert_book_release(&book);
    sim_guarded_look(broker);
}

static bool has_bans(const sim_world_t *w) {
    for (unsigned i = 0; i < w->plan.procs_n; i++)
        if (w->plan.bans[i].publish || w->plan.bans[i].subscribe || w->plan.bans[i].ask)
            return true;
    return false;
}

/* Certificates allow all that agents do here, but for topics and services in some worlds: there each letter says whether (ledger.c). */
void sim_guarded_tells(sim_broker_t *broker, tr_core_event_t event, const char *about, const char *detail) {
    bool barred = event == TR_EVENT_TOPIC_REFUSED || event == TR_EVENT_SERVICE_REFUSED;
    if ((barred && !has_bans(broker->world)) || event == TR_EVENT_NAME_REFUSED ||
        event == TR_EVENT_VERB_REFUSED || event == TR_EVENT_KEY_REFUSED || event == TR_EVENT_REVOKED)
        sim_fail(broker->world, "the guard refuses %s: %s", about, detail);
}

/* ---- quarantine ---- */

static void note_letter(sim_broker_t *b, const tr_record_t *r) {
    uint32_t number = r->h.kind == TR_KIND_MESSAGE || r->h.kind == TR_KIND_PUBLISH ? sim_letter_of(r) : 0;
    if (!number)
        return;
    sim_letter_t *l = sim_letter(b->world->ledger, number);
    l->barred = l->kind != SIM_DURABLE && holds(b, l->from);
}

/* The operator's own bundle may let somebody go before it comes to his letters. */
void sim_guarded_takes(sim_broker_t *broker, const sim_conn_t *conn, const void *bytes, size_t len) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    if (is_operators(broker->world, conn->proc) ||
        tr_bundle_open(&reader, bytes, len, UINT32_MAX) != TR_REASON_NONE)
        return;
    while (tr_bundle_next(&reader, &r) > 0)
        note_letter(broker, &r);
}

/* In quarantine since this turn began at least. */
static bool is_held(const sim_broker_t *b, unsigned actor) {
    return b->world->ledger->guarded[actor].held && holds(b, actor);
}

static void check_sender(sim_broker_t *b, uint32_t letter) {
    unsigned from = sim_letter(b->world->ledger, letter)->from;
    if (is_held(b, from))
        sim_fail(b->world, "letter %u leaves, and %s, who sent it, is in quarantine", letter,
            sim_actor_name(b->world, from));
}

void sim_guarded_sends(sim_broker_t *broker, const tr_buf_t *buf) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    if (tr_bundle_open(&reader, buf->data, buf->len, UINT32_MAX) != TR_REASON_NONE)
        return;
    while (tr_bundle_next(&reader, &r) > 0) {
        if ((r.h.kind != TR_KIND_MESSAGE && r.h.kind != TR_KIND_PUBLISH) || !sim_letter_of(&r))
            continue;
        check_sender(broker, sim_letter_of(&r));
        const tr_entry_t *to = tr_entry_of_route(broker->core, r.h.dst);
        unsigned actor = to ? actor_of(broker->world, to->name) : SIM_NOBODY;
        if (actor != SIM_NOBODY && is_held(broker, actor))
            sim_fail(broker->world, "%s is in quarantine, and letter %u leaves for it", to->name,
                sim_letter_of(&r));
    }
}

void sim_guarded_heard(sim_ledger_t *ledger, uint32_t letter, unsigned actor) {
    const sim_letter_t *l = sim_letter(ledger, letter);
    if (l->barred)
        sim_fail(ledger->world, "%s got letter %u of %s, which was in quarantine when it sent it",
            sim_actor_name(ledger->world, actor), letter, sim_actor_name(ledger->world, l->from));
}

bool sim_guarded_was_held(const sim_world_t *world, unsigned actor, int64_t heard_ns) {
    const sim_guarded_t *g = &world->ledger->guarded[actor];
    for (unsigned i = 0; i < world->brokers_n; i++) /* this very moment, which the ledger has not looked at */
        if (world->brokers[i]->up && holds(world->brokers[i], actor))
            return true;
    return g->held || (g->changed_ns && g->changed_ns + ON_ITS_WAY_NS > heard_ns);
}

const char *sim_guarded_held(const sim_broker_t *broker) {
    size_t cursor = 0;
    const tr_quarantine_t *q = broker->up ? broker->core->quarantine : NULL;
    const tr_map_slot_t *slot = q ? tr_map_next(&q->names, &cursor) : NULL;
    return slot ? slot->key : NULL;
}

/* ---- limits ---- */

static tr_account_t waiting_for(const tr_core_t *core, const tr_identity_t *id) {
    tr_account_t sum = {0};
    for (uint32_t i = 0; i < core->sessions_n; i++) {
        const tr_session_t *s = core->sessions[i];
        for (uint32_t k = 0; s && s->guest && s->guest->identity == id && k < s->entries_n; k++) {
            tr_account_t one = tr_life_waiting(s->entries[k]);
            sum.records += one.records;
            sum.bytes += one.bytes;
        }
    }
    return sum;
}

/* What its agents have sent, as the core counts what it takes: in no time more than that time brings, and a second's. */
static void check_rate(sim_broker_t *b, const tr_session_t *s, const sim_proc_t *p) {
    sim_guarded_rate_t *rate = &b->world->ledger->rates[p->index];
    uint64_t per_s = b->world->plan.limits[p->index].messages_per_s, sent = 0;
    for (uint32_t i = 0; i < s->entries_n; i++)
        sent += s->entries[i]->sent;
    if (rate->slot != s->slot || rate->generation != s->generation || rate->start != b->starts ||
        sent < rate->sent)
        *rate = (sim_guarded_rate_t){s->slot, s->generation, b->starts, b->world->now_ns, sent, 0};
    rate->since_n += sent - rate->sent;
    rate->sent = sent;
    uint64_t ms = (uint64_t)((b->world->now_ns - rate->since_ns) / SIM_MS) + 2;
    if (per_s && rate->since_n > per_s + per_s * ms / 1000 + 1)
        sim_fail(b->world, "%s may send %llu messages a second, and %llu were taken within %llu ms", p->name,
            (unsigned long long)per_s, (unsigned long long)rate->since_n, (unsigned long long)ms);
}

void sim_guarded_taken(sim_broker_t *broker, const sim_conn_t *conn) {
    const tr_session_t *s = tr_session_of_peer(broker->core, conn->peer);
    uint64_t most = broker->world->plan.limits[conn->proc->index].mailbox_bytes;
    if (!s || !s->guest)
        return;
    check_rate(broker, s, conn->proc);
    tr_account_t waits = waiting_for(broker->core, s->guest->identity);
    if (most && waits.bytes > most && waits.records > 1) /* one of any size may wait alone */
        sim_fail(broker->world, "%llu bytes wait for the agents of %s, and %llu may",
            (unsigned long long)waits.bytes, conn->proc->name, (unsigned long long)most);
}
