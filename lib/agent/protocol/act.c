/* Acts of one's own: checked against the table, then sent with what the conversation knows. */
#include "lib/agent/protocol/conversation.h"

#include <errno.h>
#include <stdio.h>

#define RECEIVERS_MAX 16

/* The cancel is told apart from the act that began the conversation by what its answer is in reply to. */
const char *tr_conversation_cancel_id(const tr_conversation_t *self, char out[TR_CANCEL_ID_MAX]) {
    snprintf(out, TR_CANCEL_ID_MAX, "%s/cancel", tr_conversation_id(self));
    return out;
}

/* reply-to holds AIDs with blanks between them, which are cut apart in `text`. */
static size_t split(char *text, const char **items) {
    size_t n = 0;
    char *rest = NULL;
    for (char *aid = strtok_r(text, " ", &rest); aid && n < RECEIVERS_MAX; aid = strtok_r(NULL, " ", &rest))
        items[n++] = aid;
    return n;
}

static void fill_answer(const tr_conversation_t *self, tr_acl_t *acl) {
    const char *asked = self->participant.asked;
    acl->in_reply_to = asked ? asked : tr_conversation_text(self, TR_TEXT_REPLY_WITH);
    acl->traceparent = tr_conversation_text(self, TR_TEXT_TRACEPARENT);
    acl->hops = self->hops;
    acl->hops_spent = !self->hops;
    acl->priority = self->priority;
}

/* What its receiver is asked to do next has a time of its own. */
static void fill_asked(const tr_conversation_t *self, const tr_machine_t *next, tr_acl_t *acl) {
    if (tr_machine_renews(next) && self->timeout_ms >= 0)
        acl->reply_by_ms = (uint64_t)(tr_clock_wall_ms() + self->timeout_ms);
    if (!acl->reply_with)
        acl->reply_with = tr_conversation_id(self);
    acl->traceparent = tr_conversation_text(self, TR_TEXT_TRACEPARENT);
    if (acl->performative != TR_ACCEPT_PROPOSAL || !self->further)
        return;
    acl->budget = self->further->budget;
    acl->user = self->further->user;
    acl->user_count = self->further->user_count;
}

static int send_now(const tr_conversation_t *self, tr_acl_t *acl) {
    const char *items[RECEIVERS_MAX] = {tr_conversation_peer(self)};
    const char *redirected = tr_conversation_text(self, TR_TEXT_REPLY_TO);
    char text[TR_CONVERSATION_TEXT + 1];
    acl->receivers = (tr_acl_list_t){.items = items, .count = 1};
    if (self->role == TR_PARTICIPANT && redirected) {
        snprintf(text, sizeof text, "%s", redirected);
        acl->receivers.count = split(text, items);
    }
    return tr_send(self->agent, acl);
}

int tr_conversation_send(tr_conversation_t *self, tr_performative_t act, const char *reply_with,
    const void *content, size_t len, tr_error_t *error) {
    tr_machine_t trial = self->machine;
    bool crossed = self->role == TR_PARTICIPANT && trial.cancelling; /* it is no answer to the cancel */
    if (tr_machine_step(&trial, self->role, act, crossed) != TR_VERDICT_LEGAL) {
        char text[400];
        return tr_error_set(error, -EPROTO, "conversation %.64s: %s", tr_conversation_id(self),
            tr_machine_explain(&self->machine, self->role, act, crossed, text, sizeof text));
    }
    tr_acl_t acl = {
        .performative = act,
        .ontology = tr_conversation_text(self, TR_TEXT_ONTOLOGY),
        .protocol = tr_conversation_protocol(self),
        .conversation_id = tr_conversation_id(self),
        .reply_with = reply_with,
        .content = content,
        .content_len = len,
    };
    if (self->role == TR_PARTICIPANT)
        fill_answer(self, &acl);
    else
        fill_asked(self, &trial, &acl);
    int r = send_now(self, &acl);
    if (r < 0)
        return tr_error_set(error, r, "conversation %.64s: %s could not be sent to %s: %s",
            tr_conversation_id(self), tr_performative_name(act), tr_conversation_peer(self), strerror(-r));
    self->machine = trial;
    return 0;
}

int tr_conversation_status(tr_conversation_t *self, const tr_field_t *fields) {
    tr_content_writer_t w;
    if (self->ended || self->role != TR_PARTICIPANT)
        return -EPROTO;
    tr_acl_t acl = {
        .performative = TR_INFORM,
        .ontology = TR_STATUS_ONTOLOGY,
        .protocol = tr_conversation_protocol(self),
        .conversation_id = tr_conversation_id(self),
    };
    fill_answer(self, &acl);
    tr_content_writer_init(&w);
    tr_write_fields(&w, fields);
    int r = tr_content_writer_take(&w, &acl.content, &acl.content_len);
    if (r == 0)
        r = send_now(self, &acl);
    tr_content_writer_finish(&w);
    return r;
}

