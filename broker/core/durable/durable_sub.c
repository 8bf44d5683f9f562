/*
 * Durable subscriptions: what is published on topics that match goes into the agent's durable mailbox, whether or not it is there, and is
 * delivered until it is settled. They are in the journal with the mailbox, and last until the agent ends them or the mailbox is removed.
 *
 * With each stands the certificate of who asked for it, if any: it ends when that is revoked, or has no right to it any more, whether or not
 * its agent ever comes back.
 *
 * A publication in a mailbox has its topic's name in its envelope, since routes of topics end with the broker, and where its reply-by would
 * be, its sequence number: `id` is needed for the delivery number. Its publisher never hears of it again: he does not know who listens.
 */
#include "broker/core/durable/stream.h"
#include "broker/core/federation/interest.h"
#include "broker/core/guard.h"

#include "lib/store/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct tr_durable_sub {
    tr_durable_sub_t *next;
    tr_queue_t *queue; /* of the agent's mailbox */
    char *cert;        /* name of his who asked for it; NULL = he had none, or it is not known */
    size_t len;
    char pattern[];
};

static tr_durable_sub_t **find(
    const tr_core_t *core, const tr_queue_t *queue, const char *pattern, size_t len) {
    tr_durable_sub_t **p = &core->durable->subs;
    while (*p && ((*p)->queue != queue || (*p)->len != len || memcmp((*p)->pattern, pattern, len) != 0))
        p = &(*p)->next;
    return p;
}

static tr_durable_sub_t *add(tr_core_t *core, tr_queue_t *queue, const char *pattern, size_t len) {
    tr_durable_t *d = core->durable;
    tr_durable_sub_t *sub = malloc(sizeof *sub + len);
    if (!sub)
        return NULL;
    *sub = (tr_durable_sub_t){.next = d->subs, .queue = queue, .cert = NULL, .len = len};
    memcpy(sub->pattern, pattern, len);
    d->subs = sub;
    queue->subs++;
    d->subs_n++;
    d->subs_version++;
    tr_interest_pattern(core, pattern, len, 1);
    return sub;
}

void tr_durable_subs_interest(tr_core_t *core) {
    for (const tr_durable_sub_t *s = core->durable->subs; s; s = s->next)
        tr_interest_pattern(core, s->pattern, s->len, 1);
}

static const char *cert_of(const tr_session_t *session) {
    return session->guest ? session->guest->identity->name : NULL;
}

/* Whether that was another one than it had. False, too, when out of memory: it is asked again with the next judgement. */
static bool set_cert(tr_durable_sub_t *sub, const char *cert, size_t len) {
    const char *had = sub->cert ? sub->cert : "";
    char *copy = len ? strndup(cert, len) : NULL;
    if ((len && !copy) || (strlen(had) == len && (!len || !memcmp(had, cert, len)))) {
        free(copy);
        return false;
    }
    free(sub->cert);
    sub->cert = copy;
    return true;
}

static void take_out(tr_core_t *core, tr_durable_sub_t **at) {
    tr_durable_sub_t *sub = *at;
    *at = sub->next;
    tr_interest_pattern(core, sub->pattern, sub->len, -1);
    sub->queue->subs--;
    core->durable->subs_n--;
    core->durable->subs_version++;
    free(sub->cert);
    free(sub);
}

/* With its queue, which may be new. */
static bool write_down(tr_core_t *core, const tr_durable_sub_t *sub) {
    tr_key_t key = tr_key_of_sub(sub->queue->id, sub->pattern, sub->len);
    tr_batch_t *batch = tr_batch_open(core);
    return batch && tr_batch_queue(core, sub->queue) &&
           tr_batch_more(batch, TR_JOURNAL_PUT, &key, sub->cert, sub->cert ? strlen(sub->cert) : 0);
}

static tr_queue_t *mailbox_queue(tr_core_t *core, const tr_entry_t *entry, uint32_t agent, bool create) {
    char name[TR_NAME_MAX + 1];
    tr_entry_agent_name(entry, agent, name);
    tr_service_t *s = tr_mailbox_service(core, name, create);
    if (!s)
        return NULL;
    return create ? tr_queue_of(core, s, entry->session) : s->durable;
}

