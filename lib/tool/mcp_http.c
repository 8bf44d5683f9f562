/*
 * A server of MCP behind HTTP (Streamable HTTP): each message is a POST, and what a request is answered with is JSON, or a stream of events of which one
 * is the answer. Redirects are not followed, so the key goes nowhere else. The stream that a server may be asked for with GET, for what it wants to
 * tell of itself, is not opened: its tools are listed again when it tells so within an answer.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "lib/base/clock.h"
#include "lib/llm/key.h"
#include "lib/llm/sse.h"
#include "lib/tool/mcp.h"
#include "lib/tool/web.h"

#define CONNECT_MS  10000
#define NOTICE_MS   10000 /* for what nothing is answered to */
#define LINGER_MS   1000  /* for a stream to end after the result: its connection can then be used again */
#define HEADERS_MAX 48
#define HEADER_MAX  4096
#define SESSION_MAX 256
#define ANSWERS_MAX 16 /* under way to what a server asks: each holds a connection */

/* One POST. */
typedef struct exchange {
    struct exchange *next;
    struct http_wire *http;
    tr_llm_transfer_t *transfer;
    tr_llm_timer_t linger;
    json_int_t id;
    char *body;
    tr_llm_secrets_t secrets; /* that it carries */
    tr_buffer_t came;         /* where it is no stream */
    tr_llm_sse_t sse;
    bool streams, had_session, modern;
    bool answers; /* what the server asked */
    bool lingers; /* its result came */
    bool runs;    /* a callback of it */
    bool over;    /* nobody wants what it brings */
    int wrong;    /* of the stream: negative */
} exchange_t;

typedef struct http_wire {
    tr_mcp_wire_t wire; /* first */
    tr_llm_loop_t *loop;
    const tr_mcp_config_t *config;
    const tr_web_module_t *web;
    tr_llm_transfers_t *transfers;
    exchange_t *exchanges;
    unsigned answering;
    char session[SESSION_MAX + 1];
} http_t;

static http_t *http_of(tr_mcp_wire_t *wire) {
    return (http_t *)wire;
}

/* ---- an exchange ---- */

static void free_exchange(exchange_t *self) {
    for (exchange_t **at = &self->http->exchanges; *at; at = &(*at)->next) {
        if (*at != self)
            continue;
        *at = self->next;
        break;
    }
    if (self->transfer)
        self->http->web->cancel(&self->transfer);
    tr_llm_timer_stop(self->http->loop, &self->linger);
    self->http->answering -= self->answers;
    tr_buffer_finish(&self->came);
    tr_llm_sse_finish(&self->sse);
    tr_llm_secrets_finish(&self->secrets);
    free(self->body);
    free(self);
}

static void on_lingered(void *arg) {
    free_exchange(arg);
}

/* A server may keep the stream open after its result, for ever: it is not waited for long. */
static void let_linger(exchange_t *self) {
    if (self->lingers || self->over || self->id == TR_MCP_NO_ID ||
        tr_mcp_waits(self->http->wire.mcp, self->id))
        return;
    self->lingers = true;
    if (tr_llm_timer_at(self->http->loop, &self->linger, tr_clock_ms() + LINGER_MS, on_lingered, self) < 0)
        self->over = true;
}

static bool on_event(void *arg, const char *name, char *data, size_t len) {
    exchange_t *self = arg;
    (void)name;
    if (len == 0)
        return true;
    tr_llm_secrets_hide(&self->secrets, data, len); /* what it says is given to models and to who asked */
    tr_mcp_heard(self->http->wire.mcp, data, len, self->id);
    let_linger(self);
    return !self->over;
}

/* It is told with the answer to `initialize`. */
static void take_session(http_t *http, const tr_llm_report_t *report) {
    if (*report->kept && strlen(report->kept) <= SESSION_MAX && !http->session[0])
        snprintf(http->session, sizeof http->session, "%s", report->kept);
}

static bool on_data(void *arg, const tr_llm_report_t *report, const char *bytes, size_t len) {
    exchange_t *self = arg;
    take_session(self->http, report);
    self->streams = strncasecmp(report->content_type, "text/event-stream", 17) == 0;
    if (!self->streams) {
        tr_buffer_put(&self->came, bytes, len);
        return !self->came.failed;
    }
    self->runs = true;
    self->wrong = tr_llm_sse_feed(&self->sse, bytes, len, on_event, self);
    self->runs = false;
    return self->wrong == 0 && !self->over;
}

