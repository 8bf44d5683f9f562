/*
 * GONE: an entry remembers which sessions were told its route, as a directory of a shared memory remembers who has
 * a copy of a line, and when it ends they are told that too. So whoever waits for an answer of it need not wait
 * for his time to pass.
 *
 * The list is bounded; an entry that more sessions know than fit in it tells all there are, which are few more.
 * What an ended agent had said before must come before the news that it has ended: GONE goes behind all data
 * that waits for the session then. It is no data itself and needs no credit, so it waits beside them, with
 * the count of records that go first.
 */
#include "broker/core/state.h"

#include "proto/link.pb-c.h"

#include <stdlib.h>

/* A GONE that waits for the data before it. */
struct tr_late {
    tr_late_t *next;
    uint64_t due; /* of the session's sent_records */
    tr_record_header_t h;
    uint32_t len;
    uint8_t body[];
};

void tr_gone_learn(tr_core_t *core, tr_entry_t *entry, const tr_session_t *session) {
    if (entry->told_all ||
        tr_audience_add(core, &entry->told, session, core->config.told_max) != TR_JOINED_NOT)
        return;
    entry->told_all = true;
    tr_audience_finish(&entry->told);
}

static uint64_t records_waiting(const tr_session_t *session) {
    uint64_t n = 0;
    for (const tr_chunk_t *c = session->data.head; c; c = c->next)
        n += c->records;
    return n;
}

/* False when out of memory. */
static bool wait_behind_data(
    tr_session_t *session, const tr_record_header_t *h, const uint8_t *body, size_t len) {
    tr_late_t *late = malloc(sizeof *late + len);
    if (!late)
        return false;
    *late =
        (tr_late_t){.due = session->sent_records + records_waiting(session), .h = *h, .len = (uint32_t)len};
    memcpy(late->body, body, len);
    if (session->late)
        session->late_end->next = late;
    else
        session->late = late;
    session->late_end = late;
    return true;
}

static void tell(tr_core_t *core, tr_session_t *session, const void *what) {
    const tr_entry_t *entry = what;
    uint8_t body[TR_NAME_MAX + 32];
    if (session->state == TR_SESSION_CLOSING)
        return;
    tr_scope_t scope = tr_entry_scope(entry);
    tr_record_header_t h = {.kind = TR_KIND_GONE, .src = scope.first, .id = scope.count};
    Troupe__Gone m = TROUPE__GONE__INIT;
    m.name = entry->name;
    m.epoch = session->epoch;
    m.taken = session->in_records;
    size_t len = troupe__gone__pack(&m, body);
    if (!session->data.head || !wait_behind_data(session, &h, body, len))
        tr_control_send(core, session, &h, body, len);
}

/* What was asked of an agent with a durable mailbox waits for its return. */
void tr_gone_tell(tr_core_t *core, tr_entry_t *entry) {
    if (entry->durable)
        return;
    for (uint32_t i = 0; entry->told_all && i < core->sessions_n; i++)
        if (core->sessions[i])
            tell(core, core->sessions[i], entry);
    tr_audience_dismiss(core, &entry->told, tell, entry);
}

/* Records may also leave the queue unsent (tr_mailbox_fail_all): then more go first than need to, but never
 * more than there are. */
void tr_gone_release(tr_core_t *core, tr_session_t *session) {
    while (session->late && (session->late->due <= session->sent_records || !session->data.head)) {
        tr_late_t *late = session->late;
        session->late = late->next;
        tr_control_send(core, session, &late->h, late->body, late->len);
        free(late);
    }
}

void tr_gone_recount(tr_session_t *session) {
    for (tr_late_t *late = session->late; late; late = late->next)
        late->due = records_waiting(session);
}

void tr_gone_drop(tr_session_t *session) {
    while (session->late) {
        tr_late_t *next = session->late->next;
        free(session->late);
        session->late = next;
    }
}
