/* Publications as JSON; their contents: tr_content_json (proto/json.h). New references; NULL: out of memory. */
#ifndef TR_GATEWAY_CONTENT_H
#define TR_GATEWAY_CONTENT_H

#include "gateway/bridge.h"

#include <jansson.h>

/* {"topic", "sender", "sequence", "performative", "content"}; sequence 0: null. Steals content. */
tr_web_news_t *tr_web_news_new(
    const char *topic, const char *sender, uint64_t sequence, const char *performative, json_t *content);
tr_web_news_t *tr_web_news_of(const tr_message_t *message);
/* {"topic", "missed"} */
tr_web_news_t *tr_web_news_of_gap(const char *topic, uint64_t missed);

#endif