tr_reason_t tr_durable_subscribe(
    tr_core_t *core, const tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len) {
    if (!core->durable)
        return TR_REASON_NO_JOURNAL;
    if (!tr_pattern_valid(pattern, len))
        return TR_REASON_BAD_TOPIC;
    if (pattern[0] == '$')
        return TR_REASON_FORBIDDEN;
    tr_queue_t *q = mailbox_queue(core, entry, agent, true);
    if (!q)
        return TR_REASON_LIMIT;
    tr_durable_sub_t *sub = *find(core, q, pattern, len);
    const char *cert = cert_of(entry->session);
    size_t cert_len = cert ? strlen(cert) : 0;
    if (sub) {
        if (set_cert(sub, cert, cert_len))
            write_down(core, sub); /* no memory: it is of the one before for a broker after this one */
        return TR_REASON_NONE;
    }
    if (core->durable->subs_n < core->config.subscriptions_max)
        sub = add(core, q, pattern, len);
    if (!sub)
        return TR_REASON_LIMIT;
    set_cert(sub, cert, cert_len);
    if (write_down(core, sub))
        return TR_REASON_NONE;
    take_out(core, find(core, q, pattern, len));
    return TR_REASON_LIMIT;
}

bool tr_durable_unsubscribe(
    tr_core_t *core, const tr_entry_t *entry, uint32_t agent, const char *pattern, size_t len) {
    tr_queue_t *q = core->durable ? mailbox_queue(core, entry, agent, false) : NULL;
    tr_durable_sub_t **at = q ? find(core, q, pattern, len) : NULL;
    tr_batch_t *batch = at && *at ? tr_batch_open(core) : NULL;
    if (!batch)
        return false;
    tr_key_t key = tr_key_of_sub(q->id, pattern, len);
    if (!tr_batch_more(batch, TR_JOURNAL_DELETE, &key, NULL, 0))
        return false;
    take_out(core, at);
    return true;
}

/* Whose mailbox it is, where that is an agent of this session. */
static bool is_of(const tr_durable_sub_t *sub, const tr_session_t *session) {
    const tr_service_t *s = sub->queue->service;
    return s->providers_n && s->providers[0].entry->session == session;
}

/* For good. */
static void end(tr_core_t *core, tr_durable_sub_t **at) {
    tr_key_t key = tr_key_of_sub((*at)->queue->id, (*at)->pattern, (*at)->len);
    tr_batch_t *batch = tr_batch_open(core);
    if (batch) /* out of memory: it is judged again by the next broker */
        batch->sync |= tr_batch_more(batch, TR_JOURNAL_DELETE, &key, NULL, 0);
    take_out(core, at);
}

bool tr_durable_subs_judge(tr_core_t *core, tr_session_t *session) {
    bool all = true;
    const char *cert = cert_of(session);
    for (tr_durable_sub_t **p = core->durable ? &core->durable->subs : NULL; p && *p;) {
        tr_durable_sub_t *sub = *p;
        bool its = is_of(sub, session);
        if (its && !tr_guard_subscribe(core, session, sub->pattern, sub->len)) {
            all = false;
            end(core, p);
            continue;
        }
        if (its && set_cert(sub, cert, cert ? strlen(cert) : 0))
            write_down(core, sub); /* one of an older broker, or of who had another certificate */
        p = &sub->next;
    }
    return all;
}

/* NULL: it is still good. One that is not there may be in a file that cannot be read just now. */
static const char *why_not(const tr_core_t *core, const tr_durable_sub_t *sub) {
    const tr_cert_t *cert = sub->cert ? tr_cert_book_find(core->guard->book, sub->cert) : NULL;
    if (!cert)
        return NULL;
    return cert->revoked_ms && cert->revoked_ms <= core->now.wall_ms ? "revoked"
           : tr_right_covers(&cert->rights.subscribe, sub->pattern, sub->len)
               ? NULL
               : "not good for it any more: it is not in its rights' `subscribe`";
}

void tr_durable_subs_review(tr_core_t *core) {
    for (tr_durable_sub_t **p = core->durable && core->guard ? &core->durable->subs : NULL; p && *p;) {
        const tr_durable_sub_t *sub = *p;
        const char *agent, *why = why_not(core, sub);
        char what[TR_AID_MAX + TR_TOPIC_MAX + 40], detail[200];
        if (!why) {
            p = &(*p)->next;
            continue;
        }
        tr_service_is_mailbox(sub->queue->service, &agent);
        snprintf(
            what, sizeof what, "the durable subscription of %s to %.*s", agent, (int)sub->len, sub->pattern);
        snprintf(detail, sizeof detail, "the certificate %.100s is %s", sub->cert, why);
        tr_audit(core, TR_EVENT_REVOKED, NULL, sub->cert, what, detail);
        end(core, p);
    }
}

