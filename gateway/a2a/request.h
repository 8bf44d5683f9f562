/*
 * A request of A2A 1.0, in either binding: JSON-RPC, where it is the body, or HTTP+JSON, where method and path say what is asked. What the
 * two answer is the same, in another wrapping.
 */
#ifndef TR_GATEWAY_A2A_REQUEST_H
#define TR_GATEWAY_A2A_REQUEST_H

#include "gateway/a2a/task.h"
#include "gateway/http/exchange.h"

typedef enum tr_a2a_error {
    TR_A2A_NOT_FOUND,
    TR_A2A_NOT_CANCELABLE,
    TR_A2A_NO_PUSH,
    TR_A2A_UNSUPPORTED,
    TR_A2A_CONTENT_TYPE,
    TR_A2A_VERSION,
    TR_A2A_NO_METHOD,
    TR_A2A_INVALID,
    TR_A2A_FORBIDDEN,
    TR_A2A_BUSY,
} tr_a2a_error_t;

typedef struct tr_a2a_request {
    tr_web_exchange_t *e;
    bool rpc;
    json_t *id, *params; /* owned; params is an object */
    char agent[TR_AID_MAX + 1];
} tr_a2a_request_t;

/* Reads what both bindings have: version, agent, and of JSON-RPC id and params. False: it has responded. */
bool tr_a2a_request_init(tr_a2a_request_t *self, tr_web_exchange_t *e, bool rpc);
void tr_a2a_request_finish(tr_a2a_request_t *self);
/* The text of a member of params; NULL: there is none. */
const char *tr_a2a_text(const tr_a2a_request_t *self, const char *name);

/* What a result is in its binding. Steals result; NULL is out of memory. */
json_t *tr_a2a_wrap(bool rpc, json_t *id, json_t *result);
void tr_a2a_respond(tr_web_exchange_t *e, bool rpc, json_t *id, json_t *result);
void tr_a2a_fail(tr_web_exchange_t *e, bool rpc, json_t *id, tr_a2a_error_t error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* card.c: the card of the request's agent, with all that it can do; of the whole fleet where the agent is "". plain: it alone, as
 * application/json. */
void tr_a2a_show_card(tr_a2a_request_t *request, bool plain);

#endif