/* A conversation that has ended still exists while a callback of it runs. */
int tr_conversation_act(
    tr_conversation_t *self, tr_performative_t act, const void *content, size_t len, tr_error_t *error) {
    if (self->ended)
        return tr_error_set(error, -EPROTO, "conversation %.64s has ended: %s cannot be sent any more",
            tr_conversation_id(self), tr_performative_name(act));
    if (act == TR_CANCEL)
        return tr_conversation_cancel(self);
    int r = tr_conversation_send(self, act, NULL, content, len, error);
    if (r < 0)
        return r;
    tr_outcome_t outcome = tr_machine_outcome(&self->machine);
    tr_conversation_moved(self);
    tr_conversation_renew(self, NULL);
    if (outcome != TR_OUTCOME_NONE)
        tr_conversation_end(self, outcome, NULL);
    return 0;
}

int tr_conversation_say(tr_conversation_t *self, tr_performative_t act, const tr_field_t *fields) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_fields(&w, fields);
    return tr_conversation_act_content(self, act, &w, NULL);
}

int tr_conversation_agree(tr_conversation_t *self) {
    return tr_conversation_act(self, TR_AGREE, NULL, 0, NULL);
}

int tr_conversation_inform(tr_conversation_t *self, const void *content, size_t len) {
    return tr_conversation_act(self, TR_INFORM, content, len, NULL);
}

int tr_conversation_inform_content(tr_conversation_t *self, tr_content_writer_t *content) {
    return tr_conversation_act_content(self, TR_INFORM, content, NULL);
}

int tr_conversation_act_content(
    tr_conversation_t *self, tr_performative_t act, tr_content_writer_t *content, tr_error_t *error) {
    const void *bytes;
    size_t len;
    int r = tr_content_writer_take(content, &bytes, &len);
    if (r == 0)
        r = tr_conversation_act(self, act, bytes, len, error);
    else
        tr_error_set(error, r, "conversation %.64s: the content of %s could not be written: %s",
            tr_conversation_id(self), tr_performative_name(act), strerror(-r));
    tr_content_writer_finish(content);
    return r;
}

static int write_reason(
    tr_content_writer_t *w, const char *reason, const char *detail, const void **ret_bytes, size_t *ret_len) {
    tr_content_writer_init(w);
    tr_write_map(w, 2);
    tr_write_kv(w, "reason", reason);
    tr_write_kv(w, "detail", detail);
    return tr_content_writer_take(w, ret_bytes, ret_len);
}

static int act_reason(
    tr_conversation_t *self, tr_performative_t act, const char *reason, const char *detail) {
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    int r = write_reason(&w, reason, detail, &bytes, &len);
    if (r == 0)
        r = tr_conversation_act(self, act, bytes, len, NULL);
    tr_content_writer_finish(&w);
    return r;
}

int tr_conversation_refuse(tr_conversation_t *self, const char *reason, const char *detail) {
    return act_reason(self, TR_REFUSE, reason, detail);
}

int tr_conversation_failure(tr_conversation_t *self, const char *reason, const char *detail) {
    return act_reason(self, TR_FAILURE, reason, detail);
}

int tr_conversation_reject(tr_conversation_t *self, const char *reason, const char *detail) {
    return act_reason(self, TR_REJECT_PROPOSAL, reason, detail);
}

int tr_conversation_not_understood(tr_conversation_t *self, const char *reason, const char *detail) {
    return act_reason(self, TR_NOT_UNDERSTOOD, reason, detail);
}

const char *tr_conversation_allowed(const tr_conversation_t *self, char *out, size_t out_size) {
    bool crossed = self->role == TR_PARTICIPANT && self->machine.cancelling;
    uint32_t acts = self->ended ? 0 : tr_machine_allowed(&self->machine, self->role, crossed);
    return tr_acts_print(acts, out, out_size);
}

void tr_conversation_give_up(tr_conversation_t *self, const char *reason, const char *detail) {
    static const tr_performative_t participant[] = {
        TR_FAILURE, TR_REFUSE, TR_REJECT_PROPOSAL, TR_NOT_UNDERSTOOD};
    static const tr_performative_t initiator[] = {TR_REJECT_PROPOSAL};
    const tr_performative_t *acts = self->role == TR_PARTICIPANT ? participant : initiator;
    size_t acts_n = self->role == TR_PARTICIPANT ? sizeof participant / sizeof *participant : 1;
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    int r = write_reason(&w, reason, detail, &bytes, &len) < 0 ? 0 : -EPROTO;
    for (size_t i = 0; i < acts_n && r == -EPROTO; i++)
        r = tr_conversation_send(self, acts[i], NULL, bytes, len, NULL);
    tr_content_writer_finish(&w);
}

void tr_answer_unexpected(
    tr_agent_t *agent, const tr_message_t *message, const char *detail, uint32_t allowed) {
    if (tr_message_performative(message) == TR_NOT_UNDERSTOOD)
        return; /* or the two would go on for ever */
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 3);
    tr_write_kv(&w, "reason", "unexpected-act");
    tr_write_kv(&w, "detail", detail);
    tr_write_str(&w, "allowed");
    tr_write_array(&w, (size_t)__builtin_popcount(allowed));
    for (unsigned act = 0; act < TR_ACT_MAX; act++)
        if (allowed & 1u << act)
            tr_write_str(&w, tr_performative_name(act));
    tr_reply_content(agent, message, TR_NOT_UNDERSTOOD, &w);
}
