#include "tools/mcp/bridge.h"

#include "lib/base/buffer.h"
#include "lib/child/lines.h"
#include "lib/tool/web.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX ((size_t)4 << 20)
#define AT_ONCE     64u /* on their way; then stdin waits */
#define CONNECT_MS  10000
#define META        "io.modelcontextprotocol/protocolVersion"

#define PARSE_ERROR     (-32700)
#define INVALID_REQUEST (-32600)
#define NO_ANSWER       (-32000)

typedef struct bridge {
    const tr_mcp_bridge_options_t *options;
    const tr_web_module_t *web;
    tr_llm_loop_t loop;
    tr_llm_transfers_t *transfers;
    tr_lines_t lines;
    char url[TR_WEB_URL_MAX + 1];
    char *bearer; /* a header; NULL = none */
    struct post *posts;
    size_t count;
    int failed; /* negative: of stdout */
} bridge_t;

/* A message on its way. */
typedef struct post {
    struct post *next;
    bridge_t *bridge;
    tr_llm_transfer_t *transfer;
    json_t *message, *id; /* id: borrowed of it; NULL: nothing is answered to it */
    char *body;
    tr_buffer_t came;
} post_t;

/* ---- what is answered ---- */

static void write_line(bridge_t *self, const json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT);
    size_t len = text ? strlen(text) : 0, at = 0;
    if (!text)
        self->failed = -ENOMEM;
    else
        text[len++] = '\n'; /* in place of its NUL */
    while (at < len && !self->failed) {
        ssize_t n = write(self->options->out, text + at, len - at);
        if (n >= 0)
            at += (size_t)n;
        else if (errno != EINTR)
            self->failed = -errno;
    }
    free(text);
}

static void __attribute__((format(printf, 4, 5)))
tell_error(bridge_t *self, const json_t *id, int code, const char *format, ...) {
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_t *error = json_pack("{s:s, s:O?, s:{s:i, s:s%}}", "jsonrpc", "2.0", "id", id, "error", "code", code,
        "message", text, strlen(text));
    if (!error) /* what it quotes is no UTF-8 */
        error = json_pack("{s:s, s:O?, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", id, "error", "code", code,
            "message", "it could not be answered");
    write_line(self, error);
    json_decref(error);
}

/* ---- a post ---- */

static void free_post(post_t *self) {
    post_t **at = &self->bridge->posts;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    self->bridge->count--;
    if (self->transfer)
        self->bridge->web->cancel(&self->transfer);
    tr_buffer_finish(&self->came);
    json_decref(self->message);
    free(self->body);
    free(self);
}

static bool on_data(void *arg, const tr_llm_report_t *report, const char *bytes, size_t len) {
    post_t *self = arg;
    (void)report;
    tr_buffer_put(&self->came, bytes, len);
    return !self->came.failed;
}

/* The gateway may not have come to who asks: then its answer names nobody, or is no message at all. */
static void tell_refused(post_t *self, const json_t *answer, int status) {
    const char *message = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
    const char *why = message ? message : json_string_value(json_object_get(answer, "detail"));
    bool not_allowed = status == 401 || status == 403;
    tell_error(self->bridge, self->id, NO_ANSWER, "%s: HTTP %d: %s%s", self->bridge->url, status,
        why           ? why
        : not_allowed ? "this is not allowed"
                      : "this is no answer of MCP: does --url name a gateway?",
        not_allowed ? ": give a token that may with --token-file" : "");
}

static void take_answer(post_t *self, const tr_llm_report_t *report) {
    json_t *answer = json_loadb(tr_buffer_string(&self->came), self->came.size, 0, NULL);
    bool is_message = json_object_get(answer, "jsonrpc") && report->status != 401 && report->status != 403;
    if (report->end != TR_LLM_END_WHOLE)
        tell_error(self->bridge, self->id, NO_ANSWER, "%s: %s", self->bridge->url, report->detail);
    else if (is_message && json_object_set(answer, "id", self->id) == 0)
        write_line(self->bridge, answer);
    else
        tell_refused(self, answer, report->status);
    json_decref(answer);
}

