/* Messages to agents, and publications. */
#include "gateway/api/api.h"
#include "gateway/content.h"
#include "gateway/feed/hub.h"
#include "gateway/http/server.h"
#include "proto/aid.h"
#include "proto/json.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- contents ---- */

/* A text as it is, in its language. */
static int put_text(tr_web_call_t *call, const json_t *content, const char *language) {
    call->len = json_string_length(content);
    call->text = malloc(call->len + 1);
    if (!call->text)
        return -ENOMEM;
    memcpy(call->text, json_string_value(content), call->len);
    strcpy(call->language, language);
    return 0;
}

static int put_json(tr_web_call_t *call, const json_t *content) {
    call->text = json_dumps(content, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!call->text)
        return -ENOMEM;
    call->len = strlen(call->text);
    strcpy(call->language, "json");
    return 0;
}

/* -EINVAL: only a text can be in that language. */
static int put_content(tr_web_call_t *call, const json_t *content, const char *language, bool packed) {
    if (!content)
        return 0;
    bool text = json_is_string(content);
    if (language && strlen(language) > TR_WEB_LANGUAGE_MAX)
        return -EINVAL;
    if (language && strcmp(language, "json") == 0)
        return put_json(call, content);
    if (language ? strcmp(language, "msgpack") == 0 : !text || packed)
        return tr_json_write(content, &call->content);
    return text ? put_text(call, content, language ? language : "text") : -EINVAL;
}

static bool content_failed(tr_web_exchange_t *e, int rc) {
    if (rc == -ENOMEM)
        tr_web_problem(e, 503, "busy", "out of memory");
    else if (rc < 0)
        tr_web_problem(e, 400, "unrecognised-parameter-value", "content: %s",
            rc == -E2BIG ? "deeper than 16 lists and objects within each other"
                         : "only a text can be in another language than json or msgpack");
    return rc < 0;
}

/* Texts of the message that are given; false: one is too long. */
static bool copy(tr_web_exchange_t *e, const char *name, char *out, size_t size) {
    const char *text = tr_web_text(e, name);
    if (!text)
        return true;
    if (strlen(text) < size) {
        strcpy(out, text);
        return true;
    }
    tr_web_problem(e, 400, "unrecognised-parameter-value", "%s: expected %zu bytes at most", name, size - 1);
    return false;
}

/* ---- messages ---- */

static json_t *text_or_null(const char *text) {
    return *text ? json_string(text) : json_null();
}

static void on_answer(tr_web_exchange_t *e) {
    const tr_web_reply_t *r = e->replies[0];
    const char *whom = tr_web_text(e, "receiver");
    if (r->outcome == TR_WEB_SENT)
        tr_web_respond_json(e, 202, json_pack("{s:b}", "sent", 1));
    else if (r->outcome != TR_WEB_ANSWERED)
        tr_web_judge(e, r, whom);
    else /* whatever it says: the message was answered */
        tr_web_respond_json(e, 200,
            json_pack("{s:s, s:o, s:o, s:o}", "performative", tr_performative_name(r->act), "sender",
                text_or_null(r->sender), "conversation", text_or_null(r->conversation), "content",
                tr_web_reply_json(r)));
}

static bool read_act(tr_web_exchange_t *e, tr_web_call_t *call) {
    const char *word = tr_web_text(e, "performative");
    call->act = word ? tr_performative_parse(word, strlen(word)) : TR_REQUEST;
    if (call->act != TR_ACT_NONE)
        return true;
    tr_web_problem(
        e, 400, "unrecognised-parameter-value", "performative: \"%.60s\" is none of FIPA's 22", word);
    return false;
}

static bool read_receiver(tr_web_exchange_t *e) {
    tr_aid_t aid;
    const char *name = tr_web_text(e, "receiver");
    if (tr_aid_parse(&aid, name, strlen(name)) == 0)
        return true;
    tr_web_problem(e, 400, "unrecognised-parameter-value",
        "receiver: \"%.140s\" is no agent's name: expected NAME, NAME@PLATFORM or svc:NAME", name);
    return false;
}

static bool read_message(tr_web_exchange_t *e, tr_web_call_t *call) {
    const json_t *content = json_object_get(e->body, "content");
    return read_act(e, call) && tr_api_take_trace(e, call) &&
           copy(e, "protocol", call->protocol, sizeof call->protocol) &&
           copy(e, "ontology", call->ontology, sizeof call->ontology) &&
           copy(e, "conversation", call->conversation, sizeof call->conversation) &&
           !content_failed(e, put_content(call, content, tr_web_text(e, "language"), false));
}

void tr_api_message(tr_web_exchange_t *e) {
    const json_t *content = json_object_get(e->body, "content");
    if (!read_receiver(e) || !tr_web_admit_role(e, tr_api_role_of(tr_web_text(e, "receiver"), content)) ||
        !tr_api_speaks(e, content))
        return;
    const json_t *wait = json_object_get(e->body, "wait");
    tr_web_call_t *call =
        tr_bridge_call_new(json_is_false(wait) ? TR_WEB_SEND : TR_WEB_ASK, tr_web_text(e, "receiver"));
    if (!call)
        tr_web_problem(e, 503, "busy", "out of memory");
    else if (read_message(e, call)) {
        call->timeout_ms = tr_web_timeout(e);
        e->on_replies = on_answer;
        tr_web_exchange_call(e, 0, &call);
    }
    tr_bridge_call_destroy(&call);
}

/* ---- topics ---- */

/* An agent does not hear what it publishes itself; those who watch here do. */
static void tell_watchers(tr_web_exchange_t *e) {
    tr_web_part_t topic = tr_web_match_part(&e->match, "topic");
    json_t *content = json_object_get(e->body, "content");
    char name[TR_TOPIC_MAX + 1];
    memcpy(name, topic.at, topic.len);
    name[topic.len] = '\0';
    tr_web_news_t *news = tr_web_news_new(name, *e->who ? e->who : NULL, 0, tr_performative_name(TR_INFORM),
        content ? json_incref(content) : json_null());
    if (news) /* else it is missed, ignoring */
        tr_feed_hub_take(tr_web_server_hub(e->server), news);
}

static void on_published(tr_web_exchange_t *e) {
    if (!tr_web_judge(e, e->replies[0], "the broker"))
        return;
    if (tr_feed_hub_watches(tr_web_server_hub(e->server)))
        tell_watchers(e);
    tr_web_respond_json(e, 202, json_pack("{s:b}", "sent", 1));
}

void tr_api_publish(tr_web_exchange_t *e) {
    tr_web_part_t topic = tr_web_match_part(&e->match, "topic");
    char name[TR_TOPIC_MAX + 1];
    if (!tr_topic_valid(topic.at, topic.len) || topic.at[0] == '$') {
        tr_web_problem(e, 400, "bad-topic",
            "expected parts with dots between, at most %d bytes, the first not beginning with $",
            TR_TOPIC_MAX);
        return;
    }
    memcpy(name, topic.at, topic.len);
    name[topic.len] = '\0';
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_PUBLISH, name);
    int rc = call ? put_content(call, json_object_get(e->body, "content"), tr_web_text(e, "language"), true)
                  : -ENOMEM;
    if (!content_failed(e, rc)) {
        e->on_replies = on_published;
        tr_web_exchange_call(e, 0, &call);
    }
    tr_bridge_call_destroy(&call);
}
