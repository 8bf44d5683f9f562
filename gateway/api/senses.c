/* Whoever offers the service `senses` (agentd's behaviour of that name) hears, speaks and sees for the gateway. */
#include "gateway/api/api.h"
#include "gateway/http/server.h"

#include <string.h>

#define WHO "svc:senses"

tr_web_call_t *tr_api_sense_call(tr_web_exchange_t *e, const char *action, size_t fields) {
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, WHO);
    if (!call) {
        tr_web_problem(e, 503, "busy", "out of memory");
        return NULL;
    }
    call->act = TR_REQUEST;
    call->timeout_ms = tr_web_server_options(e->server)->sense_ms;
    strcpy(call->protocol, "fipa-request");
    tr_write_map(&call->content, fields + 1);
    tr_write_kv(&call->content, "action", action);
    return call;
}

static bool is_nobody(const tr_web_reply_t *reply) {
    return reply && reply->outcome == TR_WEB_UNDELIVERED &&
           strcmp(tr_reason_name(reply->reason), "no-provider") == 0;
}

bool tr_api_sense_judge(tr_web_exchange_t *e, const tr_web_reply_t *reply) {
    if (!is_nobody(reply))
        return tr_web_judge(e, reply, WHO);
    tr_web_problem(e, 503, "no-provider",
        "nobody here hears, speaks or sees: start an agent of the behaviour senses (troupe-agentd --name "
        "senses "
        "--behaviour senses)");
    return false;
}