static void on_done(void *arg, const tr_llm_report_t *report) {
    post_t *self = arg;
    self->transfer = NULL;
    if (self->id)
        take_answer(self, report);
    free_post(self);
}

/* ---- what a message wants to be sent with ---- */

#define HEADERS_MAX 8

typedef struct headers {
    char *items[HEADERS_MAX + 1];
    size_t count;
    bool failed;
} headers_t;

static bool is_printable(const char *text) {
    while (*text >= 0x20 && *text < 0x7f)
        text++;
    return !*text;
}

static void add(headers_t *h, const char *name, const char *value) {
    if (!value || !is_printable(value)) /* then the gateway goes by the message itself */
        return;
    if (asprintf(&h->items[h->count], "%s: %s", name, value) < 0)
        h->failed = true;
    else
        h->count++;
}

/* The revision without sessions says in headers what is in the message. */
static void write_headers(const post_t *self, headers_t *h) {
    const json_t *params = json_object_get(self->message, "params");
    const char *version = json_string_value(json_object_get(json_object_get(params, "_meta"), META));
    const char *name = json_string_value(json_object_get(params, "name"));
    *h = (headers_t){0};
    add(h, "Content-Type", "application/json");
    add(h, "Accept", "application/json, text/event-stream");
    add(h, "Authorization", self->bridge->bearer);
    if (!version)
        return;
    add(h, "MCP-Protocol-Version", version);
    add(h, "Mcp-Method", json_string_value(json_object_get(self->message, "method")));
    add(h, "Mcp-Name", name ? name : json_string_value(json_object_get(params, "uri")));
}

static void wipe_headers(headers_t *h) {
    for (size_t i = 0; i < h->count; i++) {
        explicit_bzero(h->items[i], strlen(h->items[i])); /* one may be the token */
        free(h->items[i]);
    }
}

static int start_post(post_t *self) {
    const tr_mcp_bridge_options_t *o = self->bridge->options;
    headers_t h;
    write_headers(self, &h);
    tr_llm_http_t http = {.url = self->bridge->url,
        .headers = (const char *const *)h.items,
        .body = self->body,
        .body_len = strlen(self->body),
        .ca_file = o->ca_file,
        .limits = {CONNECT_MS, o->timeout_ms, o->timeout_ms, o->timeout_ms, MESSAGE_MAX}};
    static const tr_llm_transfer_ops_t ops = {on_data, on_done};
    int rc = h.failed ? -ENOMEM
                      : self->bridge->web->start(self->bridge->transfers, &http, &ops, self, &self->transfer);
    wipe_headers(&h);
    return rc;
}

/* Takes the message. */
static void post(bridge_t *self, json_t *message) {
    post_t *p = calloc(1, sizeof *p);
    if (!p) {
        tell_error(self, json_object_get(message, "id"), NO_ANSWER, "out of memory");
        json_decref(message);
        return;
    }
    p->bridge = self;
    p->message = message;
    p->id = json_object_get(message, "id");
    p->body = json_dumps(message, JSON_COMPACT);
    tr_buffer_init(&p->came, MESSAGE_MAX);
    p->next = self->posts;
    self->posts = p;
    self->count++;
    if (p->body && start_post(p) == 0)
        return;
    if (p->id)
        tell_error(self, p->id, NO_ANSWER, "out of memory");
    free_post(p);
}

/* ---- what comes ---- */

/* Its answer is not wanted any more: the end of the connection tells the gateway. */
static void cancel(bridge_t *self, const json_t *notice) {
    const json_t *id = json_object_get(json_object_get(notice, "params"), "requestId");
    for (post_t *p = self->posts, *next; p && id; p = next) {
        next = p->next;
        if (p->id && json_equal(p->id, id))
            free_post(p);
    }
}

static void take_line(bridge_t *self, const char *line, size_t len) {
    json_error_t where;
    json_t *message = json_loadb(line, len, 0, &where);
    const char *method = json_string_value(json_object_get(message, "method"));
    if (!message && len)
        tell_error(self, NULL, PARSE_ERROR, "this line is no JSON: %s", where.text);
    else if (message && !json_is_object(message))
        tell_error(self, NULL, INVALID_REQUEST, "expected one message a line: an object");
    else if (method && strcmp(method, "notifications/cancelled") == 0)
        cancel(self, message);
    else if (method)
        post(self, json_incref(message)); /* what has none answers something, and nothing is asked here */
    json_decref(message);
}

