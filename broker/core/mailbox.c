/*
 * Mailboxes. A record for an agent waits in the outbox of the agent's session, in the bundle that it will
 * leave in; the mailbox itself is an account of how much of that is this agent's, with a limit. Half full,
 * the sender's process is asked to hold back (MUTE); full, the message is refused with BUSY. Nobody else
 * waits for a slow agent.
 */
#include "broker/core/durable/durable.h"
#include "broker/core/federation/neighbour.h"
#include "broker/core/guard.h"
#include "broker/core/platform/quarantine.h"
#include "broker/core/service.h"

#include <stdlib.h>

#define ORDER_MAX 1024u /* bytes; no parcel goes over a limit that has more */

/* One of any size when nothing waits: or it would never have room, and hold up all that is behind it in a
 * service's queue. */
static bool fits(
    const tr_core_t *core, const tr_entry_t *entry, const tr_account_t *account, uint32_t length) {
    bool within = account->records < core->config.mailbox_records &&
                  account->bytes + length <= core->config.mailbox_bytes;
    return (within || !account->records) && (!core->guard || tr_guard_has_room(core, entry, length));
}

/* An agent that stands apart and is not active has an account of its own. */
static tr_apart_t *held_apart(const tr_entry_t *entry, uint32_t agent) {
    tr_apart_t *apart = entry->apart ? tr_apart_find(entry, agent) : NULL;
    return apart && apart->life.state != TR_AGENT_ACTIVE ? apart : NULL;
}

bool tr_mailbox_has_room(const tr_core_t *core, const tr_entry_t *entry, uint32_t agent, uint32_t length) {
    if (entry->neighbour)
        return tr_proxy_has_room(core, entry, length);
    const tr_apart_t *apart = held_apart(entry, agent);
    return fits(core, entry, apart ? &apart->mailbox : &entry->mailbox, length);
}

/* What ams and df say to an agent is an answer, to its process as much as to itself: it waits for no state. */
static bool is_answer(const tr_record_header_t *h) {
    return h->kind == TR_KIND_MESSAGE && tr_route_type(h->src) == TR_ROUTE_PLATFORM;
}

/* What the AMS orders in a move goes over the limit: it is little, one at a time, and an agent that never heard that it stays would be away for
 * ever. */
static bool is_order(const tr_record_header_t *h) {
    return is_answer(h) && h->performative == TR_REQUEST && h->length <= ORDER_MAX;
}

/* Where a record for an agent waits, and on whose account. */
typedef struct place {
    tr_outbox_t *box;
    tr_account_t *account;
} place_t;

static place_t place_of(tr_entry_t *to, const tr_record_header_t *h) {
    tr_apart_t *apart = to->apart ? tr_apart_find(to, tr_route_agent(h->dst)) : NULL;
    bool active = (apart ? apart->life.state : to->life.state) == TR_AGENT_ACTIVE;
    if (active || is_answer(h))
        return (place_t){&to->session->data, &to->mailbox};
    return apart ? (place_t){&apart->held, &apart->mailbox} : (place_t){&to->held, &to->mailbox};
}

static bool half_full(const tr_core_t *core, const tr_entry_t *entry) {
    return entry->mailbox.records > core->config.mailbox_records / 2 ||
           entry->mailbox.bytes > core->config.mailbox_bytes / 2;
}

/* A chunk that has just begun has begun then. */
static void stamp(tr_outbox_t *box, int64_t since_ms) {
    if (!box->tail->since_ms)
        box->tail->since_ms = since_ms;
}

