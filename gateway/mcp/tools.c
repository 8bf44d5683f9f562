/*
 * Tools: what the fleet can be asked for. A row says whom and for what; its arguments are the fields of that message, so docs/tasks.md,
 * docs/knowledge.md and docs/protocol.md say what they mean. Each service that the fleet offers is a tool besides.
 */
#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "gateway/mcp/mcp.h"
#include "proto/aid.h"
#include "proto/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE      "service_"
#define SERVICES_MAX 200
#define KEEP_MS      10000

#define TEXT(name, help)   "\"" name "\":{\"type\":\"string\",\"description\":\"" help "\"}"
#define NUMBER(name, help) "\"" name "\":{\"type\":\"integer\",\"description\":\"" help "\"}"
#define LIST(name, help)                                                                                     \
    "\"" name "\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"" help "\"}"
#define ANY(name, help)     "\"" name "\":{\"description\":\"" help "\"}"
#define SCHEMA(needed, ...) "{\"type\":\"object\",\"properties\":{" __VA_ARGS__ "},\"required\":[" needed "]}"

typedef struct tool {
    const char *name, *description;
    tr_web_role_t role;
    const char *to, *action; /* NULL: arguments say whom */
    const char *schema;
} tool_t;

static const tool_t tools[] = {
    {"ask_agent", "Says something to an agent, and waits for its reply.", TR_WEB_OPERATOR, NULL, NULL,
        SCHEMA("\"agent\",\"text\"",
            TEXT("agent", "its name, or svc:NAME for whoever offers a service") "," TEXT(
                "text", "what is said"))},
    {"find_agents", "What agents say that they can do.", TR_WEB_VIEWER, "df", "search",
        SCHEMA("", TEXT("selector", "of labels: key=value, key in (a, b)") "," NUMBER(
                       "max-results", "how many at most"))},
    {"search_knowledge", "The best passages for a query, out of the knowledge base.", TR_WEB_VIEWER, "svc:kb",
        "search",
        SCHEMA("\"namespace\",\"query\"",
            TEXT("namespace", "where: list_namespaces says which there are") "," TEXT("query",
                "words") "," NUMBER("k", "how many; 10") ",\"text\":{\"type\":\"boolean\",\"description\":"
                                                         "\"with the passages' text\"}")},
    {"list_namespaces", "The namespaces of the knowledge base.", TR_WEB_VIEWER, "svc:kb", "namespaces",
        SCHEMA("", "")},
    {"list_tasks", "Tasks, the newest first.", TR_WEB_VIEWER, "svc:tasks", "list",
        SCHEMA("", TEXT("state", "those in this state") "," NUMBER(
                       "max-results", "how many at most") "," NUMBER("before", "of the last page"))},
    {"show_task", "A task, with its result and its history.", TR_WEB_VIEWER, "svc:tasks", "show",
        SCHEMA("\"task\"", TEXT("task", "its id"))},
    {"submit_task", "Work for an agent that offers these services; it is done once, whoever dies.",
        TR_WEB_OPERATOR, "svc:tasks", "submit",
        SCHEMA("\"skills\"",
            LIST("skills", "names of services") "," ANY("input", "what its agent is sent") "," TEXT(
                "description", "for people") "," NUMBER("priority", "0 to 9") "," TEXT("key",
                "the same key again is the same task"))},
    {"cancel_task", "It is not done any more.", TR_WEB_OPERATOR, "svc:tasks", "cancel",
        SCHEMA("\"task\"", TEXT("task", "its id") "," TEXT("reason", "why, for people"))},
};

#define TOOLS (sizeof tools / sizeof *tools)

/* ---- the list ---- */

static json_t *tool_json(const char *name, const char *description, const char *schema, bool reads) {
    return json_pack("{s:s, s:s, s:o, s:{s:b}}", "name", name, "description", description, "inputSchema",
        json_loads(schema, 0, NULL), "annotations", "readOnlyHint", (int)reads);
}

