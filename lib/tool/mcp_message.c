#include "lib/tool/mcp_message.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define META "io.modelcontextprotocol/"

/* ---- reading ---- */

typedef struct {
    size_t depth, elements;
    bool in_text, escaped;
} scan_t;

static int scan_byte(scan_t *s, char c) {
    if (s->in_text) {
        s->in_text = s->escaped || c != '"';
        s->escaped = !s->escaped && c == '\\';
        return 0;
    }
    if (c == '"')
        s->in_text = true;
    else if (c == '{' || c == '[')
        s->depth++, s->elements++;
    else if (c == '}' || c == ']')
        s->depth -= s->depth > 0;
    else if (c == ',')
        s->elements++;
    return s->depth > TR_MCP_DEPTH || s->elements > TR_MCP_ELEMENTS ? -E2BIG : 0;
}

static int scan(const char *bytes, size_t len) {
    scan_t s = {0};
    for (size_t i = 0; i < len; i++)
        if (scan_byte(&s, bytes[i]) < 0)
            return -E2BIG;
    return 0;
}

/* The code unit that an escape `\uXXXX` stands for; -1: it is none. */
static long unit_at(const char *text) {
    char digits[5] = "";
    if (text[0] != '\\' || text[1] != 'u')
        return -1;
    for (size_t i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)text[2 + i]))
            return -1;
        digits[i] = text[2 + i];
    }
    return strtol(digits, NULL, 16);
}

/* U+0000 and halves of a pair are JSON, but no text of ours: they become U+FFFD, whose escape is as long. */
static void mend_escapes(char *text) {
    for (char *at = strchr(text, '\\'); at; at = strchr(at, '\\')) {
        long unit = unit_at(at);
        bool is_high = unit >= 0xD800 && unit < 0xDC00, is_low = unit >= 0xDC00 && unit < 0xE000;
        long next = is_high ? unit_at(at + 6) : -1;
        bool is_pair = next >= 0xDC00 && next < 0xE000;
        if (unit == 0 || is_low || (is_high && !is_pair))
            memcpy(at, "\\ufffd", 6);
        at += is_pair ? 12 : unit >= 0 ? 6 : at[1] ? 2 : 1;
    }
}

static void take_answer(
    tr_mcp_heard_t *heard, const json_t *id, const json_t *result, const json_t *failure) {
    heard->what = result ? TR_MCP_RESULT : TR_MCP_FAILURE;
    heard->body = result ? result : failure;
    heard->id = json_is_integer(id) && json_integer_value(id) >= 0 ? json_integer_value(id) : TR_MCP_NO_ID;
}

/* Negative where it is no message of JSON-RPC. */
static int take_apart(tr_mcp_heard_t *heard, const char **ret_wrong) {
    const json_t *m = heard->message, *id = json_object_get(m, "id"), *method = json_object_get(m, "method"),
                 *result = json_object_get(m, "result"), *failure = json_object_get(m, "error");
    const char *version = json_string_value(json_object_get(m, "jsonrpc"));
    heard->id = TR_MCP_NO_ID;
    *ret_wrong = !json_is_object(m)                        ? "it is no object"
                 : !version || strcmp(version, "2.0") != 0 ? "jsonrpc is not \"2.0\""
                 : method && !json_is_string(method)       ? "its method is no text"
                 : !method && !json_is_object(result ? result : failure)
                     ? "it has neither a method, nor a result or an error that is an object"
                     : NULL;
    if (*ret_wrong)
        return -EBADMSG;
    if (!method) {
        take_answer(heard, id, result, failure);
        return 0;
    }
    heard->what = id && !json_is_null(id) ? TR_MCP_REQUEST : TR_MCP_NOTICE;
    heard->asker = id;
    heard->method = json_string_value(method);
    heard->body = json_object_get(m, "params");
    return 0;
}

json_t *tr_mcp_load(const char *bytes, size_t len, tr_error_t *error) {
    json_error_t why;
    if (scan(bytes, len) < 0) {
        tr_error_set(error, -E2BIG, "it nests deeper than %d, or has more than %d values", TR_MCP_DEPTH,
            TR_MCP_ELEMENTS);
        return NULL;
    }
    char *copy = malloc(len + 1);
    if (!copy) {
        tr_error_set(error, -ENOMEM, "out of memory");
        return NULL;
    }
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    mend_escapes(copy);
    json_t *value = json_loadb(copy, len, 0, &why);
    free(copy);
    if (!value)
        tr_error_set(error, -EBADMSG, "it is no JSON: %s", why.text);
    return value;
}

int tr_mcp_read(const char *bytes, size_t len, tr_mcp_heard_t *ret_heard, tr_error_t *error) {
    const char *wrong;
    tr_error_t why = {0};
    tr_mcp_heard_t heard = {.message = tr_mcp_load(bytes, len, &why)};
    if (!heard.message)
        return tr_error_set(error, why.code, "%s", why.text);
    if (take_apart(&heard, &wrong) < 0) {
        json_decref(heard.message);
        return tr_error_set(error, -EBADMSG, "it is no JSON-RPC: %s", wrong);
    }
    *ret_heard = heard;
    return 0;
}

