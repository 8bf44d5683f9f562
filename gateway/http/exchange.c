/*
 * The life of an exchange: head, body, handler, replies, response, and then the next one of the same connection.
 *
 * While a handler waits for replies, nothing is read from the connection (flow control): what comes then is the next request, and
 * libwebsockets would take it for more of this one's body.
 *
 * Only forms (multipart/form-data) may come in chunks, as clients send files that they read while they send them. libwebsockets 4.1 gives such a
 * body as it is and does not know where it ends, so the connection ends with the response. What is too large of a form is read and thrown away, within
 * bounds: a client that cannot write does not read why.
 *
 * Requests that are sent before the last one was answered (pipelining) are not taken: the connection ends with the response. For
 * libwebsockets 4.1 keeps what it has read beyond a request in a list, and where the next request is read from there and has a body, it
 * takes that request's head for its body, and may loop for ever (lws_http_action). So nothing is ever read from that list: a response is
 * written in a turn of its own, when all that was read is accounted for, after the whole body has come; and where the list is not empty when
 * all of it has left, or may be not, the connection is closed.
 */
#include "gateway/events.h"
#include "gateway/http/server_private.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AT_ONCE    16384 /* bytes of a body that go out with the head, and of each piece afterwards */
#define DETAIL_MAX 512
#define UNKNOWN    SIZE_MAX
#define THROWN_MAX ((size_t)64 << 20) /* bytes of a form that is too large which are read nevertheless */
#define SLOW_S     30                 /* who does not read what was written for so long is cut */

tr_web_exchange_t *tr_web_exchange_new(tr_web_server_t *server, struct lws *wsi) {
    tr_web_exchange_t *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->server = server;
    e->wsi = wsi;
    e->next = server->exchanges;
    if (e->next)
        e->next->previous = e;
    server->exchanges = e;
    server->exchange_count++;
    tr_gauge_set(&server->connections, (int64_t)server->exchange_count);
    tr_buffer_init(&e->raw, server->config.options->body_max);
    tr_buffer_init(&e->out, 0);
    return e;
}

static void leave_parked(tr_web_exchange_t *e) {
    void (*on_gone)(tr_web_exchange_t * e) = e->on_gone;
    e->on_gone = NULL;
    if (on_gone && e->parked)
        on_gone(e);
}

static void drop_replies(tr_web_exchange_t *e) {
    for (unsigned i = 0; i <= TR_WEB_SLOT_OTHERS; i++) {
        free(e->replies[i]);
        e->replies[i] = NULL;
    }
}

static void free_headers(tr_web_exchange_t *e) {
    free(e->set_cookie);
    free(e->flow_cookie);
    free(e->location);
    e->set_cookie = e->flow_cookie = e->location = NULL;
}

void tr_web_exchange_free(tr_web_exchange_t *e) {
    tr_web_server_t *server = e->server;
    if (e->previous)
        e->previous->next = e->next;
    else
        server->exchanges = e->next;
    if (e->next)
        e->next->previous = e->previous;
    server->exchange_count--;
    tr_gauge_set(&server->connections, (int64_t)server->exchange_count);
    tr_web_stream_finish(e);
    tr_web_again_leave(e);
    leave_parked(e);
    drop_replies(e);
    json_decref(e->body);
    json_decref(e->found);
    free_headers(e);
    tr_buffer_finish(&e->raw);
    tr_buffer_finish(&e->out);
    free(e);
}

void tr_web_exchange_gone(tr_web_exchange_t *e) {
    tr_web_trace_end(e);
    tr_web_stream_finish(e);
    tr_web_crowd_leave(e);
    e->wsi = NULL;
    if (!e->asked && !e->late)
        tr_web_exchange_free(e);
}

