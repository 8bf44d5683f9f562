#include "gateway/mcp/mcp.h"

#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "proto/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STATEFUL        "2025-06-18"
#define MODERN          "2026-07-28"
#define META            "io.modelcontextprotocol/"
#define HEADER_MISMATCH (-32020)
#define NO_VERSION      (-32022)
#define KEEP_MS         10000

static const char instructions[] = "A fleet of agents. find_agents says who there is and what each can do; "
                                   "ask_agent says something to one of them; the tools service_NAME "
                                   "ask whoever offers that service. Longer work is a task: submit_task, "
                                   "then show_task until it is completed.";

/* ---- what is asked, and answered ---- */

const json_t *tr_mcp_params(const tr_web_exchange_t *e) {
    return json_object_get(e->body, "params");
}

static const char *meta_of(const tr_web_exchange_t *e, const char *key) {
    return json_string_value(json_object_get(json_object_get(tr_mcp_params(e), "_meta"), key));
}

bool tr_mcp_modern(const tr_web_exchange_t *e) {
    return meta_of(e, META "protocolVersion") != NULL;
}

static json_t *id_of(const tr_web_exchange_t *e) {
    json_t *id = json_object_get(e->body, "id");
    return id ? json_incref(id) : json_null();
}

static json_t *server_info(void) {
    return json_pack(
        "{s:s, s:s, s:s}", "name", "troupe", "title", "A fleet of agents", "version", TROUPE_VERSION);
}

void tr_mcp_result(tr_web_exchange_t *e, json_t *result, int keep_ms) {
    if (result && tr_mcp_modern(e)) {
        json_object_set_new(result, "resultType", json_string("complete"));
        json_object_set_new(result, "_meta", json_pack("{s:o}", META "serverInfo", server_info()));
    }
    if (result && tr_mcp_modern(e) && keep_ms >= 0) {
        json_object_set_new(result, "ttlMs", json_integer(keep_ms));
        json_object_set_new(result, "cacheScope", json_string("private"));
    }
    tr_web_respond_json(e, 200,
        result ? json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id_of(e), "result", result) : NULL);
}

static void respond_error(tr_web_exchange_t *e, unsigned status, int code, const char *text, json_t *data) {
    json_t *error = json_pack("{s:i, s:s%}", "code", code, "message", text, strlen(text));
    if (!error)
        error = json_pack("{s:i, s:s}", "code", code, "message", "this is not understood");
    if (data)
        json_object_set_new(error, "data", data);
    tr_web_respond_json(
        e, status, json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id_of(e), "error", error));
}

void tr_mcp_error(tr_web_exchange_t *e, int code, const char *format, ...) {
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    respond_error(
        e, 200, tr_mcp_modern(e) && code == TR_MCP_NOT_FOUND ? TR_MCP_INVALID_PARAMS : code, text, NULL);
}

void tr_mcp_trace(const tr_web_exchange_t *e, tr_web_call_t *call) {
    const char *text = meta_of(e, "traceparent");
    tr_traceparent_t parsed;
    if (text && !e->trace.span &&
        tr_traceparent_parse(&parsed, text)) /* one that is none is as none, ignoring */
        tr_traceparent_write(&parsed, call->traceparent);
}

bool tr_mcp_ask(
    tr_web_exchange_t *e, unsigned slot, const char *whom, const char *action, const json_t *arguments) {
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, whom);
    json_t *content = arguments ? json_copy((json_t *)(uintptr_t)arguments) : json_object();
    json_object_set_new(content, "action", json_string(action));
    int rc = call ? tr_json_write(content, &call->content) : -1;
    json_decref(content);
    if (rc == 0) {
        call->act = TR_REQUEST;
        call->timeout_ms = tr_web_timeout(e);
        strcpy(call->protocol, "fipa-request");
        tr_mcp_trace(e, call);
        tr_web_exchange_call(e, slot, &call);
    }
    tr_bridge_call_destroy(&call);
    return rc == 0;
}

/* ---- the beginning ---- */

static json_t *capabilities(void) {
    return json_pack("{s:{}, s:{}}", "tools", "resources");
}

