/* The OpenAPI 3.1 document, made of the routes. */
#include "gateway/api/api.h"
#include "gateway/http/login.h"
#include "gateway/http/server.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const types[] = {
    [TR_WEB_TEXT] = "string",
    [TR_WEB_INTEGER] = "integer",
    [TR_WEB_NUMBER] = "number",
    [TR_WEB_BOOLEAN] = "boolean",
    [TR_WEB_LIST] = "array",
    [TR_WEB_OBJECT] = "object",
};

static json_t *schema(const tr_web_field_t *f) {
    bool encoded = f->place == TR_WEB_IN_QUERY && f->type == TR_WEB_OBJECT; /* as a text of JSON */
    if (f->type == TR_WEB_ANY)
        return json_pack("{s:s}", "description", f->help);
    json_t *schema =
        json_pack("{s:s, s:s}", "type", encoded ? "string" : types[f->type], "description", f->help);
    if (f->type == TR_WEB_INTEGER && f->place != TR_WEB_IN_BODY)
        json_object_set_new(schema, "minimum", json_integer(0));
    if (f->most)
        json_object_set_new(schema, "maxLength", json_integer((json_int_t)f->most));
    return schema;
}

static json_t *parameters(const tr_web_route_t *route) {
    json_t *list = json_array();
    for (const tr_web_field_t *f = route->fields; f && f->name; f++)
        if (f->place != TR_WEB_IN_BODY && strcmp(f->name, "*") != 0)
            json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:o}", "name", f->name, "in",
                                            f->place == TR_WEB_IN_PATH ? "path" : "query", "required",
                                            (int)f->required, "schema", schema(f)));
    return list;
}

static json_t *content(const char *type, json_t *what) {
    return json_pack("{s:{s:o}}", type, "schema", what);
}

static json_t *body(const tr_web_route_t *route) {
    json_t *properties = json_object(), *required = json_array();
    bool any = false;
    for (const tr_web_field_t *f = route->fields; f && f->name; f++) {
        bool rest = strcmp(f->name, "*") == 0;
        any |= rest;
        if (f->place != TR_WEB_IN_BODY || rest)
            continue;
        json_object_set_new(properties, f->name, schema(f));
        if (route->form && strcmp(f->name, "file") == 0)
            json_object_set_new(json_object_get(properties, f->name), "contentMediaType",
                json_string("application/octet-stream"));
        if (f->required)
            json_array_append_new(required, json_string(f->name));
    }
    bool needed = json_array_size(required) > 0;
    json_t *object = json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required",
        required, "additionalProperties", (int)any);
    const char *type = route->form ? "multipart/form-data" : "application/json";
    return json_pack("{s:b, s:o}", "required", (int)needed, "content", content(type, object));
}

/* Under /v1 problems are as OpenAI's clients expect them, of JSON-RPC as that says them. */
static json_t *problem_response(const tr_web_route_t *route, const char *description) {
    bool openai = strncmp(route->path, "/v1/", 4) == 0;
    const char *name = route->rpc ? "RpcError" : openai ? "OpenAIError" : "Problem";
    json_t *schema = json_pack("{s:s+}", "$ref", "#/components/schemas/", name);
    return json_pack("{s:s, s:o}", "description", description, "content",
        content(openai || route->rpc ? "application/json" : "application/problem+json", schema));
}

static json_t *responses(const tr_web_route_t *route) {
    const char *type = route->type ? route->type : "application/json";
    char status[16];
    snprintf(status, sizeof status, "%u", route->success ? route->success : 200);
    json_t *all = json_object();
    json_object_set_new(all, status, json_pack("{s:s}", "description", route->summary));
    if (route->success / 100 != 3) /* which have no body */
        json_object_set_new(json_object_get(all, status), "content",
            content(type, json_pack("{s:s}", "type", route->type ? "string" : "object")));
    if (route->fields)
        json_object_set_new(
            all, "400", problem_response(route, "A field is missing, unknown, or not as it must be"));
    if (route->role > TR_WEB_ANYBODY) {
        json_object_set_new(all, "401", problem_response(route, "No token, or one that nobody has"));
        json_object_set_new(
            all, "403", problem_response(route, "The token's role is not enough, or an agent refuses"));
        json_object_set_new(all, "429", problem_response(route, "Too many requests"));
    }
    if (route->login && tr_web_route_has(route, TR_WEB_IN_BODY)) {
        json_object_set_new(all, "401", problem_response(route, "The name or the password is wrong"));
        json_object_set_new(all, "429", problem_response(route, "Too many wrong passwords before"));
    }
    if (route->to)
        json_object_set_new(
            all, "503", problem_response(route, "The broker is away, or nobody offers the service"));
    json_object_set_new(all, "default", problem_response(route, "Any other problem"));
    return all;
}

