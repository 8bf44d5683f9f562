/*
 * Signing in at an OpenID provider: the authorization code flow with PKCE (OpenID Connect Core 1.0, 3.1; RFC 9700, 2.1), for people at the page.
 *
 * The browser is sent to the provider, with a cookie that holds what this sign-in is (flow.h), and comes back with a code. The gateway gives that, the
 * client's secret and the verifier to the provider, and gets an identity, which is checked (provider.h). Who it is has a session as a local user
 * has, whose role is what the identity's claim says.
 *
 * The cookie of a sign-in is SameSite=Lax, since it has to come with the provider's answer, which another site has led to. That of the session is
 * not: the page, to which the browser is sent at last, asks for everything itself. A browser is a person's, so whatever is wrong leads to the page with
 * a word for it, and the log says more.
 */
#include "gateway/events.h"
#include "gateway/http/jwt.h"
#include "gateway/http/login.h"
#include "gateway/http/login_private.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#define SECRET_MAX  1024
#define KEY_LEAST   16 /* bytes of a secret that the keys of sessions may follow from */
#define COOKIES_MAX 4096
#define PLACE_MAX   1400 /* bytes of a Location: with the rest of the head they have room */
#define BACK        "/api/v1/login/callback"

/* ---- of the server ---- */

/* An address of this gateway, as the browser sees it. */
static void put_own(const tr_web_exchange_t *e, const char *path, char *out, size_t size) {
    tr_web_base_url(e, out, size);
    size_t len = strlen(out);
    len -= len > 0 && out[len - 1] == '/';
    snprintf(out + len, size - len, "%s", path);
}

static int read_secret(tr_web_login_t *login, const char *path, tr_error_t *error) {
    struct stat st;
    size_t len = 0;
    if (stat(path, &st) < 0)
        return tr_error_set(error, -errno, "--oidc-secret %s: %s", path, strerror(errno));
    if (!tr_file_private(&st))
        return tr_error_set(error, -EPERM, "--oidc-secret %s: others may read or write it; chmod 600", path);
    int rc = tr_file_read(path, "the client's secret", SECRET_MAX, &login->secret, &len, error);
    if (rc < 0)
        return rc;
    login->secret[strcspn(login->secret, "\r\n")] = '\0';
    if (len > SECRET_MAX || !*login->secret)
        return tr_error_set(
            error, -EINVAL, "--oidc-secret %s: expected one line of %d bytes at most", path, SECRET_MAX);
    return 0;
}

static int check_options(const tr_web_options_t *o, tr_error_t *error) {
    const char *wrong = tr_oidc_issuer_wrong(o->oidc_issuer);
    if (wrong)
        return tr_error_set(error, -EINVAL, "--oidc-issuer \"%.100s\": %s", o->oidc_issuer, wrong);
    if (!o->users && !o->oidc_secret)
        return tr_error_set(error, -EINVAL,
            "--oidc-client: sessions need a key, which is of the file of --users, or follows from the secret "
            "of "
            "--oidc-secret; give one of them");
    return 0;
}

/* What the sessions of one provider, client and mapping of roles have: with another of them they end. */
static uint64_t epoch_of(const tr_web_options_t *o) {
    crypto_generichash_state state;
    uint64_t epoch;
    crypto_generichash_init(&state, NULL, 0, sizeof epoch);
    const char *texts[] = {o->oidc_issuer, o->oidc_client, o->oidc_claim};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        crypto_generichash_update(&state, (const unsigned char *)texts[i], strlen(texts[i]) + 1);
    for (size_t i = 0; i < o->oidc_roles.count; i++)
        crypto_generichash_update(
            &state, (const unsigned char *)o->oidc_roles.items[i], strlen(o->oidc_roles.items[i]) + 1);
    crypto_generichash_final(&state, (unsigned char *)&epoch, sizeof epoch);
    return epoch;
}

int tr_web_login_provider_init(tr_web_server_t *server, tr_error_t *error) {
    const tr_web_options_t *o = server->config.options;
    tr_web_login_t *login = server->login;
    if (!o->oidc_client)
        return 0;
    int rc = check_options(o, error);
    if (rc == 0 && o->oidc_secret)
        rc = read_secret(login, o->oidc_secret, error);
    if (rc == 0 && !o->users && strlen(login->secret) < KEY_LEAST)
        rc = tr_error_set(error, -EINVAL,
            "--oidc-secret %s: the keys of sessions cannot follow from a secret of less than %d bytes; give "
            "--users, too",
            o->oidc_secret, KEY_LEAST);
    if (rc < 0)
        return rc;
    login->provider_epoch = epoch_of(o);
    tr_provider_config_t config = {.issuer = o->oidc_issuer,
        .client = o->oidc_client,
        .secret = login->secret,
        .claim = o->oidc_claim,
        .roles = o->oidc_roles,
        .ca_file = o->oidc_ca,
        .refresh_ms = o->oidc_refresh_ms,
        .log = server->config.log};
    rc = tr_provider_new(&config, server->config.bridge, &login->provider, error);
    return rc < 0 ? tr_error_prefix(error, "--oidc-client") : 0;
}

