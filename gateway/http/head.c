/* The head of a request, read, and that of a response, written. */
#include "gateway/http/server_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int tr_web_header(const tr_web_exchange_t *e, enum lws_token_indexes token, char *out, size_t size) {
    int len = lws_hdr_total_length(e->wsi, token);
    if (len <= 0)
        return 0;
    if ((size_t)len >= size)
        return -1;
    return lws_hdr_copy(e->wsi, out, (int)size, token);
}

/* ---- the request ---- */

static tr_web_method_t method_of(const char *name) {
    int i = 0;
    while (tr_web_methods[i] && strcmp(tr_web_methods[i], name) != 0)
        i++;
    return (tr_web_method_t)i;
}

/* HTTP/2 has the method in a header of its own; HTTP/1 has the path under the method's name. */
static tr_web_method_t read_method(const tr_web_exchange_t *e) {
    static const struct {
        enum lws_token_indexes token;
        tr_web_method_t method;
    } uris[] = {{WSI_TOKEN_GET_URI, TR_WEB_GET}, {WSI_TOKEN_HEAD_URI, TR_WEB_HEAD},
        {WSI_TOKEN_POST_URI, TR_WEB_POST}, {WSI_TOKEN_PUT_URI, TR_WEB_PUT},
        {WSI_TOKEN_PATCH_URI, TR_WEB_PATCH}, {WSI_TOKEN_DELETE_URI, TR_WEB_DELETE},
        {WSI_TOKEN_OPTIONS_URI, TR_WEB_OPTIONS}};
    char name[16];
    if (e->upgrade)
        return TR_WEB_GET; /* of HTTP/2 it is CONNECT (RFC 8441) */
    if (tr_web_header(e, WSI_TOKEN_HTTP_COLON_METHOD, name, sizeof name) > 0)
        return method_of(name);
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++)
        if (lws_hdr_total_length(e->wsi, uris[i].token) > 0)
            return uris[i].method;
    return TR_WEB_METHODS;
}

static bool read_path(tr_web_exchange_t *e) {
    char *uri = NULL;
    int len = 0;
    if (lws_http_get_uri_and_method(e->wsi, &uri, &len) < 0 || len <= 0)
        return false;
    if (len > TR_WEB_PATH_MAX || memchr(uri, '\0', (size_t)len))
        return false;
    memcpy(e->path, uri, (size_t)len);
    e->path[len] = '\0';
    return true;
}

static bool read_query(tr_web_exchange_t *e) {
    int n;
    e->query_len = 0;
    for (int i = 0; lws_hdr_total_length(e->wsi, WSI_TOKEN_HTTP_URI_ARGS) > 0; i++) {
        size_t room = sizeof e->query - e->query_len;
        n = lws_hdr_copy_fragment(e->wsi, e->query + e->query_len, (int)room, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n == -1 && lws_hdr_fragment_length(e->wsi, WSI_TOKEN_HTTP_URI_ARGS, i) == 0)
            break; /* that was all of them: -1 is said of one that is too long, too */
        if (n < 0 || strlen(e->query + e->query_len) != (size_t)n)
            return false;
        if (n > 0)
            e->query_len += (size_t)n + 1;
    }
    e->query[e->query_len] = '\0';
    return true;
}

size_t tr_web_header_custom(const tr_web_exchange_t *e, const char *name, char *out, size_t size) {
    int len = tr_web_is_mux(e) ? 0 : lws_hdr_custom_length(e->wsi, name, (int)strlen(name));
    *out = '\0';
    if (len <= 0)
        return 0;
    if (lws_hdr_custom_copy(e->wsi, out, (int)size, name, (int)strlen(name)) < 0)
        *out = '\0'; /* it is longer */
    return (size_t)len;
}

/* "" where there is none. */
static void read_custom(const tr_web_exchange_t *e, const char *name, char *out, size_t size) {
    int n = tr_web_is_mux(e) ? -1 : lws_hdr_custom_copy(e->wsi, out, (int)size, name, (int)strlen(name));
    if (n < 0)
        *out = '\0';
}

