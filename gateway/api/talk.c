/* A turn with an assistant (docs/minds.md, Behaviours that think). */
#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "proto/aid.h"

#include <string.h>

static const char *agent_of(const tr_web_exchange_t *e) {
    const char *agent = tr_web_text(e, "agent");
    return agent ? agent : "assistant";
}

static void on_turn(tr_web_exchange_t *e) {
    if (tr_web_judge(e, e->replies[0], agent_of(e)))
        tr_web_respond_json(e, 200, tr_web_reply_json(e->replies[0]));
}

bool tr_api_take_trace(tr_web_exchange_t *e, tr_web_call_t *call) {
    const char *text = json_string_value(json_object_get(e->body, "traceparent"));
    tr_traceparent_t parsed;
    if (!text)
        return true;
    if (!tr_traceparent_parse(&parsed, text)) {
        tr_web_problem(e, 400, "unrecognised-parameter-value",
            "traceparent: expected 00-TRACE-SPAN-FLAGS of W3C Trace Context, in lower-case hexadecimal");
        return false;
    }
    tr_traceparent_write(&parsed, call->traceparent);
    return true;
}

void tr_api_process_input(tr_web_exchange_t *e) {
    const char *user = tr_web_text(e, "user");
    tr_aid_t aid;
    if (tr_aid_parse(&aid, agent_of(e), strlen(agent_of(e))) < 0) {
        tr_web_problem(
            e, 400, "unrecognised-parameter-value", "agent: \"%.140s\" is no agent's name", agent_of(e));
        return;
    }
    if (user && !tr_api_speak_as(e, user, strlen(user)))
        return;
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, agent_of(e));
    if (!call) {
        tr_web_problem(e, 503, "busy", "out of memory");
        return;
    }
    if (!tr_api_take_trace(e, call)) {
        tr_bridge_call_destroy(&call);
        return;
    }
    tr_write_map(&call->content, 2);
    tr_write_kv(&call->content, "text", tr_web_text(e, "text"));
    tr_write_kv(&call->content, "user", user ? user : *e->who ? e->who : "web");
    call->act = TR_REQUEST;
    call->timeout_ms = tr_web_timeout(e);
    strcpy(call->protocol, "fipa-request");
    e->on_replies = on_turn;
    tr_web_exchange_call(e, 0, &call);
}