/* Ready for the next request. */
static void reset(tr_web_exchange_t *e) {
    tr_web_trace_end(e);
    leave_parked(e);
    tr_web_again_leave(e);
    *e->tag = *e->conversation = '\0';
    drop_replies(e);
    json_decref(e->body);
    json_decref(e->found);
    e->body = e->found = NULL;
    e->file = (tr_multipart_part_t){0};
    e->state = TR_WEB_IDLE;
    e->raw.size = e->out.size = e->written = 0;
    e->raw.failed = e->out.failed = false;
    if (e->out.capacity > 4 * AT_ONCE)
        tr_buffer_finish(&e->out);
    if (e->raw.capacity > 4 * AT_ONCE)
        tr_buffer_finish(&e->raw);
    e->status = e->retry_s = 0;
    e->type = e->allow = e->policy = e->cache = NULL;
    *e->origin = *e->reason = '\0';
    e->by_session = e->by_token = e->by_provider = false;
    free_headers(e);
    e->packed = e->vary = false;
}

bool tr_web_exchange_mux(const tr_web_exchange_t *self) {
    return tr_web_is_mux(self);
}

bool tr_web_is_mux(const tr_web_exchange_t *e) {
    return lws_get_network_wsi(e->wsi) != e->wsi;
}

/* A connection from which nothing is read is not written to either. */
void tr_web_ask_to_write(tr_web_exchange_t *e) {
    if (!tr_web_is_mux(e))
        lws_rx_flow_control(e->wsi, 1);
    lws_callback_on_writable(e->wsi);
}

void tr_web_stop_reading(tr_web_exchange_t *e) {
    if (!tr_web_is_mux(e))
        lws_rx_flow_control(e->wsi, 0);
}

/* ---- responding ---- */

void tr_web_respond(tr_web_exchange_t *self, unsigned status, const char *type) {
    if (self->out.failed) {
        self->out.failed = false;
        self->out.size = 0;
        status = 503;
        type = NULL;
    }
    self->status = status;
    self->type = type;
    tr_web_again_keep(self);
    tr_web_pack_choose(self);
    tr_web_again_compare(self);
    tr_web_pack(self);
    self->state = TR_WEB_RESPONDED;
    if (self->wsi && !self->inside)
        tr_web_ask_to_write(self);
}

void tr_web_redirect(tr_web_exchange_t *self, const char *location) {
    free(self->location);
    self->location = strdup(location);
    self->out.size = 0;
    self->out.failed = !self->location;
    tr_web_respond(self, 303, NULL);
}

static int append(const char *bytes, size_t len, void *out) {
    tr_buffer_put(out, bytes, len);
    return ((tr_buffer_t *)out)->failed ? -1 : 0;
}

