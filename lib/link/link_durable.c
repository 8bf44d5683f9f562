/*
 * Durable messages at a process.
 *
 * What it sends is kept until the broker has said STORED or NACK, in a ring by number. After a lost connection all that is kept goes out
 * again, in order and by name, as soon as the senders have their routes; the broker takes each number once. So durable records that
 * still wait in the outgoing queue are taken out of it first: they are among those that are kept.
 *
 * What it receives is leased for a time. Every lease that is in hand (in the inbox, in work, kept by a behaviour) is extended from here
 * before its time is over, as long as the host does not hang, so that a behaviour may take its time without a word.
 */
#include "lib/link/link_private.h"

#include <errno.h>
#include <stdlib.h>

#define KEPT_MAX 8192u /* half of the broker's window (docs/protocol.md, "Durable messages") */

static tr_kept_t **slot_of(const tr_link_t *l, uint64_t id) {
    return &l->kept[id % KEPT_MAX];
}

bool tr_link_keeps(const tr_link_t *l) {
    return l->kept_first < l->next_durable;
}

/* Takes one out; NULL where it is not kept any more. */
static tr_kept_t *take_kept(tr_link_t *l, uint64_t id) {
    if (id < l->kept_first || id >= l->next_durable)
        return NULL;
    tr_kept_t *k = *slot_of(l, id);
    *slot_of(l, id) = NULL;
    if (k)
        l->kept_bytes -= k->length;
    while (l->kept_first < l->next_durable && !*slot_of(l, l->kept_first))
        l->kept_first++;
    return k;
}

static int has_room(tr_link_t *l, uint32_t length) {
    if (!l->journal)
        return -ENOTSUP;
    if (!l->kept && !(l->kept = calloc(KEPT_MAX, sizeof *l->kept)))
        return -ENOMEM;
    if (l->next_durable - l->kept_first >= KEPT_MAX)
        return -EAGAIN;
    return l->kept_bytes && l->kept_bytes + length > l->queue_max ? -EAGAIN : 0;
}

/* Puts a copy into the outgoing queue. False when out of memory: it goes with the next resending. */
static bool put(tr_link_t *l, const tr_kept_t *k) {
    uint8_t *at = tr_outbox_add(&l->data, &l->pool, k->length, &l->queued);
    if (at)
        memcpy(at, k->record, k->length);
    return at != NULL;
}

int tr_link_send_durable(tr_link_t *l, tr_record_header_t *h, const tr_acl_t *acl, void *token) {
    int r = has_room(l, h->length);
    if (r < 0)
        return r;
    tr_kept_t *k = malloc(sizeof *k + h->length);
    if (!k)
        return -ENOMEM;
    h->id = l->next_durable;
    k->token = token;
    k->answered = false;
    k->length = h->length;
    tr_link_write_record(k->record, h, acl);
    if (!l->resend && !put(l, k)) {
        free(k);
        return -ENOMEM;
    }
    *slot_of(l, h->id) = k;
    l->kept_bytes += k->length;
    l->next_durable++;
    return 0;
}

/* At once, for the next session may begin before they go: its routes are others again. */
void tr_link_kept_reroute(tr_link_t *l, const tr_registration_t *r) {
    for (uint64_t id = l->kept_first; r->old_route && id < l->next_durable; id++) {
        tr_kept_t *k = *slot_of(l, id);
        tr_route_t agent = k ? tr_get64(k->record + TR_RECORD_SRC) - r->old_route : 0;
        if (k && agent < r->count)
            tr_put64(k->record + TR_RECORD_SRC, r->route + agent);
    }
}

/* Whether its sender's route is known; ret_gone: nor will it be. */
static bool has_source(const tr_link_t *l, const tr_kept_t *k, bool *ret_gone) {
    tr_route_t src = tr_get64(k->record + TR_RECORD_SRC);
    *ret_gone = false;
    for (const tr_registration_t *r = l->registrations; r; r = r->next) {
        if (r->status == TR_REGISTRATION_DONE && src - r->route < r->count)
            return true;
        if (r->old_route && src - r->old_route < r->count)
            return false;
    }
    *ret_gone = true;
    return false;
}

static void give_back(tr_link_t *l, tr_kept_t *k) {
    if (!k)
        return;
    if (!k->token) {
        free(k);
        return;
    }
    k->next = NULL;
    *l->stored_end = k;
    l->stored_end = &k->next;
    l->came = true;
}

const tr_kept_t *tr_link_kept(const tr_link_t *l, uint64_t id) {
    return id >= l->kept_first && id < l->next_durable ? *slot_of(l, id) : NULL;
}

void tr_link_unkeep(tr_link_t *l, uint64_t id) {
    give_back(l, take_kept(l, id));
}

