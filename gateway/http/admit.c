/*
 * Who is let in.
 *
 * A page in a browser can send requests to whatever address its user can reach, also to loopback, and under a name of its own that it
 * points there (DNS rebinding). So: the Host must be one that this server has; a page of another origin may change nothing, and open no
 * WebSocket (which it could read), unless its origin was named (--origin); and what changes something needs a token, which no browser sends by itself. The cookie of a
 * user who has signed in is not enough (login.h).
 */
#include "gateway/events.h"
#include "gateway/http/login.h"
#include "gateway/http/server_private.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REFRESH_MS    1000
#define FAILURES      5 /* wrong tokens of one address in a second */
#define FAILURES_MOST 20
#define REFUSALS      10 /* refused changes of one address that are told in a second */
#define REFUSALS_MOST 100

const char *const tr_web_anonymous_words[] = {"none", "viewer", "auto", NULL};
enum { NONE, VIEWER, AUTO };

/* ---- the options ---- */

static int split_listen(tr_web_server_t *self, tr_error_t *error) {
    const char *listen = self->config.options->listen, *colon = strrchr(listen, ':');
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : -1;
    size_t len = colon ? (size_t)(colon - listen) : 0;
    bool bracket = len > 2 && listen[0] == '[' && listen[len - 1] == ']';
    if (!colon || !colon[1] || *end || port < 0 || port > 65535 || len >= TR_WEB_ADDRESS_MAX)
        return tr_error_set(error, -EINVAL,
            "--listen: expected ADDRESS:PORT, such as 127.0.0.1:8080, found \"%.80s\"", listen);
    memcpy(self->address, listen + bracket, len - 2 * bracket);
    self->address[len - 2 * bracket] = '\0';
    if (strcmp(self->address, "localhost") == 0)
        strcpy(self->address, "127.0.0.1");
    self->port = (int)port;
    self->loopback = strncmp(self->address, "127.", 4) == 0 || strcmp(self->address, "::1") == 0;
    return 0;
}

static int init_provider(tr_web_server_t *self, tr_error_t *error) {
    const tr_web_options_t *o = self->config.options;
    tr_web_jwt_config_t config = {.keys = o->oidc_keys,
        .issuer = o->oidc_issuer,
        .audience = o->oidc_audience,
        .claim = o->oidc_claim,
        .roles = o->oidc_roles};
    bool any = o->oidc_keys || o->oidc_audience || o->oidc_client || o->oidc_issuer;
    if (any && (!o->oidc_issuer || !o->oidc_keys != !o->oidc_audience || (!o->oidc_keys && !o->oidc_client)))
        return tr_error_set(error, -EINVAL,
            "--oidc-issuer goes together with --oidc-keys and --oidc-audience, for tokens, or with "
            "--oidc-client, "
            "for people, or with all of them");
    for (size_t i = 0; i < o->oidc_roles.count; i++)
        if (tr_web_jwt_mapping_wrong(o->oidc_roles.items[i]))
            return tr_error_set(error, -EINVAL, "--oidc-role \"%.100s\": %s", o->oidc_roles.items[i],
                tr_web_jwt_mapping_wrong(o->oidc_roles.items[i]));
    return o->oidc_keys ? tr_web_jwt_new(&config, &self->jwt, error) : 0;
}

