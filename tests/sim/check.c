#include "tests/sim/check.h"

#include "broker/core/lease.h"
#include "broker/core/mandate.h"
#include "broker/core/service.h"
#include "tests/sim/federation.h"
#include "tests/sim/ledger.h"
#include "tests/sim/proc.h"

#include <stdlib.h>

#define RETURNED_MAX 200u /* leases that may come back to a full queue: all capacities of plan.c together */
#define NUMBERS_MAX  4096

struct sim_stream {
    tr_map_t last; /* topic -> its last sequence */
};

static void check_mailbox(const sim_broker_t *b, const tr_entry_t *e) {
    const tr_core_config_t *c = &b->world->plan.core;
    bool fits = e->mailbox.records <= c->mailbox_records && e->mailbox.bytes <= c->mailbox_bytes;
    if (!fits && e->mailbox.records != 1) /* one of any size may wait alone */
        sim_fail(b->world, "the mailbox of %s holds %u records, %llu bytes: more than it may", e->name,
            e->mailbox.records, (unsigned long long)e->mailbox.bytes);
}

/* What waits to leave for one is in nobody else's hands, and does not wait for a provider. */
static void check_copy(const sim_broker_t *b, const tr_session_t *s, const tr_record_header_t *h) {
    uint64_t slot = h->id >> TR_LEASE_SLOT_SHIFT;
    if (slot >= b->core->services_n)
        return;
    const tr_service_t *service = b->core->services[slot];
    tr_lease_t *before;
    for (uint32_t i = 0; i < service->providers_n; i++) {
        const tr_provider_t *p = &service->providers[i];
        bool its = p->entry->session == s && (s->neighbour || tr_session_route(s, p->agent) == h->dst);
        if (!its && tr_leases_find(&p->leases, h->id, &before))
            sim_fail(b->world, "request %llu of %s waits to leave for %s, and %s has it",
                (unsigned long long)h->id, service->name, s->process, p->entry->name);
    }
    for (unsigned i = 0; i < TR_PRIORITIES; i++)
        if (tr_leases_find(&service->queue[i], h->id, &before))
            sim_fail(b->world, "request %llu of %s waits to leave for %s, and in the queue",
                (unsigned long long)h->id, service->name, s->process);
}

static void check_copies(const sim_broker_t *b, const tr_session_t *s, const tr_outbox_t *box) {
    for (const tr_chunk_t *c = box->head; c; c = c->next) {
        const uint8_t *at = c->buf->data + TR_BUNDLE_HEADER;
        for (uint32_t i = 0; i < c->records; i++) {
            tr_record_header_t h;
            tr_record_header_read(&h, at);
            if (h.flags & TR_FLAG_LEASED && (h.kind == TR_KIND_MESSAGE || h.kind == TR_KIND_PUBLISH))
                check_copy(b, s, &h);
            at += h.length;
        }
    }
}

static void check_session(const sim_broker_t *b, const tr_session_t *s) {
    if (s->acked_records > s->sent_records || s->acked_bytes > s->sent_bytes)
        sim_fail(b->world, "%s took more than it was sent", s->process);
    for (uint32_t i = 0; i < s->entries_n; i++) {
        if (s->entries[i]->session != s)
            sim_fail(b->world, "%s is in a session that is not its own", s->entries[i]->name);
        check_mailbox(b, s->entries[i]);
        check_copies(b, s, &s->entries[i]->held);
        size_t cursor = 0;
        const tr_apart_t *apart;
        while ((apart = tr_apart_next(s->entries[i], &cursor)))
            check_copies(b, s, &apart->held);
    }
    check_copies(b, s, &s->data);
}

typedef struct numbers {
    uint64_t seen[NUMBERS_MAX];
    size_t n;
} numbers_t;

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void collect(const sim_broker_t *b, numbers_t *numbers, const tr_lease_list_t *list) {
    uint32_t n = 0;
    for (const tr_lease_t *l = list->head; l; l = l->next, n++)
        if (numbers->n < NUMBERS_MAX)
            numbers->seen[numbers->n++] = l->number;
    if (n != list->count)
        sim_fail(b->world, "a list of leases holds %u and says %u", n, list->count);
}

