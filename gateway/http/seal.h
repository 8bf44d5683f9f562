/*
 * What a gateway gives a browser to keep for it, sealed: encrypted and authenticated (XChaCha20-Poly1305), as a text for a cookie.
 *
 * The purpose says what it is, so that nothing that one key has sealed is taken for something else.
 *
 * Pure, but for the random numbers; any thread.
 */
#ifndef TR_GATEWAY_HTTP_SEAL_H
#define TR_GATEWAY_HTTP_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#define TR_WEB_SEAL_KEY  32
#define TR_WEB_SEAL_MAX  256 /* bytes that can be sealed */
#define TR_WEB_SEAL_MORE 40  /* bytes that it takes more */

/* The size of the text of `len` bytes, with its NUL. */
#define TR_WEB_SEAL_SIZE(len) ((((len) + TR_WEB_SEAL_MORE) * 4 + 2) / 3 + 1)

/* Of TR_WEB_SEAL_MAX bytes at most; out has room for TR_WEB_SEAL_SIZE(len). */
void tr_web_seal(
    const unsigned char key[TR_WEB_SEAL_KEY], const char *purpose, const void *plain, size_t len, char *out);
/* Of a text that a NUL ends, the first len bytes. False: it was not sealed with this key and purpose, or is of more than TR_WEB_SEAL_MAX. */
bool tr_web_unseal(const unsigned char key[TR_WEB_SEAL_KEY], const char *purpose, const char *text,
    size_t len, unsigned char plain[TR_WEB_SEAL_MAX], size_t *ret_len);

#endif
