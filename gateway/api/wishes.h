/*
 * What a request of OpenAI's API may ask for beside its question. What an agent cannot do is refused, and named (`param`), not left out without a word;
 * what bounds its reply is kept to here; what tells a model how to write is handed on to the agent as it is (`parameters`).
 */
#ifndef TR_GATEWAY_API_WISHES_H
#define TR_GATEWAY_API_WISHES_H

#include "gateway/http/exchange.h"

/* Whether all that the body asks for can be had. False: it was responded to. By the route of the request. */
bool tr_wishes_check(tr_web_exchange_t *e);
/* {"temperature": ... } of those that are for the agent; NULL: there are none. New. */
json_t *tr_wishes_for_agent(const tr_web_exchange_t *e);
/* Whether the reply has to be cut, maybe: then it can be told only as a whole. */
bool tr_wishes_bound(const tr_web_exchange_t *e);
/* Cuts it: at the first of its `stop`, and after so many tokens (four bytes for one). "stop", or "length". */
const char *tr_wishes_cut(const tr_web_exchange_t *e, char *reply);

/* parts.c: whether the messages in that field are of what is read here; false: they are not, and it has responded. */
bool tr_parts_check(tr_web_exchange_t *e, const char *field);

#endif