static bool may_be_name(const char *service) {
    size_t len = strlen(service);
    return len > 0 && len <= 48 &&
           strspn(service, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len;
}

static json_t *service_tool(const char *service) {
    static const char schema[] = SCHEMA("", TEXT("text", "what is said") "," ANY("content",
                                                "in place of a text: the message's content as it is"));
    char name[64], description[120];
    snprintf(name, sizeof name, SERVICE "%s", service);
    snprintf(description, sizeof description, "Asks an agent that offers the service %s.", service);
    return tool_json(name, description, schema, false);
}

static void put_services(json_t *list, const tr_web_reply_t *reply) {
    json_t *answer =
        reply->outcome == TR_WEB_ANSWERED && reply->act == TR_INFORM ? tr_web_reply_json(reply) : NULL;
    const json_t *service;
    size_t i;
    json_array_foreach(json_object_get(answer, "services"), i, service) {
        const char *name = json_string_value(json_object_get(service, "service"));
        if (name && may_be_name(name) && i < SERVICES_MAX)
            json_array_append_new(list, service_tool(name));
    }
    json_decref(answer);
}

static void on_services(tr_web_exchange_t *e) {
    json_t *list = json_array();
    for (size_t i = 0; i < TOOLS; i++)
        if (e->role >= tools[i].role)
            json_array_append_new(list, tool_json(tools[i].name, tools[i].description, tools[i].schema,
                                            tools[i].role == TR_WEB_VIEWER));
    if (e->role >= TR_WEB_OPERATOR)
        put_services(list, e->replies[0]);
    tr_mcp_result(e, json_pack("{s:o}", "tools", list), KEEP_MS);
}

void tr_mcp_list_tools(tr_web_exchange_t *e) {
    e->on_replies = on_services;
    if (!tr_mcp_ask(e, 0, "ams", "services", NULL))
        tr_mcp_error(e, TR_MCP_SERVER, "out of memory");
}

/* ---- a call ---- */

static void respond_text(tr_web_exchange_t *e, const char *text, json_t *structured, bool is_error) {
    json_t *result = json_pack("{s:[{s:s, s:s}], s:b}", "content", "type", "text", "text", text ? text : "",
        "isError", (int)is_error);
    if (result && json_is_object(structured))
        json_object_set(result, "structuredContent", structured);
    json_decref(structured);
    tr_mcp_result(e, result, -1);
}

static void on_called(tr_web_exchange_t *e) {
    const tr_web_reply_t *reply = e->replies[0];
    if (reply->outcome != TR_WEB_ANSWERED) {
        respond_text(e, tr_web_why_not(reply), NULL, true);
        return;
    }
    bool refused = reply->act == TR_REFUSE || reply->act == TR_FAILURE || reply->act == TR_NOT_UNDERSTOOD;
    json_t *value = tr_web_reply_json(reply), *said = json_object_get(value, "reply");
    const char *text = json_is_string(value) ? json_string_value(value) : json_string_value(said);
    char *dumped = text ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    respond_text(e, text ? text : dumped, json_incref(value), refused);
    free(dumped);
    json_decref(value);
}

static bool has_required(tr_web_exchange_t *e, const tool_t *tool, const json_t *arguments) {
    json_t *schema = json_loads(tool->schema, 0, NULL), *name;
    size_t i;
    bool good = true;
    json_array_foreach(json_object_get(schema, "required"), i,
        name) if (good && !json_object_get(arguments, json_string_value(name))) {
        tr_mcp_error(e, TR_MCP_INVALID_PARAMS, "%s: %s is missing", tool->name, json_string_value(name));
        good = false;
    }
    json_decref(schema);
    return good;
}

static bool may(tr_web_exchange_t *e, tr_web_role_t role) {
    if (e->role >= role)
        return true;
    tr_mcp_error(e, TR_MCP_SERVER, "this needs a token with the role %s", tr_web_roles[role]);
    return false;
}

static bool speaks(tr_web_exchange_t *e, const json_t *content) {
    const char *name = tr_api_other_in(e, content);
    if (tr_api_reaches_feedback(e, content)) {
        tr_mcp_error(e, TR_MCP_SERVER, "%s", TR_API_NO_FEEDBACK);
        return false;
    }
    if (name)
        tr_mcp_error(e, TR_MCP_SERVER, "%s speaks as himself alone, not as \"%.64s\"", e->who, name);
    return !name;
}

/* What is said to an agent, as assistants and dialogues understand it; or a content as it is. */
static void say(tr_web_exchange_t *e, const char *whom, const json_t *arguments) {
    const json_t *content = json_object_get(arguments, "content");
    const char *text = json_string_value(json_object_get(arguments, "text"));
    tr_aid_t aid;
    if (!may(e, tr_api_role_of(whom, content)) || !speaks(e, content))
        return;
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, whom);
    json_t *map = content ? json_incref((json_t *)(uintptr_t)content)
                  : text  ? json_pack("{s:s, s:s}", "text", text, "user", *e->who ? e->who : "web")
                          : NULL;
    bool good =
        call && map && tr_aid_parse(&aid, whom, strlen(whom)) == 0 && tr_json_write(map, &call->content) == 0;
    if (good) {
        call->act = TR_REQUEST;
        call->timeout_ms = tr_web_timeout(e);
        strcpy(call->protocol, "fipa-request");
        tr_mcp_trace(e, call);
        tr_web_exchange_call(e, 0, &call);
    } else
        tr_mcp_error(e, TR_MCP_INVALID_PARAMS, "expected the name of an agent, and a text or a content");
    json_decref(map);
    tr_bridge_call_destroy(&call);
}