/* One place for each request: with one provider, or in the queue. */
static void check_service(const sim_broker_t *b, const tr_service_t *s) {
    numbers_t numbers = {.n = 0};
    for (uint32_t i = 0; i < s->providers_n; i++) {
        const tr_provider_t *p = &s->providers[i];
        collect(b, &numbers, &p->leases);
        if (p->leases.count > p->capacity && !p->entry->neighbour) /* who may say that he has less now */
            sim_fail(b->world, "a provider of %s has %u requests, and room for %u", s->name, p->leases.count,
                p->capacity);
    }
    uint32_t leased = (uint32_t)numbers.n;
    for (unsigned i = 0; i < TR_PRIORITIES; i++)
        collect(b, &numbers, &s->queue[i]);
    collect(b, &numbers, &s->resting);
    if (numbers.n < NUMBERS_MAX && numbers.n - leased != s->queued)
        sim_fail(b->world, "the queue of %s holds %zu and says %u", s->name, numbers.n - leased, s->queued);
    qsort(numbers.seen, numbers.n, sizeof *numbers.seen, by_number);
    for (size_t i = 1; i < numbers.n; i++)
        if (numbers.seen[i] == numbers.seen[i - 1])
            sim_fail(b->world, "request %llu of %s is in two places", (unsigned long long)numbers.seen[i],
                s->name);
    if (!s->durable && s->queued > b->world->plan.core.service_records + RETURNED_MAX)
        sim_fail(b->world, "the queue of %s holds %u", s->name, s->queued);
}

/* Budgets fall: nobody ever holds more than one request began with. */
static void check_budget(const sim_broker_t *b) {
    const tr_grant_t *payer = b->core->mandates ? b->core->mandates->payer : NULL;
    if (payer && payer->of_tokens && payer->tokens > SIM_TOKENS)
        sim_fail(b->world, "somebody has %llu tokens to spend, and no request gave more than %u",
            (unsigned long long)payer->tokens, SIM_TOKENS);
    if (payer && payer->of_money && payer->micro_cost > SIM_MONEY)
        sim_fail(b->world, "somebody has %llu millionths to spend, and no request gave more than %u",
            (unsigned long long)payer->micro_cost, SIM_MONEY);
}

void sim_check_core(const sim_broker_t *broker) {
    const tr_core_t *core = broker->core;
    if (!tr_core_consistent(core))
        sim_fail(broker->world, "the core's books do not agree with its queues");
    for (uint32_t i = 0; i < core->sessions_n; i++)
        if (core->sessions[i])
            check_session(broker, core->sessions[i]);
    for (uint32_t i = 0; i < core->services_n; i++)
        check_service(broker, core->services[i]);
    check_budget(broker);
    if (core->durable)
        sim_check_durable(broker);
    if (broker->federation)
        sim_federation_note(broker);
}

void sim_check_dead(const sim_broker_t *broker, uint32_t pid) {
    const tr_core_t *core = broker->core;
    for (uint32_t i = 0; i < core->sessions_n; i++) {
        const tr_session_t *s = core->sessions[i];
        const sim_conn_t *c =
            s && s->pid == pid ? sim_net_conn(broker->world->net, broker, (uint32_t)s->peer) : NULL;
        if (c && c->socket) /* not a stray, who says what the dead one said */
            sim_fail(broker->world,
                "presence: %s (%u) has been dead for long, and the broker does not know: the session of peer "
                "%llu %s for %lld ms",
                s->process, pid, (unsigned long long)s->peer,
                s->state == TR_SESSION_LOST ? "has lost its connection" : "has been silent",
                (long long)(core->now.mono_ms - (s->state == TR_SESSION_LOST ? s->lost_ms : s->heard_ms)));
    }
}

static size_t describe_service(const tr_service_t *s, char *out, size_t size) {
    uint32_t leased = 0;
    for (uint32_t i = 0; i < s->providers_n; i++)
        leased += s->providers[i].leases.count;
    if (!s->queued && !leased)
        return 0;
    size_t at = (size_t)snprintf(out, size, "; %s: %u queued", s->name, s->queued);
    for (uint32_t i = 0; i < s->providers_n && at < size; i++) {
        const tr_provider_t *p = &s->providers[i];
        if (!p->leases.head)
            continue;
        tr_record_t r = tr_lease_record(p->leases.head);
        at += (size_t)snprintf(out + at, size - at, ", %s has %u of %u, number %llx first, letter %u",
            p->entry->name, p->leases.count, p->capacity, (unsigned long long)p->leases.head->number,
            sim_letter_read(r.content, r.content_len));
    }
    return at;
}

