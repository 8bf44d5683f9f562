#include "gateway/http/flow.h"

#include <string.h>

#include <sodium.h>

#define BASE64  sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define PURPOSE "troupe sign-in 1"

typedef struct kept {
    unsigned char seed[TR_WEB_FLOW_SEED], until[8];
} kept_t;

void tr_web_flow_begin(int64_t now_ms, tr_web_flow_t *ret_flow) {
    randombytes_buf(ret_flow->seed, sizeof ret_flow->seed);
    ret_flow->until_ms = now_ms + TR_WEB_FLOW_MS;
}

void tr_web_flow_seal(
    const unsigned char key[TR_WEB_SEAL_KEY], const tr_web_flow_t *flow, char out[TR_WEB_FLOW_SIZE]) {
    kept_t kept;
    memcpy(kept.seed, flow->seed, sizeof kept.seed);
    for (unsigned i = 0; i < sizeof kept.until; i++)
        kept.until[i] = (unsigned char)((uint64_t)flow->until_ms >> 8 * i);
    tr_web_seal(key, PURPOSE, &kept, sizeof kept, out);
}

bool tr_web_flow_open(const unsigned char key[TR_WEB_SEAL_KEY], const char *text, size_t len, int64_t now_ms,
    tr_web_flow_t *ret_flow) {
    unsigned char plain[TR_WEB_SEAL_MAX];
    uint64_t until = 0;
    size_t size = 0;
    if (!tr_web_unseal(key, PURPOSE, text, len, plain, &size) || size != sizeof(kept_t))
        return false;
    for (unsigned i = 0; i < 8; i++)
        until |= (uint64_t)plain[TR_WEB_FLOW_SEED + i] << 8 * i;
    if ((int64_t)until <= now_ms)
        return false;
    memcpy(ret_flow->seed, plain, sizeof ret_flow->seed);
    ret_flow->until_ms = (int64_t)until;
    return true;
}

/* One says nothing of the others, nor of the seed. */
static void follow(const tr_web_flow_t *flow, const char *what, char out[TR_WEB_FLOW_WORD]) {
    unsigned char word[32];
    crypto_generichash(
        word, sizeof word, (const unsigned char *)what, strlen(what), flow->seed, sizeof flow->seed);
    sodium_bin2base64(out, TR_WEB_FLOW_WORD, word, sizeof word, BASE64);
}

void tr_web_flow_state(const tr_web_flow_t *flow, char out[TR_WEB_FLOW_WORD]) {
    follow(flow, "state", out);
}

void tr_web_flow_nonce(const tr_web_flow_t *flow, char out[TR_WEB_FLOW_WORD]) {
    follow(flow, "nonce", out);
}

void tr_web_flow_verifier(const tr_web_flow_t *flow, char out[TR_WEB_FLOW_WORD]) {
    follow(flow, "verifier", out);
}

void tr_web_flow_challenge(const char *verifier, char out[TR_WEB_FLOW_WORD]) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)verifier, strlen(verifier));
    sodium_bin2base64(out, TR_WEB_FLOW_WORD, hash, sizeof hash, BASE64);
}

bool tr_web_flow_is(const tr_web_flow_t *flow, const char *state) {
    char right[TR_WEB_FLOW_WORD];
    tr_web_flow_state(flow, right);
    return strlen(state) == strlen(right) && sodium_memcmp(state, right, strlen(right)) == 0;
}
