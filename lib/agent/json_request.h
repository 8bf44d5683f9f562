/* Requests whose content, and answer, are JSON: what tools and behaviours ask others for. */
#ifndef TR_AGENT_JSON_REQUEST_H
#define TR_AGENT_JSON_REQUEST_H

#include "troupe/agent.h"

#include <jansson.h>

/* A fipa-request to one receiver: in the name of who sent `under`, where it is one, as tr_delegate_request; else as tr_request. Their errors too, and
 * -ENOMEM where `content` is NULL. */
int tr_request_json(tr_agent_t *self, const tr_message_t *under, const char *to, const json_t *content,
    int64_t timeout_ms, tr_answer_fn on_answer, void *arg);

/* An answer's content (a text where it is one), a new reference; of a failure, and of none in time (NULL), {"reason", "detail"}. NULL when out of
 * memory. */
json_t *tr_answer_json(const tr_message_t *answer);
/* Whether it is an inform or a confirm. */
bool tr_answer_is_good(const tr_message_t *answer);

#endif