int tr_web_admit_init(tr_web_server_t *self, tr_error_t *error) {
    const tr_web_options_t *o = self->config.options;
    int rc = split_listen(self, error);
    if (rc < 0)
        return rc;
    if (!o->tls_cert != !o->tls_key)
        return tr_error_set(error, -EINVAL, "--tls-cert and --tls-key: expected both or neither");
    if (!self->loopback && !o->tls_cert && !o->insecure)
        return tr_error_set(error, -EINVAL,
            "--listen %s: anybody on the way could read the tokens; give --tls-cert and --tls-key, or "
            "--insecure "
            "where something in front of it speaks TLS",
            o->listen);
    for (size_t i = 0; i < o->proxies.count; i++)
        if (!tr_web_is_address(o->proxies.items[i]))
            return tr_error_set(error, -EINVAL,
                "--proxy: expected an address, such as 127.0.0.1, found \"%.80s\"", o->proxies.items[i]);
    self->rate = tr_web_rate_new((double)o->rate, (double)o->rate * 2, tr_random_seed());
    self->failures = tr_web_rate_new(FAILURES, FAILURES_MOST, tr_random_seed());
    self->refusals = tr_web_rate_new(REFUSALS, REFUSALS_MOST, tr_random_seed());
    if (!self->rate || !self->failures || !self->refusals)
        return tr_error_set(error, -ENOMEM, "out of memory");
    rc = tr_web_tokens_new(o->tokens, &self->tokens, error);
    return rc == 0 ? init_provider(self, error) : rc;
}

tr_web_role_t tr_web_anonymous_role(const tr_web_server_t *self) {
    const tr_web_options_t *o = self->config.options;
    bool own = self->loopback && !o->proxies.count && !o->public_url; /* who asks is on this machine */
    return o->anonymous == VIEWER || (o->anonymous == AUTO && own) ? TR_WEB_VIEWER : TR_WEB_ANYBODY;
}

/* ---- host and origin ---- */

/* Of HOST or HOST:PORT, the host's length. */
static size_t host_length(const char *host) {
    if (*host == '[')
        return strcspn(host, "]") + 1;
    return strcspn(host, ":");
}

static bool is_host(const char *name, const char *host, size_t len) {
    return strlen(name) == len && strncasecmp(name, host, len) == 0;
}

static bool host_known(const tr_web_server_t *self, const char *host) {
    static const char *const local[] = {"localhost", "127.0.0.1", "[::1]", NULL};
    const tr_strings_t *hosts = &self->config.options->hosts;
    size_t len = host_length(host);
    for (size_t i = 0; i < hosts->count; i++)
        if (is_host(hosts->items[i], host, len))
            return true;
    if (!self->loopback)
        return hosts->count == 0;
    for (size_t i = 0; local[i]; i++)
        if (is_host(local[i], host, len))
            return true;
    return is_host(self->address, host, len);
}

void tr_web_base_url(const tr_web_exchange_t *self, char *out, size_t size) {
    const tr_web_options_t *o = self->server->config.options;
    if (o->public_url)
        snprintf(out, size, "%s", o->public_url);
    else if (*self->host && host_known(self->server, self->host))
        snprintf(out, size, "%s://%s", o->tls_cert ? "https" : "http", self->host);
    else
        snprintf(out, size, "%s", self->server->url);
}

static bool check_host(tr_web_exchange_t *e) {
    char *host = e->host;
    if (tr_web_header(e, WSI_TOKEN_HOST, host, sizeof e->host) <= 0 &&
        tr_web_header(e, WSI_TOKEN_HTTP_COLON_AUTHORITY, host, sizeof e->host) <= 0)
        *host = '\0';
    if (e->match.route && e->match.route->role == TR_WEB_ANYBODY && !e->match.route->login)
        return true; /* what anybody may see: probes come by any address */
    if (host_known(e->server, host))
        return true;
    tr_counter_inc(&e->server->turned_away[TR_WEB_TURNED_ORIGIN]);
    tr_web_problem(
        e, 421, "unknown-host", "this server is not \"%.100s\"; --host names those that it is", host);
    return false;
}

static bool same_origin(const char *origin, const char *host) {
    const char *rest = strstr(origin, "://");
    return rest && strcasecmp(rest + 3, host) == 0;
}

