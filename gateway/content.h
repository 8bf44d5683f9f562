/* Contents and publications as JSON. New references; NULL: out of memory. */
#ifndef TR_GATEWAY_CONTENT_H
#define TR_GATEWAY_CONTENT_H

#include "gateway/bridge.h"

#include <jansson.h>

/* language NULL: msgpack. What is neither msgpack nor JSON is a text; what is no UTF-8, {"$bin": base64}. */
json_t *tr_web_content_json(const char *language, const void *bytes, size_t len);
/* {"topic", "sender", "sequence", "performative", "content"}; sequence 0: null. Steals content. */
tr_web_news_t *tr_web_news_new(
    const char *topic, const char *sender, uint64_t sequence, const char *performative, json_t *content);
tr_web_news_t *tr_web_news_of(const tr_message_t *message);
/* {"topic", "missed"} */
tr_web_news_t *tr_web_news_of_gap(const char *topic, uint64_t missed);

#endif