void tr_durable_subs_forget(tr_core_t *core, const tr_queue_t *queue) {
    for (tr_durable_sub_t **p = &core->durable->subs; *p;)
        if (!queue || (*p)->queue == queue)
            take_out(core, p);
        else
            p = &(*p)->next;
}

const char *tr_durable_sub_of(const tr_core_t *core, const tr_queue_t *queue, uint32_t at, size_t *ret_len) {
    for (const tr_durable_sub_t *s = core->durable->subs; s; s = s->next) {
        if (s->queue != queue || at--)
            continue;
        *ret_len = s->len;
        return s->pattern;
    }
    return NULL;
}

int tr_durable_sub_recover(tr_core_t *core, const tr_pair_t *pair) {
    uint64_t id = pair->key_len > 9 ? tr_key_number(pair->key) : 0;
    tr_queue_t *q = tr_map_find_ptr(&core->durable->queues, (const char *)&id, sizeof id);
    const char *pattern = (const char *)pair->key + 9;
    if (!q || pair->value_len > TR_NAME_MAX || !tr_pattern_valid(pattern, pair->key_len - 9))
        return -EBADMSG;
    tr_durable_sub_t *sub = add(core, q, pattern, pair->key_len - 9);
    if (!sub)
        return -ENOMEM;
    return !pair->value_len || set_cert(sub, (const char *)pair->value, pair->value_len) ? 0 : -ENOMEM;
}

static bool matches(const tr_durable_sub_t *sub, const tr_topic_t *topic) {
    return tr_pattern_matches(sub->pattern, sub->len, topic->name, topic->name_len);
}

bool tr_topic_in_durable_subs(const tr_core_t *core, tr_topic_t *topic) {
    const tr_durable_t *d = core->durable;
    if (!d || !d->subs)
        return false;
    if (topic->durable_subs_version != d->subs_version) {
        const tr_durable_sub_t *s = topic->name[0] == '$' ? NULL : d->subs;
        while (s && !matches(s, topic))
            s = s->next;
        topic->in_durable_subs = s != NULL;
        topic->durable_subs_version = d->subs_version;
    }
    return topic->in_durable_subs;
}

/* Nobody hears his own publications. */
static bool is_own(const tr_queue_t *queue, tr_route_t publisher) {
    const tr_service_t *s = queue->service;
    return s->providers_n &&
           tr_session_route(s->providers[0].entry->session, s->providers[0].agent) == publisher;
}

/* There is no room: the publisher cannot be asked to wait, so it is told as what it is, a message that died. */
static void miss(tr_core_t *core, const tr_record_t *record, tr_reason_t why) {
    core->stats.accepted++;
    core->stats.dropped[why]++;
    tr_sys_dead_letter(core, record, why);
}

static bool as_kept(tr_core_t *core, const tr_topic_t *topic, const tr_record_t *record,
    const tr_record_header_t *h, tr_record_t *ret) {
    if (!tr_record_with_topic(core, topic, record, h, ret))
        return false;
    ret->h.deadline_ms = h->id;
    ret->h.id = 0;
    ret->h.flags |= TR_FLAG_DURABLE | TR_FLAG_NO_NACK;
    return true;
}

/* It is in the agent's record when it is taken, whether or not the agent is there, as a message is. */
static void tap(tr_core_t *core, const tr_topic_t *topic, const tr_record_t *record,
    const tr_record_header_t *h, const tr_queue_t *queue) {
    const char *agent;
    tr_record_t got = *record;
    got.h = *h;
    got.h.flags |= TR_FLAG_DURABLE;
    if (tr_service_is_mailbox(queue->service, &agent))
        tr_tap_delivery(core, topic, &got, agent);
}

void tr_durable_publish(
    tr_core_t *core, const tr_topic_t *topic, const tr_record_t *record, const tr_record_header_t *h) {
    const tr_durable_t *d = core->durable;
    tr_record_t r = {0};
    uint64_t version = 0;
    for (const tr_durable_sub_t *s = d->subs; s; s = s->next) {
        if (!matches(s, topic) || is_own(s->queue, h->src))
            continue;
        if (version != d->scratch_version ||
            !version) { /* the first, or the record of the one before has used it */
            if (!as_kept(core, topic, record, h, &r)) {
                miss(core, record, TR_REASON_LIMIT);
                return;
            }
            version = d->scratch_version;
        }
        tr_reason_t why = tr_letters_have_room(core, s->queue) ? tr_queue_push(core, s->queue, &r, NULL, 0)
                                                               : TR_REASON_BUSY;
        if (why != TR_REASON_NONE)
            miss(core, &r, why);
        else if (core->tapped)
            tap(core, topic, record, h, s->queue);
    }
}