static void respond_json_as(tr_web_exchange_t *self, unsigned status, json_t *value, const char *type) {
    self->out.size = 0;
    if (!value || json_dump_callback(value, append, &self->out, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
        self->out.failed = true;
    json_decref(value);
    tr_web_respond(self, status, type);
}

void tr_web_respond_json(tr_web_exchange_t *self, unsigned status, json_t *value) {
    respond_json_as(self, status, value, "application/json");
}

/* Section 5.1 of JSON-RPC 2.0: no JSON, no request, and what is this server's own. */
static json_t *rpc_problem(unsigned status, const char *reason, json_t *text) {
    int code = status != 400 ? -32000 : strcmp(reason, "unsupported-value") == 0 ? -32700 : -32600;
    return json_pack("{s:s, s:n, s:{s:i, s:o, s:{s:s, s:i}}}", "jsonrpc", "2.0", "id", "error", "code", code,
        "message", text, "data", "reason", reason, "status", (int)status);
}

static void respond_problem(
    tr_web_exchange_t *self, const char *field, unsigned status, const char *reason, const char *detail) {
    snprintf(self->reason, sizeof self->reason, "%s", reason);
    json_t *text = json_string(detail);
    if (!text) /* a character was cut in two, or is none */
        text = json_string(reason);
    if (self->match.route && self->match.route->rpc) {
        respond_json_as(self, status, rpc_problem(status, reason, text), "application/json");
    } else if (strncmp(self->path, "/v1/", 4) == 0) {
        json_t *param = field ? json_string(field) : NULL;
        respond_json_as(self, status,
            json_pack("{s:{s:o, s:s, s:o, s:s}}", "error", "message", text, "type",
                status < 500 ? "invalid_request_error" : "server_error", "param", param ? param : json_null(),
                "code", reason),
            "application/json");
    } else {
        respond_json_as(self, status,
            json_pack("{s:s, s:s, s:i, s:s, s:o}", "type", "about:blank", "title", tr_web_phrase(status),
                "status", (int)status, "reason", reason, "detail", text),
            "application/problem+json");
    }
}

void tr_web_problem(tr_web_exchange_t *self, unsigned status, const char *reason, const char *format, ...) {
    char detail[DETAIL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    respond_problem(self, NULL, status, reason, detail);
}

void tr_web_problem_of(tr_web_exchange_t *self, const char *field, unsigned status, const char *reason,
    const char *format, ...) {
    char detail[DETAIL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    respond_problem(self, field, status, reason, detail);
}

/* ---- writing ---- */

/* Something was read that belongs to no request yet: from this connection, or from another one. (It cannot be told which; that this
 * one is not used again then costs little.) */
static bool has_more(const tr_web_exchange_t *e) {
    return !tr_web_is_mux(e) && lws_service_adjust_timeout(lws_get_context(e->wsi), 1, 0) == 0;
}

/* What people do who have signed in is always told, and what was refused, within bounds; programs may change thousands of things a second. */
static void audit(tr_web_exchange_t *e, int ms) {
    tr_web_server_t *self = e->server;
    char trace[TR_TRACE_ID_SIZE] = "";
    if (e->trace.span)
        tr_trace_id_write(e->trace.parent.trace, trace);
    bool refused = e->status == 401 || e->status == 403;
    if (refused && tr_web_rate_take(self->refusals, e->from, tr_clock_ms()) == 0)
        tr_log(self->config.log, &tr_gateway_events[TR_G_CHANGE_REFUSED],
            "who=%s peer=%s method=%s path=%s status=%u reason=%s trace=%s conversation=%s",
            *e->who ? e->who : NULL, e->peer, tr_web_methods[e->method], e->path, e->status,
            *e->reason ? e->reason : NULL, *trace ? trace : NULL, *e->conversation ? e->conversation : NULL);
    else if (!refused)
        tr_log(self->config.log, &tr_gateway_events[e->by_session ? TR_G_CHANGE_BY_USER : TR_G_CHANGE],
            "who=%s peer=%s method=%s path=%s status=%u ms=%d trace=%s conversation=%s",
            *e->who ? e->who : NULL, e->peer, tr_web_methods[e->method], e->path, e->status, ms,
            *trace ? trace : NULL, *e->conversation ? e->conversation : NULL);
}

void tr_web_count(tr_web_exchange_t *e) {
    tr_web_server_t *self = e->server;
    int64_t ns = tr_clock_ns() - e->began_ns;
    tr_histogram_observe(&self->latency, (uint64_t)ns);
    tr_counter_inc(&self->answered[e->status / 100 - 1]);
    bool change = e->method != TR_WEB_GET && e->method != TR_WEB_HEAD && e->method != TR_WEB_OPTIONS;
    if (change && !(e->match.route && e->match.route->login))
        audit(e, (int)(ns / 1000000));
}

/* The client has all of it; the connection goes on, or not. */
int tr_web_exchange_done(tr_web_exchange_t *e, bool close) {
    struct lws *wsi = e->wsi;
    close = close || has_more(e);
    reset(e);
    if (close)
        return -1;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int write_bytes(tr_web_exchange_t *e, unsigned char *at, size_t len, enum lws_write_protocol how) {
    return lws_write(e->wsi, at, len, how) < (int)len ? -1 : 0;
}

/* With as much of the body as goes with it: all of it, where it is small. */
static int write_head(tr_web_exchange_t *e, bool close, bool bodiless) {
    unsigned char room[LWS_PRE + TR_WEB_HEAD_MAX + AT_ONCE], *at = room + LWS_PRE;
    unsigned char *end = tr_web_head_write(e, at, at + TR_WEB_HEAD_MAX, close);
    tr_web_count(e);
    if (!end)
        return -1;
    e->state = TR_WEB_WRITING;
    if (!tr_web_is_mux(e) && !bodiless && e->out.size <= AT_ONCE) {
        if (e->out.size)
            memcpy(end, e->out.data, e->out.size);
        end += e->out.size;
        e->written = e->out.size;
    }
    enum lws_write_protocol how = LWS_WRITE_HTTP_HEADERS;
    if (bodiless || !e->out.size)
        how |= LWS_WRITE_H2_STREAM_END;
    return write_bytes(e, at, (size_t)(end - at), how);
}

static int write_piece(tr_web_exchange_t *e) {
    unsigned char room[LWS_PRE + AT_ONCE];
    size_t left = e->out.size - e->written, len = left < AT_ONCE ? left : AT_ONCE;
    if (tr_web_is_mux(e)) {
        lws_fileofs_t may = lws_get_peer_write_allowance(e->wsi);
        if (may == 0)
            return 0; /* its window is full: called again when it is not */
        if (may > 0 && (size_t)may < len)
            len = (size_t)may;
    }
    memcpy(room + LWS_PRE, e->out.data + e->written, len);
    e->written += len;
    lws_set_timeout(e->wsi, PENDING_TIMEOUT_HTTP_CONTENT, SLOW_S);
    return write_bytes(
        e, room + LWS_PRE, len, e->written == e->out.size ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP);
}

int tr_web_exchange_write(tr_web_exchange_t *e) {
    bool bodiless = e->method == TR_WEB_HEAD || e->status == 204 || e->status == 304;
    bool close = atomic_load(&e->server->drain) || e->received < e->length || e->chunked;
    int rc = 0;
    if (e->state == TR_WEB_STREAMING)
        return tr_web_stream_write(e);
    if (e->state == TR_WEB_RESPONDED)
        rc = write_head(e, close || has_more(e), bodiless);
    else if (e->state == TR_WEB_WRITING && !bodiless && e->written < e->out.size)
        rc = write_piece(e);
    else if (e->state != TR_WEB_WRITING)
        return 0;
    if (rc < 0)
        return -1;
    if ((bodiless || e->written == e->out.size) && !lws_partial_buffered(e->wsi))
        return tr_web_exchange_done(e, close);
    lws_callback_on_writable(e->wsi); /* which comes when what waits has left */
    return 0;
}

/* ---- reading ---- */

/* The rest of a form, before what was responded is written. */
static bool is_thrown_away(const tr_web_exchange_t *e) {
    return e->match.route && e->match.route->form && e->length <= THROWN_MAX && !tr_web_is_mux(e);
}

/* The end of a callback of the connection: what was responded meanwhile is written soon, when the body has come; where nothing was, nothing
 * more is read. */
static int leave(tr_web_exchange_t *e) {
    e->inside = false;
    if (e->state == TR_WEB_RESPONDED &&
        (e->received >= e->length || (e->length > e->server->config.options->body_max && !is_thrown_away(e))))
        tr_web_ask_to_write(e);
    if (e->state == TR_WEB_STREAMING)
        tr_web_ask_to_write(e);
    if (e->state == TR_WEB_WORKING) {
        lws_set_timeout(e->wsi, NO_PENDING_TIMEOUT, 0);
        tr_web_stop_reading(e);
    }
    return 0;
}

static void list_methods(tr_web_exchange_t *e, char *out, size_t size) {
    size_t n = 0;
    unsigned allowed = e->match.allowed;
    if (allowed >> TR_WEB_GET & 1)
        allowed |= 1u << TR_WEB_HEAD;
    for (unsigned i = 0; i < TR_WEB_METHODS; i++)
        if (allowed >> i & 1)
            n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", tr_web_methods[i]);
}

static void no_route(tr_web_exchange_t *e) {
    if (!e->match.allowed) {
        tr_web_problem(e, 404, "not-found", "there is no %.200s", e->path);
        return;
    }
    list_methods(e, e->allowed, sizeof e->allowed);
    e->allow = e->allowed;
    if (e->method == TR_WEB_OPTIONS)
        tr_web_respond(e, 204, NULL);
    else
        tr_web_problem(e, 405, "unsupported-function", "%s is for %s", e->path, e->allow);
}

static void run(tr_web_exchange_t *e) {
    e->state = TR_WEB_WORKING;
    if (!tr_web_check_fields(e) || !tr_web_again_begin(e))
        return;
    e->match.route->handle(e);
}

/* Bytes of the body that were announced; UNKNOWN: no length was. */
static size_t announced(tr_web_exchange_t *e) {
    char text[24];
    if (tr_web_header(e, WSI_TOKEN_HTTP_TRANSFER_ENCODING, text, sizeof text) != 0)
        return UNKNOWN;
    int n = tr_web_header(e, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof text);
    if (n != 0)
        return n > 0 && strspn(text, "0123456789") == (size_t)n ? (size_t)strtoull(text, NULL, 10) : UNKNOWN;
    bool needed = e->method == TR_WEB_POST || e->method == TR_WEB_PUT || e->method == TR_WEB_PATCH;
    return needed && !tr_web_is_mux(e) ? UNKNOWN : 0;
}

/* Whether the body is of the type that the route takes; of a form, its boundary is kept. */
static bool type_fits(tr_web_exchange_t *e) {
    char type[192] = "";
    if (tr_web_header(e, WSI_TOKEN_HTTP_CONTENT_TYPE, type, sizeof type) <= 0)
        return false;
    if (e->match.route->form)
        return tr_multipart_boundary(type, e->boundary);
    return strncmp(type, "application/json", 16) == 0 || strncmp(type, "application/a2a+json", 20) == 0;
}

/* A form in chunks, which say themselves where they end. */
static bool in_chunks(const tr_web_exchange_t *e) {
    char coding[16], length[24];
    return e->match.route->form && e->length == UNKNOWN && !tr_web_is_mux(e) &&
           tr_web_header(e, WSI_TOKEN_HTTP_TRANSFER_ENCODING, coding, sizeof coding) > 0 &&
           strcasecmp(coding, "chunked") == 0 &&
           tr_web_header(e, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, sizeof length) == 0;
}

static bool body_welcome(tr_web_exchange_t *e) {
    e->chunked = in_chunks(e);
    e->chunks = (tr_chunks_t){0};
    if (e->length == UNKNOWN && !e->chunked)
        tr_web_problem(e, 411, "missing-argument", "a body needs its content-length; chunks are not taken");
    else if (!e->chunked && e->length > e->server->config.options->body_max)
        tr_web_problem(
            e, 413, "too-large", "a body has %zu bytes at most", e->server->config.options->body_max);
    else if (e->length > 0 && !type_fits(e))
        tr_web_problem(e, 415, "unsupported-value", "a body is %s here",
            e->match.route->form ? "multipart/form-data, with its boundary," : "application/json");
    return e->state != TR_WEB_RESPONDED;
}

/* A client that asks before it sends a large body (RFC 9110, 10.1.1) would wait a second; libwebsockets 4.1 says nothing to it. */
static void let_go_on(tr_web_exchange_t *e) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    unsigned char room[LWS_PRE + sizeof text];
    char wish[16], version[16]; /* HTTP/1.0 would take it for the answer */
    if (tr_web_header(e, WSI_TOKEN_HTTP, version, sizeof version) <= 0 || !strstr(version, "1.1") ||
        tr_web_header(e, WSI_TOKEN_HTTP_EXPECT, wish, sizeof wish) <= 0 ||
        strcasecmp(wish, "100-continue") != 0)
        return;
    memcpy(room + LWS_PRE, text, sizeof text);
    write_bytes(
        e, room + LWS_PRE, sizeof text - 1, LWS_WRITE_HTTP_HEADERS); /* it would notice itself, ignoring */
}

/* Of HTTP/2 the window is opened for all of it at once: libwebsockets 4.1 lets bodies over 256 KiB stall. */
static void await_body(tr_web_exchange_t *e) {
    if (e->length == 0)
        run(e);
    else if (tr_web_is_mux(e))
        lws_wsi_tx_credit(e->wsi, LWSTXCR_PEER_TO_US, (int)e->length);
    else
        let_go_on(e);
}

/* Up to the body, or what was responded already. */
static void begin(tr_web_exchange_t *e) {
    tr_web_server_t *self = e->server;
    e->began_ns = tr_clock_ns();
    e->inside = true;
    e->state = TR_WEB_RECEIVING;
    e->role = TR_WEB_ANYBODY;
    e->received = 0;
    e->length = announced(e);
    if (tr_web_head_read(e)) {
        tr_web_route_find(self->config.routes, self->config.route_count, e->method, e->path, &e->match);
        e->length = announced(e); /* now that the method is known */
        e->upgrade = e->upgrade && e->match.route && e->match.route->socket;
        tr_web_trace_begin(e);
        if (!tr_web_admit(e))
            return;
        if (!e->match.route)
            no_route(e);
        else if (tr_web_admit_route(e) && body_welcome(e))
            await_body(e);
    }
}

int tr_web_exchange_begin(tr_web_exchange_t *e) {
    if (e->state != TR_WEB_RESPONDED) /* to its wish to be a WebSocket */
        begin(e);
    return leave(e);
}

/* Whether the path is of one. */
static bool may_be_socket(tr_web_exchange_t *e) {
    tr_web_server_t *self = e->server;
    e->upgrade = true;
    if (!tr_web_head_read(e))
        return false;
    tr_web_route_find(self->config.routes, self->config.route_count, e->method, e->path, &e->match);
    return e->match.route && e->match.route->socket;
}

bool tr_web_exchange_upgrade(tr_web_exchange_t *e) {
    if (may_be_socket(e))
        begin(e);
    e->inside = false;
    e->upgrade = false;
    return e->state == TR_WEB_SOCKET;
}

static bool parse(tr_web_exchange_t *e) {
    json_error_t error;
    if (e->raw.failed) {
        tr_web_problem(e, 413, "too-large",
            "more than was announced, or than the %zu bytes that a body may have, or there is no memory for "
            "it now",
            e->server->config.options->body_max);
        return false;
    }
    if (!e->raw.size)
        return true;
    if (e->match.route->form)
        return tr_web_form_take(e);
    e->body = json_loadb(e->raw.data, e->raw.size, JSON_REJECT_DUPLICATES, &error);
    if (!e->body)
        tr_web_problem(e, 400, "unsupported-value", "the body is no JSON: line %d, column %d: %s", error.line,
            error.column, error.text);
    else if (!json_is_object(e->body))
        tr_web_problem(e, 400, "unrecognised-value", "the body: expected an object");
    else
        return true;
    return false;
}

/* They are what the body is when the last one has come. */
static int take_chunks(tr_web_exchange_t *e, const char *bytes, size_t len) {
    int rc = e->received > THROWN_MAX ? -EFBIG : tr_chunks_take(&e->chunks, bytes, len, &e->raw);
    if (rc == 0)
        return 0;
    if (rc < 0)
        tr_web_problem(e, rc == -EFBIG ? 413 : 400, rc == -EFBIG ? "too-large" : "unsupported-value",
            rc == -EFBIG ? "this is far more than a body may have" : "the body's chunks are none");
    e->length = e->received;
    return tr_web_exchange_complete(e);
}

int tr_web_exchange_body(tr_web_exchange_t *e, const void *bytes, size_t len) {
    bool late = tr_clock_ns() - e->began_ns > e->server->config.options->body_ms * 1000000;
    e->received += len;
    if (e->state != TR_WEB_RECEIVING)
        return late && is_thrown_away(e) ? -1 : 0; /* what was responded to before is thrown away */
    if (late)
        return -1;
    if (e->chunked)
        return take_chunks(e, bytes, len);
    tr_buffer_put(&e->raw, bytes, len);
    return 0;
}

int tr_web_exchange_complete(tr_web_exchange_t *e) {
    if (e->state == TR_WEB_RESPONDED)
        tr_web_ask_to_write(e);
    if (e->state != TR_WEB_RECEIVING)
        return 0;
    e->inside = true;
    if (parse(e))
        run(e);
    return leave(e);
}

/* One that was waited for. */
static void take_reply(tr_web_exchange_t *e, tr_web_reply_t *reply) {
    if (!*e->conversation)
        strcpy(e->conversation, reply->conversation);
    free(e->replies[reply->slot]);
    e->replies[reply->slot] = reply;
    if (--e->asked == 0 && (e->wsi || e->once)) /* who has gone may ask again what became of it */
        e->on_replies(e);
}

void tr_web_exchange_reply(tr_web_exchange_t *e, tr_web_reply_t *reply) {
    if (!tr_web_again_is_late(e, reply))
        take_reply(e, reply);
    if (!e->wsi && !e->asked && !e->late)
        tr_web_exchange_free(e);
}
