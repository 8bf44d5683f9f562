/* What the AMS says of what waits durably: the mailboxes, also of agents that are away, and the journal. */
#include "broker/core/platform/platform.h"

#include <stdio.h>

tr_waiting_t tr_waiting_of(const tr_service_t *service) {
    const tr_queue_t *q = service->durable;
    tr_waiting_t w = {.records = service->queued, .bytes = service->queue_bytes};
    for (uint32_t i = 0; i < service->providers_n; i++)
        w.leased += service->providers[i].leases.count;
    if (!q)
        return w;
    /* All of it but what is in hand; a service may have requests besides that are not durable. */
    for (unsigned i = 0; i < TR_PRIORITIES; i++) {
        w.on_disk += q->lanes[i].away;
        w.records += q->lanes[i].away + q->lanes[i].unsynced;
        w.bytes += q->lanes[i].away_bytes + q->lanes[i].unsynced_bytes;
    }
    return w;
}

static int64_t older(int64_t ms, const tr_lease_t *lease) {
    return lease && (!ms || lease->taken_ms < ms) ? lease->taken_ms : ms;
}

/* Within a list that is not a provider's the first is the oldest, and what is on disk only comes after what of its lane is in memory. */
static int64_t queued_since(const tr_service_t *s) {
    int64_t ms = older(0, s->resting.head);
    for (unsigned i = 0; i < TR_PRIORITIES; i++)
        ms = older(ms, s->queue[i].head);
    return ms;
}

static tr_core_service_t service_of(const tr_core_t *core, const tr_service_t *s) {
    int64_t since_ms = queued_since(s), age_ms = since_ms ? core->now.wall_ms - since_ms : 0;
    tr_core_service_t found = {
        .name = s->name, .queued = tr_waiting_of(s).records, .oldest_ms = age_ms > 0 ? age_ms : 0};
    for (uint32_t i = 0; i < s->providers_n; i++) {
        const tr_provider_t *p = &s->providers[i];
        found.leased += p->entry->neighbour ? 0 : p->leases.count;
        found.providers += !p->entry->neighbour;
    }
    return found;
}

bool tr_core_service_next(const tr_core_t *self, uint32_t *cursor, tr_core_service_t *ret) {
    const char *agent;
    while (*cursor < self->services_n) {
        const tr_service_t *s = self->services[(*cursor)++];
        if (tr_service_is_mailbox(s, &agent))
            continue;
        *ret = service_of(self, s);
        return true;
    }
    return false;
}

void tr_waiting_sum_up(tr_core_t *core) {
    for (uint32_t i = 0; i < core->sessions_n; i++)
        for (uint32_t j = 0; core->sessions[i] && j < core->sessions[i]->entries_n; j++)
            core->sessions[i]->entries[j]->waiting = (tr_waiting_t){0};
    for (uint32_t i = 0; core->durable && i < core->services_n; i++) {
        const tr_service_t *s = core->services[i];
        const char *agent;
        if (!s->providers_n || !tr_service_is_mailbox(s, &agent))
            continue;
        tr_waiting_t w = tr_waiting_of(s), *sum = &s->providers[0].entry->waiting;
        sum->records += w.records;
        sum->bytes += w.bytes;
        sum->leased += w.leased;
        sum->on_disk += w.on_disk;
    }
}

int64_t tr_waiting_since(const tr_service_t *s) {
    int64_t ms = queued_since(s);
    for (uint32_t i = 0; i < s->providers_n; i++)
        for (const tr_lease_t *l = s->providers[i].leases.head; l; l = l->next)
            ms = older(ms, l);
    return ms;
}

static void write_subscriptions(tr_answer_t *a, const tr_queue_t *queue) {
    uint32_t n = 0;
    size_t len;
    while (tr_durable_sub_of(a->core, queue, n, &len))
        n++;
    tr_write_str(&a->content, "subscriptions");
    tr_write_array(&a->content, n);
    for (uint32_t i = 0; i < n; i++) {
        const char *pattern = tr_durable_sub_of(a->core, queue, i, &len);
        tr_write_strn(&a->content, pattern, len);
    }
}

