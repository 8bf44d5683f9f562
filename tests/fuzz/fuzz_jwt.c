/*
 * Tokens of an OpenID provider. The first byte says what the rest is: a token, the claims of a token whose signature is good, or a provider's
 * key set. One token alone has ever been signed by a key of this set, ann's (seeds/jwt/signed), so nothing else than that may count.
 */
#include "gateway/http/jwt.h"

#include "tests/fuzz/fuzz.h"

#include <string.h>

#define NOW 1000000

static const tr_web_jwt_config_t config = {
    .issuer = "https://id.example", .audience = "troupe", .claim = "realm_access.roles"};

/* The public half of a key that is kept nowhere. */
static const char set[] =
    "{\"keys\": ["
    "{\"kty\": \"RSA\", \"use\": \"sig\", \"kid\": \"one\", \"n\": "
    "\"uR6LN7gQWtH_dKELo0qMtR0PfJIZLwLQOLfqKQeS9"
    "Ln0tEVnV7PXsl2ItX0f1nZbFYfEbJp3R6dzvrScw1zIReKZE37zSQV_1RoaD6KJJfwNVT3HVe7NJ7xY_FOlRuULLnk"
    "wogqrscpbTwIfFhOVFxk-lTO_sedD3-plI0tfYl5kOJyWfEzhWWAWfk7IF6QqoNUifPGkDLg7OJxSqpkR3cmEEPBCm"
    "kjqkeJAR2W38LuQWWLKsWvSzlkYQkKS0Me9mOF_KjiS_a34uz2pIbAzHx1d9_S-sYxYeC1j0DcEviNk3TuXpnGjh_z"
    "c-FxTzvFKGYiLW6WF756ceS3aHrk2Mw\", \"e\": \"AQAB\"}, {\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": "
    "\"jSaThe"
    "LR_KOrRYMasCeIjpGXnxxxfL615gcwFgzo_Qc\", \"y\": \"nPXajeXqdxK3a_nLSbstSXjtnyupL5SKFB41ing6BtU\""
    "}"
    "]}";

static void token(const tr_web_jwt_t *jwt, const char *text, size_t len) {
    tr_web_bearer_t who = {.role = TR_WEB_ANYBODY};
    if (tr_web_jwt_check(jwt, text, len, NOW, &who))
        return;
    PROMISE(tr_web_jwt_is(text, len));
    PROMISE(strcmp(who.name, "oidc:ann") == 0 && who.role == TR_WEB_OPERATOR);
    PROMISE(who.until_s > NOW && tr_web_jwt_has(jwt, who.key));
}

static void claims(const tr_web_jwt_t *jwt, const char *text, size_t len) {
    tr_web_bearer_t who = {.role = TR_WEB_ANYBODY};
    const char *why = tr_web_jwt_claims(jwt, text, len, NOW, &who);
    PROMISE(why || (who.role > TR_WEB_ANYBODY && who.role < TR_WEB_ROLES && who.until_s > NOW));
    PROMISE(why ||
            (strncmp(who.name, "oidc:", 5) == 0 && who.name[5] && strlen(who.name) <= TR_WEB_TOKEN_NAME_MAX));
}

static void keys(const char *text, size_t len) {
    tr_web_jwt_t *jwt = NULL;
    tr_error_t error = {0};
    int rc = tr_web_jwt_of(&config, text, len, &jwt, &error);
    PROMISE(rc == 0 ? jwt && tr_web_jwt_keys(jwt) > 0 : !jwt && error.code == rc && *error.text);
    tr_web_jwt_destroy(&jwt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_web_jwt_t *jwt = NULL;
    tr_error_t error = {0};
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    PROMISE(tr_web_jwt_of(&config, set, sizeof set - 1, &jwt, &error) == 0);
    if (*data == 'c')
        claims(jwt, text, size - 1);
    else if (*data == 'k')
        keys(text, size - 1);
    else
        token(jwt, text, size - 1);
    tr_web_jwt_destroy(&jwt);
    return 0;
}
