/* The way of a durable message: is it new, which queue is its, may it be taken. */
#include "broker/core/durable/stream.h"
#include "broker/core/federation/neighbour.h"

#include <stdlib.h>

static tr_reason_t check_producer(tr_session_t *from, const tr_record_t *record) {
    if (!from->producer || from->producer_epoch != from->producer->epoch)
        return TR_REASON_NO_PRODUCER;
    from->producer->session = from;
    return record->h.id ? TR_REASON_NONE : TR_REASON_BAD_RECORD;
}

/* Whose it is, and its number: of the process that sends it, or of the neighbour whose journal it is in. */
static tr_reason_t find_producer(
    tr_core_t *core, tr_session_t *from, const tr_record_t *record, tr_producer_t **ret, uint64_t *ret_id) {
    if (from->neighbour)
        return tr_foreign_producer(core, from, record, ret, ret_id);
    *ret = from->producer;
    *ret_id = record->h.id;
    return check_producer(from, record);
}

/* That it is on disk is told again, behind all that is on its way there. Out of memory: when it is sent once more. */
bool tr_durable_repeated(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    tr_record_t r = *record;
    tr_producer_t *producer;
    uint64_t id;
    if (!core->durable ||
        (from->neighbour && (!(r.h.flags & TR_FLAG_LEASED) || !tr_foreign_origin(from->neighbour, &r))) ||
        find_producer(core, from, &r, &producer, &id) != TR_REASON_NONE ||
        !tr_dedup_has(&producer->taken, id))
        return false;
    core->stats.duplicates++;
    tr_batch_t *batch = tr_batch_open(core);
    if (batch)
        tr_batch_ack(batch, producer, id);
    return true;
}

static tr_service_t *mailbox_of(
    tr_core_t *core, const tr_session_t *from, const tr_entry_t *entry, tr_route_t route) {
    char name[TR_AID_MAX + 1];
    tr_entry_agent_name(entry, tr_route_agent(route), name);
    tr_service_t *s = tr_mailbox_service(core, name, true);
    return s && tr_queue_policy(core, s, entry->durable, from) ? s : NULL;
}

/* Whether its receiver may have had it, or had what was sent after it. Only the neighbour's broker gives messages to the mailboxes of its
 * agents, and takes each once; of a service somebody elsewhere may have had it. */
static bool is_late(
    const tr_service_t *s, const tr_record_t *record, const tr_producer_t *producer, uint64_t id) {
    const char *agent;
    bool again = record->h.flags & TR_FLAG_REDELIVERED && !tr_service_is_mailbox(s, &agent);
    return again || (producer && id < producer->taken.top);
}

/* As it is kept. What a neighbour has sent is answered by STORED, and stays on this platform; the number that it has in his journal would mean
 * another message to its sender. */
static tr_record_t as_kept(
    const tr_service_t *s, const tr_record_t *record, const tr_producer_t *producer, uint64_t id) {
    tr_record_t r = *record;
    r.h.id = producer ? 0 : id;
    r.h.flags &= (uint8_t) ~(TR_FLAG_LEASED | TR_FLAG_REDELIVERED | TR_FLAG_DURABLE);
    r.h.flags |= TR_FLAG_STAYS | (is_late(s, record, producer, id) ? TR_FLAG_REDELIVERED : 0);
    return r;
}

tr_reason_t tr_durable_message(tr_core_t *core, tr_session_t *from, tr_entry_t *entry, tr_service_t *service,
    const tr_record_t *record) {
    tr_producer_t *producer = NULL;
    uint64_t id = record->h.id;
    if (!core->durable)
        return TR_REASON_NO_JOURNAL;
    if (record->h.flags & TR_FLAG_DURABLE) {
        tr_reason_t why = find_producer(core, from, record, &producer, &id);
        if (why != TR_REASON_NONE)
            return why;
        if (!from->neighbour && id < producer->taken.top)
            return TR_REASON_BUSY; /* it was refused before, and what came after it was not: it would come too late now */
    }
    tr_service_t *s = entry ? mailbox_of(core, from, entry, record->h.dst) : service;
    tr_queue_t *q = s ? tr_queue_of(core, s, from) : NULL;
    if (!q)
        return TR_REASON_LIMIT;
    if (!tr_letters_have_room(core, q)) {
        tr_letters_say(core, q);
        return TR_REASON_BUSY;
    }
    tr_record_t r = from->neighbour ? as_kept(s, record, producer, id) : *record;
    tr_reason_t why = tr_queue_push(core, q, &r, producer, id);
    if (why == TR_REASON_NONE && producer) {
        tr_dedup_add(&producer->taken, id);
        tr_producer_dirty(core, producer);
    }
    return why;
}

/* A mailbox without a queue was given up, and its place is for who needs one; or it has one soon, when all to its agent is durable. */
static bool is_in_use(const tr_service_t *s, const tr_entry_t *entry) {
    return s->durable || entry->durable;
}

/* Members of a range are looked for from the mailboxes' side: those are few. */
static bool provide_range(tr_core_t *core, tr_entry_t *entry) {
    for (uint32_t i = 0; i < core->services_n; i++) {
        tr_service_t *s = core->services[i];
        const char *agent;
        uint32_t number;
        if (!is_in_use(s, entry) || !tr_service_is_mailbox(s, &agent) ||
            tr_entry_find(core, agent, strlen(agent), &number) != entry)
            continue;
        if (!tr_queue_policy(core, s, entry->durable, entry->session) ||
            tr_service_provide(core, s, entry, number, core->config.queue_in_hand) < 0)
            return false;
    }
    return true;
}

bool tr_durable_arrived(tr_core_t *core, tr_entry_t *entry) {
    if (!core->durable)
        return true;
    if (entry->range)
        return provide_range(core, entry);
    tr_service_t *s = tr_mailbox_service(core, entry->name, entry->durable);
    if (!s || !is_in_use(s, entry))
        return !entry->durable;
    if (!tr_queue_policy(core, s, entry->durable, entry->session))
        return false;
    if (tr_service_provide(core, s, entry, entry->first, core->config.queue_in_hand) < 0)
        return false;
    tr_durable_subs_judge(core, entry->session); /* its rights may be narrower than when it asked for them */
    return true;
}

uint64_t tr_durable_away(const tr_core_t *core) {
    uint64_t n = 0;
    for (uint32_t i = 0; core->durable && i < core->services_n; i++)
        for (unsigned j = 0; core->services[i]->durable && j < TR_PRIORITIES; j++)
            n += core->services[i]->durable->lanes[j].away;
    return n;
}

void tr_durable_tick(tr_core_t *core) {
    if (!core->durable)
        return;
    tr_producer_tick(core);
    tr_queues_tick(core);
    tr_streams_tick(core);
}
