/*
 * What waits to be sent when the broker begins a new session with this process: routes of the old one mean
 * nothing any more, or, with another broker, something else.
 *
 * When the session begins, each record loses the route that it goes to, so that the broker resolves its name
 * again (a publication gets the name of its topic into its envelope). It then waits until its sender is
 * registered again and gets the sender's new route. What was on its way already is lost with the connection.
 */
#include "lib/link/link_private.h"

#include <stdlib.h>

#define FIELD_TOPIC 0x5a /* of the envelope: 11, bytes (proto/acl.proto) */

/* Copies a record behind the others, with `more` bytes behind its envelope. */
static bool copy_record(
    tr_link_t *l, tr_outbox_t *to, const tr_record_t *record, const uint8_t *more, size_t more_len) {
    tr_record_header_t h = record->h;
    h.length += (uint32_t)more_len;
    h.envelope_len = (uint16_t)(h.envelope_len + more_len);
    uint8_t *at = tr_outbox_add(to, &l->pool, h.length, &l->queued);
    if (!at)
        return false;
    tr_record_header_write(&h, at);
    at += TR_RECORD_HEADER;
    memcpy(at, record->envelope, record->h.envelope_len);
    if (more_len)
        memcpy(at + record->h.envelope_len, more, more_len);
    memcpy(at + h.envelope_len, record->content, record->content_len);
    return true;
}

/* The topic as a field of the envelope; its name is shorter than 256 bytes. */
static size_t topic_field(const tr_link_t *l, tr_route_t route, uint8_t out[TR_TOPIC_MAX + 3]) {
    const char *name = tr_map_find_ptr(&l->topics, (const char *)&route, sizeof route);
    size_t len = name ? strlen(name) : 0, head = 2;
    if (!len)
        return 0;
    out[0] = FIELD_TOPIC;
    out[1] = (uint8_t)len;
    if (len > 127) {
        out[1] = (uint8_t)(len | 0x80);
        out[head++] = 1;
    }
    memcpy(out + head, name, len);
    return head + len;
}

static bool is_durable(const tr_record_t *record) {
    return record->h.kind == TR_KIND_MESSAGE && (record->h.flags & TR_FLAG_DURABLE);
}

static bool unroute(tr_link_t *l, tr_outbox_t *to, tr_record_t *record) {
    uint8_t field[TR_TOPIC_MAX + 3];
    size_t len = 0;
    if (record->h.kind == TR_KIND_PUBLISH && record->h.dst) {
        len = topic_field(l, record->h.dst, field);
        if (!len || record->h.envelope_len + len > TR_ENVELOPE_MAX || record->h.length + len > l->max_record)
            return false;
    } else if (is_durable(record)) {
        return true; /* kept, and sent again by link_durable.c */
    } else if (record->h.kind != TR_KIND_MESSAGE && record->h.kind != TR_KIND_PUBLISH) {
        return true; /* settling and deregistering: both ended with the session */
    }
    record->h.dst = 0;
    return copy_record(l, to, record, field, len);
}

/* Lays the queue out anew, record by record; `put` says false where one could not be kept. */
static void rebuild(tr_link_t *l, bool (*put)(tr_link_t *l, tr_outbox_t *to, tr_record_t *record)) {
    tr_outbox_t old = l->data;
    tr_chunk_t *chunk;
    l->data = tr_outbox_like(&old);
    while ((chunk = tr_outbox_take(&old))) {
        tr_bundle_reader_t reader;
        tr_record_t record;
        tr_bundle_open(&reader, chunk->buf->data, chunk->buf->len, UINT32_MAX);
        while (tr_bundle_next(&reader, &record) > 0)
            if (!put(l, &l->data, &record))
                tr_link_say(
                    l, TR_HOST_DROPPED, "what waited for the broker could not be kept for the new one");
        tr_chunk_free(chunk);
    }
}

void tr_link_unroute(tr_link_t *l) {
    rebuild(l, unroute);
    l->stale = l->data.head != NULL;
}

static bool keep(tr_link_t *l, tr_outbox_t *to, tr_record_t *record) {
    if (tr_kind_is_data(record->h.kind))
        return copy_record(l, to, record, NULL, 0);
    uint8_t *at = tr_outbox_add(to, &l->pool, record->h.length, NULL);
    if (at)
        memcpy(at, record->bytes, record->h.length);
    return at != NULL;
}

static bool strip(tr_link_t *l, tr_outbox_t *to, tr_record_t *record) {
    return is_durable(record) || keep(l, to, record);
}

void tr_link_strip(tr_link_t *l) {
    rebuild(l, strip);
}

static bool is_discarded(const tr_link_t *l, const tr_record_header_t *h, bool durable) {
    bool of_it = h->src == l->discards || (l->discards_old && h->src == l->discards_old);
    return of_it && h->id >= (durable ? l->held_durable : l->held_id);
}

static bool discard(tr_link_t *l, tr_outbox_t *to, tr_record_t *record) {
    bool message = record->h.kind == TR_KIND_MESSAGE, publication = record->h.kind == TR_KIND_PUBLISH;
    if (!(message || publication) || !is_discarded(l, &record->h, is_durable(record)))
        return keep(l, to, record);
    l->stats.sent -= message;
    l->stats.published -= publication;
    return true;
}

/* Of the durable ones there are copies, and in a session that has just begun no others. */
void tr_link_discard(tr_link_t *self, const tr_registration_t *r, uint32_t agent) {
    pthread_mutex_lock(&self->lock);
    self->discards = r->route + agent;
    self->discards_old = r->old_route ? r->old_route + agent : 0;
    rebuild(self, discard);
    for (uint64_t id = self->held_durable; id < self->next_durable; id++) {
        const tr_kept_t *k = tr_link_kept(self, id);
        tr_record_header_t h;
        if (k)
            tr_record_header_read(&h, k->record);
        if (k && is_discarded(self, &h, true))
            tr_link_unkeep(self, id);
    }
    pthread_mutex_unlock(&self->lock);
}

static tr_route_t new_route(const tr_link_t *l, tr_route_t old) {
    for (const tr_registration_t *r = l->registrations; r; r = r->next)
        if (r->status == TR_REGISTRATION_DONE && r->old_route && old - r->old_route < r->count)
            return r->route + (old - r->old_route);
    return old; /* its name is lost: the broker refuses it, and says so */
}

static void reroute_chunk(tr_link_t *l, tr_chunk_t *chunk) {
    uint8_t *at = chunk->buf->data + TR_BUNDLE_HEADER;
    for (uint32_t i = 0; i < chunk->records; i++) {
        tr_record_header_t h;
        tr_record_header_read(&h, at);
        h.src = new_route(l, h.src);
        tr_record_header_write(&h, at);
        at += h.length;
    }
}

void tr_link_reroute(tr_link_t *l) {
    if (!l->stale && !l->resend)
        return;
    for (const tr_registration_t *r = l->registrations; r; r = r->next)
        if (r->status == TR_REGISTRATION_PENDING && r->old_route)
            return; /* so that nobody's records overtake each other, all wait for the last name */
    for (tr_chunk_t *c = l->data.head; c; c = c->next)
        reroute_chunk(l, c);
    l->stale = false;
    tr_link_resend(l);
}