static void write_mailbox(tr_answer_t *a, const tr_service_t *s, const char *agent) {
    tr_content_writer_t *w = &a->content;
    tr_waiting_t waiting = tr_waiting_of(s);
    int64_t since_ms = tr_waiting_since(s);
    char aid[TR_AID_MAX + 1];
    bool far = strchr(agent, '@');
    snprintf(aid, sizeof aid, "%s%s%s", agent, far ? "" : "@", far ? "" : a->core->platform);
    tr_write_map(w, 11);
    tr_write_kv(w, "name", aid);
    tr_write_kv_bool(w, "present", s->providers_n > 0);
    tr_write_kv_uint(w, "queued", waiting.records);
    tr_write_kv_uint(w, "leased", waiting.leased);
    tr_write_kv_uint(w, "bytes", s->durable->bytes);
    tr_write_kv_uint(w, "on_disk", waiting.on_disk);
    tr_write_str(w, "oldest_ms");
    if (since_ms)
        tr_write_int(w, since_ms);
    else
        tr_write_nil(w);
    write_subscriptions(a, s->durable);
    tr_write_kv_uint(w, "max-records", s->durable->limits.records);
    tr_write_kv_uint(w, "max-bytes", s->durable->limits.bytes);
    tr_write_kv_int(w, "max-age-ms", s->durable->limits.age_ms);
}

bool tr_answer_mailbox(const tr_answer_t *a, char out[TR_AID_MAX + 1]) {
    size_t len;
    const char *name = tr_answer_name(a, &len);
    if (name && !len)
        name = tr_value_str(tr_value_get(a->request, "name"), &len);
    if (!name || len > TR_AID_MAX)
        return false;
    memcpy(out, name, len);
    out[len] = 0;
    return true;
}

/* `name`: whose alone, NULL = anybody's. */
static const char *matches(const tr_service_t *s, const char *name) {
    const char *agent;
    if (!s->durable || !tr_service_is_mailbox(s, &agent))
        return NULL;
    return !name || !strcmp(agent, name) ? agent : NULL;
}

/* Both passes of an answer see the same. */
static size_t each_mailbox(tr_answer_t *a, size_t offset, size_t max, bool write) {
    size_t seen = 0, n = 0;
    char name[TR_AID_MAX + 1];
    bool one = tr_answer_mailbox(a, name);
    for (uint32_t i = 0; i < a->core->services_n; i++) {
        const tr_service_t *s = a->core->services[i];
        const char *agent = matches(s, one ? name : NULL);
        if (!agent || seen++ < offset || n == max)
            continue;
        n++;
        if (write)
            write_mailbox(a, s, agent);
    }
    return seen;
}

void tr_handle_mailboxes(tr_answer_t *a) {
    size_t offset = tr_answer_bounded(a, "offset", 0, SIZE_MAX / 2);
    size_t max = tr_answer_bounded(a, "max-results", TR_RESULTS_MAX, TR_RESULTS_MAX);
    size_t total = each_mailbox(a, offset, max, false), left = total > offset ? total - offset : 0;
    tr_write_map(&a->content, 2);
    tr_write_kv_uint(&a->content, "total", total);
    tr_write_str(&a->content, "mailboxes");
    tr_write_array(&a->content, left < max ? left : max);
    each_mailbox(a, offset, max, true);
}

void tr_core_journal_is(tr_core_t *self, const tr_core_journal_t *journal) {
    if (self->durable)
        self->durable->journal = *journal;
}

void tr_handle_journal(tr_answer_t *a) {
    if (!tr_answer_has_journal(a))
        return;
    const tr_core_journal_t *j = &a->core->durable->journal;
    tr_content_writer_t *w = &a->content;
    tr_write_map(w, 10);
    tr_write_kv(w, "store", j->store);
    tr_write_kv(w, "where", j->where);
    tr_write_kv_uint(w, "bytes", j->bytes);
    tr_write_kv_uint(w, "keys", j->keys);
    tr_write_str(w, "free_bytes");
    if (j->free_bytes == UINT64_MAX)
        tr_write_nil(w);
    else
        tr_write_uint(w, j->free_bytes);
    tr_write_kv_int(w, "grown_bytes", j->grown_bytes);
    tr_write_kv_uint(w, "writes", j->writes);
    tr_write_kv_uint(w, "syncs", j->syncs);
    tr_write_kv_double(w, "sync_mean_ms", j->syncs ? (double)j->sync_ns / 1e6 / (double)j->syncs : 0);
    tr_write_kv_double(w, "sync_max_ms", (double)j->sync_max_ns / 1e6);
}