void tr_link_resend(tr_link_t *l) {
    if (!l->resend || l->state != TR_LINK_READY)
        return;
    l->resend = false;
    for (uint64_t id = l->kept_first; id < l->next_durable; id++) {
        tr_kept_t *k = *slot_of(l, id);
        bool gone;
        if (!k || k->answered)
            continue;
        if (has_source(l, k, &gone)) {
            memset(k->record + TR_RECORD_DST, 0, sizeof(tr_route_t));
            l->resend |= !put(l, k);
        } else if (gone) {
            tr_link_say(l, TR_HOST_DROPPED, "a durable message whose sender has ended was not stored before");
            give_back(l, take_kept(l, id));
        } else {
            l->resend = true; /* its name is lost for now: when it is there again */
        }
    }
}

void tr_link_stored_ranges(tr_link_t *l, const tr_record_t *record, int64_t now) {
    (void)now;
    for (uint32_t at = 0; at + 16 <= record->content_len; at += 16) {
        uint64_t first = tr_get64(record->content + at), count = tr_get64(record->content + at + 8);
        for (uint64_t i = 0; i < count && first + i < l->next_durable; i++)
            give_back(l, take_kept(l, first + i));
    }
}

void *tr_link_stored(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    tr_kept_t *k = self->stored;
    if (k && !(self->stored = k->next))
        self->stored_end = &self->stored;
    pthread_mutex_unlock(&self->lock);
    void *token = k ? k->token : NULL;
    free(k);
    return token;
}

void *tr_link_refused(tr_link_t *self, uint64_t id) {
    pthread_mutex_lock(&self->lock);
    tr_kept_t *k = take_kept(self, id);
    pthread_mutex_unlock(&self->lock);
    void *token = k ? k->token : NULL;
    free(k);
    return token;
}

void tr_link_free_kept(tr_link_t *l) {
    for (uint64_t id = l->kept_first; l->kept && id < l->next_durable; id++)
        free(*slot_of(l, id));
    free(l->kept);
    while (l->stored) {
        tr_kept_t *next = l->stored->next;
        free(l->stored);
        l->stored = next;
    }
    free(l->held);
}

/* It waits in the inbox for the host; should the connection be lost meanwhile, the broker must not take after all what it is known to
 * have turned down. */
static void note_nack(tr_link_t *l, const tr_record_t *r) {
    bool known = (r->h.flags & TR_FLAG_DURABLE) && r->h.id >= l->kept_first && r->h.id < l->next_durable;
    tr_kept_t *k = known ? *slot_of(l, r->h.id) : NULL;
    if (k)
        k->answered = true;
}

/* What came in this bundle and has to be settled in time. Out of memory: it may come again. */
void tr_link_hold(tr_link_t *l, const tr_bundle_reader_t *bundle, int64_t now) {
    tr_bundle_reader_t reader = *bundle;
    tr_record_t r;
    while (tr_bundle_next(&reader, &r) > 0) {
        if (r.h.kind == TR_KIND_NACK)
            note_nack(l, &r);
        if ((r.h.flags & (TR_FLAG_LEASED | TR_FLAG_DURABLE)) != (TR_FLAG_LEASED | TR_FLAG_DURABLE))
            continue;
        if (l->held_n == l->held_cap) {
            size_t cap = l->held_cap ? l->held_cap * 2 : 64;
            tr_held_t *grown = realloc(l->held, cap * sizeof *grown);
            if (!grown)
                return;
            l->held = grown;
            l->held_cap = cap;
        }
        l->held[l->held_n++] = (tr_held_t){.agent = r.h.dst, .number = r.h.id, .since_ms = now};
    }
}

/* They are settled in the order in which they came more often than not, so the settled ones in front go
 * together. */
void tr_link_unhold(tr_link_t *l, tr_route_t agent, uint64_t number) {
    size_t at = l->held_first;
    while (at < l->held_n && (l->held[at].number != number || l->held[at].agent != agent))
        at++;
    if (at == l->held_n)
        return;
    l->held[at].agent = 0;
    while (l->held_first < l->held_n && !l->held[l->held_first].agent)
        l->held_first++;
    if (l->held_first < l->held_n / 2 + 1 && l->held_first < l->held_n)
        return;
    memmove(l->held, l->held + l->held_first, (l->held_n - l->held_first) * sizeof *l->held);
    l->held_n -= l->held_first;
    l->held_first = 0;
}

void tr_link_extend_leases(tr_link_t *l, int64_t now) {
    int64_t every = (int64_t)l->message_lease_ms / 4;
    if (!l->held_n || l->hangs || now - l->extended_ms < every)
        return;
    l->extended_ms = now;
    for (size_t i = l->held_first; i < l->held_n; i++) {
        tr_record_header_t h = {.kind = TR_KIND_SETTLE,
            .flags = TR_FLAG_EXTEND,
            .src = l->held[i].agent,
            .id = l->held[i].number};
        if (l->held[i].agent && now - l->held[i].since_ms >= every / 2)
            tr_link_put(l, &h, NULL, 0);
    }
}
