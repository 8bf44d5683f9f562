#include "lib/tool/mcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#define PAUSE_MIN_MS 200
#define PAUSE_MAX_MS 30000
#define STEADY_MS    10000 /* a connection that held so long is well again */

enum { CLOSED, ASKING, BEGINNING, LISTING, OPEN };

static const char *const methods[] = {
    [ASKING] = "server/discover", [BEGINNING] = "initialize", [LISTING] = "tools/list"};

/* A call, or (without one) a step of the opening. */
typedef struct tr_mcp_request {
    struct tr_mcp_request *next;
    json_int_t id;
    tr_tool_call_t *call;
    const char *method;           /* constant */
    json_t *params;               /* of a call: kept, so that it can be sent again */
    bool again;                   /* it was sent a second time already */
    tr_mcp_catalogue_t catalogue; /* of one that lists resources */
    bool sent;                    /* the server may have it, and has not answered */
} request_t;

static void initialize(tr_mcp_t *self);
static void open_connection(tr_mcp_t *self);
static void close_connection(tr_mcp_t *self, tr_tool_status_t status, const char *why);

/* ---- requests ---- */

static request_t *take_request(request_t **list, json_int_t id, const tr_tool_call_t *call) {
    for (request_t **at = list; *at; at = &(*at)->next) {
        request_t *found = *at;
        if (call ? found->call != call : found->id != id)
            continue;
        *at = found->next;
        found->sent &= call != NULL; /* by its number: since there is an answer */
        return found;
    }
    return NULL;
}

static void free_request(request_t *request) {
    if (!request)
        return;
    json_decref(request->params);
    tr_textbuf_finish(&request->catalogue.text);
    free(request);
}

static void fail_request(tr_mcp_t *self, request_t *request, tr_tool_status_t status, const char *why) {
    tr_tool_call_t *call = request->call;
    bool is_lost = request->sent && call && !call->tool->repeatable;
    if (call)
        tr_tool_call_fail(call, is_lost ? TR_TOOL_UNCERTAIN : status, "the server %s: %s%s", self->name, why,
            is_lost ? "; it had the call, and may have done what it does" : "");
    free_request(request);
}

static const tr_mcp_tool_t *tool_of(const request_t *request) {
    return request->call ? (const tr_mcp_tool_t *)request->call->tool : NULL;
}

static const char *name_of(const request_t *request) {
    const tr_mcp_tool_t *tool = tool_of(request);
    if (!tool || tool->act == TR_MCP_LIST_RESOURCES)
        return NULL;
    return tool->act == TR_MCP_CALL ? tool->remote
                                    : json_string_value(json_object_get(request->call->arguments, "uri"));
}

/* Consumes it: it waits for its answer, or it is told why not. False: the connection is closed. */
static bool send_request(tr_mcp_t *self, request_t *request) {
    const tr_mcp_tool_t *tool = tool_of(request);
    tr_error_t error = {0};
    request->id = ++self->last_id;
    const char *trace = request->call ? request->call->traceparent : NULL;
    char *text =
        tr_mcp_print(request->id, request->method, json_deep_copy(request->params), self->modern, trace);
    tr_mcp_letter_t letter = {.id = request->id,
        .method = request->method,
        .name = name_of(request),
        .parameters = tool && tool->act == TR_MCP_CALL ? tool->schema : NULL,
        .arguments = request->call ? request->call->arguments : NULL,
        .text = text,
        .traceparent = trace,
        .modern = self->modern};
    int rc = text ? self->wire->ops->send(self->wire, &letter, &error)
                  : tr_error_set(&error, -ENOMEM, "out of memory");
    free(text);
    request->sent = rc == 0;
    request->next = self->requests;
    self->requests = request;
    if (rc < 0)
        close_connection(self, rc == -ENOMEM ? TR_TOOL_FAILED : TR_TOOL_UNAVAILABLE, error.text);
    return rc == 0;
}