static const char *skip_spaces(const char *at, const char *end) {
    while (at < end && isspace((unsigned char)*at))
        at++;
    return at;
}

/* Where the value of a member of the outermost object begins; NULL: it has none of the name. */
static const char *find_member(const char *bytes, const char *end, const char *name) {
    scan_t s = {0};
    const char *begun = bytes;
    for (const char *at = bytes; at < end; at++) {
        bool was_in_text = s.in_text;
        scan_byte(&s, *at);
        if (!was_in_text && s.in_text)
            begun = at + 1;
        if (!was_in_text || s.in_text || s.depth != 1 || (size_t)(at - begun) != strlen(name) ||
            memcmp(begun, name, strlen(name)) != 0)
            continue;
        const char *colon = skip_spaces(at + 1, end);
        if (colon < end && *colon == ':')
            return skip_spaces(colon + 1, end);
    }
    return NULL;
}

json_int_t tr_mcp_find_answered(const char *bytes, size_t len) {
    const char *end = bytes + len, *id = find_member(bytes, end, "id");
    json_int_t value = TR_MCP_NO_ID;
    if (!id || find_member(bytes, end, "method"))
        return TR_MCP_NO_ID;
    for (int digits = 0; id < end && isdigit((unsigned char)*id) && digits < 18; id++, digits++)
        value = (digits ? value * 10 : 0) + (*id - '0');
    return value;
}

bool tr_mcp_is_answer(const char *bytes, size_t len) {
    const char *end = bytes + len;
    return !find_member(bytes, end, "method") &&
           (find_member(bytes, end, "result") || find_member(bytes, end, "error"));
}

void tr_mcp_heard_finish(tr_mcp_heard_t *self) {
    json_decref(self->message);
    self->message = NULL;
}

/* ---- writing ---- */

static json_t *meta(const char *traceparent) {
    json_t *all = json_pack("{s:s, s:{s:s, s:s}, s:{}}", META "protocolVersion", TR_MCP_MODERN,
        META "clientInfo", "name", "troupe", "version", TROUPE_VERSION, META "clientCapabilities");
    if (all && traceparent && *traceparent)
        json_object_set_new(all, "traceparent", json_string(traceparent));
    return all;
}

char *tr_mcp_print(json_int_t id, const char *method, json_t *params, bool modern, const char *traceparent) {
    json_t *message = json_pack("{s:s, s:s}", "jsonrpc", "2.0", "method", method);
    bool is_well = message && params;
    if (is_well && id != TR_MCP_NO_ID)
        is_well = json_object_set_new(message, "id", json_integer(id)) == 0;
    if (is_well && modern)
        is_well = json_object_set_new(params, "_meta", meta(traceparent)) == 0;
    if (is_well)
        is_well = json_object_set(message, "params", params) == 0;
    char *text = is_well ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(params);
    json_decref(message);
    return text;
}

char *tr_mcp_print_answer(const tr_mcp_heard_t *asked) {
    bool is_ping = strcmp(asked->method, "ping") == 0;
    json_t *id = (json_t *)(uintptr_t)asked->asker;
    json_t *message = is_ping ? json_pack("{s:s, s:O, s:{}}", "jsonrpc", "2.0", "id", id, "result")
                              : json_pack("{s:s, s:O, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", id, "error",
                                    "code", TR_MCP_NO_METHOD, "message", "an agent of Troupe is not asked");
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);
    return text;
}

/* ---- what servers say of themselves ---- */

bool tr_mcp_is_modern(const json_t *discovered) {
    size_t i;
    json_t *version;
    json_array_foreach(json_object_get(discovered, "supportedVersions"), i, version) {
        if (json_is_string(version) && strcmp(json_string_value(version), TR_MCP_MODERN) == 0)
            return true;
    }
    return false;
}

bool tr_mcp_is_spoken(const json_t *initialized) {
    static const char *const spoken[] = {TR_MCP_STATEFUL, "2025-03-26", "2024-11-05"};
    const char *chosen = json_string_value(json_object_get(initialized, "protocolVersion"));
    for (size_t i = 0; chosen && i < sizeof spoken / sizeof *spoken; i++)
        if (strcmp(spoken[i], chosen) == 0)
            return true;
    return false;
}

bool tr_mcp_is_capable(const json_t *told, const char *what) {
    return json_is_object(json_object_get(json_object_get(told, "capabilities"), what));
}

bool tr_mcp_is_of_session(const json_t *failure) {
    json_int_t code = json_integer_value(json_object_get(failure, "code"));
    return code == TR_MCP_BAD_REQUEST || code == -32000 || code == -32001;
}

const char *tr_mcp_incomplete(const json_t *result) {
    const char *type = json_string_value(json_object_get(result, "resultType"));
    return type && strcmp(type, "complete") != 0 ? type : NULL;
}

/* ---- results as text ---- */

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void add_json_text(tr_textbuf_t *out, const json_t *text) {
    tr_textbuf_add(out, json_string_value(text), json_string_length(text));
}