static tr_tool_status_t status_of(tr_llm_end_t end) {
    return end == TR_LLM_END_FAILED ? TR_TOOL_FAILED : TR_TOOL_UNAVAILABLE;
}

static bool is_too_large(const exchange_t *self, const tr_llm_report_t *report) {
    return self->wrong < 0 || report->end == TR_LLM_END_TOO_LARGE;
}

/* What is too large may be the answer; in a stream also what comes before it. */
static bool is_of_answer(const exchange_t *self) {
    static const char field[] = "data:";
    const char *line = tr_buffer_string(&self->sse.line);
    size_t len = self->sse.line.size, before = strlen(field);
    if (!self->streams)
        return true;
    return strncmp(line, field, before) == 0 && tr_mcp_is_answer(line + before, len - before);
}

/* And has not answered. A server that refuses has done nothing; behind one that fails, or a gateway that does, it may have been done. */
static bool was_sent(const exchange_t *self, const tr_llm_report_t *report) {
    static const bool never[] = {[TR_LLM_END_UNREACHABLE] = true,
        [TR_LLM_END_CONNECT] = true,
        [TR_LLM_END_FORBIDDEN] = true,
        [TR_LLM_END_FAILED] = true};
    bool is_refused =
        report->end == TR_LLM_END_WHOLE && (report->status / 100 == 3 || report->status / 100 == 4);
    bool is_answer = is_too_large(self, report) && report->status / 100 == 2 && is_of_answer(self);
    return !never[report->end] && !is_refused && !is_answer;
}

static void unanswered(exchange_t *self, const tr_llm_report_t *report) {
    char why[400];
    tr_mcp_t *mcp = self->http->wire.mcp;
    bool is_refused = report->status == 401 || report->status == 403;
    if (report->end != TR_LLM_END_WHOLE && report->end != TR_LLM_END_STOPPED)
        snprintf(why, sizeof why, "%s: %s", self->http->config->url, report->detail);
    else if (self->wrong < 0)
        snprintf(why, sizeof why,
            "%s: an event of more than %lld bytes; raise message-max, or ask it for less",
            self->http->config->url, (long long)self->http->config->message_max);
    else if (report->status / 100 != 2)
        snprintf(why, sizeof why, "%s answered HTTP %d%s", self->http->config->url, report->status,
            is_refused ? ": give it a key with key-env or key-file" : "");
    else
        snprintf(why, sizeof why, "%s ended its answer without the result", self->http->config->url);
    tr_mcp_unanswered(mcp, self->id, was_sent(self, report),
        is_too_large(self, report) ? TR_TOOL_TOO_LARGE : status_of(report->end), why);
}

static bool is_json(const tr_llm_report_t *report) {
    return strncasecmp(report->content_type, "application/json", 16) == 0;
}

/* A refusal, and what a notice is answered with, may be a message of the protocol's, or anything. */
static bool is_message(const exchange_t *self, const tr_llm_report_t *report) {
    tr_mcp_heard_t heard;
    if (self->streams || self->came.size == 0 || !is_json(report))
        return false;
    if (report->status / 100 == 2 && self->id != TR_MCP_NO_ID)
        return true;
    if (tr_mcp_read(tr_buffer_string(&self->came), self->came.size, &heard, NULL) < 0)
        return false;
    tr_mcp_heard_finish(&heard);
    return true;
}

/* Many answer 400 where the protocol says 404, as the SDK's example did: that they do not know the session, or anything else that is wrong with the POST
 * but not with what is called. */
static bool is_session_in_doubt(const exchange_t *self, const tr_llm_report_t *report) {
    tr_mcp_heard_t heard;
    if (report->status != 400 || !self->had_session)
        return false;
    if (!is_message(self, report) ||
        tr_mcp_read(tr_buffer_string(&self->came), self->came.size, &heard, NULL) < 0)
        return true;
    bool is_so = heard.what == TR_MCP_FAILURE && tr_mcp_is_of_session(heard.body);
    tr_mcp_heard_finish(&heard);
    return is_so;
}

static void take_answer(exchange_t *self, const tr_llm_report_t *report) {
    http_t *http = self->http;
    take_session(http, report);
    tr_llm_secrets_hide(&self->secrets, self->came.data, self->came.size);
    if (report->status == 404 && self->had_session)
        tr_mcp_forgotten(http->wire.mcp, self->id);
    else if (is_session_in_doubt(self, report) && tr_mcp_may_begin_anew(http->wire.mcp, self->id))
        tr_mcp_forgotten(http->wire.mcp, self->id);
    else if (is_message(self, report))
        tr_mcp_heard(http->wire.mcp, tr_buffer_string(&self->came), self->came.size, self->id);
}