static void send_notice(tr_mcp_t *self, const char *method, json_t *params) {
    tr_error_t error = {0};
    char *text = tr_mcp_print(TR_MCP_NO_ID, method, params, self->modern, NULL);
    tr_mcp_letter_t letter = {.id = TR_MCP_NO_ID, .method = method, .text = text, .modern = self->modern};
    if (text)
        self->wire->ops->send(
            self->wire, &letter, &error); /* nothing is answered: what is lost is lost, ignoring */
    free(text);
}

static bool send_step(tr_mcp_t *self, int state, json_t *params) {
    request_t *request = calloc(1, sizeof *request);
    self->state = state;
    if (!request || !params) {
        free(request);
        json_decref(params);
        close_connection(self, TR_TOOL_FAILED, "out of memory");
        return false;
    }
    *request = (request_t){.method = methods[state], .params = params};
    return send_request(self, request);
}

/* ---- the connection ---- */

static void set_ready(tr_mcp_t *self) {
    self->source.ready = true;
    tr_tools_changed(self->tools);
}

static void close_connection(tr_mcp_t *self, tr_tool_status_t status, const char *why) {
    request_t *sent = self->requests, *waiting = self->waiting;
    int64_t now = tr_clock_ms();
    char reason[sizeof self->trouble];
    snprintf(reason, sizeof reason, "%s", why);
    snprintf(self->trouble, sizeof self->trouble, "%s", why);
    self->requests = self->waiting = NULL;
    self->state = CLOSED;
    tr_llm_timer_stop(&self->tools->loop, &self->opening);
    self->wire->ops->close(self->wire);
    bool was_steady = self->opened_ms && now - self->opened_ms > STEADY_MS;
    self->pause_ms = was_steady || !self->pause_ms ? PAUSE_MIN_MS : 2 * self->pause_ms;
    self->pause_ms = self->pause_ms < PAUSE_MAX_MS ? self->pause_ms : PAUSE_MAX_MS;
    self->not_before_ms = now + self->pause_ms;
    for (request_t *next; sent; sent = next) {
        next = sent->next;
        fail_request(self, sent, status, reason);
    }
    for (request_t *next; waiting; waiting = next) {
        next = waiting->next;
        fail_request(self, waiting, status, reason);
    }
    if (!self->source.ready)
        set_ready(self);
}

static void on_opening(void *arg) {
    tr_mcp_t *self = arg;
    char why[200];
    if (self->state == ASKING && self->config->protocol == TR_MCP_BY_ASKING) {
        /* one of the older revision may say nothing to what it does not know */
        self->wire->ops->drop(self->wire, self->last_id);
        free_request(take_request(&self->requests, self->last_id, NULL));
        self->was_slow = true;
        initialize(self);
        return;
    }
    snprintf(why, sizeof why,
        "it did not answer %s within %lld ms; look whether it is one of MCP, or raise open-timeout",
        methods[self->state], (long long)self->config->open_ms);
    close_connection(self, TR_TOOL_UNAVAILABLE, why);
}

static bool limit_opening(tr_mcp_t *self, int64_t ms) {
    if (tr_llm_timer_at(&self->tools->loop, &self->opening, tr_clock_ms() + ms, on_opening, self) == 0)
        return true;
    close_connection(self, TR_TOOL_FAILED, "out of memory");
    return false;
}

static void initialize(tr_mcp_t *self) {
    self->modern = false;
    self->version = NULL;
    if (limit_opening(self, self->config->open_ms))
        send_step(self, BEGINNING,
            json_pack("{s:s, s:{}, s:{s:s, s:s}}", "protocolVersion", TR_MCP_STATEFUL, "capabilities",
                "clientInfo", "name", "troupe", "version", TROUPE_VERSION));
}

static void list_tools(tr_mcp_t *self, const json_t *cursor) {
    if (!cursor) {
        json_decref(self->listing);
        self->listing = json_array();
        self->pages = 0;
    }
    send_step(
        self, LISTING, cursor ? json_pack("{s:O}", "cursor", (json_t *)(uintptr_t)cursor) : json_object());
}

