/*
 * What is said to an OpenID provider at which people sign in, and what it says: its own description (OpenID Connect Discovery 1.0, 4), the
 * address to which a browser is sent (OpenID Connect Core 1.0, 3.1.2.1, with PKCE, RFC 7636), the request for the identity (3.1.3.1; RFC
 * 6749, 4.1.3), and its answer.
 *
 * The provider is the one that the administrator names, by TLS or on this machine, and so is all that its description names.
 *
 * Pure; any thread.
 */
#ifndef TR_GATEWAY_HTTP_OIDC_H
#define TR_GATEWAY_HTTP_OIDC_H

#include "lib/base/buffer.h"

#include <stddef.h>

#define TR_OIDC_URL_MAX 640 /* bytes of an address of the provider's */

typedef struct tr_oidc_provider {
    char authorize[TR_OIDC_URL_MAX + 1], token[TR_OIDC_URL_MAX + 1], keys[TR_OIDC_URL_MAX + 1],
        end[TR_OIDC_URL_MAX + 1]; /* end: where one signs out; "": nowhere */
    bool secret_in_body;          /* it takes the client's secret there alone */
    bool says_issuer;             /* with its answer (RFC 9207) */
} tr_oidc_provider_t;

/* NULL, or why it cannot be an issuer here, for people. */
const char *tr_oidc_issuer_wrong(const char *issuer);
/* Appends the address of its description. */
void tr_oidc_description_url(const char *issuer, tr_buffer_t *out);
/* NULL, or what is wrong with the description, for people: then *ret_provider is as it was. */
const char *tr_oidc_read_description(
    const char *issuer, const char *text, size_t len, tr_oidc_provider_t *ret_provider);

/* Appends NAME=VALUE as a form has it (application/x-www-form-urlencoded), behind `sign` ('?', '&', or 0: it is the first of a body). */
void tr_oidc_put(tr_buffer_t *out, char sign, const char *name, const char *value);
/* '?', or '&' where the address has a query already. */
char tr_oidc_sign(const char *url);
/* Appends an Authorization: the client's name and secret (RFC 6749, 2.3.1). */
void tr_oidc_put_secret(tr_buffer_t *out, const char *client, const char *secret);

/* Of what the token endpoint answered, appends the id_token. False: there is none, and why (`error`, `error_description`) is appended, for people. */
bool tr_oidc_read_answer(const char *text, size_t len, tr_buffer_t *out);

#endif
