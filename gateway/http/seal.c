#include "gateway/http/seal.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#define BASE64  sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define NONCE   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG     crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(NONCE + TAG == TR_WEB_SEAL_MORE, "what it takes more is nonce and tag");
_Static_assert(TR_WEB_SEAL_SIZE(1) == sodium_base64_ENCODED_LEN(NONCE + 1 + TAG, BASE64) &&
                   TR_WEB_SEAL_SIZE(2) == sodium_base64_ENCODED_LEN(NONCE + 2 + TAG, BASE64) &&
                   TR_WEB_SEAL_SIZE(3) == sodium_base64_ENCODED_LEN(NONCE + 3 + TAG, BASE64),
    "the text has room");

/* With its NUL, as sessions have always been sealed. */
static unsigned long long purpose_length(const char *purpose) {
    return strlen(purpose) + 1;
}

void tr_web_seal(
    const unsigned char key[TR_WEB_SEAL_KEY], const char *purpose, const void *plain, size_t len, char *out) {
    unsigned char sealed[NONCE + TR_WEB_SEAL_MAX + TAG];
    unsigned long long size = 0;
    assert(len <= TR_WEB_SEAL_MAX);
    randombytes_buf(sealed, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE, &size, plain, len,
        (const unsigned char *)purpose, purpose_length(purpose), NULL, sealed, key);
    sodium_bin2base64(out, TR_WEB_SEAL_SIZE(len), sealed, NONCE + (size_t)size, BASE64);
}

bool tr_web_unseal(const unsigned char key[TR_WEB_SEAL_KEY], const char *purpose, const char *text,
    size_t len, unsigned char plain[TR_WEB_SEAL_MAX], size_t *ret_len) {
    unsigned char sealed[NONCE + TR_WEB_SEAL_MAX + TAG];
    unsigned long long opened = 0;
    size_t size = 0;
    /* libsodium 1.0.18 takes some bytes over 127 for letters. */
    if (strspn(text, LETTERS) < len)
        return false;
    if (sodium_base642bin(sealed, sizeof sealed, text, len, NULL, &size, NULL, BASE64) < 0 ||
        size < NONCE + TAG)
        return false;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &opened, NULL, sealed + NONCE, size - NONCE,
            (const unsigned char *)purpose, purpose_length(purpose), sealed, key) < 0)
        return false;
    *ret_len = (size_t)opened;
    return true;
}
