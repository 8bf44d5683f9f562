/* What an assistant or a dialogue remembers of one who talks with it (docs/minds.md, dialogue), in three questions at once. */
#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "proto/aid.h"

#include <string.h>

static const char *const actions[] = {"profile", "history", "why"};
enum { QUESTIONS = sizeof actions / sizeof *actions };

/* False: it is no agent's, or not his session, and was responded to. */
static bool read_agent(tr_web_exchange_t *e, char agent[TR_AID_MAX + 1]) {
    tr_web_part_t part = tr_web_match_part(&e->match, "agent"), user = tr_web_match_part(&e->match, "user");
    tr_aid_t aid;
    if (part.len > TR_AID_MAX || tr_aid_parse(&aid, part.at, part.len) < 0) {
        tr_web_problem(e, 400, "unrecognised-parameter-value", "agent: this is no agent's name");
        return false;
    }
    memcpy(agent, part.at, part.len);
    agent[part.len] = '\0';
    return tr_api_speak_as(e, user.at, user.len);
}

static void ask(tr_web_exchange_t *e, unsigned slot, tr_web_call_t **call, const char *action) {
    tr_web_part_t user = tr_web_match_part(&e->match, "user");
    tr_write_map(&(*call)->content, 2);
    tr_write_kv(&(*call)->content, "action", action);
    tr_write_str(&(*call)->content, "user");
    tr_write_strn(&(*call)->content, user.at, user.len);
    (*call)->act = TR_REQUEST;
    (*call)->timeout_ms = tr_web_timeout(e);
    strcpy((*call)->protocol, "fipa-request");
    tr_web_exchange_call(e, slot, call);
}

static void on_session(tr_web_exchange_t *e) {
    for (unsigned i = 0; i < QUESTIONS; i++)
        if (!tr_web_judge(e, e->replies[i], "the agent"))
            return;
    tr_web_respond_json(e, 200,
        json_pack("{s:o, s:o, s:o}", "profile", tr_web_reply_json(e->replies[0]), "history",
            tr_web_reply_json(e->replies[1]), "last", tr_web_reply_json(e->replies[2])));
}

void tr_api_session(tr_web_exchange_t *e) {
    tr_web_call_t *calls[QUESTIONS] = {0};
    char agent[TR_AID_MAX + 1];
    bool made = true;
    if (!read_agent(e, agent))
        return;
    for (unsigned i = 0; i < QUESTIONS; i++)
        made = made && (calls[i] = tr_bridge_call_new(TR_WEB_ASK, agent));
    e->on_replies = on_session;
    for (unsigned i = 0; i < QUESTIONS && made; i++)
        ask(e, i, &calls[i], actions[i]);
    for (unsigned i = 0; i < QUESTIONS; i++)
        tr_bridge_call_destroy(&calls[i]);
    if (!made)
        tr_web_problem(e, 503, "busy", "out of memory");
}

static void on_forgotten(tr_web_exchange_t *e) {
    if (tr_web_judge(e, e->replies[0], "the agent"))
        tr_web_respond_json(e, 200, tr_web_reply_json(e->replies[0]));
}

void tr_api_forget_session(tr_web_exchange_t *e) {
    char agent[TR_AID_MAX + 1];
    if (!read_agent(e, agent))
        return;
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, agent);
    e->on_replies = on_forgotten;
    if (call)
        ask(e, 0, &call, "forget");
    else
        tr_web_problem(e, 503, "busy", "out of memory");
}