void sim_describe_core(const sim_broker_t *broker, char *out, size_t size) {
    const tr_core_t *core = broker->core;
    size_t at = (size_t)snprintf(out, size, "%llu records wait in the broker, %llu are leased",
        (unsigned long long)core->stats.queued, (unsigned long long)core->stats.leased);
    for (uint32_t i = 0; i < core->sessions_n && at < size; i++) {
        const tr_session_t *s = core->sessions[i];
        if (s && s->data.head)
            at += (size_t)snprintf(out + at, size - at, "; some of them for %s, which took %llu of %llu",
                s->process, (unsigned long long)s->acked_records, (unsigned long long)s->sent_records);
    }
    for (uint32_t i = 0; i < core->services_n && at < size; i++)
        at += describe_service(core->services[i], out + at, size - at);
}

void sim_check_empty(const sim_broker_t *broker) {
    const tr_core_stats_t *s = tr_core_stats(broker->core);
    unsigned wishes = broker->federation ? sim_federation_wishes(broker) : 0;
    if (s->sessions || s->agents || s->subscriptions != wishes || s->queued || s->leased)
        sim_fail(broker->world,
            "everybody has left, and the broker has %llu sessions, %llu agents, %llu subscriptions, %llu "
            "queued, "
            "%llu leased",
            (unsigned long long)s->sessions, (unsigned long long)s->agents,
            (unsigned long long)s->subscriptions, (unsigned long long)s->queued,
            (unsigned long long)s->leased);
}

void sim_check_fence(const sim_broker_t *broker, const sim_conn_t *conn) {
    const sim_conn_t *newest = conn->proc->welcomed;
    if (!newest || newest == conn || newest->start != conn->start || newest->broker_start != broker->starts ||
        newest->number < conn->number)
        return;
    const tr_session_t *s = tr_session_of_peer(broker->core, conn->peer);
    if (s && !memcmp(s->token, conn->proc->token, sizeof s->token))
        sim_fail(broker->world, "an old connection of %s (peer %u) still has a session: peer %u is newer",
            conn->proc->name, conn->peer, newest->peer);
}

void sim_check_stray(const sim_broker_t *broker, const sim_conn_t *conn) {
    const sim_proc_t *p = conn->proc;
    const tr_session_t *s = conn->socket ? NULL : tr_session_of_peer(broker->core, conn->peer);
    const sim_conn_t *w = p->welcomed;
    if (!s || !w || w->start != conn->start || w->broker_start != broker->starts || conn->epoch > p->epoch)
        return;
    if (!memcmp(s->token, p->token, sizeof s->token))
        sim_fail(broker->world,
            "an old HELLO of %s, with epoch %llu, has its session: it was welcomed with %llu", p->name,
            (unsigned long long)conn->epoch, (unsigned long long)p->epoch);
}

sim_stream_t *sim_stream_new(void) {
    sim_stream_t *s = sim_alloc(sizeof *s);
    tr_map_init(&s->last, 1);
    return s;
}

void sim_stream_destroy(sim_stream_t **self) {
    if (!*self)
        return;
    tr_map_finish(&(*self)->last);
    free(*self);
    *self = NULL;
}

/* Somebody has been listening from the beginning. */
void sim_stream_check(sim_broker_t *broker, const char *topic, const tr_buf_t *buf) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    uint64_t *last = tr_map_find(&broker->stream->last, topic, strlen(topic));
    uint64_t sequence = last ? *last : 0;
    if (tr_bundle_open(&reader, buf->data, buf->len, UINT32_MAX) != TR_REASON_NONE)
        sim_fail(broker->world, "the stream of %s is no bundle", topic);
    while (tr_bundle_next(&reader, &r) > 0) {
        if (r.h.id != sequence + 1 &&
            (!broker->federation || r.h.id <= sequence)) /* what was dropped elsewhere has numbers */
            sim_fail(broker->world, "the stream of %s: %llu after %llu", topic, (unsigned long long)r.h.id,
                (unsigned long long)sequence);
        sequence = r.h.id;
    }
    if (tr_map_put(&broker->stream->last, topic, strlen(topic), sequence) < 0)
        abort();
}
