/* Views of records, decoded piece by piece as they are asked for. */
#include "lib/agent/meter.h"
#include "lib/agent/traced.h"

#include "proto/link.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_LIMIT (1u << 20)

static tr_message_type_t type_of(uint8_t kind) {
    switch (kind) {
    case TR_KIND_PUBLISH: return TR_MESSAGE_EVENT;
    case TR_KIND_NACK: return TR_MESSAGE_FAILED;
    case TR_KIND_GAP: return TR_MESSAGE_GAP;
    default: return TR_MESSAGE_DIRECT;
    }
}

void tr_message_view(tr_message_t *view, tr_agent_t *agent, const tr_record_t *record, uint64_t epoch) {
    if (view->has_value)
        tr_content_finish(&view->value);
    if (view->read)
        tr_arena_reset(&view->arena);
    view->agent = agent;
    view->record = *record;
    view->epoch = epoch;
    view->type = type_of(record->h.kind);
    view->claimed = view->lease_taken = view->read = view->read_failed = view->valued = view->has_value =
        view->counted = false;
    view->span = 0;
    view->received_ns = tr_meter_now(view->host);
    view->topic[0] = 0;
}

tr_message_type_t tr_message_type(const tr_message_t *self) {
    return self->type;
}

tr_performative_t tr_message_performative(const tr_message_t *self) {
    return self->record.h.performative < TR_ACT_MAX ? self->record.h.performative : TR_ACT_NONE;
}

/* Decoding fills in what the view caches; to its reader it stays what it was. */
static tr_message_t *cache(const tr_message_t *self) {
    return (tr_message_t *)(uintptr_t)self;
}

const tr_acl_t *tr_message_acl(const tr_message_t *self) {
    tr_message_t *m = cache(self);
    if (!m->read) {
        m->arena.limit = ARENA_LIMIT;
        m->read_failed = tr_acl_read(&m->acl, &m->record, &m->arena) < 0;
        m->read = true;
        if (m->type == TR_MESSAGE_EVENT && !m->read_failed)
            m->acl.reply_by_ms = 0; /* the topic's route stands there */
        if (m->span && !m->read_failed)
            m->acl.traceparent = tr_traced_context(m);
        if (m->type == TR_MESSAGE_FAILED && !m->read_failed)
            m->acl.content_len = 0; /* the body of a NACK is the broker's */
    }
    return m->read_failed ? NULL : &m->acl;
}

const char *tr_message_sender(const tr_message_t *self) {
    const tr_acl_t *acl = tr_message_acl(self);
    return acl && acl->sender ? acl->sender : "";
}

const void *tr_message_content(const tr_message_t *self, size_t *ret_len) {
    bool none = self->type == TR_MESSAGE_FAILED || self->type == TR_MESSAGE_GAP;
    *ret_len = none ? 0 : self->record.content_len;
    return self->record.content;
}

/* Absent means msgpack; another language means that this is not for us to decode. */
static bool is_msgpack(const tr_message_t *self) {
    const tr_acl_t *acl = tr_message_acl(self);
    return acl && (!acl->language || !strcmp(acl->language, "msgpack"));
}

tr_value_t tr_message_value(const tr_message_t *self) {
    tr_message_t *m = cache(self);
    if (!m->valued) {
        size_t len;
        const void *bytes = tr_message_content(m, &len);
        m->valued = true;
        m->has_value = len && is_msgpack(m) && tr_content_init(&m->value, bytes, len) == 0;
    }
    return m->has_value ? &m->value.root : NULL;
}

int64_t tr_message_int(const tr_message_t *self, const char *key, int64_t otherwise) {
    return tr_value_int(tr_value_get(tr_message_value(self), key), otherwise);
}

/* Strings of a content have no NUL behind them, so this one is a copy, which ends with the message. */
const char *tr_message_text(const tr_message_t *self, const char *key) {
    size_t len;
    const char *text = tr_value_str(tr_value_get(tr_message_value(self), key), &len);
    char *copy = text && !memchr(text, 0, len) ? tr_arena_strn(&cache(self)->arena, text, len) : NULL;
    return copy ? copy : "";
}

const char *tr_message_topic(const tr_message_t *self) {
    tr_message_t *m = cache(self);
    if (m->topic[0])
        return m->topic;
    if (tr_message_durable(m) && m->type == TR_MESSAGE_EVENT) { /* routes of topics end with the broker */
        const tr_acl_t *acl = tr_message_acl(m);
        snprintf(m->topic, sizeof m->topic, "%s", acl && acl->topic ? acl->topic : "");
    } else if (m->type == TR_MESSAGE_EVENT)
        tr_link_topic(m->host->link, m->record.h.deadline_ms, m->topic);
    else if (m->type == TR_MESSAGE_GAP)
        tr_link_topic(m->host->link, m->record.h.src, m->topic);
    return m->topic;
}

uint64_t tr_message_sequence(const tr_message_t *self) {
    if (self->type != TR_MESSAGE_EVENT)
        return 0;
    return tr_message_leased(self) ? self->record.h.deadline_ms : self->record.h.id;
}

uint64_t tr_message_missed(const tr_message_t *self) {
    return self->type == TR_MESSAGE_GAP ? self->record.h.id : 0;
}

tr_reason_t tr_message_reason(const tr_message_t *self) {
    return self->type == TR_MESSAGE_FAILED && self->record.h.reason < TR_REASON_MAX ? self->record.h.reason
                                                                                    : TR_REASON_NONE;
}