static void on_done(void *arg, const tr_llm_report_t *report) {
    exchange_t *self = arg;
    self->transfer = NULL;
    self->runs = true;
    if (!self->over && report->end == TR_LLM_END_WHOLE)
        take_answer(self, report);
    if (!self->over && self->id != TR_MCP_NO_ID)
        unanswered(self, report); /* nothing where it was answered */
    free_exchange(self);
}

static const tr_llm_transfer_ops_t transfer_ops = {on_data, on_done};

/* ---- headers ---- */

typedef struct {
    char *items[HEADERS_MAX + 1];
    size_t count;
    bool failed;
} headers_t;

static void add_header(headers_t *h, const char *name, const char *value) {
    if (h->count == HEADERS_MAX || asprintf(&h->items[h->count], "%s: %s", name, value) < 0)
        h->failed = true;
    else
        h->items[++h->count] = NULL;
}

static void finish_headers(headers_t *h) {
    for (size_t i = 0; i < h->count; i++) {
        sodium_memzero(h->items[i], strlen(h->items[i])); /* one may be the key */
        free(h->items[i]);
    }
}

/* What a header cannot carry as it is goes as the revision says: "=?base64?...?=". */
static void add_value(headers_t *h, const char *name, const char *value) {
    size_t len = strlen(value), room = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
    bool plain = len < HEADER_MAX && (len == 0 || (value[0] != ' ' && value[len - 1] != ' ')) &&
                 strncmp(value, "=?base64?", 9) != 0;
    for (size_t i = 0; plain && i < len; i++)
        plain = value[i] >= 0x20 && value[i] < 0x7f;
    if (plain) {
        add_header(h, name, value);
        return;
    }
    char *encoded = malloc(room), *whole = NULL;
    if (encoded && asprintf(&whole, "=?base64?%s?=",
                       sodium_bin2base64(encoded, room, (const unsigned char *)value, len,
                           sodium_base64_VARIANT_ORIGINAL)) >= 0)
        add_header(h, name, whole);
    else
        h->failed = true;
    free(encoded);
    free(whole);
}

static bool is_token(const char *text) {
    size_t len = strlen(text);
    return len > 0 && len < 64 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == len;
}

/* Arguments that the tool's schema wants as headers, too ("x-mcp-header"). */
static void add_parameters(headers_t *h, const tr_mcp_letter_t *letter) {
    const char *key;
    json_t *property;
    char name[96], number[40];
    json_object_foreach(json_object_get(letter->parameters, "properties"), key, property) {
        const char *as = json_string_value(json_object_get(property, "x-mcp-header"));
        const json_t *value = json_object_get(letter->arguments, key);
        if (!as || !value || !is_token(as))
            continue;
        snprintf(name, sizeof name, "Mcp-Param-%s", as);
        if (json_is_integer(value))
            snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        if (json_is_string(value))
            add_value(h, name, json_string_value(value));
        else if (json_is_integer(value) || json_is_boolean(value))
            add_value(h, name, json_is_integer(value) ? number : json_is_true(value) ? "true" : "false");
    }
}

static int add_key(
    headers_t *h, const tr_mcp_config_t *config, tr_llm_secrets_t *ret_secrets, tr_error_t *error) {
    char key[TR_LLM_KEY_MAX], bearer[TR_LLM_KEY_MAX + 16] = "";
    int rc = tr_llm_key_read(config->key_env, config->key_file, key, error);
    if (rc == 0 && *key) {
        snprintf(bearer, sizeof bearer, "Bearer %s", key);
        add_header(h, "Authorization", bearer);
    }
    if (rc == 0 && tr_llm_secrets_take(ret_secrets, key, &config->headers) < 0)
        h->failed = true;
    sodium_memzero(key, sizeof key);
    sodium_memzero(bearer, sizeof bearer);
    return rc;
}