void tr_web_login_provider_finish(tr_web_login_t *login) {
    tr_provider_destroy(&login->provider);
    if (login->secret)
        sodium_memzero(login->secret, strlen(login->secret));
    free(login->secret);
    login->secret = NULL;
}

void tr_web_login_provider_key(const tr_web_login_t *login, unsigned char out[TR_USERS_KEY]) {
    static const char purpose[] = "troupe: key of sessions";
    crypto_generichash(out, TR_USERS_KEY, (const unsigned char *)login->secret, strlen(login->secret),
        (const unsigned char *)purpose, sizeof purpose);
}

bool tr_web_login_provides(const tr_web_server_t *server) {
    return server->login && server->login->provider;
}

const char *tr_web_login_provider_name(const tr_web_server_t *server) {
    const tr_web_options_t *o = server->config.options;
    if (!tr_web_login_provides(server))
        return NULL;
    return o->oidc_name ? o->oidc_name : strstr(o->oidc_issuer, "://") + 3;
}

char *tr_web_login_provider_end(const tr_web_exchange_t *e) {
    const tr_web_login_t *login = e->server->login;
    tr_oidc_provider_t provider;
    char page[300];
    tr_buffer_t out;
    if (!login->provider || e->session.role == TR_WEB_ANYBODY ||
        !tr_provider_known(login->provider, &provider) || !*provider.end)
        return NULL;
    put_own(e, "/", page, sizeof page);
    tr_buffer_init(&out, 0);
    tr_buffer_text(&out, provider.end);
    tr_oidc_put(&out, tr_oidc_sign(provider.end), "client_id", e->server->config.options->oidc_client);
    tr_oidc_put(&out, '&', "post_logout_redirect_uri", page);
    if (!out.failed)
        return out.data;
    tr_buffer_finish(&out);
    return NULL;
}

/* ---- of a browser ---- */

static void give_flow_cookie(tr_web_exchange_t *e, const char *value) {
    free(e->flow_cookie);
    e->flow_cookie =
        tr_web_login_cookie_text(e, e->server->login->keys.flow_cookie, value, TR_WEB_FLOW_MS / 1000, "Lax");
}

/* To the page, which says why by the word; the log says the rest. */
static void turn_back(tr_web_exchange_t *e, const char *reason, const char *detail) {
    char place[64];
    snprintf(place, sizeof place, "/#sign-in/%s", reason);
    tr_counter_inc(&e->server->sign_ins[TR_WEB_SIGN_IN_WRONG]);
    if (tr_web_rate_take(e->server->refusals, e->from, tr_clock_ms()) == 0) /* anybody can make such lines */
        tr_log(e->server->config.log, &tr_gateway_events[TR_G_PROVIDER_WRONG], "peer=%s reason=%s error=%s",
            e->peer, reason, detail);
    give_flow_cookie(e, "");
    tr_web_redirect(e, place);
}

/* Asks the provider's thread. */
static void await(tr_web_exchange_t *e, int rc, void (*on_replies)(tr_web_exchange_t *e)) {
    if (rc < 0) {
        turn_back(e, rc == -EINVAL ? "sign-in-failed" : "busy",
            rc == -EINVAL ? "what it has come back with is no code" : "too many sign in at once");
        return;
    }
    e->on_replies = on_replies;
    e->asked++;
    tr_gauge_add(&e->server->waiting, 1);
}

/* Of the provider's thread, new; NULL: it was turned back. */
static json_t *answer_of(tr_web_exchange_t *e) {
    json_t *answer = tr_web_reply_json(e->replies[0]);
    const char *reason = json_string_value(json_object_get(answer, "reason"));
    if (answer && !reason)
        return answer;
    turn_back(e, reason ? reason : "busy", json_string_value(json_object_get(answer, "detail")));
    json_decref(answer);
    return NULL;
}

/* ---- there ---- */

static void put_place(
    const tr_web_exchange_t *e, const char *authorize, const tr_web_flow_t *flow, tr_buffer_t *out) {
    const tr_web_options_t *o = e->server->config.options;
    char back[400], word[TR_WEB_FLOW_WORD], challenge[TR_WEB_FLOW_WORD];
    put_own(e, BACK, back, sizeof back);
    tr_buffer_text(out, authorize);
    tr_oidc_put(out, tr_oidc_sign(authorize), "response_type", "code");
    tr_oidc_put(out, '&', "client_id", o->oidc_client);
    tr_oidc_put(out, '&', "redirect_uri", back);
    tr_oidc_put(out, '&', "scope", o->oidc_scopes);
    tr_web_flow_state(flow, word);
    tr_oidc_put(out, '&', "state", word);
    tr_web_flow_nonce(flow, word);
    tr_oidc_put(out, '&', "nonce", word);
    tr_web_flow_verifier(flow, word);
    tr_web_flow_challenge(word, challenge);
    tr_oidc_put(out, '&', "code_challenge", challenge);
    tr_oidc_put(out, '&', "code_challenge_method", "S256");
    sodium_memzero(word, sizeof word);
}