uint32_t tr_message_retry_ms(const tr_message_t *self) {
    if (self->type != TR_MESSAGE_FAILED)
        return 0;
    Troupe__Nack *nack = troupe__nack__unpack(NULL, self->record.content_len, self->record.content);
    uint32_t ms = nack ? nack->retry_after_ms : 0;
    if (nack)
        troupe__nack__free_unpacked(nack, NULL);
    return ms;
}

bool tr_message_redelivered(const tr_message_t *self) {
    return self->record.h.flags & TR_FLAG_REDELIVERED;
}

unsigned tr_message_attempt(const tr_message_t *self) {
    return self->record.h.attempt;
}

bool tr_message_leased(const tr_message_t *self) {
    return (self->type == TR_MESSAGE_DIRECT || self->type == TR_MESSAGE_EVENT) &&
           self->record.h.flags & TR_FLAG_LEASED;
}

bool tr_message_is_status(const tr_message_t *self) {
    const tr_acl_t *acl = self->type == TR_MESSAGE_DIRECT && self->record.h.performative == TR_INFORM
                              ? tr_message_acl(self)
                              : NULL;
    return acl && acl->ontology && !strcmp(acl->ontology, TR_STATUS_ONTOLOGY);
}

bool tr_message_durable(const tr_message_t *self) {
    return tr_message_leased(self) && self->record.h.flags & TR_FLAG_DURABLE;
}

const tr_record_t *tr_message_record(const tr_message_t *self) {
    return &self->record;
}

tr_message_t *tr_message_keep(const tr_message_t *self) {
    size_t len = self->record.h.length;
    tr_message_t *copy = calloc(1, sizeof *copy + len);
    if (!copy)
        return NULL;
    memcpy(copy->bytes, self->record.bytes, len);
    copy->host = self->host;
    copy->agent = self->agent;
    copy->record = self->record;
    copy->record.bytes = copy->bytes;
    copy->record.envelope = copy->bytes + (self->record.envelope - self->record.bytes);
    copy->record.content = copy->bytes + (self->record.content - self->record.bytes);
    copy->epoch = self->epoch;
    copy->type = self->type;
    copy->kept = true;
    copy->lease_taken = self->lease_taken;
    copy->counted = self->counted;
    copy->left = self->left;
    bool named = copy->type == TR_MESSAGE_EVENT || copy->type == TR_MESSAGE_GAP;
    if (named) /* now: the link may forget the name with the session that told it */
        memcpy(copy->topic, tr_message_topic(self), sizeof copy->topic);
    copy->span = self->span;
    copy->parent = self->parent;
    copy->began_ns = self->began_ns;
    copy->received_ns = self->received_ns;
    cache(self)->claimed = true;
    if (self->agent->hosted->saves)
        copy->life = tr_saved_keep(self->agent);
    else if (self->agent->hosted->moves)
        tr_agent_kept(self->agent, true);
    return copy;
}

static void settle(tr_host_t *host, tr_agent_t *agent, tr_lease_t lease, tr_settle_t how) {
    if (how == TR_SETTLE_DONE && agent && agent->hosted->saves)
        tr_saved_settle(agent, lease);
    else
        tr_link_settle(host->link, lease.agent, lease.number, how);
}

void tr_message_settle(const tr_message_t *message, tr_settle_t how) {
    const tr_record_header_t *h = &message->record.h;
    if (tr_message_leased(message) && !message->lease_taken)
        settle(message->host, message->agent, (tr_lease_t){.agent = h->dst, .number = h->id}, how);
}

tr_lease_t tr_message_take_lease(const tr_message_t *message) {
    if (!tr_message_leased(message) || message->lease_taken)
        return (tr_lease_t){0};
    cache(message)->lease_taken = true;
    return (tr_lease_t){.agent = message->record.h.dst, .number = message->record.h.id};
}

void tr_lease_settle(tr_host_t *host, tr_lease_t lease, bool release) {
    uint32_t index;
    const tr_registration_t *r = lease.agent ? tr_link_owner(host->link, lease.agent, &index) : NULL;
    const tr_hosted_t *d = r ? tr_registration_owner(r) : NULL;
    if (lease.agent)
        settle(host, d ? &d->agents[index] : NULL, lease, release ? TR_SETTLE_RELEASE : TR_SETTLE_DONE);
}

static void finish(tr_message_t **self, tr_settle_t how) {
    tr_message_t *m = *self;
    if (!m)
        return;
    if (m->agent->hosted->saves)
        tr_saved_unkeep(m->agent, m->life);
    else if (m->agent->hosted->moves)
        tr_agent_kept(m->agent, false);
    if (!m->claimed) { /* a copy of a copy took it over otherwise */
        tr_traced_done(m, how == TR_SETTLE_FAILED ? -EIO : 0);
        tr_meter_finished(m, how == TR_SETTLE_FAILED);
        tr_message_settle(m, how);
        tr_link_taken(m->host->link, m->epoch, 1, m->record.h.length);
    }
    if (m->has_value)
        tr_content_finish(&m->value);
    tr_arena_finish(&m->arena);
    free(m);
    *self = NULL;
}

void tr_message_done(tr_message_t **self) {
    finish(self, TR_SETTLE_DONE);
}

void tr_message_release(tr_message_t **self) {
    finish(self, TR_SETTLE_RELEASE);
}

void tr_message_fail(tr_message_t **self) {
    finish(self, TR_SETTLE_FAILED);
}