static int make_headers(http_t *self, const tr_mcp_letter_t *letter, headers_t *h,
    tr_llm_secrets_t *ret_secrets, tr_error_t *error) {
    const char *version = self->wire.mcp->version;
    add_header(h, "Content-Type", "application/json");
    add_header(h, "Accept", "application/json, text/event-stream");
    if (version)
        add_header(h, "MCP-Protocol-Version", version);
    if (*self->session && !letter->modern)
        add_header(h, "Mcp-Session-Id", self->session);
    if (letter->modern && letter->method)
        add_header(h, "Mcp-Method", letter->method);
    if (letter->modern && letter->name)
        add_value(h, "Mcp-Name", letter->name);
    if (letter->modern && letter->parameters)
        add_parameters(h, letter);
    if (letter->traceparent && *letter->traceparent)
        add_header(h, "traceparent", letter->traceparent);
    for (size_t i = 0; i < self->config->headers.count; i++)
        add_header(h, self->config->headers.items[i].key, self->config->headers.items[i].value);
    int rc = add_key(h, self->config, ret_secrets, error);
    return rc == 0 && h->failed
               ? tr_error_set(error, -ENOMEM, "out of memory, or more headers than %d", HEADERS_MAX)
               : rc;
}

/* ---- the port ---- */

static int open_http(tr_mcp_wire_t *wire, tr_error_t *error) {
    http_t *self = http_of(wire);
    return self->transfers ? 0 : self->web->open(self->loop, &self->transfers, error);
}

static int start_exchange(exchange_t *self, const headers_t *h, tr_error_t *error) {
    http_t *http = self->http;
    int64_t most = self->id == TR_MCP_NO_ID ? NOTICE_MS : TR_TOOL_DAY_MS;
    tr_llm_http_t request = {.url = http->config->url,
        .headers = (const char *const *)h->items,
        .body = self->body,
        .body_len = strlen(self->body),
        .ca_file = http->config->ca_file,
        .keep_header = "mcp-session-id",
        .limits = {CONNECT_MS, most, most, most, (size_t)http->config->message_max}};
    int rc = http->web->start(http->transfers, &request, &transfer_ops, self, &self->transfer);
    return rc < 0 ? tr_error_set(error, rc, "out of memory") : 0;
}

static int send_post(tr_mcp_wire_t *wire, const tr_mcp_letter_t *letter, tr_error_t *error) {
    http_t *self = http_of(wire);
    headers_t h = {0};
    bool answers = !letter->method;
    if (answers && self->answering >= ANSWERS_MAX)
        return tr_error_set(error, -EAGAIN, "it asks more than it hears the answers of");
    exchange_t *exchange = calloc(1, sizeof *exchange);
    if (!exchange || !(exchange->body = strdup(letter->text))) {
        free(exchange);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    exchange->http = self;
    exchange->id = letter->id;
    exchange->modern = letter->modern;
    exchange->had_session = *self->session && !letter->modern;
    exchange->answers = answers;
    self->answering += answers;
    exchange->next = self->exchanges;
    self->exchanges = exchange;
    tr_buffer_init(&exchange->came, (size_t)self->config->message_max);
    tr_llm_sse_init(&exchange->sse, (size_t)self->config->message_max);
    int rc = make_headers(self, letter, &h, &exchange->secrets, error);
    if (rc == 0)
        rc = start_exchange(exchange, &h, error);
    finish_headers(&h);
    if (rc < 0)
        free_exchange(exchange);
    return rc;
}

/* One whose callback runs is freed at its end. */
static void end_exchange(exchange_t *self) {
    self->over = true;
    if (!self->runs)
        free_exchange(self);
}

static bool drop(tr_mcp_wire_t *wire, json_int_t id) {
    bool modern = true;
    for (exchange_t *e = http_of(wire)->exchanges, *next; e; e = next) {
        next = e->next;
        if (e->id != id)
            continue;
        modern = e->modern; /* to that revision, the end of the connection says it */
        end_exchange(e);
    }
    return modern;
}

static void close_http(tr_mcp_wire_t *wire) {
    http_t *self = http_of(wire);
    for (exchange_t *e = self->exchanges, *next; e; e = next) {
        next = e->next;
        end_exchange(e);
    }
    self->session[0] = '\0';
}

static void destroy(tr_mcp_wire_t *wire) {
    http_t *self = http_of(wire);
    close_http(wire);
    if (self->transfers)
        self->web->close(&self->transfers);
    free(self);
}

static const tr_mcp_wire_ops_t ops = {open_http, send_post, drop, close_http, destroy};

int tr_mcp_http_new(
    tr_llm_loop_t *loop, const tr_mcp_config_t *config, tr_mcp_wire_t **ret_wire, tr_error_t *error) {
    const tr_web_module_t *web;
    int rc = tr_web_load(&web, error);
    http_t *self = rc == 0 ? calloc(1, sizeof *self) : NULL;
    if (rc == 0 && !self)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc < 0)
        return rc;
    self->wire.ops = &ops;
    self->loop = loop;
    self->config = config;
    self->web = web;
    *ret_wire = &self->wire;
    return 0;
}