tr_reason_t tr_mailbox_push(tr_core_t *core, tr_entry_t *to, const tr_record_t *record,
    const tr_record_header_t *header, tr_session_t *from) {
    tr_session_t *s = to->session;
    if (to->neighbour)
        return tr_proxy_push(core, to, record, header, from);
    if (to->ending || s->state == TR_SESSION_CLOSING)
        return TR_REASON_AGENT_GONE;
    if (half_full(core, to))
        tr_session_flush(core, s); /* much of it may be of this very turn, and free to go */
    place_t place = place_of(to, header);
    if (!is_order(header) && !fits(core, to, place.account, header->length))
        return TR_REASON_BUSY;
    uint8_t *at = tr_outbox_add(place.box, core->pool, header->length, place.account);
    if (!at)
        return TR_REASON_LIMIT;
    stamp(place.box, core->now.wall_ms);
    tr_record_header_write(header, at);
    memcpy(at + TR_RECORD_HEADER, record->envelope, header->length - TR_RECORD_HEADER);
    to->received++;
    if (core->guard)
        tr_guard_queued(to, header->length);
    core->stats.accepted++;
    core->stats.queued++;
    core->stats.queued_bytes += header->length;
    tr_session_dirty(core, s);
    if (from && half_full(core, to))
        tr_mute(core, &to->muted, from, tr_entry_scope(to));
    return TR_REASON_NONE;
}

void tr_mute(tr_core_t *core, tr_audience_t *muted, tr_session_t *sender, tr_scope_t about) {
    if (sender->neighbour)
        return; /* its numbers are others: it hears BUSY */
    if (tr_audience_add(core, muted, sender, UINT32_MAX) != TR_JOINED_NOW)
        return; /* out of memory: the limit still holds */
    tr_record_header_t h = {.kind = TR_KIND_MUTE, .src = about.first, .id = about.count};
    tr_control_send(core, sender, &h, NULL, 0);
    core->stats.mutes++;
}

static void unmute(tr_core_t *core, tr_session_t *session, const void *what) {
    tr_control_send(core, session, what, NULL, 0);
}

void tr_unmute_all(tr_core_t *core, tr_audience_t *muted, tr_scope_t about) {
    tr_record_header_t h = {.kind = TR_KIND_UNMUTE, .src = about.first, .id = about.count};
    tr_audience_dismiss(core, muted, unmute, &h);
}

void tr_mailbox_drained(tr_core_t *core, tr_entry_t *entry) {
    if (!entry->muted.n || entry->mailbox.records > core->config.mailbox_records / 4 ||
        entry->mailbox.bytes > core->config.mailbox_bytes / 4)
        return;
    tr_unmute_all(core, &entry->muted, tr_entry_scope(entry));
}

/* What becomes of a queued record when its agent ends, or stops for a while. */
typedef enum verdict {
    KEEP,
    FAIL,
    RETURN, /* the copy of a leased request, which itself lives on in its service; or what will be said anew */
    MOVE,   /* to where it belongs, now that its agent's state is another one */
    CARRY,  /* to the session that its agent is in now */
    MISS,   /* a publication that will not come: a GAP says so in its place */
} verdict_t;

typedef struct sieve {
    tr_session_t *session;
    tr_scope_t about; /* count 0 = all of the session */
    tr_reason_t reason;
    verdict_t (*judge)(const struct sieve *sieve, const tr_record_t *record);
    uint64_t first, last;   /* delivery numbers */
    int64_t since_ms;       /* of the chunk that is being sifted */
    const tr_outbox_t *box; /* that is being sifted */
    tr_unsent_t *unsent;    /* the last one that was returned */
    tr_entry_t *carried;    /* whose agent `about` was, before it came to another session */
    tr_core_t *core;        /* for who judges by more than the record */
} sieve_t;

static bool is_for(const sieve_t *sieve, const tr_record_t *record) {
    const tr_scope_t *s = &sieve->about;
    return !s->count || (record->h.dst >= s->first && record->h.dst - s->first < s->count);
}

static bool is_leased(const tr_record_t *record) {
    return (record->h.kind == TR_KIND_MESSAGE || record->h.kind == TR_KIND_PUBLISH) &&
           (record->h.flags & TR_FLAG_LEASED);
}

static verdict_t fail_all(const sieve_t *sieve, const tr_record_t *record) {
    return !is_for(sieve, record) ? KEEP : is_leased(record) ? RETURN : FAIL;
}

static verdict_t fail_all_but_nacks(const sieve_t *sieve, const tr_record_t *record) {
    return record->h.kind == TR_KIND_NACK ? KEEP : fail_all(sieve, record);
}

static verdict_t return_leased(const sieve_t *sieve, const tr_record_t *record) {
    return is_for(sieve, record) && is_leased(record) ? RETURN : KEEP;
}

