#include "gateway/bridge.h"

#include "gateway/content.h"
#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/base/random.h"
#include "troupe/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct tr_bridge {
    pthread_mutex_t lock; /* of the two queues, and of host and wake */
    tr_web_call_t *calls, **calls_end;
    tr_web_reply_t *replies, **replies_end;
    tr_web_news_t *news, **news_end;
    size_t news_count;
    bool woken;      /* the web's thread was, and has not come yet */
    tr_host_t *host; /* NULL: not open */
    void (*wake)(void *arg);
    void *wake_arg;
    _Atomic bool connected;
    tr_agent_t *agent;     /* the agent's thread alone, as what follows */
    tr_web_call_t *flying; /* that have been asked */
    tr_map_t sequences;    /* of the last publication, by topic: where two patterns match, it comes twice */
};

tr_bridge_t *tr_bridge_new(void) {
    tr_bridge_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    pthread_mutex_init(&self->lock, NULL);
    self->calls_end = &self->calls;
    self->replies_end = &self->replies;
    self->news_end = &self->news;
    tr_map_init(&self->sequences, tr_random_seed());
    return self;
}

static void free_calls(tr_web_call_t *call) {
    while (call) {
        tr_web_call_t *next = call->next;
        tr_bridge_call_destroy(&call);
        call = next;
    }
}

