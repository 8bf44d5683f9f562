/* The header Cookie of a request: what is found in it is within it, and no session is opened that was not sealed. A first byte takes part of one that was. */
#include <stdlib.h>
#include <string.h>

#include "gateway/http/session.h"
#include "tests/fuzz/fuzz.h"

static const unsigned char key[32] = "a key that nobody else has......";

/* The name, the value that is right, and what the fuzzer has made of the end of both. */
static char *header_of(const char *name, const char *sealed, const uint8_t *data, size_t size) {
    size_t kept = size ? data[0] * strlen(sealed) / 255 : 0, rest = size ? size - 1 : 0;
    char *header = malloc(strlen(name) + 1 + kept + rest + 1), *at = header;
    if (kept) {
        at = stpcpy(stpcpy(at, name), "=");
        memcpy(at, sealed, kept);
        at += kept;
    }
    if (rest)
        memcpy(at, data + 1, rest);
    at[rest] = '\0';
    return header;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_web_session_keys_t keys;
    tr_web_session_t session, opened;
    char sealed[TR_WEB_SEALED_SIZE];
    size_t len = 0;
    tr_web_session_keys(key, false, &keys);
    tr_web_session_begin("ann", 7, 1000, &session);
    tr_web_session_seal(&keys, &session, sealed);
    char *header = header_of(keys.cookie, sealed, data, size);
    const char *value = tr_web_cookie(header, keys.cookie, &len);
    if (value) {
        PROMISE(value > header && value + len <= header + strlen(header));
        bool same = len == strlen(sealed) && memcmp(value, sealed, len) == 0;
        PROMISE(tr_web_session_open(&keys, value, len, &opened) == same);
        PROMISE(!same || memcmp(opened.id, session.id, sizeof opened.id) == 0);
    }
    free(header);
    return 0;
}