static bool check_origin(tr_web_exchange_t *e, const char *host) {
    const tr_strings_t *origins = &e->server->config.options->origins;
    char *origin = e->page_origin;
    int n = tr_web_header(e, WSI_TOKEN_ORIGIN, origin, sizeof e->page_origin);
    if (n <= 0)
        strcpy(origin, n < 0 ? "null" : ""); /* one that is too long is nobody's */
    if (n == 0 || (n > 0 && same_origin(origin, host)))
        return true;
    for (size_t i = 0; n > 0 && i < origins->count; i++)
        if (strcasecmp(origins->items[i], origin) == 0) {
            strcpy(e->origin, origin);
            return true;
        }
    if (!e->upgrade && (e->method == TR_WEB_GET || e->method == TR_WEB_HEAD))
        return true; /* the page cannot read it */
    tr_counter_inc(&e->server->turned_away[TR_WEB_TURNED_ORIGIN]);
    tr_web_problem(e, 403, "foreign-origin", "pages of %.200s may not do this; --origin names those that may",
        n > 0 ? origin : "an origin with so long a name");
    return false;
}

/* ---- tokens and rates ---- */

static void refresh_tokens(tr_web_server_t *self, int64_t now_ms) {
    tr_error_t error = {0};
    if (now_ms - self->refreshed_ms < REFRESH_MS)
        return;
    self->refreshed_ms = now_ms;
    if (tr_web_tokens_refresh(self->tokens, &error)) {
        self->tokens_changed = true;
        tr_log(self->config.log, &tr_gateway_events[TR_G_TOKENS], "tokens=%zu",
            tr_web_tokens_count(self->tokens));
    } else if (error.code)
        tr_log(self->config.log, &tr_gateway_events[TR_G_TOKENS_WRONG], "error=%s", error.text);
    error = (tr_error_t){0};
    if (self->jwt && tr_web_jwt_refresh(self->jwt, &error)) {
        self->keys_changed = true;
        tr_log(self->config.log, &tr_gateway_events[TR_G_TOKENS], "keys=%zu", tr_web_jwt_keys(self->jwt));
    } else if (error.code)
        tr_log(self->config.log, &tr_gateway_events[TR_G_TOKENS_WRONG], "error=%s", error.text);
}

static bool is_over(const tr_web_exchange_t *e, int64_t wall_s) {
    const tr_web_server_t *self = e->server;
    if (e->by_token)
        return self->tokens_changed && !tr_web_tokens_has(self->tokens, e->token);
    return e->by_provider &&
           (wall_s >= e->until_s || (self->keys_changed && !tr_web_jwt_has(self->jwt, e->token)));
}

void tr_web_admit_tick(tr_web_server_t *self, int64_t now_ms) {
    int64_t wall_s = tr_clock_wall_ms() / 1000;
    refresh_tokens(self, now_ms);
    for (tr_web_exchange_t *e = self->exchanges; e; e = e->next)
        if (is_over(e, wall_s))
            tr_web_stream_bar(e);
    self->tokens_changed = self->keys_changed = false;
}

static bool too_often(tr_web_exchange_t *e, int64_t after_ms) {
    if (after_ms == 0)
        return false;
    tr_counter_inc(&e->server->turned_away[TR_WEB_TURNED_RATE]);
    e->retry_s = (unsigned)((after_ms + 999) / 1000);
    tr_web_problem(
        e, 429, "too-many-requests", "more requests than --rate allows; again after %u s", e->retry_s);
    return true;
}

static bool wrong_token(tr_web_exchange_t *e, int64_t now_ms, const char *why) {
    tr_counter_inc(&e->server->turned_away[TR_WEB_TURNED_TOKEN]);
    if (!too_often(e, tr_web_rate_take(e->server->failures, e->from, now_ms)))
        tr_web_problem(e, 401, "invalid-token", "%s", why);
    return false;
}

static const char *whose_of_provider(tr_web_exchange_t *e, const char *text, size_t len) {
    tr_web_bearer_t bearer = {0};
    const char *why = tr_web_jwt_check(e->server->jwt, text, len, tr_clock_wall_ms() / 1000, &bearer);
    if (why)
        return why;
    _Static_assert(sizeof e->token == sizeof bearer.key, "a key's mark is as long as a token's hash");
    e->by_provider = true;
    e->role = bearer.role;
    e->until_s = bearer.until_s;
    memcpy(e->token, bearer.key, sizeof e->token);
    strcpy(e->who, bearer.name);
    return NULL;
}

