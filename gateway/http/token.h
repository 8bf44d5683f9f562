/*
 * Bearer tokens (RFC 6750). The file has a line for each, `NAME ROLE HASH`; HASH is the SHA-256 of the token in hexadecimal digits, so
 * that who reads the file has no token. A token is 32 random bytes: what cannot be guessed needs no slow hash. Empty lines and those
 * that begin with # are left out.
 *
 * One thread.
 */
#ifndef TR_GATEWAY_HTTP_TOKEN_H
#define TR_GATEWAY_HTTP_TOKEN_H

#include "gateway/http/route.h"
#include "lib/base/error.h"

#define TR_WEB_TOKEN_NAME_MAX 64
#define TR_WEB_ANYONE         "web" /* whoever asks where there are no tokens */
#define TR_WEB_TOKEN_SIZE                                                                                    \
    50 /* "tr_" and 43 characters of base64url, with the NUL that follows and some room */

typedef struct tr_web_tokens tr_web_tokens_t;

typedef struct tr_web_token {
    char name[TR_WEB_TOKEN_NAME_MAX + 1];
    tr_web_role_t role;
    unsigned char hash[32];
} tr_web_token_t;

/* path NULL: there are none. -EINVAL with the line; the errno of a file that cannot be read; -EPERM: others may write it. */
int tr_web_tokens_new(const char *path, tr_web_tokens_t **ret_tokens, tr_error_t *error);
void tr_web_tokens_destroy(tr_web_tokens_t **self);
/* Reads the file again where it has changed: true when it did so. One that is wrong now changes nothing: the error is set. */
bool tr_web_tokens_refresh(tr_web_tokens_t *self, tr_error_t *error);
size_t tr_web_tokens_count(const tr_web_tokens_t *self);
/* Whose it is, borrowed until the next refresh; NULL: nobody's. The time that it takes says nothing of the tokens. */
const tr_web_token_t *tr_web_tokens_find(const tr_web_tokens_t *self, const char *token, size_t len);

/* Whether it is still there, by its hash. */
bool tr_web_tokens_has(const tr_web_tokens_t *self, const unsigned char hash[32]);

/* Makes a token and appends its line to the file, which is made where it is not there (0600). -EEXIST: the name has one. */
int tr_web_token_make(
    const char *path, const char *name, tr_web_role_t role, char out[TR_WEB_TOKEN_SIZE], tr_error_t *error);

#endif
