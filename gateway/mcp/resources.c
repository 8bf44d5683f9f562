/*
 * Resources: troupe://agents/NAME, troupe://tasks/ID, troupe://knowledge/NAMESPACE (what documents there are) and
 * troupe://knowledge/NAMESPACE/ID (a document's text). What the list names are agents and namespaces; the others have templates.
 */
#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "gateway/mcp/mcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME  "troupe://"
#define KEEP_MS 10000
#define PAGE    100
#define URI_MAX 512

static bool is_inform(const tr_web_reply_t *reply) {
    return reply && reply->outcome == TR_WEB_ANSWERED && reply->act == TR_INFORM;
}

/* ---- the list ---- */

static void put_resource(
    json_t *list, const char *kind, const char *name, const char *what, const char *type) {
    if (name)
        json_array_append_new(list, json_pack("{s:s+++, s:s, s:s, s:s}", "uri", SCHEME, kind, "/", name,
                                        "name", name, "description", what, "mimeType", type));
}

static void put_all(json_t *list, const tr_web_reply_t *reply, const char *key, const char *member,
    const char *kind, const char *what) {
    json_t *answer = is_inform(reply) ? tr_web_reply_json(reply) : NULL;
    const json_t *item;
    size_t i;
    json_array_foreach(json_object_get(answer, key), i, item)
        put_resource(list, kind, json_string_value(json_object_get(item, member)), what, "application/json");
    json_decref(answer);
}

static long cursor_of(const tr_web_exchange_t *e) {
    const char *text = json_string_value(json_object_get(tr_mcp_params(e), "cursor"));
    char *end = NULL;
    long at = text ? strtol(text, &end, 10) : 0;
    return text && (*end || at <= 0 || at > 10000000) ? -1 : at;
}

static void on_list(tr_web_exchange_t *e) {
    json_t *list = json_array();
    char next[24];
    long at = cursor_of(e);
    put_all(list, e->replies[0], "agents", "name", "agents", "An agent: what it does, and what holds it up");
    bool more = json_array_size(list) == PAGE;
    if (at == 0)
        put_all(list, e->replies[1], "namespaces", "namespace", "knowledge",
            "The documents of a namespace of the knowledge base");
    json_t *result = json_pack("{s:o}", "resources", list);
    snprintf(next, sizeof next, "%ld", at + PAGE);
    if (more)
        json_object_set_new(result, "nextCursor", json_string(next));
    tr_mcp_result(e, result, KEEP_MS);
}

void tr_mcp_list_resources(tr_web_exchange_t *e) {
    long at = cursor_of(e);
    if (at < 0) {
        tr_mcp_error(e, TR_MCP_INVALID_PARAMS, "cursor: expected that of the last page");
        return;
    }
    json_t *page = json_pack("{s:i, s:i}", "offset", (int)at, "max-results", PAGE);
    e->on_replies = on_list;
    bool good = tr_mcp_ask(e, 0, "ams", "search", page);
    if (good && at == 0)
        tr_mcp_ask(e, 1, "svc:kb", "namespaces", NULL); /* else there are none, ignoring */
    json_decref(page);
    if (!good)
        tr_mcp_error(e, TR_MCP_SERVER, "out of memory");
}

void tr_mcp_list_templates(tr_web_exchange_t *e) {
    static const char *const templates[][3] = {
        {SCHEME "agents/{name}", "agent", "An agent: what it does, and what holds it up"},
        {SCHEME "tasks/{task}", "task", "A task, with its result and its history"},
        {SCHEME "knowledge/{namespace}", "namespace", "The documents of a namespace of the knowledge base"},
        {SCHEME "knowledge/{namespace}/{id}", "document", "A document's text"}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "uriTemplate", templates[i][0], "name",
                                        templates[i][1], "description", templates[i][2]));
    tr_mcp_result(e, json_pack("{s:o}", "resourceTemplates", list), KEEP_MS);
}

/* ---- one of them ---- */

static const char *uri_of(const tr_web_exchange_t *e) {
    return json_string_value(json_object_get(tr_mcp_params(e), "uri"));
}

