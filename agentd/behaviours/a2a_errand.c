/*
 * One request to the other side: SendStreamingMessage where it streams, else SendMessage; what goes on afterwards, or lost its stream, is asked for by
 * GetTask until it ends or the time is over. Whoever gives it up tells the other side so by CancelTask.
 */
#include "agentd/behaviours/a2a_remote.h"
#include "agentd/behaviours/own_topic.h"
#include "agentd/behaviours/thinker.h"
#include "lib/base/clock.h"
#include "proto/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOOK_MS      250 /* doubled up to LOOK_MOST_MS */
#define LOOK_MOST_MS 5000
#define NOTICE_MS    10000

typedef struct tr_remote_errand {
    struct tr_remote_errand *next, **link;
    tr_remote_t *remote;
    tr_message_t *message; /* NULL: it was given up, and stays until the other side can be told */
    char who[TR_REMOTE_USER_MAX], user[TR_REMOTE_USER_MAX];
    char *body;
    tr_llm_transfer_t *transfer;
    tr_llm_timer_t look, late;
    int64_t look_ms, deadline_ms;
    tr_buffer_t came; /* where it is no stream */
    tr_llm_sse_t sse;
    tr_a2a_reply_t reply;
    tr_error_t wrong; /* with what was heard */
    bool streams;
    int64_t pieces;
} errand_t;

/* A CancelTask on its way. */
typedef struct tr_remote_notice {
    struct tr_remote_notice *next, **link;
    tr_remote_t *remote;
    char *body;
    tr_llm_transfer_t *transfer;
} notice_t;

/* ---- notices ---- */

static void free_notice(notice_t *self) {
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    if (self->transfer)
        self->remote->web->cancel(&self->transfer);
    free(self->body);
    free(self);
}

static bool on_notice_data(void *arg, const tr_llm_report_t *report, const char *bytes, size_t len) {
    (void)arg, (void)report, (void)bytes, (void)len;
    return true;
}

static void on_notice(void *arg, const tr_llm_report_t *report) {
    notice_t *self = arg;
    (void)report; /* what came of it changes nothing, ignoring */
    self->transfer = NULL;
    free_notice(self);
}

static const char *rpc_url(const tr_remote_t *self) {
    return *self->conf.rpc_url ? self->conf.rpc_url : self->card.url;
}

/* What cannot be told the other side finds out by itself, ignoring. */
static void tell_cancelled(tr_remote_t *remote, const char *task) {
    static const tr_llm_transfer_ops_t ops = {on_notice_data, on_notice};
    notice_t *self = *task ? calloc(1, sizeof *self) : NULL;
    if (!self)
        return;
    *self =
        (notice_t){remote->notices, &remote->notices, remote, tr_a2a_print_about("CancelTask", task), NULL};
    if (self->next)
        self->next->link = &self->next;
    remote->notices = self;
    if (!self->body || tr_remote_ask(remote, rpc_url(remote), self->body, NULL, NOTICE_MS, &ops, self,
                           &self->transfer, NULL) < 0)
        free_notice(self);
}

/* ---- the end of an errand ---- */

static void free_errand(errand_t *self, bool done) {
    tr_remote_t *remote = self->remote;
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    remote->errand_count--;
    if (self->transfer)
        remote->web->cancel(&self->transfer);
    tr_llm_timer_stop(&remote->loop, &self->look);
    tr_llm_timer_stop(&remote->loop, &self->late);
    if (self->message && done)
        tr_message_done(&self->message);
    else if (self->message)
        tr_message_release(&self->message);
    tr_buffer_finish(&self->came);
    tr_llm_sse_finish(&self->sse);
    tr_a2a_reply_finish(&self->reply);
    free(self->body);
    free(self);
}

static void fail(errand_t *self, tr_performative_t act, const char *reason, const char *detail) {
    /* out of memory: who asked waits in vain, ignoring */
    tr_replies_send_reason(&self->remote->replies, self->remote->agent, self->message, act, reason, detail);
    free_errand(self, true);
}

/* Who asked is told at once; the other side as soon as the task has a name there. */
static void give_up(errand_t *self, const char *reason, const char *detail) {
    if (*self->reply.task || !self->transfer) {
        tell_cancelled(self->remote, self->reply.task);
        fail(self, TR_FAILURE, reason, detail);
        return;
    }
    /* out of memory: who asked waits in vain, ignoring */
    tr_replies_send_reason(
        &self->remote->replies, self->remote->agent, self->message, TR_FAILURE, reason, detail);
    tr_message_done(&self->message);
}

static json_t *content_of(const errand_t *self) {
    tr_buffer_t text;
    tr_buffer_init(&text, 0);
    tr_a2a_reply_text(&self->reply, &text);
    json_t *data = tr_a2a_reply_data(&self->reply);
    json_t *content = json_pack("{s:s, s:s, s:s, s:o*}", "reply", tr_buffer_string(&text), "task",
        self->reply.task, "context", self->reply.context, "data", data);
    tr_buffer_finish(&text);
    if (content && self->reply.how == TR_A2A_ASKS_BACK)
        json_object_set_new(content, "asks", json_true());
    return content;
}