/* Accept-Encoding names it, and does not say of it that it is not wanted (q=0). */
static bool accepts_gzip(const tr_web_exchange_t *e) {
    char list[128];
    if (tr_web_header(e, WSI_TOKEN_HTTP_ACCEPT_ENCODING, list, sizeof list) <= 0)
        return false;
    for (char *rest = list, *one; (one = strsep(&rest, ","));) {
        one += strspn(one, " \t");
        size_t len = strcspn(one, " \t;");
        if (len != 4 || strncasecmp(one, "gzip", 4) != 0)
            continue;
        const char *q = strstr(one + len, "q=");
        return !q || strtod(q + 2, NULL) > 0;
    }
    return false;
}

bool tr_web_is_proxy(const tr_web_server_t *self, const char *address) {
    const tr_strings_t *proxies = &self->config.options->proxies;
    char plain[TR_WEB_PEER_SIZE];
    for (size_t i = 0; i < proxies->count; i++) {
        tr_web_address_plain(proxies->items[i], plain);
        if (strcmp(plain, address) == 0)
            return true;
    }
    return false;
}

/* Of a proxy's connection it is what the proxy says: the last address of its list that is no proxy's itself. What stands before that anybody may
 * have written. */
static void read_peer(tr_web_exchange_t *e) {
    char list[512], connected[TR_WEB_PEER_SIZE] = "";
    lws_get_peer_simple(lws_get_network_wsi(e->wsi), connected, sizeof connected);
    tr_web_address_plain(connected, e->peer);
    if (!tr_web_is_proxy(e->server, e->peer) ||
        tr_web_header(e, WSI_TOKEN_X_FORWARDED_FOR, list, sizeof list) <= 0)
        return;
    for (char *comma = list; comma && tr_web_is_proxy(e->server, e->peer);) {
        comma = strrchr(list, ',');
        char *last = comma ? comma + 1 : list;
        last += strspn(last, " \t");
        last[strcspn(last, " \t")] = '\0';
        if (!tr_web_is_address(last))
            return;
        tr_web_address_plain(last, e->peer);
        if (comma)
            *comma = '\0';
    }
}

bool tr_web_head_read(tr_web_exchange_t *e) {
    e->method = read_method(e);
    e->match = (tr_web_match_t){0};
    if (!read_path(e) || !read_query(e)) {
        strcpy(e->path, "/");
        tr_web_problem(e, 414, "too-large",
            "the path has more than %d bytes, the query more than %d, or a NUL", TR_WEB_PATH_MAX,
            TR_WEB_QUERY_MAX);
        return false;
    }
    read_custom(e, "idempotency-key:", e->once_key, sizeof e->once_key);
    if (!tr_web_is_mux(e) && lws_hdr_custom_length(e->wsi, "idempotency-key:", 16) > TR_WEB_KEY_MAX)
        strcpy(e->once_key, "\n"); /* which no header can be: it is refused when the token is known */
    if (tr_web_header(e, WSI_TOKEN_HTTP_IF_NONE_MATCH, e->known_tags, sizeof e->known_tags) <= 0)
        *e->known_tags = '\0';
    e->gzip = accepts_gzip(e);
    read_custom(e, "last-event-id:", e->last_event, sizeof e->last_event);
    read_custom(e, "mcp-protocol-version:", e->mcp_version, sizeof e->mcp_version);
    read_custom(e, "mcp-method:", e->mcp_method, sizeof e->mcp_method);
    read_custom(e, "mcp-name:", e->mcp_name, sizeof e->mcp_name);
    read_custom(e, "a2a-version:", e->a2a_version, sizeof e->a2a_version);
    read_custom(e, "x-csrf-token:", e->csrf, sizeof e->csrf);
    read_custom(e, "sec-fetch-site:", e->fetch_site, sizeof e->fetch_site);
    read_peer(e);
    tr_web_address_net(e->peer, e->from);
    return true;
}

/* ---- the response ---- */