static void respond_contents(tr_web_exchange_t *e, const char *type, const char *text) {
    tr_mcp_result(e,
        json_pack("{s:[{s:s, s:s, s:s}]}", "contents", "uri", uri_of(e), "mimeType", type, "text",
            text ? text : ""),
        KEEP_MS);
}

/* A list has been narrowed by what was asked; a document says itself whose it is. */
static bool is_for_him(const tr_web_exchange_t *e, const json_t *answer) {
    const char *space = json_string_value(json_object_get(e->found, "namespace"));
    return !space || !json_object_get(e->found, "id") || tr_api_may_read(e, space, answer);
}

static void on_read(tr_web_exchange_t *e) {
    const tr_web_reply_t *reply = e->replies[0];
    if (!is_inform(reply)) {
        tr_mcp_error(e, TR_MCP_NOT_FOUND, "%.200s: %s", uri_of(e),
            reply->outcome == TR_WEB_ANSWERED ? "there is no such resource" : tr_web_why_not(reply));
        return;
    }
    json_t *value = tr_web_reply_json(reply);
    if (!is_for_him(e, value)) {
        tr_mcp_error(e, TR_MCP_NOT_FOUND, "%.200s: there is no such resource", uri_of(e));
        json_decref(value);
        return;
    }
    const char *document = strncmp(uri_of(e), SCHEME "knowledge/", 19) == 0
                               ? json_string_value(json_object_get(value, "text"))
                               : NULL;
    char *whole = document ? NULL : json_dumps(value, JSON_INDENT(1) | JSON_ENCODE_ANY);
    respond_contents(e, document ? "text/plain" : "application/json", document ? document : whole);
    free(whole);
    json_decref(value);
}

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Percent signs of the rest of a URI undone; -1: it is too long, or one is alone. */
static int decode(const char *from, char out[URI_MAX]) {
    size_t n = 0;
    for (; *from && n + 1 < URI_MAX; from++) {
        if (*from != '%') {
            out[n++] = *from;
            continue;
        }
        if (hex(from[1]) < 0 || hex(from[2]) < 0 || (from[1] == '0' && from[2] == '0'))
            return -1;
        out[n++] = (char)(hex(from[1]) << 4 | hex(from[2]));
        from += 2;
    }
    out[n] = '\0';
    return *from ? -1 : 0;
}

static bool begin_read(tr_web_exchange_t *e, const char *kind, char *name) {
    char *slash = strchr(name, '/');
    json_t *arguments = NULL;
    const char *whom = "svc:kb", *action = "list";
    if (strcmp(kind, "agents") == 0) {
        whom = "ams", action = "why";
        arguments = json_pack("{s:s}", "name", name);
    } else if (strcmp(kind, "tasks") == 0) {
        whom = "svc:tasks", action = "show";
        arguments = json_pack("{s:s}", "task", name);
    } else if (strcmp(kind, "knowledge") == 0 && slash) {
        action = "get";
        *slash = '\0';
        arguments = json_pack("{s:s, s:s}", "namespace", name, "id", slash + 1);
    } else if (strcmp(kind, "knowledge") == 0)
        arguments = json_pack("{s:s, s:i}", "namespace", name, "max-results", PAGE);
    json_decref(e->found);
    e->found = arguments; /* by which it is judged whether the answer is for him */
    return arguments && tr_api_narrow_feedback(e, arguments) && tr_mcp_ask(e, 0, whom, action, arguments);
}

void tr_mcp_read_resource(tr_web_exchange_t *e) {
    const char *uri = uri_of(e), *rest = uri && strncmp(uri, SCHEME, 9) == 0 ? uri + 9 : "";
    char name[URI_MAX], kind[16] = "";
    size_t len = strcspn(rest, "/");
    if (rest[len] && len < sizeof kind)
        memcpy(kind, rest, len);
    e->on_replies = on_read;
    if (!*kind || decode(rest + len + 1, name) < 0 || !*name || !begin_read(e, kind, name))
        tr_mcp_error(e, TR_MCP_NOT_FOUND, "uri: there is no %.200s", uri ? uri : "");
}
