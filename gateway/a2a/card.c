/*
 * Agent cards: what agents say of themselves in their descriptions at the DF (docs/protocol.md, section 16), with what this gateway knows: where
 * and how they are reached.
 */
#include "gateway/a2a/push.h"
#include "gateway/a2a/request.h"
#include "gateway/api/api.h"
#include "gateway/http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- parts of a card ---- */

static json_t *interfaces(const tr_web_exchange_t *e, const char *agent) {
    json_t *list = json_array();
    static const char *const bindings[] = {"JSONRPC", "HTTP+JSON"};
    char url[512];
    tr_web_base_url(e, url, sizeof url);
    for (size_t i = 0; i < 2; i++)
        json_array_append_new(list, json_pack("{s:s++, s:s, s:s}", "url", url, "/a2a/", agent,
                                        "protocolBinding", bindings[i], "protocolVersion", "1.0"));
    return list;
}

static json_t *capabilities(const tr_web_exchange_t *e) {
    return json_pack("{s:b, s:b, s:b}", "streaming", 1, "pushNotifications", tr_a2a_pushes(e->server),
        "extendedAgentCard", 1);
}

static json_t *text_of(const json_t *card, const char *key, const char *otherwise) {
    json_t *value = json_object_get(card, key);
    return json_is_string(value) ? json_incref(value) : json_string(otherwise);
}

static json_t *list_of(const json_t *card, const char *key, const char *otherwise) {
    json_t *value = json_object_get(card, key);
    return json_is_array(value) ? json_incref(value) : otherwise ? json_pack("[s]", otherwise) : json_array();
}

/* What clients require beside what the description has. prefix: of its id. */
static json_t *skill_of(const json_t *skill, const char *prefix, const char *agent) {
    json_t *out = json_copy((json_t *)(uintptr_t)skill);
    const char *id = json_string_value(json_object_get(skill, "id"));
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s%.200s", prefix, *prefix ? "/" : "", id ? id : agent);
    json_object_set_new(out, "id", json_string(whole));
    json_object_set_new(out, "description", text_of(skill, "description", whole));
    json_object_set_new(out, "tags", list_of(skill, "tags", NULL));
    return out;
}

/* Of a description: its card's skills, else its services. */
static void put_skills(json_t *list, const json_t *description, const char *prefix, const char *agent) {
    const json_t *skills = json_object_get(json_object_get(description, "card"), "skills"), *item;
    bool has = json_array_size(skills) > 0;
    size_t i;
    json_array_foreach(skills, i, item) json_array_append_new(list, skill_of(item, prefix, agent));
    json_array_foreach(has ? NULL : json_object_get(description, "services"), i, item) {
        const char *name =
            json_is_string(item) ? json_string_value(item) : json_string_value(json_object_get(item, "name"));
        json_t *skill = json_pack("{s:s?, s:s?}", "id", name, "name", name);
        json_array_append_new(list, skill_of(skill, prefix, agent));
        json_decref(skill);
    }
}

static json_t *card_of(const tr_web_exchange_t *e, const json_t *card, const char *agent, const char *name,
    const char *description, json_t *skills) {
    if (!json_array_size(skills))
        json_array_append_new(skills, json_pack("{s:s, s:s, s:s, s:[]}", "id", "ask", "name", "ask",
                                          "description", "answers what it is asked", "tags"));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:{s:{s:s}}}, s:[{s:{s:{s:[]}}}]}", "name",
        text_of(card, "name", name), "description", text_of(card, "description", description), "version",
        text_of(card, "version", TROUPE_VERSION), "supportedInterfaces", interfaces(e, agent), "capabilities",
        capabilities(e), "defaultInputModes", list_of(card, "defaultInputModes", "text/plain"),
        "defaultOutputModes", list_of(card, "defaultOutputModes", "text/plain"), "skills", skills,
        "securitySchemes", "token", "httpAuthSecurityScheme", "scheme", "Bearer", "securityRequirements",
        "schemes", "token", "list");
}

/* ---- of an agent, and of the fleet ---- */

