/* What a handler asks agents, and what their replies mean in the words of HTTP. */
#include "gateway/content.h"
#include "gateway/http/exchange.h"
#include "gateway/http/server.h"
#include "proto/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What agents say when they refuse or fail (docs/protocol.md, sections 15 and 18) that is not 422 or 502. */
static const struct {
    const char *reason;
    unsigned status;
} statuses[] = {
    {"missing-argument", 400},
    {"unexpected-argument", 400},
    {"unrecognised-parameter-value", 400},
    {"unrecognised-value", 400},
    {"unsupported-value", 400},
    {"invalid", 400},
    {"unauthorised", 403},
    {"forbidden", 403},
    {"not-registered", 404},
    {"not-found", 404},
    {"already-registered", 409},
    {"already-decided", 409},
    {"illegal-transition", 409},
    {"too-large", 413},
    {"unsupported-type", 415},
    {"unsupported-function", 501},
    {"unsupported-act", 501},
    {"no-journal", 501},
    {"agent-gone", 502},
    {"busy", 503},
    {"unsupported", 503},
    {"no-provider", 503},
    {"peer-down", 503},
    {"disk-full", 507},
    {"expired", 504},
};

static unsigned status_of(const char *reason, unsigned otherwise) {
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (strcmp(statuses[i].reason, reason) == 0)
            return statuses[i].status;
    return otherwise;
}

json_t *tr_web_reply_json(const tr_web_reply_t *reply) {
    return tr_content_json(reply->msgpack ? NULL : reply->language, reply->content, reply->len);
}

/* ---- what replies mean ---- */

static const char *why_undelivered(tr_reason_t reason) {
    switch (reason) {
    case TR_REASON_AGENT_GONE: return "it ended before it answered; it may have done what it was asked";
    case TR_REASON_NOT_FOUND:
        return "not-found: there is no agent of this name; the list of agents (find_agents, /api/v1/agents) "
               "says who there is";
    case TR_REASON_NO_PROVIDER: return "no-provider: nobody offers this service; start an agent that does";
    default: return tr_reason_name(reason);
    }
}

const char *tr_web_why_not(const tr_web_reply_t *reply) {
    switch (reply->outcome) {
    case TR_WEB_UNDELIVERED: return why_undelivered(reply->reason);
    case TR_WEB_LATE: return "it did not answer in time";
    case TR_WEB_AWAY: return "the gateway has no link to its broker now";
    case TR_WEB_LOST: return "the gateway lost its broker before there was an answer";
    case TR_WEB_BUSY: return "it takes no more messages now";
    case TR_WEB_TOO_LARGE: return "this is more than a message may have";
    default: return "it cannot be asked";
    }
}

static void undelivered(tr_web_exchange_t *self, const tr_web_reply_t *reply, const char *whom) {
    const char *reason = tr_reason_name(reply->reason);
    unsigned status = status_of(reason, 502);
    self->retry_s = status == 503 ? 1 + reply->retry_ms / 1000 : 0;
    if (reply->reason == TR_REASON_AGENT_GONE) { /* it may have had the message in hand */
        self->unknown = true;
        tr_web_problem(
            self, status, reason, "%s ended before it answered; it may have done what it was asked", whom);
    } else if (strcmp(reason, "no-provider") == 0)
        tr_web_problem(self, status, reason, "nobody offers %s: start an agent that does", whom);
    else
        tr_web_problem(self, status, reason, "the message to %s was not delivered: %s", whom, reason);
}

static void refused(tr_web_exchange_t *self, const tr_web_reply_t *reply, const char *whom) {
    json_t *content = tr_web_reply_json(reply);
    const char *reason = json_string_value(json_object_get(content, "reason"));
    const char *detail = json_string_value(json_object_get(content, "detail"));
    unsigned otherwise = reply->act == TR_FAILURE ? 502 : 422;
    if (!detail && json_is_string(content))
        detail = json_string_value(content);
    unsigned status = reason ? status_of(reason, otherwise) : otherwise;
    self->retry_s = status == 503;
    tr_web_problem(self, status, reason ? reason : tr_performative_name(reply->act), "%s: %s", whom,
        detail ? detail : tr_performative_name(reply->act));
    json_decref(content);
}

static bool is_refusal(tr_performative_t act) {
    return act == TR_REFUSE || act == TR_FAILURE || act == TR_NOT_UNDERSTOOD;
}

bool tr_web_judge(tr_web_exchange_t *self, const tr_web_reply_t *reply, const char *whom) {
    tr_web_outcome_t outcome = reply ? reply->outcome : TR_WEB_LATE;
    switch (outcome) {
    case TR_WEB_SENT: return true;
    case TR_WEB_ANSWERED:
        if (is_refusal(reply->act))
            refused(self, reply, whom);
        return !is_refusal(reply->act);
    case TR_WEB_UNDELIVERED: undelivered(self, reply, whom); return false;
    case TR_WEB_LATE:
        self->unknown = true;
        tr_web_problem(
            self, 504, "timeout", "%s did not answer in time; it may still do what it was asked", whom);
        return false;
    case TR_WEB_AWAY:
        self->retry_s = 1;
        tr_web_problem(self, 503, "no-broker", "the gateway has no link to its broker now");
        return false;
    case TR_WEB_LOST:
        self->retry_s = 1;
        self->unknown = true;
        tr_web_problem(self, 503, "no-broker",
            "the gateway lost its broker before %s answered; it may still do what it was asked", whom);
        return false;
    case TR_WEB_BUSY:
        self->retry_s = 1;
        tr_web_problem(self, 503, "busy", "%s takes no more messages now", whom);
        return false;
    case TR_WEB_TOO_LARGE:
        tr_web_problem(self, 413, "too-large", "this is more than a message may have");
        return false;
    case TR_WEB_INVALID:
        tr_web_problem(self, 400, "unrecognised-parameter-value",
            "\"%.200s\" is no name of an agent, service or topic", whom);
        return false;
    }
    return false;
}

/* ---- asking ---- */

void tr_web_exchange_call(tr_web_exchange_t *self, unsigned slot, tr_web_call_t **call) {
    (*call)->owner = self;
    (*call)->slot = slot;
    _Static_assert(sizeof(*call)->user == sizeof self->who, "a user's name is a token's");
    strcpy((*call)->user, *self->who ? self->who : TR_WEB_ANYONE);
    tr_web_trace_put(self, *call);
    self->asked++;
    tr_web_server_call(self->server, call);
}

static void on_asked(tr_web_exchange_t *self) {
    const tr_web_route_t *route = self->match.route;
    if (tr_web_judge(self, self->replies[0], route->to))
        tr_web_respond_json(self, route->success ? route->success : 200, tr_web_reply_json(self->replies[0]));
}

void tr_web_ask(tr_web_exchange_t *self) {
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, self->match.route->to);
    int rc = call ? tr_web_write_fields(self, self->match.route->action, &call->content) : -ENOMEM;
    if (rc < 0) {
        tr_bridge_call_destroy(&call);
        tr_web_problem(self, rc == -ENOMEM ? 503 : 400,
            rc == -ENOMEM ? "busy" : "unrecognised-parameter-value", "%s",
            rc == -E2BIG ? "deeper than 16 lists and objects within each other" : strerror(-rc));
        return;
    }
    call->act = TR_REQUEST;
    call->timeout_ms = tr_web_timeout(self);
    strcpy(call->protocol, "fipa-request");
    self->on_replies = on_asked;
    tr_web_exchange_call(self, 0, &call);
}
