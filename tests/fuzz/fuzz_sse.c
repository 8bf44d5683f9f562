/* A stream of events gives the same events however it is cut into pieces, none of which is over the limit. The first byte says
 * how it is cut. */
#include "lib/llm/sse.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define LIMIT 512

typedef struct seen {
    uint64_t hash;
    size_t n;
} seen_t;

static void mix(seen_t *seen, const char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++)
        seen->hash = (seen->hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    seen->hash = (seen->hash ^ len) * UINT64_C(1099511628211);
}

static bool on_event(void *arg, const char *name, char *data, size_t len) {
    seen_t *seen = arg;
    PROMISE(*name && strlen(name) <= TR_LLM_SSE_NAME_MAX && len <= LIMIT && data[len] == '\0');
    mix(seen, name, strlen(name));
    mix(seen, data, len);
    return ++seen->n < 20;
}

static int feed(const char *text, size_t len, size_t piece, seen_t *ret_seen) {
    tr_llm_sse_t sse;
    int r = 0;
    *ret_seen = (seen_t){0};
    tr_llm_sse_init(&sse, LIMIT);
    for (size_t at = 0; at < len && r == 0; at += piece)
        r = tr_llm_sse_feed(&sse, text + at, len - at < piece ? len - at : piece, on_event, ret_seen);
    tr_llm_sse_finish(&sse);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    seen_t whole, cut;
    if (size < 2)
        return 0;
    const char *text = (const char *)data + 1;
    int r = feed(text, size - 1, size - 1, &whole);
    PROMISE(feed(text, size - 1, 1u + data[0] % 32, &cut) == r);
    PROMISE(whole.n == cut.n && whole.hash == cut.hash);
    return 0;
}