static verdict_t return_numbers(const sieve_t *sieve, const tr_record_t *record) {
    bool its = record->h.id >= sieve->first && record->h.id <= sieve->last;
    return its ? return_leased(sieve, record) : KEEP;
}

/* The sender sends all that he knows no answer to once more, and gets another one: two would be one too many. */
static verdict_t drop_refusals(const sieve_t *sieve, const tr_record_t *record) {
    const tr_producer_t *p = sieve->session->producer;
    bool refusal = record->h.kind == TR_KIND_NACK && (record->h.flags & TR_FLAG_DURABLE);
    return p && refusal && !tr_dedup_has(&p->taken, record->h.id) ? RETURN : KEEP;
}

static verdict_t move_to_its_place(const sieve_t *sieve, const tr_record_t *record) {
    if (!is_for(sieve, record) || record->h.kind == TR_KIND_NACK)
        return KEEP;
    tr_entry_t *owner = tr_entry_in_session(sieve->session, tr_route_agent(record->h.dst));
    if (place_of(owner, &record->h).box == sieve->box)
        return KEEP;
    return is_leased(record) ? RETURN : MOVE;
}

static verdict_t carry_along(const sieve_t *sieve, const tr_record_t *record) {
    return is_for(sieve, record) ? CARRY : KEEP;
}

/* What somebody has sent who is in quarantine now goes to nobody any more. */
static verdict_t fail_quarantined(const sieve_t *sieve, const tr_record_t *record) {
    bool said = record->h.kind == TR_KIND_MESSAGE || record->h.kind == TR_KIND_PUBLISH;
    bool held = said && (tr_quarantine_holds_sender(sieve->core, record) ||
                            (!is_leased(record) && tr_quarantine_held_elsewhere(sieve->core, record)));
    if (!held)
        return KEEP;
    return is_leased(record) ? RETURN : record->h.kind == TR_KIND_PUBLISH ? MISS : FAIL;
}

static void uncount(tr_core_t *core, const tr_record_t *record) {
    core->stats.queued--;
    core->stats.queued_bytes -= record->h.length;
}

static const char *words_for(const sieve_t *sieve) {
    if (sieve->judge == fail_quarantined)
        return "its sender was put in quarantine before it left the broker";
    switch (sieve->reason) {
    case TR_REASON_PEER_DOWN: return "the link to the broker of that platform broke before it was sent";
    case TR_REASON_QUARANTINED: return "the agent was put in quarantine with this message in its mailbox";
    default: return "the agent ended, or fell silent, with this message in its mailbox";
    }
}

static void fail_one(tr_core_t *core, const sieve_t *sieve, const tr_record_t *record) {
    uncount(core, record);
    if (record->h.kind == TR_KIND_MESSAGE) {
        core->stats.dead_letters++;
        tr_sys_dead_letter(core, record, sieve->reason);
        tr_nack(core, record, sieve->reason, words_for(sieve), 0);
    } else {
        core->stats.dropped[sieve->reason]++;
    }
}

static tr_account_t *account_of(const sieve_t *sieve, const tr_record_t *record) {
    tr_session_t *s = sieve->session;
    if (record->h.kind == TR_KIND_NACK)
        return &s->nacks;
    if (s->neighbour) /* its agents' numbers are others */
        return &s->neighbour->queue;
    tr_entry_t *owner = tr_entry_in_session(s, tr_route_agent(record->h.dst));
    tr_apart_t *apart = owner ? tr_apart_find(owner, tr_route_agent(record->h.dst)) : NULL;
    if (apart && sieve->box == &apart->held)
        return &apart->mailbox;
    return owner ? &owner->mailbox : NULL;
}

/* Where it is then; NULL when out of memory. */
static uint8_t *keep_one(tr_core_t *core, const sieve_t *sieve, place_t place, const tr_record_t *record) {
    uint8_t *at = tr_outbox_add(place.box, core->pool, record->h.length, place.account);
    if (at) {
        stamp(place.box, sieve->since_ms);
        memcpy(at, record->bytes, record->h.length);
        return at;
    }
    uncount(core, record);
    core->stats.dropped[TR_REASON_LIMIT]++;
    return NULL;
}

