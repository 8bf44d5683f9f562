/* Sessions: one for each connected process. A slot is reused under the next generation, so old routes are
 * recognised. */
#include "broker/core/durable/durable.h"
#include "broker/core/federation/neighbour.h"
#include "broker/core/guard.h"
#include "broker/core/platform/move.h"
#include "broker/core/service.h"

#include "lib/base/map.h"

#include <sodium/crypto_shorthash.h>
#include <stdlib.h>

static tr_session_t *find_peer(tr_core_t *core, tr_peer_t peer) {
    uint64_t *slot = tr_map_find(&core->peers, (const char *)&peer, sizeof peer);
    return slot ? core->sessions[*slot] : NULL;
}

tr_session_t *tr_session_of_peer(tr_core_t *core, tr_peer_t peer) {
    tr_session_t *s = core->last_session;
    if (s && s->peer == peer)
        return s;
    s = find_peer(core, peer);
    core->last_session = s;
    return s;
}

static int grow_slots(tr_core_t *core) {
    uint32_t cap = core->sessions_cap ? core->sessions_cap * 2 : 64;
    tr_session_t **sessions = realloc(core->sessions, cap * sizeof *sessions);
    if (!sessions)
        return -1;
    core->sessions = sessions;
    uint16_t *generations = realloc(core->generations, cap * sizeof *generations);
    if (!generations)
        return -1;
    core->generations = generations;
    uint32_t *free_slots = realloc(core->free_slots, cap * sizeof *free_slots);
    if (!free_slots)
        return -1;
    core->free_slots = free_slots;
    for (uint32_t i = core->sessions_cap; i < cap; i++) {
        sessions[i] = NULL;
        /* so that routes of a broker before this one mean nothing */
        generations[i] = (uint16_t)tr_core_random(core);
    }
    core->sessions_cap = cap;
    return 0;
}

static bool take_slot(tr_core_t *core, uint32_t *ret_slot) {
    if (core->free_slots_n) {
        *ret_slot = core->free_slots[--core->free_slots_n];
        return true;
    }
    if (core->sessions_n >= core->config.sessions_max || core->sessions_n == TR_ROUTE_SLOTS_MAX)
        return false;
    if (core->sessions_n == core->sessions_cap && grow_slots(core) < 0)
        return false;
    *ret_slot = core->sessions_n++;
    return true;
}

/* The slot, so that a resuming process is found without a search, and a keyed hash (SipHash-2-4) of a number
 * never used before. */
static void make_token(tr_core_t *core, tr_session_t *s) {
    uint8_t number[8], hash[2][crypto_shorthash_BYTES];
    for (size_t i = 0; i < 2; i++) {
        tr_put64(number, ++core->tokens);
        crypto_shorthash(hash[i], number, sizeof number, core->config.secret);
    }
    tr_put32(s->token, s->slot);
    memcpy(s->token + 4, hash[0], 8);
    memcpy(s->token + 12, hash[1], 4);
}

tr_session_t *tr_session_open(tr_core_t *core, tr_peer_t peer) {
    tr_session_t *s = calloc(1, sizeof *s);
    if (!s || !take_slot(core, &s->slot)) {
        free(s);
        return NULL;
    }
    s->state = TR_SESSION_LIVE;
    s->generation = ++core->generations[s->slot];
    s->heard_ms = core->now.mono_ms;
    s->since_ms = core->now.wall_ms;
    make_token(core, s);
    core->sessions[s->slot] = s;
    core->stats.sessions++;
    tr_session_bind(core, s, peer);
    return s;
}

void tr_session_bind(tr_core_t *core, tr_session_t *session, tr_peer_t peer) {
    session->peer = peer;
    session->state = TR_SESSION_LIVE;
    session->heard_ms = core->now.mono_ms;
    /* Out of memory leaves the peer unknown: it is told to say HELLO again. */
    tr_map_put(&core->peers, (const char *)&peer, sizeof peer, session->slot);
    core->last_session = NULL;
}

void tr_session_unbind(tr_core_t *core, tr_session_t *session) {
    tr_peer_t peer = session->peer;
    if (find_peer(core, peer) == session)
        tr_map_delete(&core->peers, (const char *)&peer, sizeof peer);
    core->last_session = NULL;
    core->stats.broken += session->state != TR_SESSION_LOST;
    session->state = TR_SESSION_LOST;
    session->lost_ms = core->now.mono_ms;
}

static void forget_dirty(tr_core_t *core, tr_session_t *session) {
    for (tr_session_t **p = &core->dirty; *p; p = &(*p)->next_dirty) {
        if (*p == session) {
            *p = session->next_dirty;
            return;
        }
    }
}