void tr_bridge_destroy(tr_bridge_t **self_p) {
    tr_bridge_t *self = *self_p;
    if (!self)
        return;
    free_calls(self->calls);
    free_calls(self->flying);
    while (self->replies) {
        tr_web_reply_t *next = self->replies->next;
        free(self->replies);
        self->replies = next;
    }
    while (self->news) {
        tr_web_news_t *next = self->news->next;
        free(self->news);
        self->news = next;
    }
    tr_map_finish(&self->sequences);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

/* ---- replies ---- */

/* Out of memory: the call gets no reply, and whoever made it gives up in time. */
static tr_web_reply_t *reply_new(const tr_web_call_t *call, tr_web_outcome_t outcome, size_t len) {
    tr_web_reply_t *reply = malloc(sizeof *reply + len + 1);
    if (!reply)
        return NULL;
    memset(reply, 0, sizeof *reply);
    reply->owner = call->owner;
    reply->slot = call->slot;
    reply->began_ns = call->began_ns;
    reply->on_reply = call->on_reply;
    reply->outcome = outcome;
    reply->len = len;
    reply->content[len] = '\0';
    return reply;
}

static void put_reply(tr_bridge_t *self, tr_web_reply_t *reply) {
    if (!reply)
        return;
    pthread_mutex_lock(&self->lock);
    bool first = !self->woken;
    self->woken = true;
    *self->replies_end = reply;
    self->replies_end = &reply->next;
    if (first && self->wake)
        self->wake(self->wake_arg);
    pthread_mutex_unlock(&self->lock);
}

void tr_bridge_tell(tr_bridge_t *self, void *owner, unsigned slot, const char *json) {
    tr_web_reply_t *reply =
        reply_new(&(tr_web_call_t){.owner = owner, .slot = slot}, TR_WEB_ANSWERED, strlen(json));
    if (!reply)
        return;
    reply->act = TR_INFORM;
    strcpy(reply->language, "json");
    memcpy(reply->content, json, reply->len);
    put_reply(self, reply);
}

tr_web_reply_t *tr_bridge_replies(tr_bridge_t *self) {
    pthread_mutex_lock(&self->lock);
    tr_web_reply_t *all = self->replies;
    self->replies = NULL;
    self->replies_end = &self->replies;
    self->woken = false; /* what comes from now on, of either kind, wakes again */
    pthread_mutex_unlock(&self->lock);
    return all;
}

static void copy_text(char *out, size_t size, const char *text) {
    if (text && strlen(text) < size)
        strcpy(out, text);
}

static tr_web_reply_t *reply_of(const tr_web_call_t *call, const tr_message_t *answer) {
    size_t len = 0;
    const void *content = tr_message_content(answer, &len);
    const tr_acl_t *acl = tr_message_acl(answer);
    bool failed = tr_message_type(answer) == TR_MESSAGE_FAILED;
    tr_web_reply_t *reply = reply_new(call, failed ? TR_WEB_UNDELIVERED : TR_WEB_ANSWERED, failed ? 0 : len);
    if (!reply)
        return NULL;
    reply->act = tr_message_performative(answer);
    reply->reason = failed ? tr_message_reason(answer) : TR_REASON_NONE;
    reply->retry_ms = failed ? tr_message_retry_ms(answer) : 0;
    reply->msgpack = !acl || !acl->language || strcmp(acl->language, "msgpack") == 0;
    copy_text(reply->sender, sizeof reply->sender, tr_message_sender(answer));
    if (acl) {
        copy_text(reply->language, sizeof reply->language, acl->language);
        copy_text(reply->conversation, sizeof reply->conversation, acl->conversation_id);
    }
    if (reply->len)
        memcpy(reply->content, content, len);
    return reply;
}

/* ---- publications ---- */

#define NEWS_MAX   65536 /* that wait for the web's thread */
#define TOPICS_MAX 16384 /* of which the last number is known */

tr_web_news_t *tr_bridge_news(tr_bridge_t *self) {
    pthread_mutex_lock(&self->lock);
    tr_web_news_t *all = self->news;
    self->news = NULL;
    self->news_end = &self->news;
    self->news_count = 0;
    pthread_mutex_unlock(&self->lock);
    return all;
}

static void put_news(tr_bridge_t *self, tr_web_news_t *news) {
    pthread_mutex_lock(&self->lock);
    bool room = self->news_count < NEWS_MAX, first = room && !self->woken;
    self->woken |= room;
    if (room) {
        *self->news_end = news;
        self->news_end = &news->next;
        self->news_count++;
    }
    pthread_mutex_unlock(&self->lock);
    if (!room)
        free(news);
    else if (first && self->wake)
        self->wake(self->wake_arg);
}

/* It has come before, for another pattern. */
static bool is_copy(tr_bridge_t *self, const char *topic, uint64_t sequence) {
    size_t len = strlen(topic);
    const uint64_t *last = tr_map_find(&self->sequences, topic, len);
    if (last && *last == sequence)
        return true;
    if (self->sequences.count >= TOPICS_MAX) {
        tr_map_finish(&self->sequences);
        tr_map_init(&self->sequences, tr_random_seed());
    }
    tr_map_put(&self->sequences, topic, len, sequence); /* out of memory: it may come twice, ignoring */
    return false;
}

void tr_bridge_publication(tr_bridge_t *self, const tr_message_t *message) {
    const char *topic = tr_message_topic(message);
    bool gap = tr_message_type(message) == TR_MESSAGE_GAP;
    if (!gap && is_copy(self, topic, tr_message_sequence(message)))
        return;
    tr_web_news_t *news =
        gap ? tr_web_news_of_gap(topic, tr_message_missed(message)) : tr_web_news_of(message);
    if (news) /* else out of memory: it is missed, ignoring */
        put_news(self, news);
}

/* ---- calls ---- */

tr_web_call_t *tr_bridge_call_new(tr_web_call_kind_t kind, const char *to) {
    tr_web_call_t *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->kind = kind;
    call->began_ns = tr_clock_ns();
    copy_text(call->to, sizeof call->to, to);
    tr_content_writer_init(&call->content);
    return call;
}

void tr_bridge_call_destroy(tr_web_call_t **self) {
    if (!*self)
        return;
    tr_content_writer_finish(&(*self)->content);
    free((*self)->text);
    free((*self)->span);
    free(*self);
    *self = NULL;
}

static void fly(tr_bridge_t *self, tr_web_call_t *call) {
    call->bridge = self;
    call->previous = NULL;
    call->next = self->flying;
    if (self->flying)
        self->flying->previous = call;
    self->flying = call;
}

static void land(tr_bridge_t *self, tr_web_call_t *call) {
    if (call->previous)
        call->previous->next = call->next;
    else
        self->flying = call->next;
    if (call->next)
        call->next->previous = call->previous;
    tr_bridge_call_destroy(&call);
}

static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_web_call_t *call = arg;
    (void)agent, (void)state;
    if (!call->told)
        put_reply(call->bridge, answer ? reply_of(call, answer) : reply_new(call, TR_WEB_LATE, 0));
    land(call->bridge, call);
}

static tr_web_outcome_t outcome_of(int rc, bool connected) {
    switch (rc) {
    case 0: return TR_WEB_SENT;
    case -EMSGSIZE: return TR_WEB_TOO_LARGE;
    case -EINVAL: return TR_WEB_INVALID;
    default: return connected ? TR_WEB_BUSY : TR_WEB_AWAY;
    }
}

static const char *text_or_null(const char *text) {
    return *text ? text : NULL;
}

static int tell_span(tr_bridge_t *self, const tr_web_call_t *call) {
    const tr_web_span_t *s = call->span;
    char name[160];
    snprintf(name, sizeof name, "%s %s", s->method, s->route);
    tr_trace_span(self->agent, call->traceparent,
        &(tr_span_t){.name = name,
            .kind = "server",
            .start_ns = s->start_ns,
            .end_ns = s->end_ns,
            .number = s->number,
            .error = s->error,
            .attributes = TR_FIELDS(TR_FIELD_TEXT("http.request.method", s->method),
                TR_FIELD_TEXT("http.route", s->route),
                TR_FIELD_INT("http.response.status_code", (int64_t)s->status))});
    return 0;
}