static void initialize(tr_web_exchange_t *e) {
    tr_mcp_result(e,
        json_pack("{s:s, s:o, s:o, s:s}", "protocolVersion", STATEFUL, "capabilities", capabilities(),
            "serverInfo", server_info(), "instructions", instructions),
        -1);
}

static void discover(tr_web_exchange_t *e) {
    tr_mcp_result(e,
        json_pack("{s:[s, s], s:o, s:s}", "supportedVersions", MODERN, STATEFUL, "capabilities",
            capabilities(), "instructions", instructions),
        KEEP_MS);
}

static void ping(tr_web_exchange_t *e) {
    tr_mcp_result(e, json_object(), -1);
}

static const struct {
    const char *name;
    bool stateful, modern;
    void (*run)(tr_web_exchange_t *e);
} methods[] = {
    {"initialize", true, false, initialize},
    {"ping", true, false, ping},
    {"server/discover", false, true, discover},
    {"tools/list", true, true, tr_mcp_list_tools},
    {"tools/call", true, true, tr_mcp_call_tool},
    {"resources/list", true, true, tr_mcp_list_resources},
    {"resources/templates/list", true, true, tr_mcp_list_templates},
    {"resources/read", true, true, tr_mcp_read_resource},
};

/* ---- what a request says of itself ---- */

/* Headers and body of the modern revision say the same; of HTTP/2 libwebsockets 4.1 keeps no such headers. */
static bool headers_good(tr_web_exchange_t *e, const char *method) {
    const char *version = meta_of(e, META "protocolVersion");
    const char *name = json_string_value(json_object_get(tr_mcp_params(e), "name"));
    if (tr_web_exchange_mux(e))
        return true;
    name = name ? name : json_string_value(json_object_get(tr_mcp_params(e), "uri"));
    if (strcmp(e->mcp_method, method) == 0 && strcmp(e->mcp_version, version) == 0 &&
        (!name || !*e->mcp_name || strncmp(e->mcp_name, "=?", 2) == 0 || strcmp(e->mcp_name, name) == 0))
        return true;
    respond_error(e, 400, HEADER_MISMATCH,
        "Mcp-Method, Mcp-Name and MCP-Protocol-Version: expected what the body says", NULL);
    return false;
}

static bool version_good(tr_web_exchange_t *e) {
    const char *version = meta_of(e, META "protocolVersion");
    bool later = *e->mcp_version && strcmp(e->mcp_version, STATEFUL) != 0 &&
                 strcmp(e->mcp_version, "2025-03-26") != 0 && strcmp(e->mcp_version, "2025-11-25") != 0;
    if (version ? strcmp(version, MODERN) == 0 : !later)
        return true;
    respond_error(e, 400, NO_VERSION, "this version of the protocol is not spoken here",
        json_pack("{s:[s, s], s:s}", "supported", MODERN, STATEFUL, "requested",
            version ? version : e->mcp_version));
    return false;
}

static bool id_good(tr_web_exchange_t *e) {
    const json_t *id = json_object_get(e->body, "id");
    if (!id || json_is_string(id) || json_is_integer(id))
        return true;
    tr_mcp_error(e, TR_MCP_INVALID_REQUEST, "id: expected a text or a whole number");
    return false;
}

void tr_api_mcp(tr_web_exchange_t *e) {
    const char *method = tr_web_text(e, "method");
    bool modern = tr_mcp_modern(e);
    size_t i = 0, count = sizeof methods / sizeof *methods;
    if (!id_good(e) || !version_good(e) || (modern && !headers_good(e, method)))
        return;
    if (!json_object_get(e->body, "id")) { /* a notice: nothing is to be done */
        tr_web_respond(e, 202, NULL);
        return;
    }
    while (i < count && strcmp(methods[i].name, method) != 0)
        i++;
    if (i == count || !(modern ? methods[i].modern : methods[i].stateful))
        respond_error(e, modern ? 404 : 200, TR_MCP_NO_SUCH_METHOD, "there is no such method", NULL);
    else
        methods[i].run(e);
}