/* Which revision it speaks. */
static void ask_revision(tr_mcp_t *self, int64_t ms) {
    self->modern = true;
    self->version = TR_MCP_MODERN;
    if (limit_opening(self, ms))
        send_step(self, ASKING, json_object());
}

/* It does not begin by the older revision. False: nor by the other. */
static bool asks_again(tr_mcp_t *self) {
    if (self->state != BEGINNING || !self->was_slow)
        return false;
    self->was_slow = false;
    ask_revision(self, self->config->open_ms);
    return true;
}

static void open_connection(tr_mcp_t *self) {
    tr_error_t error = {0};
    bool asks = self->config->protocol != TR_MCP_BY_SESSION;
    self->opened_ms = 0;
    if (self->wire->ops->open(self->wire, &error) < 0) {
        close_connection(self, TR_TOOL_UNAVAILABLE, error.text);
        return;
    }
    if (!asks) {
        initialize(self);
        return;
    }
    self->was_slow = false;
    ask_revision(
        self, self->config->protocol == TR_MCP_BY_ASKING ? self->config->open_ms / 3 : self->config->open_ms);
}

static void be_open(tr_mcp_t *self) {
    self->state = OPEN;
    self->opened_ms = tr_clock_ms();
    self->trouble[0] = '\0';
    tr_llm_timer_stop(&self->tools->loop, &self->opening);
    tr_mcp_tools_settle(self); /* calls of what is gone now wait no more */
    set_ready(self);
    request_t *waiting = self->waiting;
    self->waiting = NULL;
    for (request_t *next; waiting; waiting = next) {
        next = waiting->next;
        if (self->state == OPEN)
            send_request(self, waiting);
        else
            fail_request(self, waiting, TR_TOOL_UNAVAILABLE, self->trouble);
    }
}

/* ---- steps of the opening ---- */

static void on_discovered(tr_mcp_t *self, const json_t *result) {
    if (!tr_mcp_is_modern(result)) {
        initialize(self);
        return;
    }
    self->resources = tr_mcp_is_capable(result, "resources");
    list_tools(self, NULL);
}

static void on_initialized(tr_mcp_t *self, const json_t *result) {
    if (!tr_mcp_is_spoken(result)) {
        close_connection(self, TR_TOOL_UNAVAILABLE,
            "it chose a version of MCP that is not spoken here; expected " TR_MCP_STATEFUL
            " or " TR_MCP_MODERN);
        return;
    }
    self->version =
        strcmp(json_string_value(json_object_get(result, "protocolVersion")), TR_MCP_STATEFUL) == 0
            ? TR_MCP_STATEFUL
            : NULL; /* those before had no header for it */
    self->resources = tr_mcp_is_capable(result, "resources");
    send_notice(self, "notifications/initialized", json_object());
    if (self->state != BEGINNING) /* the wire was lost with it */
        return;
    if (tr_mcp_is_capable(result, "tools"))
        list_tools(self, NULL);
    else
        be_open(self);
}

static void on_listed(tr_mcp_t *self, const json_t *result) {
    const json_t *tools = json_object_get(result, "tools"), *cursor = tr_mcp_next(result);
    if (!json_is_array(tools)) {
        close_connection(self, TR_TOOL_GARBLED, "its answer to tools/list has no list of tools");
        return;
    }
    json_array_extend(self->listing, (json_t *)(uintptr_t)tools);
    if (cursor && ++self->pages < TR_MCP_PAGES_MAX && json_array_size(self->listing) < TR_TOOLS_MAX)
        list_tools(self, cursor);
    else
        be_open(self);
}

static void on_step(tr_mcp_t *self, const json_t *result) {
    if (self->state == ASKING)
        on_discovered(self, result);
    else if (self->state == BEGINNING)
        on_initialized(self, result);
    else if (self->state == LISTING || self->state == OPEN)
        on_listed(self, result);
}

/* ---- what is heard ---- */

