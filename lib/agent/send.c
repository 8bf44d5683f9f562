/* What a behaviour sends. */
#include "lib/agent/host_private.h"

#include "proto/topic.h"

#include <errno.h>
#include <stdlib.h>

static int send_to(
    tr_agent_t *self, tr_acl_t *acl, const char *receiver, tr_route_t route, uint64_t *ret_position) {
    tr_outgoing_t out = {
        .from = self->hosted->registration,
        .agent = self->index,
        .kind = TR_KIND_MESSAGE,
        .name = receiver,
        .route = route,
        .acl = acl,
        .ret_position = ret_position,
    };
    return tr_send_out(self, &out);
}

/* The envelope's first receiver is the target of that copy, so each copy has the others behind it. */
static int send_each(tr_agent_t *self, tr_acl_t *acl) {
    size_t n = acl->receivers.count;
    const char **turned = malloc(n * sizeof *turned);
    if (!turned)
        return -ENOMEM;
    int first_error = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            turned[j] = acl->receivers.items[(i + j) % n];
        tr_acl_t copy = *acl;
        copy.receivers.items = turned;
        int r = send_to(self, &copy, turned[0], 0, NULL);
        if (r < 0 && !first_error)
            first_error = r;
    }
    free(turned);
    return first_error;
}

/* A mandate is one of a conversation. */
void tr_name_conversation(tr_host_t *host, tr_acl_t *acl, char room[TR_ID_SIZE]) {
    if (acl->conversation_id || !(acl->delegation.count || acl->budget.of_tokens || acl->budget.of_money))
        return;
    tr_new_id(host, room);
    acl->conversation_id = room;
}

static int send_checked(tr_agent_t *self, const tr_acl_t *message, uint64_t *ret_position) {
    char aid[TR_AID_MAX + 1], conversation[TR_ID_SIZE];
    tr_acl_t acl = *message;
    if (!acl.receivers.count || acl.performative == TR_ACT_NONE || acl.performative >= TR_ACT_MAX)
        return -EINVAL;
    acl.sender = tr_agent_aid(self, aid);
    acl.topic = NULL;
    tr_name_conversation(self->hosted->host, &acl, conversation);
    if (acl.receivers.count > 1)
        return send_each(self, &acl);
    return send_to(self, &acl, acl.receivers.items[0], 0, ret_position);
}

int tr_send(tr_agent_t *self, const tr_acl_t *message) {
    return send_checked(self, message, NULL);
}

/* What is durable is delivered again when its receiver is back: that one's end is no end of it. */
int tr_send_at(tr_agent_t *self, const tr_acl_t *message, uint64_t *ret_position) {
    int r = send_checked(self, message, ret_position);
    if (message->flags & TR_FLAG_DURABLE)
        *ret_position = TR_NOT_LOST;
    return r;
}

/* Where the answer goes: to whoever sent it, unless it names others. A route is at hand for the
 * sender only. */
static int reply(tr_agent_t *self, const tr_message_t *to, tr_performative_t act, const char *ontology,
    const void *content, size_t len) {
    const tr_acl_t *asked = tr_message_acl(to);
    if (!asked || to->type != TR_MESSAGE_DIRECT)
        return -EINVAL;
    char aid[TR_AID_MAX + 1];
    bool redirected = asked->reply_to.count > 0;
    tr_acl_t acl = {
        .performative = act,
        .hops = to->record.h.hops,
        .hops_spent = !to->record.h.hops, /* or two agents that answer each other would never end */
        .priority = asked->priority,
        .sender = tr_agent_aid(self, aid),
        .receivers = redirected ? asked->reply_to : (tr_acl_list_t){.items = &asked->sender, .count = 1},
        .ontology = ontology ? ontology : asked->ontology,
        .protocol = asked->protocol,
        .conversation_id = asked->conversation_id,
        .in_reply_to = asked->reply_with,
        .traceparent = asked->traceparent,
        .content = content,
        .content_len = len,
    };
    if (redirected)
        return tr_reply_with(self, to, &acl);
    if (!asked->sender)
        return -EINVAL;
    tr_carried_t carried;
    if (to->record.h.flags & TR_FLAG_MANDATE)
        tr_carry_back(self, to, &acl, &carried);
    /* After a reconnect the route may be another one's; the name still is the sender's. */
    bool fresh = to->epoch == tr_link_epoch(to->host->link);
    int r = send_to(self, &acl, asked->sender, fresh ? to->record.h.src : 0, NULL);
    if (r == 0)
        tr_carried_back(to, &acl);
    return r;
}