/* What waits beside its mailbox goes for no state (is_answer), so it waits there as well. */
static void carry_one(tr_core_t *core, const sieve_t *sieve, const tr_record_t *record) {
    tr_entry_t *e = sieve->carried;
    tr_account_t *account = record->h.kind == TR_KIND_NACK ? &e->session->nacks : &e->mailbox;
    uint8_t *at = keep_one(core, sieve, (place_t){&e->session->data, account}, record);
    if (at)
        tr_put64(at + TR_RECORD_DST, tr_session_route(e->session, e->first));
}

/* The topic's sequence goes on without it. */
static void tell_gap(
    tr_core_t *core, const sieve_t *sieve, tr_outbox_t *kept, const tr_record_t *publication) {
    uint8_t bytes[TR_RECORD_HEADER];
    tr_record_t gap = {.bytes = bytes,
        .h = {.length = sizeof bytes,
            .kind = TR_KIND_GAP,
            .src = publication->h.deadline_ms, /* the topic's route */
            .dst = publication->h.dst,
            .id = 1}};
    tr_record_header_write(&gap.h, bytes);
    fail_one(core, sieve, publication);
    core->stats.gaps++;
    core->stats.accepted++;
    core->stats.queued++;
    core->stats.queued_bytes += gap.h.length;
    keep_one(core, sieve, (place_t){kept, account_of(sieve, publication)}, &gap);
}

static void sift_one(tr_core_t *core, const sieve_t *sieve, tr_outbox_t *kept, const tr_record_t *record) {
    switch (sieve->judge(sieve, record)) {
    case KEEP: keep_one(core, sieve, (place_t){kept, account_of(sieve, record)}, record); break;
    case FAIL: fail_one(core, sieve, record); break;
    case MISS: tell_gap(core, sieve, kept, record); break;
    case MOVE: {
        tr_entry_t *owner = tr_entry_in_session(sieve->session, tr_route_agent(record->h.dst));
        keep_one(core, sieve, place_of(owner, &record->h), record);
        break;
    }
    case CARRY: carry_one(core, sieve, record); break;
    case RETURN:
        uncount(core, record);
        core->stats.returned++;
        if (is_leased(record))
            tr_service_unsent(core, sieve->session, record, sieve->unsent);
        break;
    }
}

/* Lays the box out anew with what the sieve keeps. What is added to it meanwhile (a NACK for an agent of the
 * same session) comes last. */
static void sift(tr_core_t *core, const sieve_t *as_given, tr_outbox_t *box) {
    tr_outbox_t old = *box, kept = tr_outbox_like(box);
    tr_unsent_t unsent = {0};
    sieve_t with_box = *as_given, *sieve = &with_box;
    sieve->box = box;
    sieve->unsent = &unsent;
    *box = tr_outbox_like(&old);
    tr_chunk_t *chunk;
    while ((chunk = tr_outbox_take(&old))) {
        tr_bundle_reader_t reader;
        tr_record_t record;
        sieve->since_ms = chunk->since_ms;
        tr_bundle_open(&reader, chunk->buf->data, chunk->buf->len, UINT32_MAX);
        while (tr_bundle_next(&reader, &record) > 0)
            sift_one(core, sieve, &kept, &record);
        tr_chunk_free(chunk);
    }
    tr_outbox_append(&kept, box);
    *box = kept;
}

static void sift_held(tr_core_t *core, const sieve_t *sieve, tr_entry_t *entry) {
    size_t cursor = 0;
    tr_apart_t *apart;
    if (entry->held.head)
        sift(core, sieve, &entry->held);
    while ((apart = tr_apart_next(entry, &cursor)))
        if (apart->held.head)
            sift(core, sieve, &apart->held);
}

static void sift_entry(tr_core_t *core, const sieve_t *sieve, tr_entry_t *entry) {
    sift_held(core, sieve, entry);
    if (entry->mailbox.records || entry->session->nacks.records)
        sift(core, sieve, &entry->session->data);
    tr_mailbox_drained(core, entry); /* nothing may leave it any more that would say so */
}