/* Pieces of a text on dialogue.AGENT.USER; who misses one has the answer. */
static void publish(errand_t *self, const char *text, bool last, bool again) {
    char topic[TR_OWN_TOPIC_MAX];
    tr_content_writer_t w;
    json_t *piece = json_pack("{s:s, s:I, s:I, s:s, s:b}", "user", self->user, "turn",
        (json_int_t)self->remote->turns, "piece", (json_int_t)self->pieces++, "text", text, "last", last);
    int n = tr_own_topic(self->remote->agent, "dialogue", topic);
    topic[n++] = '.';
    for (const char *at = self->user; *at && n < TR_OWN_TOPIC_MAX - 1; at++)
        topic[n++] = (char)(isalnum((unsigned char)*at) || *at == '-' ? *at : '_');
    topic[n] = '\0';
    if (piece && again)
        json_object_set_new(piece, "again", json_true());
    tr_content_writer_init(&w);
    if (piece && tr_json_write(piece, &w) == 0)
        tr_publish_content(self->remote->agent, topic, &w);
    else
        tr_content_writer_finish(&w);
    json_decref(piece);
}

static void answer(errand_t *self) {
    tr_remote_t *remote = self->remote;
    tr_remote_session_t *session = tr_remote_session(remote, self->who);
    tr_content_writer_t w;
    json_t *content = content_of(self);
    strcpy(session->context, self->reply.context);
    strcpy(session->task, self->reply.how == TR_A2A_ASKS_BACK ? self->reply.task : "");
    if (self->pieces)
        publish(self, "", true, false);
    tr_content_writer_init(&w);
    if (content && tr_json_write(content, &w) == 0)
        tr_replies_send(&remote->replies, remote->agent, self->message, TR_INFORM, &w);
    else
        tr_content_writer_finish(&w);
    json_decref(content);
    free_errand(self, true);
}

static void finish(errand_t *self) {
    const char *said = *self->reply.said ? self->reply.said : "the other side does not say why";
    tr_remote_session_t *session = tr_remote_session(self->remote, self->who);
    if (self->reply.how == TR_A2A_DONE || self->reply.how == TR_A2A_ASKS_BACK) {
        answer(self);
        return;
    }
    *session->task = '\0';
    fail(self, self->reply.how == TR_A2A_REFUSED ? TR_REFUSE : TR_FAILURE,
        self->reply.how == TR_A2A_REFUSED ? "rejected" : "failed", said);
}

static void on_late(void *arg) {
    errand_t *self = arg;
    if (!self->message) {
        free_errand(self, true);
        return;
    }
    tell_cancelled(self->remote, self->reply.task);
    fail(self, TR_FAILURE, "timeout", "the other side has not answered within timeout-ms");
}

/* ---- hearing ---- */

static void on_piece(void *arg, const char *text, bool again) {
    if (((errand_t *)arg)->message)
        publish(arg, text, false, again);
}

static bool on_event(void *arg, const char *name, char *data, size_t len) {
    errand_t *self = arg;
    (void)name;
    return len == 0 || tr_a2a_reply_hear(&self->reply, data, len, on_piece, self, &self->wrong) == 0;
}

static bool on_data(void *arg, const tr_llm_report_t *report, const char *bytes, size_t len) {
    errand_t *self = arg;
    self->streams = strncasecmp(report->content_type, "text/event-stream", 17) == 0;
    if (!self->streams) {
        tr_buffer_put(&self->came, bytes, len);
        return !self->came.failed;
    }
    int rc = tr_llm_sse_feed(&self->sse, bytes, len, on_event, self);
    if (rc < 0)
        tr_error_set(&self->wrong, rc, "an event of it is too large");
    /* a stream may begin with the question that this message answers */
    bool open = self->reply.how == TR_A2A_GOES_ON || self->reply.how == TR_A2A_ASKS_BACK;
    return rc == 0 && open && (self->message || !*self->reply.task);
}

static void look(void *arg);

static void look_later(errand_t *self) {
    int64_t now = tr_clock_ms();
    self->look_ms = self->look_ms * 2 < LOOK_MOST_MS ? self->look_ms * 2 : LOOK_MOST_MS;
    if (tr_llm_timer_at(&self->remote->loop, &self->look, now + self->look_ms, look, self) < 0)
        fail(self, TR_FAILURE, "internal-error", "out of memory");
}

static void on_done(void *arg, const tr_llm_report_t *report) {
    errand_t *self = arg;
    char why[400];
    bool whole = report->end == TR_LLM_END_WHOLE || report->end == TR_LLM_END_STOPPED;
    self->transfer = NULL;
    if (whole && !self->streams && self->came.size > 0)
        tr_a2a_reply_hear(
            &self->reply, tr_buffer_string(&self->came), self->came.size, NULL, NULL, &self->wrong);
    if (!self->message) {
        if (self->reply.how == TR_A2A_GOES_ON)
            tell_cancelled(self->remote, self->reply.task);
        free_errand(self, true);
        return;
    }
    bool again = !self->wrong.code && self->reply.how == TR_A2A_GOES_ON && *self->reply.task &&
                 (!whole || report->status / 100 == 2 || report->status >= 500);
    snprintf(why, sizeof why, "%.200s: %s%.150s", rpc_url(self->remote),
        whole && !self->wrong.code ? "HTTP " : "", self->wrong.code ? self->wrong.text : report->detail);
    if (self->reply.how != TR_A2A_GOES_ON && !self->wrong.code)
        finish(self);
    else if (again)
        look_later(self);
    else if (whole && !self->wrong.code) {
        snprintf(why, sizeof why, "%.200s answered HTTP %d%s", rpc_url(self->remote), report->status,
            report->status / 100 == 2 ? " without a task" : "");
        fail(self, TR_FAILURE, "unavailable", why);
    } else
        fail(self, TR_FAILURE, self->wrong.code ? "garbled" : "unavailable", why);
}

