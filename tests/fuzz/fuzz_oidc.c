/* What an OpenID provider says of itself and to the question who it is: no address is taken that could end a header, or lead anywhere but by TLS. The first byte says which it is. */
#include <string.h>
#include <strings.h>

#include "gateway/http/oidc.h"
#include "tests/fuzz/fuzz.h"

#define ISSUER "https://id.example"

static void is_address(const char *url, bool needed) {
    size_t len = strlen(url);
    PROMISE(len <= TR_OIDC_URL_MAX && (len > 8 || !needed));
    for (size_t i = 0; i < len; i++)
        PROMISE(url[i] > ' ' && url[i] < 0x7f && url[i] != '#' && url[i] != '"');
    PROMISE(len == 0 || strncasecmp(url, "https://", 8) == 0 ||
            strncasecmp(url, "http://localhost", 16) == 0 || strncasecmp(url, "http://127.0.0.1", 16) == 0 ||
            strncasecmp(url, "http://[::1]", 12) == 0);
}

static void description(const char *text, size_t len) {
    tr_oidc_provider_t p = {0};
    if (tr_oidc_read_description(ISSUER, text, len, &p)) {
        PROMISE(!*p.authorize && !*p.token && !*p.keys && !*p.end);
        return;
    }
    is_address(p.authorize, true);
    is_address(p.token, true);
    is_address(p.keys, true);
    is_address(p.end, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_buffer_t out;
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    tr_buffer_init(&out, 0);
    if (*data == 'a')
        PROMISE(tr_oidc_read_answer(text, size - 1, &out) || out.size > 0);
    else
        description(text, size - 1);
    tr_buffer_finish(&out);
    return 0;
}
