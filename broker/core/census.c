/* The conservation rules: what the counters say is what is there, counted anew (tr_core_consistent, core.h). */
#include "broker/core/durable/durable.h"
#include "broker/core/federation/neighbour.h"

/* What the queues hold, counted anew. */
typedef struct census {
    uint64_t queued, queued_bytes, leased;
} census_t;

static void count_outbox(const tr_outbox_t *box, census_t *census) {
    for (const tr_chunk_t *c = box->head; c; c = c->next) {
        census->queued += c->records;
        census->queued_bytes += c->buf->len - TR_BUNDLE_HEADER;
    }
}

/* What one account should say, by the runs of the chunks. */
static void count_account(const tr_outbox_t *box, const tr_account_t *account, tr_account_t *found) {
    for (const tr_chunk_t *c = box->head; c; c = c->next) {
        for (uint32_t i = 0; i < c->runs_n; i++) {
            if (c->runs[i].account != account)
                continue;
            found->records += c->runs[i].records;
            found->bytes += c->runs[i].bytes;
        }
    }
}

static bool account_right(const tr_session_t *s, const tr_account_t *account, const tr_outbox_t *held) {
    tr_account_t found = {0};
    count_account(&s->data, account, &found);
    if (held)
        count_account(held, account, &found);
    return found.records == account->records && found.bytes == account->bytes;
}

static bool count_apart(const tr_session_t *s, const tr_entry_t *e, census_t *census) {
    size_t cursor = 0;
    const tr_apart_t *apart;
    bool right = true;
    while ((apart = tr_apart_next(e, &cursor))) {
        count_outbox(&apart->held, census);
        right = right && account_right(s, &apart->mailbox, &apart->held);
    }
    return right;
}

static bool count_session(const tr_session_t *s, census_t *census) {
    bool right =
        account_right(s, &s->nacks, NULL) && (!s->neighbour || account_right(s, &s->neighbour->queue, NULL));
    count_outbox(&s->data, census);
    for (uint32_t j = 0; j < s->entries_n; j++) {
        count_outbox(&s->entries[j]->held, census);
        right = right && account_right(s, &s->entries[j]->mailbox, &s->entries[j]->held) &&
                count_apart(s, s->entries[j], census);
    }
    return right;
}

static uint64_t bytes_of(const tr_lease_list_t *list) {
    uint64_t bytes = 0;
    for (const tr_lease_t *l = list->head; l; l = l->next)
        bytes += l->len;
    return bytes;
}

static bool count_service(const tr_service_t *s, census_t *census) {
    uint64_t bytes = bytes_of(&s->resting), records = s->resting.count;
    for (unsigned i = 0; i < TR_PRIORITIES; i++) {
        bytes += bytes_of(&s->queue[i]);
        records += s->queue[i].count;
    }
    census->queued += records;
    census->queued_bytes += bytes;
    for (unsigned i = 0; s->durable && i < TR_PRIORITIES; i++) {
        const tr_lane_t *lane = &s->durable->lanes[i];
        census->queued += lane->unsynced + lane->away;
        census->queued_bytes += lane->unsynced_bytes + lane->away_bytes;
    }
    for (uint32_t j = 0; j < s->providers_n; j++)
        census->leased += s->providers[j].leases.count;
    return bytes == s->queue_bytes && records == s->queued;
}

bool tr_core_consistent(const tr_core_t *self) {
    const tr_core_stats_t *s = &self->stats;
    census_t census = {0};
    bool right = true;
    for (uint32_t i = 0; i < self->sessions_n; i++)
        if (self->sessions[i])
            right = count_session(self->sessions[i], &census) && right;
    for (uint32_t i = 0; i < self->services_n; i++)
        right = count_service(self->services[i], &census) && right;
    uint64_t dropped = 0;
    for (unsigned i = 0; i < TR_REASON_MAX; i++)
        dropped += s->dropped[i];
    return right && census.queued == s->queued && census.queued_bytes == s->queued_bytes &&
           census.leased == s->leased &&
           s->accepted == s->delivered + s->queued + s->leased + s->dead_letters + s->returned + dropped;
}