void tr_mailbox_fail_all(tr_core_t *core, tr_entry_t *entry, tr_reason_t reason) {
    sieve_t sieve = {entry->session, tr_entry_scope(entry), reason, fail_all};
    sift_entry(core, &sieve, entry);
}

void tr_mailbox_fail_agents(
    tr_core_t *core, tr_entry_t *entry, uint32_t agent, uint32_t count, tr_reason_t reason) {
    tr_scope_t about = {tr_session_route(entry->session, agent), count};
    sieve_t sieve = {entry->session, about, reason, fail_all_but_nacks};
    sift_entry(core, &sieve, entry);
}

static void sift_session(tr_core_t *core, const sieve_t *sieve) {
    tr_session_t *s = sieve->session;
    for (uint32_t i = 0; i < s->entries_n; i++)
        sift_held(core, sieve, s->entries[i]);
    if (s->data.head)
        sift(core, sieve, &s->data);
    for (uint32_t i = 0; i < s->entries_n; i++)
        tr_mailbox_drained(core, s->entries[i]);
}

void tr_mailbox_fail_session(tr_core_t *core, tr_session_t *session, tr_reason_t reason, bool nacks_too) {
    sift_session(core,
        &(sieve_t){.session = session, .reason = reason, .judge = nacks_too ? fail_all : fail_all_but_nacks});
}

static bool lets_all_pass(const sieve_t *sieve, const tr_outbox_t *box) {
    for (const tr_chunk_t *c = box->head; c; c = c->next) {
        tr_bundle_reader_t reader = {.at = c->buf->data + TR_BUNDLE_HEADER, /* which is not written yet */
            .end = c->buf->data + c->buf->len,
            .left = c->records,
            .max_record = UINT32_MAX};
        tr_record_t record;
        while (tr_bundle_next(&reader, &record) > 0)
            if (sieve->judge(sieve, &record) != KEEP)
                return false;
    }
    return true;
}

/* Most boxes have nothing of theirs, and are not laid out anew. */
static void sift_if_needed(tr_core_t *core, const sieve_t *sieve, tr_outbox_t *box) {
    if (box->head && !lets_all_pass(sieve, box))
        sift(core, sieve, box);
}

static void fail_quarantined_in(tr_core_t *core, tr_session_t *session) {
    sieve_t sieve = {
        .session = session, .reason = TR_REASON_QUARANTINED, .judge = fail_quarantined, .core = core};
    sift_if_needed(core, &sieve, &session->data);
    for (uint32_t i = 0; i < session->entries_n; i++) {
        tr_entry_t *entry = session->entries[i];
        size_t cursor = 0;
        tr_apart_t *apart;
        sift_if_needed(core, &sieve, &entry->held);
        while ((apart = tr_apart_next(entry, &cursor)))
            sift_if_needed(core, &sieve, &apart->held);
        tr_mailbox_drained(core, entry);
    }
    if (session->neighbour)
        tr_proxies_drained(core, session->neighbour);
}

void tr_mailbox_fail_quarantined(tr_core_t *core) {
    for (uint32_t i = 0; i < core->sessions_n; i++)
        if (core->sessions[i])
            fail_quarantined_in(core, core->sessions[i]);
    tr_service_take_all_unsent(core);
}

void tr_mailbox_drop_refusals(tr_core_t *core, tr_session_t *session) {
    if (session->nacks.records)
        sift_session(core, &(sieve_t){.session = session, .judge = drop_refusals});
}

void tr_mailbox_return_hands(tr_core_t *core, tr_entry_t *entry) {
    sieve_t sieve = {.session = entry->session, .about = tr_entry_scope(entry), .judge = return_leased};
    sift_entry(core, &sieve, entry);
}

void tr_mailbox_return_leased(tr_core_t *core, tr_session_t *session) {
    sift_session(core, &(sieve_t){.session = session, .judge = return_leased});
}

