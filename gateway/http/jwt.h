/*
 * Tokens of an OpenID provider: JSON web tokens (RFC 7519), signed by RS256 or ES256 with one of the keys of a file (a JWKS, RFC 7517), which is read
 * again when it changes.
 *
 * A token counts where its signature, `iss`, `aud` and `exp` (and `nbf`, where it has that) are right, and a claim names a role of the gateway. The
 * algorithm is the token's, but must be one of those two and of the kind of its key: "none", or a public key taken for a secret, are refused.
 *
 * A provider says who has signed in there by such a token, too (id_token; OpenID Connect Core 1.0, 2): then it has to be of the sign-in that
 * was asked for.
 *
 * The signature is cjose's work. One thread.
 */
#ifndef TR_GATEWAY_HTTP_JWT_H
#define TR_GATEWAY_HTTP_JWT_H

#include "gateway/http/token.h"
#include "lib/base/options.h"

#include <stdint.h>

#define TR_WEB_JWT_MAX      4096  /* bytes of a token */
#define TR_WEB_IDENTITY_MAX 16384 /* of an id_token, which comes in no header */
#define TR_WEB_JWT_MARK     32    /* of a key's hash */

typedef struct tr_web_jwt_config {
    const char *keys;     /* the file; borrowed, as all of it */
    const char *issuer;   /* `iss` */
    const char *audience; /* one of `aud` */
    const char *
        claim; /* with the role: a text, or a list of them, of which the highest counts; NAME.NAME is within another */
    tr_strings_t
        roles; /* VALUE=ROLE: what the claim has to say for a role; "*": anything, or nothing. None: the role's name */
} tr_web_jwt_config_t;

/* What tr_web_jwt_check says of a token that no key has signed, and of one without a role. */
extern const char tr_web_jwt_stranger[], tr_web_jwt_roleless[];

typedef struct tr_web_jwt tr_web_jwt_t;

/* What a good token says. */
typedef struct tr_web_bearer {
    char name[TR_WEB_TOKEN_NAME_MAX + 1]; /* "oidc:SUB" */
    tr_web_role_t role;
    int64_t until_s;                       /* from then on it does not count any more; of the wall clock */
    unsigned char key[TR_WEB_JWT_MARK];    /* that has signed it; only of tr_web_jwt_check */
    char label[TR_WEB_TOKEN_NAME_MAX + 1]; /* what people call him; "": nothing that could be shown */
} tr_web_bearer_t;

/* NULL, or why it is no VALUE=ROLE, for people. */
const char *tr_web_jwt_mapping_wrong(const char *mapping);

/* -EINVAL: the file holds no keys; its errno, where it cannot be read; -EPERM: others may write it. */
int tr_web_jwt_new(const tr_web_jwt_config_t *config, tr_web_jwt_t **ret_jwt, tr_error_t *error);
/* The same of a key set that is there as a text; config->keys is not looked at, and nothing is read again. */
int tr_web_jwt_of(const tr_web_jwt_config_t *config, const char *set, size_t len, tr_web_jwt_t **ret_jwt,
    tr_error_t *error);
void tr_web_jwt_destroy(tr_web_jwt_t **self);
/* True: it was read again. One that is wrong now changes nothing: the error is set. */
bool tr_web_jwt_refresh(tr_web_jwt_t *self, tr_error_t *error);
size_t tr_web_jwt_keys(const tr_web_jwt_t *self);
/* Whether it looks like one: three parts with full stops between. */
bool tr_web_jwt_is(const char *token, size_t len);
/* NULL, or why it does not count, for people: then *ret_bearer is as it was. */
const char *tr_web_jwt_check(
    const tr_web_jwt_t *self, const char *token, size_t len, int64_t now_s, tr_web_bearer_t *ret_bearer);
/* Likewise of an id_token, that was asked for with this nonce. */
const char *tr_web_jwt_identity(const tr_web_jwt_t *self, const char *token, size_t len, const char *nonce,
    int64_t now_s, tr_web_bearer_t *ret_bearer);
/* Likewise of what a token says whose signature is good: the text of its claims. */
const char *tr_web_jwt_claims(
    const tr_web_jwt_t *self, const char *text, size_t len, int64_t now_s, tr_web_bearer_t *ret_bearer);
/* Whether the key that has signed a token is one of those that there are now. */
bool tr_web_jwt_has(const tr_web_jwt_t *self, const unsigned char key[TR_WEB_JWT_MARK]);

#endif