/* Asks the one that its row names. */
static void ask(tr_web_exchange_t *e, const tool_t *tool, const json_t *arguments) {
    json_t *all = arguments ? json_copy((json_t *)(uintptr_t)arguments) : json_object();
    if (strcmp(tool->action, "submit") == 0) /* which takes several */
        all = json_pack("{s:[o]}", "tasks", all);
    if (!tr_api_narrow_feedback(e, all))
        tr_mcp_error(e, TR_MCP_SERVER, "%s", TR_API_NO_FEEDBACK);
    else if (!tr_mcp_ask(e, 0, tool->to, tool->action, all))
        tr_mcp_error(e, TR_MCP_INVALID_PARAMS, "arguments: deeper than a message may be");
    json_decref(all);
}

static void call_tool(tr_web_exchange_t *e, const tool_t *tool, const json_t *arguments) {
    if (!may(e, tool->role) || !has_required(e, tool, arguments))
        return;
    if (!tool->to) {
        const char *agent = json_string_value(json_object_get(arguments, "agent"));
        say(e, agent ? agent : "", arguments);
        return;
    }
    if (strcmp(tool->action, "submit") == 0 &&
        !(may(e, tr_api_role_of_task(arguments)) && speaks(e, arguments)))
        return;
    ask(e, tool, arguments);
}

void tr_mcp_call_tool(tr_web_exchange_t *e) {
    const char *name = json_string_value(json_object_get(tr_mcp_params(e), "name"));
    const json_t *arguments = json_object_get(tr_mcp_params(e), "arguments");
    char whom[80];
    e->on_replies = on_called;
    if (!name || (arguments && !json_is_object(arguments))) {
        tr_mcp_error(e, TR_MCP_INVALID_PARAMS, "expected name, and arguments that are an object");
        return;
    }
    for (size_t i = 0; i < TOOLS; i++)
        if (strcmp(name, tools[i].name) == 0) {
            call_tool(e, &tools[i], arguments);
            return;
        }
    if (strncmp(name, SERVICE, strlen(SERVICE)) != 0 || !may_be_name(name + strlen(SERVICE))) {
        tr_mcp_error(e, TR_MCP_INVALID_PARAMS, "there is no tool %.60s", name);
        return;
    }
    snprintf(whom, sizeof whom, "svc:%s", name + strlen(SERVICE));
    say(e, whom, arguments);
}
