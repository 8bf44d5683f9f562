/* Sending: a record is laid out in the bundle that it will leave in, once its receiver, the queue and the
 * credit let it. */
#include "lib/link/link_private.h"

#include "proto/traceparent.h"

#include <errno.h>
#include <stdlib.h>

static bool is_muted(const tr_link_t *l, tr_route_t route) {
    for (size_t i = 0; i < l->muted_n; i++)
        if (route - l->muted[i].first < l->muted[i].count)
            return true;
    return false;
}

/* Only so far ahead of the broker: the rest waits with the caller. */
static bool has_room(const tr_link_t *l) {
    return l->state == TR_LINK_READY && l->queued.bytes < l->queue_max;
}

static tr_route_t route_of(const tr_link_t *l, const tr_outgoing_t *out) {
    if (out->route || !out->name)
        return out->route;
    const tr_map_t *map = out->kind == TR_KIND_PUBLISH ? &l->topic_routes : &l->routes;
    const uint64_t *known = tr_map_find(map, out->name, strlen(out->name));
    return known ? *known : 0;
}

/* Only asked of a name that the broker has not resolved yet. */
static bool name_valid(const tr_outgoing_t *out) {
    tr_aid_t aid;
    size_t len = out->name ? strlen(out->name) : 0;
    return out->kind == TR_KIND_PUBLISH ? tr_topic_valid(out->name, len)
                                        : tr_aid_parse(&aid, out->name, len) == 0;
}

void tr_link_write_record(uint8_t *at, const tr_record_header_t *h, const tr_acl_t *acl) {
    tr_record_header_write(h, at);
    at = tr_acl_envelope_write(acl, at + TR_RECORD_HEADER);
    if (acl->content_len)
        memcpy(at, acl->content, acl->content_len);
}

static int put(tr_link_t *l, tr_record_header_t *h, const tr_acl_t *acl) {
    uint8_t *at = tr_outbox_add(&l->data, &l->pool, h->length, &l->queued);
    if (!at)
        return -ENOMEM;
    h->id = l->next_id++;
    tr_link_write_record(at, h, acl);
    return 0;
}

static int send_locked(tr_link_t *l, const tr_outgoing_t *out) {
    const tr_acl_t *acl = out->acl;
    tr_route_t route = route_of(l, out);
    if (!has_room(l) || !out->from->route || (l->muted_n && is_muted(l, route)))
        return -EAGAIN;
    if (!route && !name_valid(out))
        return -EINVAL;
    tr_acl_t without_topic;
    if (out->kind == TR_KIND_PUBLISH && route) { /* the broker knows the topic by its route */
        without_topic = *acl;
        without_topic.topic = NULL;
        acl = &without_topic;
    }
    size_t envelope = tr_acl_envelope_size(acl);
    if (envelope > TR_ENVELOPE_MAX || acl->content_len > l->max_record - TR_RECORD_HEADER - envelope)
        return -EMSGSIZE;
    tr_record_header_t h = {
        .length = (uint32_t)(TR_RECORD_HEADER + envelope + acl->content_len),
        .kind = out->kind,
        .performative = (uint8_t)acl->performative,
        .flags = tr_outgoing_flags(out),
        .hops = acl->hops_spent ? 0
                : acl->hops     ? acl->hops
                                : TR_HOPS_DEFAULT,
        .dst = route,
        .src = out->from->route + out->agent,
        .deadline_ms = acl->reply_by_ms,
        .envelope_len = (uint16_t)envelope,
        .priority = acl->priority,
        .marks = tr_traceparent_sampled(acl->traceparent) ? TR_MARK_TRACED : 0,
    };
    int r = (h.flags & TR_FLAG_DURABLE) ? tr_link_send_durable(l, &h, acl, out->token) : put(l, &h, acl);
    if (r < 0)
        return r;
    if (out->ret_position)
        *out->ret_position = l->sent_before + l->sent_records + l->queued.records;
    l->stats.sent += out->kind == TR_KIND_MESSAGE;
    l->stats.published += out->kind == TR_KIND_PUBLISH;
    if (l->data.head != l->data.tail) /* a bundle is full: let it go while the next one fills */
        tr_link_flush_locked(l);
    return 0;
}

int tr_link_send(tr_link_t *self, const tr_outgoing_t *out) {
    pthread_mutex_lock(&self->lock);
    int r = send_locked(self, out);
    if (r == -EAGAIN)
        tr_link_flush_locked(self);
    pthread_mutex_unlock(&self->lock);
    return r;
}

/* On no account: it does not count against credit. */
void tr_link_put_in_order(tr_link_t *l, tr_record_header_t *h, const void *body, size_t len) {
    h->length = TR_RECORD_HEADER + (uint32_t)len;
    uint8_t *at = tr_outbox_add(&l->data, &l->pool, h->length, NULL);
    if (!at)
        return;
    tr_record_header_write(h, at);
    if (len)
        memcpy(at + TR_RECORD_HEADER, body, len);
}

void tr_link_settle(tr_link_t *self, tr_route_t agent, uint64_t number, tr_settle_t how) {
    tr_record_header_t h = {
        .kind = TR_KIND_SETTLE,
        .flags = how == TR_SETTLE_DONE ? 0 : TR_FLAG_RELEASE,
        .reason = how == TR_SETTLE_FAILED ? TR_REASON_POISON : TR_REASON_NONE,
        .src = agent,
        .id = number,
    };
    pthread_mutex_lock(&self->lock);
    if (self->held_n)
        tr_link_unhold(self, agent, number);
    tr_link_put_in_order(self, &h, NULL, 0); /* out of memory: it will be delivered again */
    pthread_mutex_unlock(&self->lock);
}

void tr_link_topic(tr_link_t *self, tr_route_t route, char *out) {
    pthread_mutex_lock(&self->lock);
    const char *name = tr_map_find_ptr(&self->topics, (const char *)&route, sizeof route);
    if (!name)
        name = tr_map_find_ptr(&self->old_topics, (const char *)&route, sizeof route);
    out[0] = 0;
    if (name)
        memcpy(out, name, strlen(name) + 1);
    pthread_mutex_unlock(&self->lock);
}