static int hand_over(tr_bridge_t *self, tr_web_call_t *call) {
    const char *to = call->to;
    const tr_acl_user_t user = {"X-user", call->user};
    tr_acl_t acl = {
        .performative = call->act,
        .receivers = {&to, 1},
        .protocol = text_or_null(call->protocol),
        .ontology = text_or_null(call->ontology),
        .conversation_id = text_or_null(call->conversation),
        .language = text_or_null(call->language),
        .traceparent = text_or_null(call->traceparent),
        .user = &user,
        .user_count = *call->user != '\0',
        .content = call->text,
        .content_len = call->len,
    };
    if (!call->text && tr_content_writer_take(&call->content, &acl.content, &acl.content_len) < 0)
        return -ENOMEM;
    switch (call->kind) {
    case TR_WEB_ASK: return tr_request(self->agent, &acl, call->timeout_ms, on_answer, call);
    case TR_WEB_SEND: return tr_send(self->agent, &acl);
    case TR_WEB_SUBSCRIBE: return tr_subscribe(self->agent, to);
    case TR_WEB_UNSUBSCRIBE: return tr_unsubscribe(self->agent, to);
    case TR_WEB_PUBLISH: acl.receivers.count = 0; return tr_publish_message(self->agent, to, &acl);
    case TR_WEB_SPAN: return tell_span(self, call);
    }
    return -EINVAL;
}

static void begin(tr_bridge_t *self, tr_web_call_t *call) {
    bool watches =
        call->kind == TR_WEB_SUBSCRIBE || call->kind == TR_WEB_UNSUBSCRIBE || call->kind == TR_WEB_SPAN;
    bool connected = self->agent && tr_host_connected(self->host);
    fly(self, call);
    int rc = self->agent && (connected || watches) ? hand_over(self, call) : -ENOTCONN;
    if (rc == 0 && call->kind == TR_WEB_ASK)
        return;
    if (!watches)
        put_reply(self, reply_new(call, outcome_of(rc, connected), 0));
    land(self, call);
}

static tr_web_call_t *take_calls(tr_bridge_t *self) {
    pthread_mutex_lock(&self->lock);
    tr_web_call_t *all = self->calls;
    self->calls = NULL;
    self->calls_end = &self->calls;
    pthread_mutex_unlock(&self->lock);
    return all;
}

static void run_calls(tr_host_t *host, void *arg) {
    tr_bridge_t *self = arg;
    (void)host;
    for (tr_web_call_t *call = take_calls(self), *next; call; call = next) {
        next = call->next;
        begin(self, call);
    }
}

void tr_bridge_call(tr_bridge_t *self, tr_web_call_t **call_p) {
    tr_web_call_t *call = *call_p;
    *call_p = NULL;
    call->next = NULL;
    pthread_mutex_lock(&self->lock);
    bool first = !self->calls;
    *self->calls_end = call;
    self->calls_end = &call->next;
    /* Out of memory: it goes with the next one, ignoring. */
    if (first && self->host)
        tr_host_post(self->host, run_calls, self);
    pthread_mutex_unlock(&self->lock);
}

/* ---- the link ---- */

void tr_bridge_open(
    tr_bridge_t *self, tr_host_t *host, tr_agent_t *agent, void (*wake)(void *arg), void *arg) {
    self->agent = agent;
    pthread_mutex_lock(&self->lock);
    self->host = host;
    self->wake = wake;
    self->wake_arg = arg;
    pthread_mutex_unlock(&self->lock);
    run_calls(host, self);
}

void tr_bridge_close(tr_bridge_t *self) {
    pthread_mutex_lock(&self->lock);
    self->host = NULL;
    self->wake = NULL;
    pthread_mutex_unlock(&self->lock);
    self->agent = NULL;
}

void tr_bridge_link(tr_bridge_t *self, bool connected) {
    atomic_store(&self->connected, connected);
}

bool tr_bridge_connected(const tr_bridge_t *self) {
    return atomic_load(&((tr_bridge_t *)(uintptr_t)self)->connected);
}

void tr_bridge_give_up(tr_bridge_t *self) {
    for (tr_web_call_t *call = self->flying; call; call = call->next) {
        if (!call->told)
            put_reply(self, reply_new(call, TR_WEB_LOST, 0));
        call->told = true;
    }
}

void tr_bridge_lost(tr_bridge_t *self) {
    tr_map_finish(&self->sequences); /* topics may begin at 1 again */
    tr_map_init(&self->sequences, tr_random_seed());
    tr_bridge_give_up(self);
}