static void add_said(tr_textbuf_t *out, const char *before, const char *said, const char *after) {
    tr_textbuf_add_string(out, before);
    tr_textbuf_add_string(out, said);
    tr_textbuf_add_string(out, after);
}

/* {"uri", "mimeType", "text" or "blob"} */
static void add_contents(tr_textbuf_t *out, const json_t *contents) {
    const json_t *text = json_object_get(contents, "text");
    add_said(out, "resource: ", text_at(contents, "uri"), "\n");
    if (json_is_string(text)) {
        add_json_text(out, text);
        return;
    }
    add_said(out, "[bytes of the type ", text_at(contents, "mimeType"), ", which are not shown]");
}

static void add_part(tr_textbuf_t *out, const json_t *part) {
    const char *type = text_at(part, "type");
    const json_t *text = json_object_get(part, "text");
    if (strcmp(type, "text") == 0 && json_is_string(text)) {
        add_json_text(out, text);
    } else if (strcmp(type, "resource") == 0) {
        add_contents(out, json_object_get(part, "resource"));
    } else if (strcmp(type, "resource_link") == 0) {
        add_said(out, "resource: ", text_at(part, "uri"), "");
        add_said(out, " (", text_at(part, "name"), ")");
    } else {
        add_said(out, "[", *type ? type : "something", "");
        add_said(out, " of the type ", text_at(part, "mimeType"), ", which is not shown]");
    }
}

typedef void (*add_fn)(tr_textbuf_t *out, const json_t *item);

static char *text_of(const json_t *list, add_fn add, const char *expected, const char **ret_wrong) {
    tr_textbuf_t out = {0};
    size_t i;
    json_t *item;
    *ret_wrong = json_is_array(list) ? NULL : expected;
    if (*ret_wrong)
        return NULL;
    json_array_foreach((json_t *)(uintptr_t)list, i, item) {
        if (i)
            tr_textbuf_add_string(&out, "\n");
        add(&out, item);
    }
    return tr_textbuf_take(&out);
}

char *tr_mcp_text_of_call(const json_t *result, bool *ret_is_error, const char **ret_wrong) {
    const json_t *content = json_object_get(result, "content"),
                 *value = json_object_get(result, "structuredContent");
    *ret_is_error = json_is_true(json_object_get(result, "isError"));
    *ret_wrong = NULL;
    if (json_array_size(content) == 0 && value)
        return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    return text_of(content, add_part, "a result of tools/call has a list as content", ret_wrong);
}

char *tr_mcp_text_of_resource(const json_t *result, const char **ret_wrong) {
    return text_of(json_object_get(result, "contents"), add_contents,
        "a result of resources/read has a list as contents", ret_wrong);
}

/* ---- lists ---- */

const json_t *tr_mcp_next(const json_t *result) {
    const json_t *cursor = json_object_get(result, "nextCursor");
    return json_string_length(cursor) > 0 ? cursor : NULL;
}

const char *tr_mcp_catalogue_method(const tr_mcp_catalogue_t *self) {
    return self->has_templates ? "resources/list" : "resources/templates/list";
}

static void add_line(tr_textbuf_t *out) {
    if (out->length)
        tr_textbuf_add_string(out, "\n");
}

/* Or a template of some. */
static void add_resource(tr_textbuf_t *out, const json_t *resource) {
    add_line(out);
    add_said(out, text_at(resource, "uri"), text_at(resource, "uriTemplate"), "");
    add_said(out, " (", text_at(resource, "name"), ")");
    if (*text_at(resource, "description"))
        add_said(out, ": ", text_at(resource, "description"), "");
}

/* Goes on to the next page, to resources, or to the end. */
static json_t *turn_page(tr_mcp_catalogue_t *self, const json_t *cursor, size_t most) {
    bool is_full = ++self->pages >= TR_MCP_PAGES_MAX || self->text.length > most;
    if (cursor && !is_full)
        return json_pack("{s:O}", "cursor", (json_t *)(uintptr_t)cursor);
    if (cursor) {
        add_line(&self->text);
        tr_textbuf_add_string(&self->text, "[there are more, which are not listed]");
    }
    self->pages = 0;
    self->has_templates = true;
    return json_object();
}

json_t *tr_mcp_catalogue_take(
    tr_mcp_catalogue_t *self, const json_t *result, size_t most, const char **ret_wrong) {
    size_t i;
    json_t *item;
    bool is_last = self->has_templates; /* of the two lists */
    const json_t *list = json_object_get(result, is_last ? "resources" : "resourceTemplates");
    *ret_wrong =
        !is_last || json_is_array(list) ? NULL : "a result of resources/list has a list as resources";
    if (*ret_wrong)
        return NULL;
    json_array_foreach((json_t *)(uintptr_t)list, i, item) add_resource(&self->text, item);
    json_t *params = turn_page(self, tr_mcp_next(result), most);
    self->text.failed |= !params;
    if (is_last && self->pages == 0) {
        json_decref(params);
        return NULL;
    }
    return params;
}
