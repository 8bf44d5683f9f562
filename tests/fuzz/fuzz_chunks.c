/* A body of others in chunks: cut anywhere it is the same, and no more comes out than went in. */
#include <string.h>

#include "gateway/http/chunks.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    size_t cut = size ? data[0] % size : 0;
    tr_chunks_t whole = {0}, pieces = {0};
    tr_buffer_t a, b;
    tr_buffer_init(&a, 1 << 20);
    tr_buffer_init(&b, 1 << 20);
    int rc = tr_chunks_take(&whole, text, size, &a);
    int first = tr_chunks_take(&pieces, text, cut, &b);
    int second = first ? first : tr_chunks_take(&pieces, text + cut, size - cut, &b);
    PROMISE(rc == second && a.size <= size && a.size == b.size);
    PROMISE(a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
    tr_buffer_finish(&a);
    tr_buffer_finish(&b);
    return 0;
}