static void send_there(tr_web_exchange_t *e, const char *authorize) {
    char sealed[TR_WEB_FLOW_SIZE];
    tr_web_flow_t flow;
    tr_buffer_t place;
    tr_web_flow_begin(tr_clock_wall_ms(), &flow);
    tr_buffer_init(&place, PLACE_MAX);
    put_place(e, authorize, &flow, &place);
    if (place.failed)
        turn_back(e, "sign-in-failed",
            "the provider's address, or --oidc-client, --oidc-scopes or --public-url, is too long");
    else {
        tr_web_flow_seal(e->server->login->keys.seal, &flow, sealed);
        give_flow_cookie(e, sealed);
        tr_web_redirect(e, tr_buffer_string(&place));
    }
    tr_buffer_finish(&place);
}

static void on_found(tr_web_exchange_t *e) {
    json_t *answer = answer_of(e);
    if (answer)
        send_there(e, json_string_value(json_object_get(answer, "authorize")));
    json_decref(answer);
}

/* What is known will do: nobody waits for what may hang. */
void tr_web_login_go(tr_web_exchange_t *e) {
    tr_provider_t *provider = e->server->login->provider;
    tr_oidc_provider_t known;
    if (tr_provider_known(provider, &known))
        send_there(e, known.authorize);
    else
        await(e, tr_provider_find(provider, e), on_found);
}

/* ---- and back ---- */

static bool flow_of(const tr_web_exchange_t *e, tr_web_flow_t *ret_flow) {
    const tr_web_session_keys_t *keys = &e->server->login->keys;
    char header[COOKIES_MAX];
    size_t len = 0;
    if (tr_web_header(e, WSI_TOKEN_HTTP_COOKIE, header, sizeof header) <= 0)
        return false;
    const char *text = tr_web_cookie(header, keys->flow_cookie, &len);
    return text && tr_web_flow_open(keys->seal, text, len, tr_clock_wall_ms(), ret_flow);
}

/* RFC 9207: that of another provider is not given to this one. */
static bool issuer_right(const tr_web_exchange_t *e) {
    const char *issuer = tr_web_query(e, "iss");
    tr_oidc_provider_t provider;
    if (issuer)
        return strcmp(issuer, e->server->config.options->oidc_issuer) == 0;
    return !tr_provider_known(e->server->login->provider, &provider) || !provider.says_issuer;
}

static void on_redeemed(tr_web_exchange_t *e) {
    tr_web_session_t session;
    json_t *answer = answer_of(e);
    if (!answer)
        return;
    tr_web_session_begin(json_string_value(json_object_get(answer, "name")), e->server->login->provider_epoch,
        tr_clock_wall_ms(), &session);
    session.role = (unsigned char)json_integer_value(json_object_get(answer, "role"));
    snprintf(session.label, sizeof session.label, "%s", json_string_value(json_object_get(answer, "label")));
    tr_web_login_begin(e, &session, (tr_web_role_t)session.role);
    json_decref(answer);
    give_flow_cookie(e, "");
    tr_web_redirect(e, "/#sign-in/done");
}

static void redeem(tr_web_exchange_t *e, const tr_web_flow_t *flow, const char *code) {
    tr_web_login_t *login = e->server->login;
    char back[400];
    put_own(e, BACK, back, sizeof back);
    tr_web_guesses_count(login->addresses, e->from, tr_clock_ms());
    await(e, tr_provider_redeem(login->provider, code, flow, back, e), on_redeemed);
}

void tr_web_login_back(tr_web_exchange_t *e) {
    const char *code = tr_web_query(e, "code"), *state = tr_web_query(e, "state"),
               *error = tr_web_query(e, "error");
    tr_web_flow_t flow;
    if (!flow_of(e, &flow) || !state || !tr_web_flow_is(&flow, state))
        turn_back(e, "sign-in-over", "what this browser began is over, or it was another one");
    else if (!issuer_right(e))
        turn_back(e, "sign-in-failed", "the answer is of another issuer, or says none (iss)");
    else if (error)
        turn_back(e, strcmp(error, "access_denied") == 0 ? "sign-in-denied" : "sign-in-failed", error);
    else if (!code)
        turn_back(e, "sign-in-failed", "there is no code in the answer");
    else if (tr_web_guesses_wait(e->server->login->addresses, e->from, tr_clock_ms()) > 0)
        turn_back(e, "too-many-attempts", "too many wrong ones of this address before");
    else
        redeem(e, &flow, code);
    sodium_memzero(&flow, sizeof flow);
}
