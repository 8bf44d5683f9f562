#include "gateway/http/oidc.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>
#include <sodium.h>

#define DESCRIPTION "/.well-known/openid-configuration"
#define BASE64      sodium_base64_VARIANT_ORIGINAL
#define PLAIN       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

/* ---- addresses ---- */

/* Of this machine: nobody is on the way. */
static bool is_local(const char *url) {
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    if (strncasecmp(url, "http://", 7) != 0)
        return false;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t len = strlen(hosts[i]);
        if (strncasecmp(url + 7, hosts[i], len) == 0 && (!url[7 + len] || strchr(":/", url[7 + len])))
            return true;
    }
    return false;
}

/* It goes into a header: nothing ends that, and nothing stands behind a fragment. */
static bool is_url(const char *url) {
    size_t len = strlen(url);
    bool good = len <= TR_OIDC_URL_MAX && (strncasecmp(url, "https://", 8) == 0 || is_local(url));
    for (size_t i = 0; i < len && good; i++)
        good = url[i] > ' ' && url[i] < 0x7f && !strchr("\"#<>\\", url[i]);
    return good && url[strcspn(url, "/") + 2];
}

const char *tr_oidc_issuer_wrong(const char *issuer) {
    if (!is_url(issuer) || strchr(issuer, '?'))
        return "expected https://NAME, without a query (http is for this machine alone)";
    return NULL;
}

void tr_oidc_description_url(const char *issuer, tr_buffer_t *out) {
    size_t len = strlen(issuer);
    tr_buffer_put(out, issuer, len - (issuer[len - 1] == '/'));
    tr_buffer_text(out, DESCRIPTION);
}

/* ---- the description ---- */

static bool take_url(const json_t *description, const char *name, char out[TR_OIDC_URL_MAX + 1]) {
    const char *url = json_string_value(json_object_get(description, name));
    if (!url || !is_url(url))
        return false;
    strcpy(out, url);
    return true;
}

/* Whether a list that need not be there has one of the words. */
static bool may_be(const json_t *list, const char *word, const char *other) {
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item) {
        const char *text = json_string_value(item);
        if (text && (strcmp(text, word) == 0 || strcmp(text, other) == 0))
            return true;
    }
    return !list;
}

static const char *check(const char *issuer, const json_t *description, tr_oidc_provider_t *p) {
    const char *its = json_string_value(json_object_get(description, "issuer"));
    const json_t *ways = json_object_get(description, "token_endpoint_auth_methods_supported");
    if (!its || strcmp(its, issuer) != 0)
        return "it is of another issuer";
    if (!take_url(description, "authorization_endpoint", p->authorize) ||
        !take_url(description, "token_endpoint", p->token) || !take_url(description, "jwks_uri", p->keys))
        return "authorization_endpoint, token_endpoint and jwks_uri: expected https://NAME/...";
    if (!may_be(json_object_get(description, "id_token_signing_alg_values_supported"), "RS256", "ES256"))
        return "it signs by neither RS256 nor ES256";
    take_url(description, "end_session_endpoint", p->end);
    p->secret_in_body = !may_be(ways, "client_secret_basic", "client_secret_basic");
    p->says_issuer =
        json_is_true(json_object_get(description, "authorization_response_iss_parameter_supported"));
    return NULL;
}

const char *tr_oidc_read_description(
    const char *issuer, const char *text, size_t len, tr_oidc_provider_t *ret_provider) {
    tr_oidc_provider_t provider = {0};
    json_t *description = json_loadb(text, len, 0, NULL);
    const char *why = json_is_object(description) ? check(issuer, description, &provider) : "it is no object";
    json_decref(description);
    if (!why)
        *ret_provider = provider;
    return why;
}

/* ---- what is asked ---- */

static void put_encoded(tr_buffer_t *out, const char *text) {
    for (; *text; text++)
        if (strchr(PLAIN, *text))
            tr_buffer_char(out, *text);
        else
            tr_buffer_printf(out, "%%%02X", (unsigned char)*text);
}

void tr_oidc_put(tr_buffer_t *out, char sign, const char *name, const char *value) {
    if (sign)
        tr_buffer_char(out, sign);
    tr_buffer_text(out, name);
    tr_buffer_char(out, '=');
    put_encoded(out, value);
}

char tr_oidc_sign(const char *url) {
    return strchr(url, '?') ? '&' : '?';
}

void tr_oidc_put_secret(tr_buffer_t *out, const char *client, const char *secret) {
    tr_buffer_t both;
    tr_buffer_init(&both, 0);
    put_encoded(&both, client);
    tr_buffer_char(&both, ':');
    put_encoded(&both, secret);
    tr_buffer_text(out, "Authorization: Basic ");
    for (size_t i = 0; i < both.size && !both.failed; i += 3) { /* three bytes are four letters */
        char letters[8];
        size_t len = both.size - i < 3 ? both.size - i : 3;
        sodium_bin2base64(letters, sizeof letters, (const unsigned char *)both.data + i, len, BASE64);
        tr_buffer_text(out, letters);
    }
    out->failed = out->failed || both.failed;
    if (both.data)
        sodium_memzero(both.data, both.size);
    tr_buffer_finish(&both);
}

/* ---- what is answered ---- */

bool tr_oidc_read_answer(const char *text, size_t len, tr_buffer_t *out) {
    json_t *answer = json_loadb(text, len, 0, NULL);
    const char *token = json_string_value(json_object_get(answer, "id_token")),
               *error = json_string_value(json_object_get(answer, "error")),
               *more = json_string_value(json_object_get(answer, "error_description"));
    if (token)
        tr_buffer_text(out, token);
    else
        tr_buffer_printf(out, "%.64s%s%.160s", error && *error ? error : "there is no id_token in its answer",
            error && more ? ": " : "", error && more ? more : "");
    json_decref(answer);
    return token && !out->failed;
}