/* One of the file's, or of the provider's. NULL, or why it is nobody's. */
static const char *whose(tr_web_exchange_t *e, const char *text, size_t len) {
    const tr_web_server_t *self = e->server;
    if (self->jwt && tr_web_jwt_is(text, len))
        return whose_of_provider(e, text, len);
    const tr_web_token_t *token = tr_web_tokens_find(self->tokens, text, len);
    if (!token)
        return "nobody has this token";
    e->role = token->role;
    e->by_token = true;
    memcpy(e->token, token->hash, sizeof e->token);
    strcpy(e->who, token->name);
    return NULL;
}

/* A page cannot give its WebSocket a header, but names of protocols: the token is one of them, "bearer.TOKEN". */
static int token_of_protocols(const tr_web_exchange_t *e, char *out, size_t size) {
    char list[TR_WEB_JWT_MAX + 64];
    int n = tr_web_header(e, WSI_TOKEN_PROTOCOL, list, sizeof list);
    if (n < 0)
        return -1;
    for (char *rest = list, *name; n > 0 && (name = strsep(&rest, ", "));)
        if (strncmp(name, "bearer.", 7) == 0)
            return snprintf(out, size, "Bearer %s", name + 7);
    return 0;
}

static int authorization(const tr_web_exchange_t *e, char *out, size_t size) {
    int n = tr_web_header(e, WSI_TOKEN_HTTP_AUTHORIZATION, out, size);
    if (n == 0 && e->upgrade)
        n = token_of_protocols(e, out, size);
    return n < (int)size ? n : -1;
}

static bool check_token(tr_web_exchange_t *e, int64_t now_ms) {
    tr_web_server_t *self = e->server;
    char text[TR_WEB_JWT_MAX + 16];
    int n = authorization(e, text, sizeof text);
    e->role = tr_web_anonymous_role(self);
    *e->who = '\0';
    e->by_session = e->by_token = e->by_provider = false;
    if (n == 0 || (n > 0 && tr_web_login_takes(e, text))) {
        tr_web_login_recognise(e);
        return tr_web_login_guard(e);
    }
    refresh_tokens(self, now_ms);
    if (n < 8 || strncasecmp(text, "Bearer ", 7) != 0)
        return wrong_token(e, now_ms, "expected Bearer TOKEN");
    const char *why = whose(e, text + 7, (size_t)n - 7);
    return why ? wrong_token(e, now_ms, why) : true;
}

static int64_t take_one(tr_web_exchange_t *e, int64_t now_ms) {
    return tr_web_rate_take(e->server->rate, *e->who ? e->who : e->from, now_ms);
}

bool tr_web_admit_message(tr_web_exchange_t *e) {
    bool may = take_one(e, tr_clock_ms()) == 0;
    if (!may)
        tr_counter_inc(&e->server->turned_away[TR_WEB_TURNED_RATE]);
    return may;
}

bool tr_web_admit(tr_web_exchange_t *e) {
    int64_t now_ms = tr_clock_ms();
    return check_host(e) && check_origin(e, e->host) && check_token(e, now_ms) &&
           !too_often(e, take_one(e, now_ms));
}

bool tr_web_admit_role(tr_web_exchange_t *e, tr_web_role_t needed) {
    if (e->role >= needed)
        return true;
    tr_counter_inc(&e->server->turned_away[TR_WEB_TURNED_TOKEN]);
    if (*e->who)
        tr_web_problem(e, 403, "unauthorised", "this needs the role %s, and %s is %s", tr_web_roles[needed],
            e->who, tr_web_roles[e->role]);
    else
        tr_web_problem(e, 401, "no-token", "this needs a token%s with the role %s",
            tr_web_login_sessions(e->server) ? ", or the session of a user," : "", tr_web_roles[needed]);
    return false;
}

bool tr_web_admit_route(tr_web_exchange_t *e) {
    return tr_web_admit_role(e, e->match.route->role);
}
