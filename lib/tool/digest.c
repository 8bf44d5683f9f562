#include "lib/tool/digest.h"

#include <sodium.h>
#include <string.h>

#define BYTES 32

char *tr_tool_canonical(const json_t *arguments) {
    return json_dumps(arguments, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

void tr_tool_digest(const char *tool, const char *canonical, char out[TR_TOOL_DIGEST_MAX + 1]) {
    unsigned char hash[BYTES];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, (const unsigned char *)tool, strlen(tool) + 1);
    crypto_generichash_update(&state, (const unsigned char *)canonical, strlen(canonical));
    crypto_generichash_final(&state, hash, sizeof hash);
    sodium_bin2hex(out, TR_TOOL_DIGEST_MAX + 1, hash, sizeof hash);
}