/* Consumes the request where it does. */
static bool asks_next_page(tr_mcp_t *self, request_t *request, const json_t *result, const char **ret_wrong) {
    size_t own = request->call->tool->result_max;
    json_t *params =
        tr_mcp_catalogue_take(&request->catalogue, result, own ? own : TR_TOOL_RESULT_BYTES, ret_wrong);
    if (!params)
        return false;
    json_decref(request->params);
    request->params = params;
    request->method = tr_mcp_catalogue_method(&request->catalogue);
    send_request(self, request);
    return true;
}

static void on_call_result(tr_mcp_t *self, request_t *request, const json_t *result) {
    const tr_mcp_tool_t *tool = tool_of(request);
    const char *wrong = NULL, *wants = tr_mcp_incomplete(result);
    bool is_error = false;
    tr_tool_call_t *call = request->call;
    if (!wants && tool->act == TR_MCP_LIST_RESOURCES && asks_next_page(self, request, result, &wrong))
        return;
    char *text = wants || wrong                       ? NULL
                 : tool->act == TR_MCP_CALL           ? tr_mcp_text_of_call(result, &is_error, &wrong)
                 : tool->act == TR_MCP_LIST_RESOURCES ? tr_textbuf_take(&request->catalogue.text)
                                                      : tr_mcp_text_of_resource(result, &wrong);
    if (wants)
        tr_tool_call_fail(call, TR_TOOL_UNAVAILABLE,
            "the server %s: its result is %.40s: it asks a user for something, and there is none here",
            self->name, wants);
    else if (wrong)
        tr_tool_call_fail(call, TR_TOOL_GARBLED, "the server %s: %s", self->name, wrong);
    else if (!text)
        tr_tool_call_fail(call, TR_TOOL_FAILED, "out of memory");
    else if (is_error)
        tr_tool_call_error(call, text, strlen(text));
    else
        tr_tool_call_done(call, text, strlen(text));
    free(text);
    free_request(request);
}

static bool is_for_templates(const request_t *request) {
    const tr_mcp_tool_t *tool = tool_of(request);
    return tool && tool->act == TR_MCP_LIST_RESOURCES && !request->catalogue.has_templates;
}

static void on_failure(tr_mcp_t *self, request_t *request, const json_t *failure) {
    const char *message = json_string_value(json_object_get(failure, "message"));
    char why[300];
    if (is_for_templates(request)) { /* it has none, as few have */
        on_call_result(self, request, NULL);
        return;
    }
    snprintf(why, sizeof why, "%.250s (error %lld)", message ? message : "it says no reason",
        (long long)json_integer_value(json_object_get(failure, "code")));
    if (request->call) { /* a call that the server took, and refused: what it says is its own */
        tr_tool_call_error(request->call, why, strlen(why));
        free_request(request);
        return;
    }
    free_request(request);
    if (self->state == ASKING && self->config->protocol == TR_MCP_BY_ASKING)
        initialize(self);
    else if (!asks_again(self))
        close_connection(self, TR_TOOL_UNAVAILABLE, why);
}

static void on_answer(tr_mcp_t *self, const tr_mcp_heard_t *heard, json_int_t of) {
    request_t *request = take_request(&self->requests, heard->id != TR_MCP_NO_ID ? heard->id : of, NULL);
    if (!request)
        return; /* it was cancelled, or is none of ours */
    if (heard->what == TR_MCP_FAILURE)
        on_failure(self, request, heard->body);
    else if (request->call)
        on_call_result(self, request, heard->body);
    else {
        free_request(request);
        on_step(self, heard->body);
    }
}

static void on_asked(tr_mcp_t *self, const tr_mcp_heard_t *heard) {
    tr_error_t error = {0};
    char *text = tr_mcp_print_answer(heard);
    if (text)
        self->wire->ops->send(self->wire,
            &(tr_mcp_letter_t){.id = TR_MCP_NO_ID, .text = text, .modern = self->modern},
            &error); /* ignoring */
    free(text);
}