typedef struct question {
    bool rpc, plain; /* plain: the card alone, as application/json */
    json_t *id;
    char agent[TR_AID_MAX + 1];
} question_t;

static void forget(tr_web_exchange_t *e) {
    question_t *question = e->parked;
    json_decref(question->id);
    free(question);
    e->parked = NULL;
}

/* NAME, of NAME@PLATFORM; or all of it. */
static bool is_name(const char *aid, const char *name) {
    size_t len = strcspn(aid, "@");
    return strcmp(aid, name) == 0 || (strlen(name) == len && strncmp(aid, name, len) == 0);
}

static json_t *agent_card(const tr_web_exchange_t *e, const json_t *agents, const char *name) {
    const json_t *description;
    size_t i;
    json_array_foreach(agents, i, description) {
        const char *aid = json_string_value(json_object_get(description, "name"));
        json_t *skills = json_array();
        if (!aid || !is_name(aid, name)) {
            json_decref(skills);
            continue;
        }
        put_skills(skills, description, "", name);
        return card_of(e, json_object_get(description, "card"), name, name, aid, skills);
    }
    return NULL;
}

static json_t *fleet_card(const tr_web_exchange_t *e, const json_t *agents, bool all) {
    json_t *skills = json_array();
    const json_t *description;
    size_t i;
    json_array_foreach(all ? agents : NULL, i, description) {
        const char *aid = json_string_value(json_object_get(description, "name"));
        if (aid)
            put_skills(skills, description, aid, aid);
    }
    return card_of(e, NULL, tr_web_server_options(e->server)->front, "troupe",
        "A fleet of agents, behind one of them", skills);
}

static void on_descriptions(tr_web_exchange_t *e) {
    const question_t *question = e->parked;
    json_t *answer = tr_web_judge(e, e->replies[0], "df") ? tr_web_reply_json(e->replies[0]) : NULL;
    const json_t *agents = json_object_get(answer, "agents");
    json_t *card = !answer            ? NULL
                   : *question->agent ? agent_card(e, agents, question->agent)
                                      : fleet_card(e, agents, true);
    if (card && question->plain)
        tr_web_respond_json(e, 200, card);
    else if (card)
        tr_a2a_respond(e, question->rpc, question->id, card);
    else if (answer)
        tr_a2a_fail(e, question->rpc, question->id, TR_A2A_NOT_FOUND, "%.140s has no description at the DF",
            question->agent);
    json_decref(answer);
}

void tr_a2a_show_card(tr_a2a_request_t *request, bool plain) {
    tr_web_exchange_t *e = request->e;
    question_t *question = calloc(1, sizeof *question);
    tr_web_call_t *call = question ? tr_bridge_call_new(TR_WEB_ASK, "df") : NULL;
    if (!call) {
        free(question);
        tr_web_problem(e, 503, "busy", "out of memory");
        return;
    }
    question->rpc = request->rpc;
    question->plain = plain;
    question->id = json_incref(request->id);
    strcpy(question->agent, request->agent);
    e->parked = question;
    e->on_gone = forget;
    tr_write_map(&call->content, 2);
    tr_write_kv(&call->content, "action", "search");
    tr_write_kv_int(&call->content, "max-results", 1000);
    call->act = TR_REQUEST;
    call->timeout_ms = tr_web_timeout(e);
    e->on_replies = on_descriptions;
    tr_web_exchange_call(e, 0, &call);
}

/* ---- routes ---- */

/* For everybody who finds it: who is there is told to those with a token. */
void tr_api_a2a_fleet(tr_web_exchange_t *e) {
    tr_web_respond_json(e, 200, fleet_card(e, NULL, false));
}

void tr_api_a2a_card(tr_web_exchange_t *e) {
    tr_a2a_request_t request = {.e = e, .id = json_null(), .params = json_object()};
    tr_web_part_t part = tr_web_match_part(&e->match, "agent");
    size_t len = part.len < sizeof request.agent ? part.len : 0;
    memcpy(request.agent, part.at, len);
    tr_a2a_show_card(&request, true);
    tr_a2a_request_finish(&request);
}
