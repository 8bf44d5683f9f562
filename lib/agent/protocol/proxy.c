/*
 * Brokering and recruiting. What is brokered is a group (group.h): one conversation with each target, begun by the middle as their
 * initiator. It points to the conversation with who asked, and that one back, and whichever ends first takes the pointer away.
 */
#include "lib/agent/protocol/group.h"

#include "troupe/proxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct tr_brokering {
    tr_group_t group;
    tr_conversation_t *asker; /* NULL: it has ended, or is about to begin */
};

/* Frees it when nothing is open any more, and nobody works with it. */
static void let_go(tr_brokering_t *self) {
    if (self->group.pins || self->group.open)
        return;
    if (self->asker)
        self->asker->participant.brokering = NULL;
    tr_group_destroy(&self->group);
}

/* What cannot be relayed would be missing without a word. */
static void relay(tr_brokering_t *self, const char *from, const char *act, const tr_message_t *message,
    const char *reason) {
    tr_value_t value = message ? tr_message_value(message) : NULL;
    tr_content_writer_t w;
    if (!self->asker)
        return;
    tr_content_writer_init(&w);
    tr_write_map(&w, 3);
    tr_write_kv(&w, "from", from);
    tr_write_kv(&w, "act", act);
    tr_write_str(&w, "content");
    if (reason)
        tr_write_fields(&w, TR_FIELDS(TR_FIELD_TEXT("reason", reason)));
    else
        tr_write_value(&w, value);
    if (tr_conversation_inform_content(self->asker, &w) < 0)
        tr_conversation_failure(self->asker, "busy", "an answer could not be relayed");
}

static void on_said(
    tr_agent_t *agent, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    tr_member_t *m = arg;
    (void)agent;
    (void)state;
    m->proposed = true; /* its last word, or one before that */
    relay((tr_brokering_t *)m->group, tr_conversation_peer(c),
        tr_performative_name(tr_message_performative(message)), message, NULL);
}

static void on_target_end(tr_agent_t *agent, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    tr_member_t *m = arg;
    tr_brokering_t *self = (tr_brokering_t *)m->group;
    (void)agent;
    (void)state;
    self->group.pins++;
    tr_group_left(m, outcome);
    bool said = last && tr_message_type(last) == TR_MESSAGE_DIRECT;
    if (said && outcome == TR_OUTCOME_NOT_UNDERSTOOD)
        relay(self, tr_conversation_peer(c), "not-understood", last, NULL);
    else if (!said && outcome == TR_OUTCOME_FAILED && last)
        relay(self, tr_conversation_peer(c), "failure", NULL, tr_reason_name(tr_message_reason(last)));
    else if (!said && outcome != TR_OUTCOME_DONE)
        relay(self, tr_conversation_peer(c), "failure", NULL, tr_outcome_name(outcome));
    self->group.pins--;
    let_go(self);
}

void tr_brokering_over(tr_brokering_t *self) {
    tr_group_t *g = &self->group;
    self->asker = NULL;
    g->pins++;
    for (size_t i = 0; i < g->n; i++)
        if (g->members[i].conversation) /* one that cannot be told ends at its deadline, ignoring */
            tr_conversation_cancel(g->members[i].conversation);
    g->pins--;
    let_go(self);
}

static int check(const tr_conversation_t *c, const char *protocol, tr_error_t *error) {
    if (!c->ended && c->role == TR_PARTICIPANT && !strcmp(tr_conversation_protocol(c), protocol))
        return 0;
    return tr_error_set(
        error, -EPROTO, "only what was asked for under %s, and has not ended, can be handed on so", protocol);
}

static const void *content_of(const tr_proxy_t *how, const tr_message_t *message, size_t *ret_len) {
    *ret_len = how->content_len;
    return how->content ? how->content : tr_message_content(message, ret_len);
}

static int no_match(tr_conversation_t *c, const char *detail) {
    return tr_conversation_failure(c, "no-match", detail);
}

static int begin(
    tr_brokering_t *self, const tr_message_t *message, const tr_proxy_t *how, tr_error_t *error) {
    tr_initiator_t ask = {.protocol = how->protocol ? how->protocol : "fipa-query",
        .performative = how->performative,
        .timeout_ms = how->timeout_ms,
        .on_refuse = on_said,
        .on_failure = on_said,
        .on_inform = on_said,
        .on_result = on_said,
        .on_end = on_target_end};
    ask.content = content_of(how, message, &ask.content_len);
    return tr_group_start(&self->group, &ask, how->targets, error);
}

int tr_broker(
    tr_conversation_t *self, const tr_message_t *message, const tr_proxy_t *how, tr_error_t *error) {
    tr_error_t why = {0};
    int r = check(self, "fipa-brokering", error);
    tr_brokering_t *b = r == 0 && how->targets_n ? calloc(1, sizeof *b) : NULL;
    if (r == 0 && how->targets_n)
        r = b ? tr_group_init(&b->group, self->agent, NULL, how->targets, how->targets_n, error)
              : tr_error_set(error, -ENOMEM, "out of memory");
    if (r == 0)
        r = tr_conversation_act(self, TR_AGREE, NULL, 0, error);
    int begun = r == 0 && b ? begin(b, message, how, &why) : -ENOENT;
    if (begun < 0) {
        if (b)
            tr_group_destroy(&b->group);
        return r < 0 ? r : no_match(self, b ? why.text : "there is nobody to ask");
    }
    b->asker = self;
    self->participant.brokering = b;
    return tr_conversation_inform(self, NULL, 0);
}

static tr_acl_list_t answers_to(const tr_message_t *message, const char **sender) {
    const tr_acl_t *acl = tr_message_acl(message);
    *sender = tr_message_sender(message);
    return acl->reply_to.count ? acl->reply_to : (tr_acl_list_t){.items = sender, .count = 1};
}

int tr_recruit(
    tr_conversation_t *self, const tr_message_t *message, const tr_proxy_t *how, tr_error_t *error) {
    char id[TR_CONVERSATION_TEXT + 16];
    const char *sender;
    int r = check(self, "fipa-recruiting", error);
    if (r == 0)
        r = tr_conversation_act(self, TR_AGREE, NULL, 0, error);
    if (r < 0)
        return r;
    if (!how->targets_n)
        return no_match(self, "there is nobody to ask");
    snprintf(id, sizeof id, "recruited/%s", tr_conversation_id(self));
    tr_acl_t ask = {.performative = how->performative ? how->performative : TR_QUERY_REF,
        .receivers = {.items = how->targets, .count = how->targets_n},
        .reply_to = answers_to(message, &sender),
        .protocol = how->protocol ? how->protocol : "fipa-query",
        .conversation_id = id,
        .reply_with = id};
    ask.content = content_of(how, message, &ask.content_len);
    r = tr_send(self->agent, &ask);
    return r < 0 ? no_match(self, strerror(-r)) : tr_conversation_inform(self, NULL, 0);
}