static json_t *operation(const tr_web_route_t *route, bool sessions) {
    json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:o}", "operationId", route->id, "summary", route->summary,
        "x-role", tr_web_roles[route->role], "parameters", parameters(route), "responses", responses(route));
    if (tr_web_route_has(route, TR_WEB_IN_BODY))
        json_object_set_new(o, "requestBody", body(route));
    if (tr_web_route_field(route, TR_WEB_IN_QUERY, "*", 1))
        json_object_set_new(o, "x-other-parameters", json_true());
    json_t *security = json_array();
    if (route->role > TR_WEB_ANYBODY)
        json_array_append_new(security, json_pack("{s:[]}", "token"));
    if (route->role > TR_WEB_ANYBODY && sessions)
        json_array_append_new(security, json_pack("{s:[]}", "session"));
    json_object_set_new(o, "security", security);
    return o;
}

static json_t *paths(const tr_web_route_t *routes, size_t count, bool sessions) {
    json_t *all = json_object();
    char method[16];
    for (size_t i = 0; i < count; i++) {
        json_t *path = json_object_get(all, routes[i].path);
        if (!path) {
            json_object_set_new(all, routes[i].path, json_object());
            path = json_object_get(all, routes[i].path);
        }
        const char *name = tr_web_methods[routes[i].method];
        size_t n = 0;
        for (; name[n]; n++)
            method[n] = (char)(name[n] | 0x20);
        method[n] = '\0';
        json_object_set_new(path, method, operation(&routes[i], sessions));
    }
    return all;
}

static json_t *text_schema(void) {
    return json_pack("{s:s}", "type", "string");
}

static json_t *problem_schema(void) {
    return json_pack("{s:s, s:[s,s,s,s], s:{s:o, s:o, s:{s:s}, s:{s:s, s:s}, s:o}}", "type", "object",
        "required", "type", "title", "status", "reason", "properties", "type", text_schema(), "title",
        text_schema(), "status", "type", "integer", "reason", "type", "string", "description",
        "a word for programs, as agents give it", "detail", text_schema());
}

static json_t *error_schema(void) {
    return json_pack("{s:s, s:[s], s:{s:{s:s, s:{s:o, s:o, s:o}}}}", "type", "object", "required", "error",
        "properties", "error", "type", "object", "properties", "message", text_schema(), "type",
        text_schema(), "code", text_schema());
}

static json_t *rpc_schema(void) {
    return json_pack("{s:s, s:[s,s], s:{s:o, s:{s:s, s:{s:{s:s}, s:o}}}}", "type", "object", "required",
        "jsonrpc", "error", "properties", "jsonrpc", text_schema(), "error", "type", "object", "properties",
        "code", "type", "integer", "message", text_schema());
}

static json_t *security_schemes(const char *cookie) {
    json_t *all = json_pack("{s:{s:s, s:s}}", "token", "type", "http", "scheme", "bearer");
    if (cookie)
        json_object_set_new(all, "session",
            json_pack("{s:s, s:s, s:s, s:s}", "type", "apiKey", "in", "cookie", "name", cookie, "description",
                "Of who has signed in. What changes something needs its token as well (csrf of GET "
                "/api/v1/login), in X-CSRF-Token or as Authorization: CSRF TOKEN, and an Origin of this "
                "server"));
    return all;
}

static json_t *components(const char *cookie) {
    return json_pack("{s:o, s:{s:o, s:o, s:o}}", "securitySchemes", security_schemes(cookie), "schemas",
        "Problem", problem_schema(), "OpenAIError", error_schema(), "RpcError", rpc_schema());
}

void tr_api_document(tr_web_exchange_t *e) {
    size_t count;
    const tr_web_route_t *routes = tr_web_server_routes(e->server, &count);
    const char *cookie = tr_web_login_cookie(e->server);
    tr_web_respond_json(e, 200,
        json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:o}", "openapi", "3.1.0", "info", "title", "Troupe",
            "version", TROUPE_VERSION, "summary", "A fleet of agents over HTTP", "paths",
            paths(routes, count, cookie != NULL), "components", components(cookie)));
}