static int reply_under(tr_agent_t *self, const tr_message_t *to, tr_performative_t act, const char *ontology,
    const void *content, size_t len) {
    uint64_t under = self->hosted->saves ? tr_saved_under(self, to) : 0;
    int r = reply(self, to, act, ontology, content, len);
    if (self->hosted->saves)
        tr_saved_under_again(self, under);
    return r;
}

int tr_reply(
    tr_agent_t *self, const tr_message_t *to, tr_performative_t act, const void *content, size_t len) {
    return reply_under(self, to, act, NULL, content, len);
}

int tr_reply_status(tr_agent_t *self, const tr_message_t *to, tr_content_writer_t *content) {
    const void *bytes;
    size_t len;
    int r = tr_content_writer_take(content, &bytes, &len);
    if (r == 0)
        r = reply_under(self, to, TR_INFORM, TR_STATUS_ONTOLOGY, bytes, len);
    tr_content_writer_finish(content);
    return r;
}

int tr_reply_content(
    tr_agent_t *self, const tr_message_t *to, tr_performative_t act, tr_content_writer_t *content) {
    const void *bytes;
    size_t len;
    int r = tr_content_writer_take(content, &bytes, &len);
    if (r == 0)
        r = tr_reply(self, to, act, bytes, len);
    tr_content_writer_finish(content);
    return r;
}

int tr_reply_reason(
    tr_agent_t *self, const tr_message_t *to, tr_performative_t act, const char *reason, const char *detail) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv(&w, "reason", reason);
    tr_write_kv(&w, "detail", detail);
    return tr_reply_content(self, to, act, &w);
}

int tr_publish_message(tr_agent_t *self, const char *topic, const tr_acl_t *message) {
    char aid[TR_AID_MAX + 1];
    tr_acl_t acl = *message;
    if (topic[0] == '$' || acl.performative >= TR_ACT_MAX)
        return -EINVAL;
    if (acl.performative == TR_ACT_NONE)
        acl.performative = TR_INFORM;
    acl.sender = tr_agent_aid(self, aid);
    acl.topic = topic;
    acl.receivers = (tr_acl_list_t){0};
    acl.reply_by_ms = 0; /* the topic's route travels in its place */
    tr_outgoing_t out = {
        .from = self->hosted->registration,
        .agent = self->index,
        .kind = TR_KIND_PUBLISH,
        .name = topic,
        .acl = &acl,
    };
    return tr_send_out(self, &out);
}

int tr_publish(tr_agent_t *self, const char *topic, const void *content, size_t len) {
    return tr_publish_message(self, topic, &(tr_acl_t){.content = content, .content_len = len});
}

int tr_publish_content(tr_agent_t *self, const char *topic, tr_content_writer_t *content) {
    const void *bytes;
    size_t len;
    int r = tr_content_writer_take(content, &bytes, &len);
    if (r == 0)
        r = tr_publish(self, topic, bytes, len);
    tr_content_writer_finish(content);
    return r;
}

void tr_flush(tr_agent_t *self) {
    tr_link_flush(self->hosted->host->link);
}

int tr_subscribe(tr_agent_t *self, const char *pattern) {
    const tr_hosted_t *d = self->hosted;
    if (d->host->waking && tr_link_subscribes(d->host->link, d->registration, self->index, pattern))
        return 0;
    return tr_link_subscribe(self->hosted->host->link, self->hosted->registration, self->index, pattern);
}

int tr_unsubscribe(tr_agent_t *self, const char *pattern) {
    return tr_link_unsubscribe(self->hosted->host->link, self->hosted->registration, self->index, pattern);
}