const char *tr_web_phrase(unsigned status) {
    static const struct {
        unsigned status;
        const char *phrase;
    } phrases[] = {{101, "Switching Protocols"}, {200, "OK"}, {201, "Created"}, {202, "Accepted"},
        {204, "No Content"}, {303, "See Other"}, {304, "Not Modified"}, {400, "Bad Request"},
        {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
        {408, "Request Timeout"}, {409, "Conflict"}, {411, "Length Required"}, {413, "Content Too Large"},
        {414, "URI Too Long"}, {415, "Unsupported Media Type"}, {421, "Misdirected Request"},
        {422, "Unprocessable Content"}, {426, "Upgrade Required"}, {429, "Too Many Requests"},
        {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
        {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {507, "Insufficient Storage"}};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Error";
}

typedef struct head {
    tr_web_exchange_t *e;
    unsigned char *at, *end;
    bool failed;
} head_t;

static void put(head_t *h, const char *name, const char *value) {
    h->failed = h->failed || lws_add_http_header_by_name(h->e->wsi, (const unsigned char *)name,
                                 (const unsigned char *)value, (int)strlen(value), &h->at, h->end) != 0;
}

static void put_number(head_t *h, const char *name, size_t value) {
    char text[24];
    snprintf(text, sizeof text, "%zu", value);
    put(h, name, text);
}

/* Of HTTP/2 the library writes it; of HTTP/1 it leaves the phrase out where it knows none. */
static void put_status(head_t *h) {
    char line[64];
    if (tr_web_is_mux(h->e))
        h->failed = lws_add_http_header_status(h->e->wsi, h->e->status, &h->at, h->end) != 0;
    else {
        int n = snprintf(line, sizeof line, "HTTP/1.1 %u %s", h->e->status, tr_web_phrase(h->e->status));
        h->failed =
            lws_add_http_header_by_name(h->e->wsi, NULL, (const unsigned char *)line, n, &h->at, h->end) != 0;
    }
}

static void put_cors(head_t *h) {
    tr_web_exchange_t *e = h->e;
    if (e->server->config.options->origins.count)
        put(h, "vary:", "origin");
    if (!*e->origin)
        return;
    put(h, "access-control-allow-origin:", e->origin);
    put(h, "access-control-expose-headers:", "etag, retry-after, traceresponse");
    if (e->method != TR_WEB_OPTIONS)
        return;
    put(h, "access-control-allow-methods:", e->allow ? e->allow : "GET");
    put(h, "access-control-allow-headers:",
        "authorization, content-type, idempotency-key, if-none-match, last-event-id, traceparent");
    put(h, "access-control-max-age:", "600");
}

static void put_trace(head_t *h) {
    char text[TR_TRACEPARENT_SIZE];
    if (!h->e->trace.span)
        return;
    tr_web_trace_write(h->e, text);
    put(h, "traceresponse:", text);
}

unsigned char *tr_web_head_write(tr_web_exchange_t *e, unsigned char *at, unsigned char *end, bool close) {
    head_t h = {.e = e, .at = at, .end = end};
    put_status(&h);
    if (e->type)
        put(&h, "content-type:", e->type);
    if (e->state == TR_WEB_STREAMING) {
        put(&h, "x-accel-buffering:", "no"); /* nginx */
        if (!tr_web_is_mux(e))
            put(&h, "transfer-encoding:", "chunked");
    } else if (e->status != 204 && e->status != 304)
        put_number(&h, "content-length:", e->out.size);
    put(&h, "cache-control:", e->cache ? e->cache : "no-store");
    put(&h, "x-content-type-options:", "nosniff");
    put(&h, "referrer-policy:", "no-referrer");
    put(&h, "content-security-policy:", e->policy ? e->policy : "default-src 'none'; frame-ancestors 'none'");
    if (e->packed && e->status != 304)
        put(&h, "content-encoding:", "gzip");
    if (e->vary)
        put(&h, "vary:", "accept-encoding");
    if (*e->tag)
        put(&h, "etag:", e->tag);
    if (e->set_cookie)
        put(&h, "set-cookie:", e->set_cookie);
    if (e->flow_cookie)
        put(&h, "set-cookie:", e->flow_cookie);
    if (e->location)
        put(&h, "location:", e->location);
    if (e->status == 401)
        put(&h, "www-authenticate:", "Bearer realm=\"troupe\"");
    if (e->allow)
        put(&h, "allow:", e->allow);
    if (e->status == 426)
        put(&h, "upgrade:", "websocket");
    if (e->retry_s)
        put_number(&h, "retry-after:", e->retry_s);
    put_trace(&h);
    if (close && !tr_web_is_mux(e))
        put(&h, "connection:", "close");
    put_cors(&h);
    h.failed = h.failed || lws_finalize_http_header(e->wsi, &h.at, h.end) != 0;
    return h.failed ? NULL : h.at;
}
