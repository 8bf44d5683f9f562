/* How the whole stands: asked of the AMS in three questions at once. */
#include "gateway/api/api.h"
#include "gateway/http/server.h"

#include <string.h>

static const char *const actions[] = {"get-description", "stats", "services"};
enum { QUESTIONS = sizeof actions / sizeof *actions };

static json_t *gateway_json(const tr_web_server_t *server) {
    json_t *answered = json_object();
    char key[] = "0xx";
    for (unsigned i = 2; i <= 5; i++) {
        key[0] = (char)('0' + i);
        json_object_set_new(answered, key, json_integer((json_int_t)tr_web_server_answered(server, i)));
    }
    return json_pack("{s:s, s:I, s:o}", "version", TROUPE_VERSION, "up_ms",
        (json_int_t)tr_web_server_up_ms(server), "answered", answered);
}

static void on_replies(tr_web_exchange_t *e) {
    for (unsigned i = 0; i < QUESTIONS; i++)
        if (!tr_web_judge(e, e->replies[i], "ams"))
            return;
    json_t *services = tr_web_reply_json(e->replies[2]);
    json_t *list = json_incref(json_object_get(services, "services"));
    json_decref(services);
    tr_web_respond_json(e, 200,
        json_pack("{s:{s:s, s:s}, s:o, s:o, s:o, s:o}", "you", "name", e->who, "role", tr_web_roles[e->role],
            "gateway", gateway_json(e->server), "platform", tr_web_reply_json(e->replies[0]), "counters",
            tr_web_reply_json(e->replies[1]), "services", list ? list : json_array()));
}

void tr_api_status(tr_web_exchange_t *e) {
    tr_web_call_t *calls[QUESTIONS] = {0};
    bool made = true;
    for (unsigned i = 0; i < QUESTIONS; i++)
        made = made && (calls[i] = tr_bridge_call_new(TR_WEB_ASK, "ams"));
    e->on_replies = on_replies;
    for (unsigned i = 0; i < QUESTIONS && made; i++) {
        calls[i]->act = TR_REQUEST;
        calls[i]->timeout_ms = tr_web_timeout(e);
        strcpy(calls[i]->protocol, "fipa-request");
        tr_write_map(&calls[i]->content, 1);
        tr_write_kv(&calls[i]->content, "action", actions[i]);
        tr_web_exchange_call(e, i, &calls[i]);
    }
    for (unsigned i = 0; i < QUESTIONS; i++)
        tr_bridge_call_destroy(&calls[i]);
    if (!made)
        tr_web_problem(e, 503, "busy", "out of memory");
}
