#include "gateway/content.h"

#include "proto/json.h"

#include <stdlib.h>
#include <string.h>

/* ---- publications ---- */

static tr_web_news_t *news_of_json(const char *topic, json_t *json) {
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;
    tr_web_news_t *news = text && strlen(topic) <= TR_TOPIC_MAX ? malloc(sizeof *news + len + 1) : NULL;
    json_decref(json);
    if (news) {
        news->next = NULL;
        news->len = len;
        strcpy(news->topic, topic);
        memcpy(news->json, text, len + 1);
    }
    free(text);
    return news;
}

tr_web_news_t *tr_web_news_new(
    const char *topic, const char *sender, uint64_t sequence, const char *performative, json_t *content) {
    return news_of_json(topic, json_pack("{s:s, s:s?, s:o, s:s, s:o}", "topic", topic, "sender", sender,
                                   "sequence", sequence ? json_integer((json_int_t)sequence) : json_null(),
                                   "performative", performative, "content", content));
}

tr_web_news_t *tr_web_news_of(const tr_message_t *message) {
    size_t len = 0;
    const void *bytes = tr_message_content(message, &len);
    const tr_acl_t *acl = tr_message_acl(message);
    const char *sender = tr_message_sender(message);
    return tr_web_news_new(tr_message_topic(message), *sender ? sender : NULL, tr_message_sequence(message),
        tr_performative_name(tr_message_performative(message)),
        tr_content_json(acl ? acl->language : NULL, bytes, len));
}

tr_web_news_t *tr_web_news_of_gap(const char *topic, uint64_t missed) {
    return news_of_json(topic, json_pack("{s:s, s:I}", "topic", topic, "missed", (json_int_t)missed));
}