static void take_lines(bridge_t *self) {
    const char *line;
    size_t len;
    int rc;
    while (self->count < AT_ONCE && (rc = tr_lines_peek(&self->lines, &line, &len)) != 0) {
        if (rc == -E2BIG) {
            tell_error(self, NULL, PARSE_ERROR, "a line of more than %zu bytes", MESSAGE_MAX);
            continue;
        }
        take_line(self, line, len);
        tr_lines_take(&self->lines);
    }
}

static int serve(bridge_t *self) {
    int rc = 0;
    while (rc == 0 && !self->failed) {
        const char *line;
        size_t len;
        take_lines(self);
        bool ended = self->lines.ended && tr_lines_peek(&self->lines, &line, &len) == 0;
        if (ended && self->count == 0)
            return self->failed;
        struct pollfd fds[] = {{.fd = tr_llm_loop_fd(&self->loop), .events = POLLIN},
            {.fd = self->lines.ended || self->count >= AT_ONCE ? -1 : self->options->in, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return -errno;
        if (fds[1].revents && (rc = tr_lines_read(&self->lines, self->options->in)) == 1)
            rc = 0;
        if (rc != -ENOMEM)
            rc = 0; /* taken as the end */
        tr_llm_loop_turn(&self->loop);
    }
    return self->failed ? self->failed : rc;
}

/* ---- life ---- */

static bool is_loopback(const char *host) {
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "[::1]") == 0;
}

static int set_url(bridge_t *self, tr_error_t *error) {
    const tr_mcp_bridge_options_t *o = self->options;
    tr_web_url_t url;
    size_t len = strlen(o->url);
    bool whole = len >= 4 && strcmp(o->url + len - 4, "/mcp") == 0;
    int n = snprintf(self->url, sizeof self->url, "%s%s", o->url,
        whole                           ? ""
        : len && o->url[len - 1] == '/' ? "mcp"
                                        : "/mcp");
    if (n < 0 || (size_t)n >= sizeof self->url || self->web->url(NULL, self->url, &url) < 0)
        return tr_error_set(error, -EINVAL,
            "--url: \"%.200s\" is no URL of a gateway: expected http://HOST:PORT or https://...", o->url);
    if (*o->token && strcmp(url.scheme, "https") != 0 && !is_loopback(url.host))
        return tr_error_set(error, -EINVAL,
            "--url: %.200s would carry the token in the clear through a network: expected https://", o->url);
    return 0;
}

static int set_token(bridge_t *self, tr_error_t *error) {
    if (!is_printable(self->options->token))
        return tr_error_set(
            error, -EINVAL, "the token is no line of printable letters: a token of the gateway's is");
    if (*self->options->token && asprintf(&self->bearer, "Bearer %s", self->options->token) < 0) {
        self->bearer = NULL;
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    return 0;
}

static void finish(bridge_t *self) {
    while (self->posts)
        free_post(self->posts);
    if (self->transfers)
        self->web->close(&self->transfers);
    tr_llm_loop_finish(&self->loop);
    tr_lines_finish(&self->lines);
    if (self->bearer)
        explicit_bzero(self->bearer, strlen(self->bearer));
    free(self->bearer);
}

int tr_mcp_bridge_run(const tr_mcp_bridge_options_t *options, tr_error_t *error) {
    bridge_t self = {.options = options};
    int rc = tr_web_load(&self.web, error);
    if (rc < 0)
        return rc;
    tr_lines_init(&self.lines, MESSAGE_MAX);
    if ((rc = tr_llm_loop_init(&self.loop)) < 0)
        tr_error_set(error, rc, "no descriptor: %s", strerror(-rc));
    if (rc == 0)
        rc = set_url(&self, error);
    if (rc == 0)
        rc = set_token(&self, error);
    if (rc == 0)
        rc = self.web->open(&self.loop, &self.transfers, error);
    if (rc == 0 && (rc = serve(&self)) < 0)
        tr_error_set(error, rc, "stdout: %s", strerror(-rc));
    finish(&self);
    return rc;
}
