/*
 * A sign-in at an OpenID provider that is under way (OpenID Connect Core 1.0, 3.1; RFC 6749, 4.1): what the browser keeps while its user is
 * there, sealed in a cookie.
 *
 * All of it follows from one random number: `state`, by which the provider's answer is known to be for this browser; `nonce`, by which the
 * identity is known to be of this sign-in; and the verifier, whose hash the provider is shown beforehand (PKCE, RFC 7636), so that who
 * catches the code on its way cannot use it. No gateway keeps anything, so the answer may come to another one of the same key.
 *
 * Pure, but for the random number; one thread.
 */
#ifndef TR_GATEWAY_HTTP_FLOW_H
#define TR_GATEWAY_HTTP_FLOW_H

#include "gateway/http/seal.h"

#include <stdint.h>

#define TR_WEB_FLOW_SEED 32 /* bytes */
#define TR_WEB_FLOW_MS   600000
#define TR_WEB_FLOW_SIZE TR_WEB_SEAL_SIZE(TR_WEB_FLOW_SEED + 8) /* of the text, with its NUL */
#define TR_WEB_FLOW_WORD 44                                     /* likewise of what follows from it */

typedef struct tr_web_flow {
    unsigned char seed[TR_WEB_FLOW_SEED];
    int64_t until_ms; /* Unix time */
} tr_web_flow_t;

void tr_web_flow_begin(int64_t now_ms, tr_web_flow_t *ret_flow);
void tr_web_flow_seal(
    const unsigned char key[TR_WEB_SEAL_KEY], const tr_web_flow_t *flow, char out[TR_WEB_FLOW_SIZE]);
/* Of a text that a NUL ends, the first len bytes. False: it was not sealed with this key, or its time is over. */
bool tr_web_flow_open(const unsigned char key[TR_WEB_SEAL_KEY], const char *text, size_t len, int64_t now_ms,
    tr_web_flow_t *ret_flow);

void tr_web_flow_state(const tr_web_flow_t *flow, char out[TR_WEB_FLOW_WORD]);
void tr_web_flow_nonce(const tr_web_flow_t *flow, char out[TR_WEB_FLOW_WORD]);
void tr_web_flow_verifier(const tr_web_flow_t *flow, char out[TR_WEB_FLOW_WORD]);
/* S256 of a verifier (RFC 7636, 4.2). */
void tr_web_flow_challenge(const char *verifier, char out[TR_WEB_FLOW_WORD]);
/* Whether it is its state. The time that it takes says nothing of that. */
bool tr_web_flow_is(const tr_web_flow_t *flow, const char *state);

#endif