static void emit(tr_core_t *core, const tr_session_t *session, tr_chunk_t *chunk) {
    core->stats.records_out += chunk->records;
    core->stats.bytes_out += chunk->buf->len;
    tr_core_out(core, &(tr_core_out_t){.type = TR_OUT_SEND, .peer = session->peer, .buf = chunk->buf});
    chunk->buf = NULL;
    tr_chunk_free(chunk);
}

static void flush_control(tr_core_t *core, tr_session_t *session) {
    tr_chunk_t *chunk;
    while ((chunk = tr_outbox_take(&session->control)))
        emit(core, session, chunk);
}

/* All of its agents end at once: none of them inherits the requests of another. */
void tr_session_close(tr_core_t *core, tr_session_t *session, tr_reason_t reason) {
    tr_move_session_ends(core, session);
    if (session->state == TR_SESSION_LIVE)
        flush_control(core, session);
    tr_session_unbind(core, session);
    session->state = TR_SESSION_CLOSING;
    if (session->neighbour)
        tr_neighbour_down(core, session);
    tr_mailbox_fail_session(
        core, session, session->neighbour ? TR_REASON_PEER_DOWN : TR_REASON_AGENT_GONE, true);
    while (session->entries_n)
        tr_entry_remove(core, session->entries[session->entries_n - 1], reason);
    tr_producer_silent(core, session);
    if (session->dirty)
        forget_dirty(core, session);
    tr_outbox_finish(&session->data);
    tr_outbox_finish(&session->control);
    tr_gone_drop(session);
    core->sessions[session->slot] = NULL;
    core->free_slots[core->free_slots_n++] = session->slot;
    core->stats.sessions--;
    tr_guard_leave(session);
    free(session->entries);
    free(session->process);
    free(session->host);
    free(session);
}

void tr_session_dirty(tr_core_t *core, tr_session_t *session) {
    if (session->dirty)
        return;
    session->dirty = true;
    session->next_dirty = core->dirty;
    core->dirty = session;
}

/* A chunk may go when the process has room for all of it, or has nothing at all in hand. */
static bool may_go(const tr_session_t *s, const tr_chunk_t *chunk) {
    uint64_t records = s->sent_records - s->acked_records;
    uint64_t bytes = s->sent_bytes - s->acked_bytes;
    return !records || (records + chunk->records <= s->window_records &&
                           bytes + chunk->buf->len - TR_BUNDLE_HEADER <= s->window_bytes);
}

/* Hands one chunk over; the mailboxes that it empties may let their senders go on. */
static void send_data(tr_core_t *core, tr_session_t *s) {
    tr_chunk_t *chunk = tr_outbox_take(&s->data);
    uint32_t bytes = chunk->buf->len - TR_BUNDLE_HEADER;
    tr_service_leaves(core, s, chunk);
    s->sent_records += chunk->records;
    s->sent_bytes += bytes;
    core->stats.delivered += chunk->records;
    core->stats.queued -= chunk->records;
    core->stats.queued_bytes -= bytes;
    for (uint32_t i = 0; i < chunk->runs_n; i++)
        if (chunk->runs[i].account->owner)
            tr_mailbox_drained(core, chunk->runs[i].account->owner);
    if (s->neighbour)
        tr_proxies_drained(core, s->neighbour);
    emit(core, s, chunk);
}

void tr_session_flush(tr_core_t *core, tr_session_t *session) {
    if (session->state != TR_SESSION_LIVE)
        return;
    bool held = tr_nacks_wait(session);
    flush_control(core, session);
    while (session->data.head && may_go(session, session->data.head))
        send_data(core, session);
    if (session->late) {
        tr_gone_release(core, session);
        flush_control(core, session);
    }
    if (held)
        tr_session_credit(core, session);
}

/* None while it does not take the NACKs of what it has sent: it would only cause more of them. */
static void send_credit(tr_core_t *core, tr_session_t *session) {
    if (tr_nacks_wait(session))
        return;
    uint8_t body[TR_CREDIT_SIZE];
    tr_put64(body, session->in_records);
    tr_put64(body + 8, session->in_bytes);
    tr_record_header_t h = {.kind = TR_KIND_CREDIT};
    if (!tr_control_send(core, session, &h, body, sizeof body))
        return; /* out of memory: the next bundle tries again */
    session->credited_records = session->in_records;
    session->credited_bytes = session->in_bytes;
}

/* Tells the process what was taken from it, once that is half its window. */
void tr_session_credit(tr_core_t *core, tr_session_t *session) {
    if (session->in_records - session->credited_records >= core->config.window_records / 2 ||
        session->in_bytes - session->credited_bytes >= core->config.window_bytes / 2)
        send_credit(core, session);
}

/* On the tick, whatever is left: a record that needs more than half a window may be waiting for it. */
void tr_session_credit_rest(tr_core_t *core, tr_session_t *session) {
    if (session->in_records != session->credited_records)
        send_credit(core, session);
}
