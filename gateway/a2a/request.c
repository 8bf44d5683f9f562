#include "gateway/a2a/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Section 5.4 of the specification. */
static const struct {
    int code;
    unsigned status;
    const char *name, *reason;
} errors[] = {
    [TR_A2A_NOT_FOUND] = {-32001, 404, "NOT_FOUND", "TASK_NOT_FOUND"},
    [TR_A2A_NOT_CANCELABLE] = {-32002, 409, "FAILED_PRECONDITION", "TASK_NOT_CANCELABLE"},
    [TR_A2A_NO_PUSH] = {-32003, 400, "UNIMPLEMENTED", "PUSH_NOTIFICATION_NOT_SUPPORTED"},
    [TR_A2A_UNSUPPORTED] = {-32004, 400, "UNIMPLEMENTED", "UNSUPPORTED_OPERATION"},
    [TR_A2A_CONTENT_TYPE] = {-32005, 415, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED"},
    [TR_A2A_VERSION] = {-32009, 400, "UNIMPLEMENTED", "VERSION_NOT_SUPPORTED"},
    [TR_A2A_NO_METHOD] = {-32601, 404, "UNIMPLEMENTED", "METHOD_NOT_FOUND"},
    [TR_A2A_INVALID] = {-32602, 400, "INVALID_ARGUMENT", "INVALID_PARAMS"},
    [TR_A2A_FORBIDDEN] = {-32603, 403, "PERMISSION_DENIED", "FORBIDDEN"},
    [TR_A2A_BUSY] = {-32603, 503, "UNAVAILABLE", "BUSY"},
};

json_t *tr_a2a_wrap(bool rpc, json_t *id, json_t *result) {
    if (!rpc || !result)
        return result;
    return json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result);
}

static void respond(tr_web_exchange_t *e, bool rpc, unsigned status, json_t *value) {
    tr_web_respond_json(e, status, value);
    if (!rpc && e->status == status)
        e->type = "application/a2a+json";
}

void tr_a2a_respond(tr_web_exchange_t *e, bool rpc, json_t *id, json_t *result) {
    respond(e, rpc, 200, tr_a2a_wrap(rpc, id, result));
}

void tr_a2a_fail(tr_web_exchange_t *e, bool rpc, json_t *id, tr_a2a_error_t error, const char *format, ...) {
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_t *message = json_string(text);
    if (!message) /* a character was cut in two */
        message = json_string(errors[error].reason);
    json_t *details = json_pack("[{s:s, s:s, s:s}]", "@type", "type.googleapis.com/google.rpc.ErrorInfo",
        "reason", errors[error].reason, "domain", "a2a-protocol.org");
    if (rpc)
        respond(e, true, 200,
            json_pack("{s:s, s:O, s:{s:i, s:o, s:o}}", "jsonrpc", "2.0", "id", id, "error", "code",
                errors[error].code, "message", message, "data", details));
    else
        respond(e, false, errors[error].status,
            json_pack("{s:{s:i, s:s, s:o, s:o}}", "error", "code", (int)errors[error].status, "status",
                errors[error].name, "message", message, "details", details));
}

/* ---- reading ---- */

/* "1.0", or a later 1.x. Streams of HTTP/2 cannot tell (libwebsockets 4.1 does not keep their headers of other names). */
static bool version_good(const tr_web_exchange_t *e) {
    const char *given = tr_web_query(e, "A2A-Version");
    if (!given && !*e->a2a_version && tr_web_exchange_mux(e))
        return true;
    given = given ? given : e->a2a_version;
    return strcmp(given, "1") == 0 || strncmp(given, "1.", 2) == 0;
}

static void read_agent(tr_a2a_request_t *self) {
    tr_web_part_t part = tr_web_match_part(&self->e->match, "agent");
    size_t len = part.at && part.len < sizeof self->agent ? part.len : 0;
    memcpy(self->agent, len ? part.at : "", len);
    self->agent[len] = '\0';
}

bool tr_a2a_request_init(tr_a2a_request_t *self, tr_web_exchange_t *e, bool rpc) {
    const json_t *id = rpc ? json_object_get(e->body, "id") : NULL;
    json_t *params = rpc ? json_object_get(e->body, "params") : e->body;
    bool id_good = !id || json_is_string(id) || json_is_integer(id) || json_is_null(id);
    *self = (tr_a2a_request_t){.e = e, .rpc = rpc};
    self->id = id && id_good ? json_incref((json_t *)(uintptr_t)id) : json_null();
    self->params = params ? json_incref(params) : json_object();
    read_agent(self);
    if (!id_good)
        tr_a2a_fail(e, rpc, self->id, TR_A2A_INVALID, "id: expected a text or a whole number");
    else if (!version_good(e))
        tr_a2a_fail(e, rpc, self->id, TR_A2A_VERSION, "A2A-Version: this speaks 1.0, not \"%.16s\"%s",
            *e->a2a_version ? e->a2a_version : "0.3", *e->a2a_version ? "" : ", which no version means");
    else
        return true;
    tr_a2a_request_finish(self);
    return false;
}

void tr_a2a_request_finish(tr_a2a_request_t *self) {
    json_decref(self->id);
    json_decref(self->params);
    self->id = self->params = NULL;
}

const char *tr_a2a_text(const tr_a2a_request_t *self, const char *name) {
    const char *text = json_string_value(json_object_get(self->params, name));
    return text || self->rpc ? text : tr_web_query(self->e, name);
}