/* Sends the body. 0 or negative. */
static int post(errand_t *self, char *body) {
    static const tr_llm_transfer_ops_t ops = {on_data, on_done};
    int64_t left = self->deadline_ms - tr_clock_ms() + 1000; /* the timer is the first */
    free(self->body);
    self->body = body;
    self->came.size = 0;
    self->streams = false;
    tr_llm_sse_finish(&self->sse);
    tr_llm_sse_init(&self->sse, TR_REMOTE_BODY_MAX);
    const tr_acl_t *asked = self->message ? tr_message_acl(self->message) : NULL;
    return body ? tr_remote_ask(self->remote, rpc_url(self->remote), body, asked ? asked->traceparent : NULL,
                      left, &ops, self, &self->transfer, &self->wrong)
                : -ENOMEM;
}

static void look(void *arg) {
    errand_t *self = arg;
    if (post(self, tr_a2a_print_about("GetTask", self->reply.task)) < 0)
        fail(self, TR_FAILURE, "internal-error", "out of memory, or the key cannot be read");
}

/* ---- the beginning ---- */

/* What it is asked, as parts; NULL: out of memory. */
static json_t *parts_of(const tr_message_t *message) {
    size_t len = 0;
    const char *text = tr_thinker_text(message, "text", &len);
    tr_value_t value = tr_message_value(message);
    if (text)
        return json_pack("[{s:o, s:s}]", "text", json_stringn(text, len), "mediaType", "text/plain");
    json_t *data = value ? tr_value_to_json(value) : json_null();
    return json_pack("[{s:o, s:s}]", "data", data, "mediaType", "application/json");
}

static void name_user(errand_t *self) {
    char user[TR_REMOTE_USER_MAX / 2] = "";
    tr_value_t said = tr_value_get(tr_message_value(self->message), "user");
    if (said)
        tr_value_copy(said, user, sizeof user); /* too long: none, ignoring */
    const char *sender = tr_message_sender(self->message);
    snprintf(self->user, sizeof self->user, "%s", *user ? user : sender);
    snprintf(self->who, sizeof self->who, "%.120s %s", sender, user);
}

int tr_remote_errand_start(tr_remote_t *remote, const tr_message_t *message) {
    errand_t *self = calloc(1, sizeof *self);
    tr_message_t *kept = self ? tr_message_keep(message) : NULL;
    if (!kept || tr_a2a_reply_init(&self->reply) < 0) {
        if (kept)
            tr_message_release(&kept);
        free(self);
        return -ENOMEM;
    }
    self->remote = remote;
    self->message = kept;
    self->next = remote->errands;
    self->link = &remote->errands;
    if (self->next)
        self->next->link = &self->next;
    remote->errands = self;
    remote->errand_count++;
    self->look_ms = LOOK_MS / 2;
    self->deadline_ms = tr_clock_ms() + remote->conf.timeout_ms;
    tr_buffer_init(&self->came, TR_REMOTE_BODY_MAX);
    name_user(self);
    const tr_remote_session_t *session = tr_remote_session(remote, self->who);
    strcpy(self->reply.task, session->task);
    json_t *parts = parts_of(kept);
    int rc = tr_llm_timer_at(&remote->loop, &self->late, self->deadline_ms, on_late, self);
    char *body =
        parts ? tr_a2a_print_send(remote->card.streams, parts, session->context, session->task) : NULL;
    int sent = post(self, body);
    if (rc < 0 || sent < 0) {
        free_errand(self, true);
        return -ENOMEM;
    }
    return 0;
}

/* ---- giving up ---- */

static bool same(const char *a, const char *b) {
    return a && b && strcmp(a, b) == 0;
}

void tr_remote_cancel(tr_remote_t *self, const tr_message_t *message) {
    const tr_acl_t *acl = tr_message_acl(message);
    for (errand_t *errand = self->errands, *next; acl && errand; errand = next) {
        const tr_acl_t *asked = errand->message ? tr_message_acl(errand->message) : NULL;
        next = errand->next;
        if (!asked || !same(asked->conversation_id, acl->conversation_id) ||
            !same(asked->sender, acl->sender))
            continue;
        give_up(errand, "cancelled", "as its sender asked");
    }
}

void tr_remote_errands_finish(tr_remote_t *self) {
    while (self->errands)
        free_errand(self->errands, false);
    while (self->notices)
        free_notice(self->notices);
}