void tr_mailbox_return_numbers(
    tr_core_t *core, tr_entry_t *entry, uint32_t agent, uint64_t first, uint64_t last) {
    sieve_t sieve = {.session = entry->session, .first = first, .last = last, .judge = return_numbers};
    if (entry->neighbour) { /* of which there is one provider of a service */
        sift_session(core, &sieve);
        return;
    }
    sieve.about = (tr_scope_t){tr_session_route(entry->session, agent), 1};
    sift_entry(core, &sieve, entry);
}

static void add_load(const tr_outbox_t *box, tr_scope_t about, tr_mailbox_load_t *load) {
    for (const tr_chunk_t *c = box->head; c; c = c->next) {
        const uint8_t *at = c->buf->data + TR_BUNDLE_HEADER;
        for (uint32_t i = 0; i < c->records; i++) {
            tr_record_header_t h;
            tr_record_header_read(&h, at);
            at += h.length;
            bool its = h.dst >= about.first && h.dst - about.first < about.count;
            if (!its || is_answer(&h) || h.kind == TR_KIND_NACK)
                continue;
            load->records++;
            load->bytes += h.length;
            if (!load->oldest_ms || c->since_ms < load->oldest_ms)
                load->oldest_ms = c->since_ms;
        }
    }
}

tr_mailbox_load_t tr_mailbox_load(const tr_members_t *who) {
    tr_mailbox_load_t load = {0};
    tr_scope_t about = {tr_session_route(who->entry->session, who->agent), who->count};
    size_t cursor = 0;
    const tr_apart_t *apart;
    add_load(&who->entry->session->data, about, &load);
    add_load(&who->entry->held, about, &load);
    while ((apart = tr_apart_next(who->entry, &cursor)))
        add_load(&apart->held, about, &load);
    return load;
}

static bool box_has(const tr_outbox_t *box, tr_route_t dst, uint64_t number) {
    for (const tr_chunk_t *c = box->head; c; c = c->next) {
        const uint8_t *at = c->buf->data + TR_BUNDLE_HEADER;
        for (uint32_t i = 0; i < c->records; i++) {
            tr_record_t record;
            tr_record_header_read(&record.h, at);
            if (record.h.id == number && record.h.dst == dst && is_leased(&record))
                return true;
            at += record.h.length;
        }
    }
    return false;
}

bool tr_mailbox_waits(const tr_entry_t *entry, uint32_t agent, uint64_t number) {
    tr_route_t dst = tr_session_route(entry->session, agent);
    const tr_apart_t *apart = tr_apart_find(entry, agent);
    if (apart && apart->mailbox.records && box_has(&apart->held, dst, number))
        return true;
    return entry->mailbox.records &&
           (box_has(&entry->session->data, dst, number) || box_has(&entry->held, dst, number));
}

void tr_mailbox_rearrange(tr_core_t *core, tr_entry_t *entry, uint32_t agent, uint32_t count) {
    tr_scope_t about = {tr_session_route(entry->session, agent), count};
    sieve_t sieve = {.session = entry->session, .about = about, .judge = move_to_its_place};
    sift_held(core, &sieve, entry);
    if (entry->mailbox.records)
        sift(core, &sieve, &entry->session->data);
}

void tr_mailbox_empty_into(tr_core_t *core, tr_entry_t *entry, tr_outbox_t *box) {
    sieve_t sieve = {.session = entry->session, .about = tr_entry_scope(entry), .judge = move_to_its_place};
    sift(core, &sieve, box);
}

static void readdress(tr_outbox_t *box, tr_route_t to) {
    for (tr_chunk_t *c = box->head; c; c = c->next) {
        uint8_t *at = c->buf->data + TR_BUNDLE_HEADER;
        for (uint32_t i = 0; i < c->records; i++) {
            tr_record_header_t h;
            tr_record_header_read(&h, at);
            tr_put64(at + TR_RECORD_DST, to);
            at += h.length;
        }
    }
}

void tr_mailbox_carry(tr_core_t *core, tr_entry_t *entry, tr_session_t *from, tr_route_t old) {
    sieve_t sieve = {.session = from, .about = {old, 1}, .judge = carry_along, .carried = entry};
    readdress(&entry->held, tr_session_route(entry->session, entry->first));
    if (from->data.head)
        sift(core, &sieve, &from->data);
    tr_session_dirty(core, entry->session);
}