/* What cannot be read ends the call that it answers (none: it was cancelled); where it cannot be seen which that is, the connection. */
static bool on_garbled(tr_mcp_t *self, json_int_t id, const tr_error_t *error) {
    char why[sizeof error->text + 100];
    request_t *request = take_request(&self->requests, id, NULL);
    tr_tool_status_t status = error->code == -E2BIG    ? TR_TOOL_TOO_LARGE
                              : error->code == -ENOMEM ? TR_TOOL_FAILED
                                                       : TR_TOOL_GARBLED;
    bool is_of_call = request && request->call;
    snprintf(why, sizeof why, "it said what is no message: %s%s", error->text,
        is_of_call ? "" : "; what it logs belongs on its stderr");
    if (is_of_call) {
        fail_request(self, request, status, why);
        return true;
    }
    if (!request && id != TR_MCP_NO_ID)
        return true;
    free_request(request);
    close_connection(self, status, why);
    return false;
}

bool tr_mcp_heard(tr_mcp_t *self, const char *bytes, size_t len, json_int_t of) {
    tr_mcp_heard_t heard;
    tr_error_t error = {0};
    if (tr_mcp_read(bytes, len, &heard, &error) < 0)
        return on_garbled(self, of != TR_MCP_NO_ID ? of : tr_mcp_find_answered(bytes, len), &error);
    if (heard.what == TR_MCP_RESULT || heard.what == TR_MCP_FAILURE)
        on_answer(self, &heard, of);
    else if (heard.what == TR_MCP_REQUEST)
        on_asked(self, &heard);
    else if (self->state == OPEN && strcmp(heard.method, "notifications/tools/list_changed") == 0 &&
             limit_opening(self, self->config->open_ms))
        list_tools(self, NULL);
    tr_mcp_heard_finish(&heard);
    return self->state != CLOSED;
}

void tr_mcp_unanswered(
    tr_mcp_t *self, json_int_t id, bool was_sent, tr_tool_status_t status, const char *why) {
    request_t *request = take_request(&self->requests, id, NULL);
    if (request && is_for_templates(request)) {
        on_call_result(self, request, NULL);
        return;
    }
    if (!request || request->call) {
        if (request) {
            request->sent = was_sent;
            fail_request(self, request, status, why);
        }
        return;
    }
    free_request(request);
    if (self->state == ASKING && self->config->protocol == TR_MCP_BY_ASKING)
        initialize(self);
    else if (!asks_again(self))
        close_connection(self, status, why);
}

/* The calls that it did not take are made again in a new session, once. */
void tr_mcp_forgotten(tr_mcp_t *self, json_int_t id) {
    request_t *request = take_request(&self->requests, id, NULL);
    if (request && request->call && !request->again) {
        request->again = true;
        request->next = self->waiting;
        self->waiting = request;
    } else if (request) {
        fail_request(self, request, TR_TOOL_UNAVAILABLE, "it ended the session; ask again");
    }
    if (self->state != OPEN)
        return;
    while ((request = self->requests)) { /* whether it did them is not known */
        self->requests = request->next;
        fail_request(self, request, TR_TOOL_UNAVAILABLE, "it ended the session; ask again");
    }
    self->wire->ops->close(self->wire);
    open_connection(self);
}

void tr_mcp_lost(tr_mcp_t *self, tr_tool_status_t status, const char *why) {
    bool was_asking = self->state == ASKING && self->config->protocol == TR_MCP_BY_ASKING;
    tr_error_t error = {0};
    if (!was_asking) {
        close_connection(self, status, why);
        return;
    }
    /* one of the older revision may end because of what it does not know */
    free_request(take_request(&self->requests, self->last_id, NULL));
    self->wire->ops->close(self->wire);
    if (self->wire->ops->open(self->wire, &error) < 0)
        close_connection(self, TR_TOOL_UNAVAILABLE, error.text);
    else
        initialize(self);
}

bool tr_mcp_waits(const tr_mcp_t *self, json_int_t id) {
    const request_t *request = self->requests;
    while (request && request->id != id)
        request = request->next;
    return request;
}

