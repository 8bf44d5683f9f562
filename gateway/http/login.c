#include "gateway/http/login.h"

#include "gateway/events.h"
#include "gateway/http/login_private.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#define COOKIES_MAX 4096
/* Of a name fewer are free than of an address, which several may share; who is right is forgiven, so it is the wrong ones that count. */
#define NAME_FREE       5
#define NAME_MOST_MS    60000
#define ADDRESS_FREE    10
#define ADDRESS_MOST_MS 300000
#define FORGET_MS       900000
#define AGAIN_PART      6 /* a cookie is sealed again when this part of --session-idle is over */

/* ---- of the server ---- */

static void use_keys(tr_web_login_t *login) {
    unsigned char key[TR_USERS_KEY];
    if (login->users)
        memcpy(key, tr_users_key(login->users), sizeof key);
    else
        tr_web_login_provider_key(login, key);
    tr_web_session_keys(key, login->secure, &login->keys);
    sodium_memzero(key, sizeof key);
}

static int open_users(tr_web_server_t *server, tr_error_t *error) {
    tr_web_login_t *login = server->login;
    int rc = tr_users_open(server->config.options->users, &login->users, error);
    if (rc < 0)
        return rc;
    login->names = tr_web_guesses_new(NAME_FREE, NAME_MOST_MS, FORGET_MS);
    login->passwords = tr_passwords_new(server->config.bridge);
    return login->names && login->passwords ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

int tr_web_login_init(tr_web_server_t *server, tr_error_t *error) {
    const tr_web_options_t *o = server->config.options;
    if (!o->users && !o->oidc_client)
        return 0;
    tr_web_login_t *login = server->login = calloc(1, sizeof *login);
    if (!login)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int rc = o->users ? open_users(server, error) : 0;
    if (rc == 0)
        rc = tr_web_login_provider_init(server, error);
    if (rc < 0)
        return rc;
    login->secure = o->tls_cert || (o->public_url && strncasecmp(o->public_url, "https://", 8) == 0);
    use_keys(login);
    login->ended = tr_web_ended_new(tr_random_seed());
    login->addresses = tr_web_guesses_new(ADDRESS_FREE, ADDRESS_MOST_MS, FORGET_MS);
    if (!login->ended || !login->addresses)
        return tr_error_set(error, -ENOMEM, "out of memory");
    return tr_web_signed_out_hear(server, error);
}

void tr_web_login_finish(tr_web_server_t *server) {
    tr_web_login_t *login = server->login;
    if (!login)
        return;
    tr_web_signed_out_stop(server);
    tr_web_login_provider_finish(login);
    tr_passwords_destroy(&login->passwords);
    tr_web_guesses_destroy(&login->names);
    tr_web_guesses_destroy(&login->addresses);
    tr_web_ended_destroy(&login->ended);
    tr_users_destroy(&login->users);
    sodium_memzero(login, sizeof *login);
    free(login);
    server->login = NULL;
}

bool tr_web_login_offered(const tr_web_server_t *server) {
    return server->login && server->login->users;
}

bool tr_web_login_sessions(const tr_web_server_t *server) {
    return server->login != NULL;
}

bool tr_web_login_hears(const tr_web_server_t *server) {
    return server->login && server->login->hears;
}

const char *tr_web_login_cookie(const tr_web_server_t *server) {
    return server->login ? server->login->keys.cookie : NULL;
}

/* ---- sessions ---- */

/* Nobody tells the gateway when a provider lets somebody go, or gives him another role: he has to come from there again. */
static int64_t life_of(const tr_web_options_t *o, bool by_provider) {
    return by_provider && o->oidc_life_ms < o->session_life_ms ? o->oidc_life_ms : o->session_life_ms;
}

/* What the one whose it is may do; TR_WEB_ANYBODY: it is over. */
static tr_web_role_t role_of(
    const tr_web_server_t *server, const tr_web_session_t *session, int64_t idle_ms) {
    const tr_web_login_t *login = server->login;
    const tr_user_t *user = login->users ? tr_users_find(login->users, session->name) : NULL;
    bool by_provider = session->role != TR_WEB_ANYBODY; /* whose names no user has */
    bool good = by_provider ? login->provider && session->epoch == login->provider_epoch &&
                                  session->role < TR_WEB_ROLES
                            : user && session->epoch == user->epoch;
    if (!good || tr_web_ended_has(login->ended, session->id) ||
        !tr_web_session_lives(
            session, tr_clock_wall_ms(), idle_ms, life_of(server->config.options, by_provider)))
        return TR_WEB_ANYBODY;
    return by_provider ? (tr_web_role_t)session->role : (tr_web_role_t)(TR_WEB_VIEWER + (int)user->role);
}

char *tr_web_login_cookie_text(
    const tr_web_exchange_t *e, const char *name, const char *value, int64_t seconds, const char *same_site) {
    bool over_tls = e->server->login->secure || strncasecmp(e->page_origin, "https://", 8) == 0;
    char *cookie = NULL;
    int n = asprintf(&cookie, "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=%s%s", name, value,
        *value ? (long long)seconds : 0LL, same_site, over_tls ? "; Secure" : "");
    return n < 0 ? NULL : cookie;
}

/* Without memory nobody is signed in, ignoring. value "": the browser is to forget it. */
static void give_cookie(tr_web_exchange_t *e, const char *value) {
    const tr_web_options_t *o = e->server->config.options;
    free(e->set_cookie);
    e->set_cookie = tr_web_login_cookie_text(
        e, e->server->login->keys.cookie, value, o->session_idle_ms / 1000, "Strict");
}

static void seal(tr_web_exchange_t *e) {
    char text[TR_WEB_SEALED_SIZE];
    tr_web_session_seal(&e->server->login->keys, &e->session, text);
    give_cookie(e, text);
}

void tr_web_login_recognise(tr_web_exchange_t *e) {
    const tr_web_login_t *login = e->server->login;
    const tr_web_options_t *o = e->server->config.options;
    char header[COOKIES_MAX];
    size_t len = 0;
    if (!login || tr_web_header(e, WSI_TOKEN_HTTP_COOKIE, header, sizeof header) <= 0)
        return;
    const char *text = tr_web_cookie(header, login->keys.cookie, &len);
    if (!text || !tr_web_session_open(&login->keys, text, len, &e->session))
        return;
    tr_web_role_t role = role_of(e->server, &e->session, o->session_idle_ms);
    if (role == TR_WEB_ANYBODY)
        return;
    e->by_session = true;
    e->role = role;
    strcpy(e->who, e->session.name);
    int64_t now_ms = tr_clock_wall_ms();
    if (now_ms - e->session.seen_ms < o->session_idle_ms / AGAIN_PART)
        return;
    e->session.seen_ms = now_ms;
    seal(e);
}

/* A feed goes on for as long as its session, however long nothing else is asked. */
void tr_web_login_end_what_is_over(tr_web_server_t *server) {
    for (tr_web_exchange_t *e = server->exchanges; e; e = e->next)
        if (e->by_session && role_of(server, &e->session, INT64_MAX) == TR_WEB_ANYBODY)
            tr_web_stream_bar(e);
}

void tr_web_login_tick(tr_web_server_t *server) {
    tr_web_login_t *login = server->login;
    tr_error_t error = {0};
    if (!login)
        return;
    if (login->provider)
        tr_provider_tick(login->provider, tr_clock_ms());
    if (login->users && tr_users_refresh(login->users, &error)) {
        use_keys(login);
        tr_log(server->config.log, &tr_gateway_events[TR_G_USERS], "users=%zu", tr_users_count(login->users));
    } else if (error.code)
        tr_log(server->config.log, &tr_gateway_events[TR_G_USERS_WRONG], "error=%s", error.text);
    tr_web_login_end_what_is_over(server);
}

/* ---- forged requests ---- */

bool tr_web_login_takes(tr_web_exchange_t *e, const char *authorization) {
    if (strncasecmp(authorization, "CSRF ", 5) != 0)
        return false;
    snprintf(e->csrf, sizeof e->csrf, "%s", authorization + 5);
    return true;
}

/* scheme://host[:port] of --public-url. */
static bool is_public(const tr_web_exchange_t *e) {
    const char *url = e->server->config.options->public_url, *host = url ? strstr(url, "://") : NULL;
    size_t len = host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/") : 0;
    return len && strlen(e->page_origin) == len && strncasecmp(e->page_origin, url, len) == 0;
}

static bool is_own(const tr_web_exchange_t *e) {
    const char *host = strstr(e->page_origin, "://");
    if (!*e->page_origin)
        return strcmp(e->fetch_site, "same-origin") == 0;
    if (is_public(e))
        return true;
    return host && strcasecmp(host + 3, e->host) == 0 &&
           (!e->server->config.options->tls_cert || strncasecmp(e->page_origin, "https://", 8) == 0);
}

bool tr_web_login_guard(tr_web_exchange_t *e) {
    bool looks = e->method == TR_WEB_GET || e->method == TR_WEB_HEAD || e->method == TR_WEB_OPTIONS;
    if (!e->by_session || (looks && !e->upgrade))
        return true;
    if (is_own(e) && (e->upgrade || tr_web_session_csrf_is(&e->server->login->keys, &e->session, e->csrf)))
        return true;
    tr_counter_inc(&e->server->turned_away[TR_WEB_TURNED_ORIGIN]);
    if (!is_own(e))
        tr_web_problem(e, 403, "foreign-origin",
            "by a session only this server's own pages may do this: Origin or Sec-Fetch-Site does not say "
            "so. "
            "Programs send a token (Authorization: Bearer TOKEN)");
    else
        tr_web_problem(e, 403, "csrf-token",
            "by a session this needs its token, in X-CSRF-Token or as Authorization: CSRF TOKEN; GET "
            "/api/v1/login tells it");
    return false;
}

/* ---- signing in and out ---- */

json_t *tr_web_login_state(const tr_web_exchange_t *e) {
    char csrf[TR_WEB_CSRF_SIZE];
    const char *provider = tr_web_login_provider_name(e->server);
    json_t *state = json_pack("{s:b, s:{s:s, s:s, s:s}}", "users", (int)tr_web_login_offered(e->server),
        "you", "name", e->who, "role", tr_web_roles[e->role], "by",
        e->by_session    ? "session"
        : e->by_provider ? "provider"
        : *e->who        ? "token"
                         : "nobody");
    if (state && provider)
        json_object_set_new(state, "provider", json_string(provider));
    if (state && e->by_session) {
        tr_web_session_csrf(&e->server->login->keys, &e->session, csrf);
        json_object_set_new(state, "csrf", json_string(csrf));
        if (*e->session.label)
            json_object_set_new(json_object_get(state, "you"), "label", json_string(e->session.label));
    }
    return state;
}

static int64_t longer(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* A name that nobody has may be a password that went into the wrong field: it is not told. */
static const char *told(const tr_web_exchange_t *e, const char *name) {
    return tr_users_find(e->server->login->users, name) ? name : NULL;
}

static bool too_often(tr_web_exchange_t *e, const char *name) {
    const tr_web_login_t *login = e->server->login;
    int64_t now_ms = tr_clock_ms(), wait_ms = longer(tr_web_guesses_wait(login->names, name, now_ms),
                                        tr_web_guesses_wait(login->addresses, e->from, now_ms));
    if (wait_ms == 0)
        return false;
    tr_counter_inc(&e->server->sign_ins[TR_WEB_SIGN_IN_LIMITED]);
    tr_log(e->server->config.log, &tr_gateway_events[TR_G_SIGN_IN_LIMITED], "user=%s peer=%s wait_ms=%d",
        told(e, name), e->peer, (int)wait_ms);
    e->retry_s = (unsigned)((wait_ms + 999) / 1000);
    tr_web_problem(e, 429, "too-many-attempts",
        "this name, or this address, was given wrong passwords too often; again after %u s", e->retry_s);
    return true;
}

static void forget_session(tr_web_exchange_t *e) {
    tr_web_server_t *server = e->server;
    int64_t now_ms = tr_clock_wall_ms();
    /* Twice: no copy of the cookie lives that long, whatever the clocks of other gateways say. */
    int64_t until_ms = now_ms + 2 * server->config.options->session_idle_ms;
    /* Without memory it lives to its end, ignoring. */
    tr_web_ended_add(server->login->ended, e->session.id, until_ms, now_ms);
    tr_web_signed_out_tell(server, e->session.id, until_ms);
    e->by_session = false;
    tr_web_login_end_what_is_over(server);
}

void tr_web_login_begin(tr_web_exchange_t *e, const tr_web_session_t *session, tr_web_role_t role) {
    if (e->by_session)
        forget_session(e);
    e->session = *session;
    e->by_session = true;
    e->role = role;
    strcpy(e->who, session->name);
    seal(e);
    tr_web_guesses_forgive(e->server->login->addresses, e->from, false);
    tr_counter_inc(&e->server->sign_ins[TR_WEB_SIGN_IN_RIGHT]);
    tr_log(e->server->config.log, &tr_gateway_events[TR_G_SIGNED_IN], "user=%s role=%s peer=%s", e->who,
        tr_web_roles[role], e->peer);
}

static void let_in(tr_web_exchange_t *e, const tr_user_t *user) {
    tr_web_session_t session;
    tr_web_guesses_forgive(e->server->login->names, user->name, true);
    tr_web_session_begin(user->name, user->epoch, tr_clock_wall_ms(), &session);
    tr_web_login_begin(e, &session, (tr_web_role_t)(TR_WEB_VIEWER + (int)user->role));
    tr_web_respond_json(e, 200, tr_web_login_state(e));
}

/* The user is looked for again: he may have been removed, or got another password, while this one was checked. */
static void on_checked(tr_web_exchange_t *e) {
    tr_web_login_t *login = e->server->login;
    json_t *answer = tr_web_reply_json(e->replies[0]);
    const char *name = json_string_value(json_object_get(e->found, "name"));
    const tr_user_t *user = tr_users_find(login->users, name);
    bool right = json_is_true(json_object_get(answer, "right")) && user &&
                 (json_int_t)user->epoch == json_integer_value(json_object_get(e->found, "epoch"));
    json_decref(answer);
    if (right) {
        let_in(e, user);
        return;
    }
    tr_counter_inc(&e->server->sign_ins[TR_WEB_SIGN_IN_WRONG]);
    tr_log(e->server->config.log, &tr_gateway_events[TR_G_SIGN_IN_WRONG], "user=%s peer=%s", told(e, name),
        e->peer);
    tr_web_problem(e, 401, "wrong-login", "the name or the password is wrong");
}

void tr_web_login_try(tr_web_exchange_t *e, const char *name, char *password) {
    tr_web_login_t *login = e->server->login;
    const tr_user_t *user = tr_users_find(login->users, name);
    int64_t now_ms = tr_clock_ms();
    if (too_often(e, name))
        return;
    e->found = json_pack("{s:s, s:I}", "name", name, "epoch", (json_int_t)(user ? user->epoch : 0));
    int rc = e->found ? tr_passwords_ask(login->passwords, password, user ? user->hash : NULL, e) : -ENOMEM;
    sodium_memzero(password, strlen(password));
    sodium_memzero(e->raw.data, e->raw.size);
    if (rc < 0) {
        e->retry_s = 1;
        tr_web_problem(e, 503, "busy", "too many sign in at once; again after %u s", e->retry_s);
        return;
    }
    tr_web_guesses_count(login->names, name, now_ms);
    tr_web_guesses_count(login->addresses, e->from, now_ms);
    e->on_replies = on_checked;
    e->asked++;
    tr_gauge_add(&e->server->waiting, 1);
}

void tr_web_login_leave(tr_web_exchange_t *e) {
    char *end = e->by_session ? tr_web_login_provider_end(e) : NULL;
    if (e->by_session) {
        forget_session(e);
        tr_log(
            e->server->config.log, &tr_gateway_events[TR_G_SIGNED_OUT], "user=%s peer=%s", e->who, e->peer);
    }
    if (e->server->login)
        give_cookie(e, "");
    *e->who = '\0';
    e->role = tr_web_anonymous_role(e->server);
    json_t *state = tr_web_login_state(e);
    if (state && end)
        json_object_set_new(state, "end", json_string(end));
    free(end);
    tr_web_respond_json(e, 200, state);
}
