/*
 * The fleet: what its supervisor says of it, and how it is changed (tools/fleet/fleet_request.h, `troupe attach`, `troupe scale`).
 *
 * The supervisor obeys whoever can write to the fleet's state directory, which each request shows by a ticket (lib/base/ticket.h). So the
 * gateway makes one where --fleet-state says that directory, for those whose token's role allows it; no program and no shared object can be
 * named, which would let the holder of a token run what he likes.
 */
#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "lib/base/ticket.h"
#include "proto/json.h"

#include <stdlib.h>
#include <string.h>

#define SUPERVISOR "fleet"
#define SPARE_MS   300 /* for the way there and back: the supervisor is to answer first */
#define WHOM       "the fleet's supervisor"

/* There is no such agent where nobody supervises. */
static bool judge(tr_web_exchange_t *e) {
    const tr_web_reply_t *reply = e->replies[0];
    if (!reply || reply->outcome != TR_WEB_UNDELIVERED)
        return tr_web_judge(e, reply, WHOM);
    tr_web_problem(e, 404, "not-found",
        "nobody supervises agents on this broker: it was not started by `troupe up`, or its supervisor has "
        "gone");
    return false;
}

/* Takes the reference of `request`. False: it has responded. */
static bool ask(tr_web_exchange_t *e, json_t *request) {
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, SUPERVISOR);
    bool made = call && request && tr_json_write(request, &call->content) == 0;
    json_decref(request);
    if (!made) {
        tr_bridge_call_destroy(&call);
        tr_web_problem(e, 503, "busy", "out of memory, or args is deeper than a message may be");
        return false;
    }
    call->act = TR_REQUEST;
    call->timeout_ms = tr_web_timeout(e);
    strcpy(call->protocol, "fipa-request");
    strcpy(call->ontology, "troupe-fleet");
    tr_web_exchange_call(e, 0, &call);
    return true;
}

/* ---- what there is ---- */

static void on_status(tr_web_exchange_t *e) {
    const tr_web_reply_t *reply = e->replies[0];
    if (reply && reply->outcome == TR_WEB_UNDELIVERED)
        tr_web_respond_json(e, 200, json_pack("{s:[]}", "fleets"));
    else if (tr_web_judge(e, reply, WHOM)) {
        json_t *fleet = tr_web_reply_json(reply);
        bool may = tr_web_server_options(e->server)->fleet_state != NULL;
        if (json_is_object(fleet))
            json_object_set_new(fleet, "changeable", json_boolean(may));
        tr_web_respond_json(e, 200, json_pack("{s:[o]}", "fleets", fleet));
    }
}

void tr_api_fleets(tr_web_exchange_t *e) {
    const char *offset = tr_web_query(e, "offset");
    e->on_replies = on_status;
    ask(e, json_pack("{s:s, s:I}", "action", "status", "offset", offset ? strtoll(offset, NULL, 10) : 0LL));
}

/* ---- what is changed ---- */

static void on_changed(tr_web_exchange_t *e) {
    const tr_web_reply_t *reply = e->replies[0];
    const char *ticket = json_string_value(json_object_get(e->body, "ticket"));
    tr_ticket_take(tr_web_server_options(e->server)->fleet_state, ticket); /* where it was not used */
    if (reply && reply->outcome == TR_WEB_ANSWERED && reply->act == TR_AGREE)
        tr_web_respond_json(e, 202, json_pack("{s:b}", "sent", 1));
    else if (judge(e))
        tr_web_respond_json(e, 200, tr_web_reply_json(reply));
}

/* The fields of the body are those of the request, which the route's table has checked. */
void tr_api_fleet_change(tr_web_exchange_t *e) {
    const char *directory = tr_web_server_options(e->server)->fleet_state;
    int64_t wait_ms = tr_web_timeout(e);
    char ticket[TR_TICKET_MAX + 1];
    tr_error_t error = {0};
    if (!directory) {
        tr_web_problem(e, 501, "unsupported-function",
            "the gateway knows no fleet: start it by `troupe up` (gateway: {} in the fleet file), or with "
            "--fleet-state");
        return;
    }
    if (tr_ticket_make(directory, ticket, &error) < 0) {
        tr_web_problem(e, 500, "failed", "no ticket can be made in the fleet's state directory");
        return;
    }
    json_object_del(e->body, "wait-ms");
    json_object_set_new(e->body, "action", json_string(e->match.route->action));
    json_object_set_new(e->body, "ticket", json_string(ticket));
    json_object_set_new(
        e->body, "timeout_ms", json_integer(wait_ms > 2 * SPARE_MS ? wait_ms - SPARE_MS : wait_ms));
    e->on_replies = on_changed;
    if (!ask(e, json_incref(e->body)))
        tr_ticket_take(directory, ticket);
}