json_int_t tr_mcp_only(const tr_mcp_t *self) {
    const request_t *request = self->requests;
    return request && !request->next ? request->id : TR_MCP_NO_ID;
}

bool tr_mcp_may_begin_anew(const tr_mcp_t *self, json_int_t id) {
    return id != TR_MCP_NO_ID && tr_mcp_only(self) == id && self->requests->call && !self->requests->again;
}

/* ---- calls ---- */

void tr_mcp_start(tr_mcp_t *self, tr_tool_call_t *call, const char *method, json_t *params) {
    request_t *request = calloc(1, sizeof *request);
    int64_t left = self->not_before_ms - tr_clock_ms();
    if (!request || !params) {
        free(request);
        json_decref(params);
        tr_tool_call_fail(call, TR_TOOL_FAILED, "out of memory");
        return;
    }
    *request = (request_t){.call = call, .method = method, .params = params};
    if (self->state == CLOSED && left > 0) {
        tr_tool_call_fail(call, TR_TOOL_UNAVAILABLE, "the server %s: %s; it is tried again in %lld ms",
            self->name, self->trouble, (long long)left);
        free_request(request);
    } else if (self->state == OPEN) {
        send_request(self, request);
    } else {
        request->next = self->waiting;
        self->waiting = request;
        if (self->state == CLOSED)
            open_connection(self);
    }
}

void tr_mcp_cancel(tr_mcp_t *self, tr_tool_call_t *call) {
    request_t *waiting = take_request(&self->waiting, 0, call),
              *sent = take_request(&self->requests, 0, call);
    if (sent && !self->wire->ops->drop(self->wire, sent->id))
        send_notice(self, "notifications/cancelled",
            json_pack("{s:I, s:s}", "requestId", sent->id, "reason",
                "it took too long, or is not wanted any more"));
    free_request(waiting);
    free_request(sent);
}

/* ---- the source ---- */

static json_t *describe(const tr_tool_source_t *source) {
    const tr_mcp_t *self = (const tr_mcp_t *)source;
    const char *state = self->state == OPEN ? "open" : self->state == CLOSED ? "closed" : "opening";
    json_t *told = json_pack("{s:s, s:s}", "server", self->name, "state", state);
    if (told && self->version)
        json_object_set_new(told, "protocol", json_string(self->version));
    json_t *warning = told ? tr_mcp_tools_warning(self) : NULL;
    if (warning)
        json_object_set_new(told, "warning", warning);
    if (told && self->state == CLOSED)
        json_object_set_new(told, "detail", json_stringn_nocheck(self->trouble, strlen(self->trouble)));
    return told;
}

static void destroy(tr_tool_source_t *source) {
    tr_mcp_t *self = (tr_mcp_t *)source;
    tr_llm_timer_stop(&self->tools->loop, &self->opening);
    while (self->requests)
        free_request(take_request(&self->requests, self->requests->id, NULL));
    if (self->wire)
        self->wire->ops->destroy(self->wire);
    json_decref(self->listing);
    free(self);
}

static int open_mcp(tr_tools_t *tools, const char *name, const tr_tool_config_t *common, tr_error_t *error) {
    const tr_mcp_config_t *config = (const tr_mcp_config_t *)common;
    tr_mcp_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->source = (tr_tool_source_t){.destroy = destroy, .describe = describe};
    self->tools = tools;
    self->name = name;
    self->config = config;
    int rc = config->url ? tr_mcp_http_new(&tools->loop, config, &self->wire, error)
                         : tr_mcp_stdio_new(&tools->loop, config, &self->wire, error);
    if (rc < 0) {
        free(self);
        return rc;
    }
    self->wire->mcp = self;
    tr_tools_take_source(tools, &self->source);
    if (!tools->options.check)
        open_connection(self);
    return 0;
}

const tr_tool_kind_t tr_tool_kind_mcp = {"mcp", &tr_mcp_table, open_mcp};
