#include "tools/bench/content.h"

#include "proto/record.h"

#include <stdlib.h>

/* msgpack has three headers for three ranges of length, big-endian. */
static size_t put_head(unsigned char *out, size_t size) {
    if (size <= 255 + 2) {
        out[0] = 0xc4;
        out[1] = (unsigned char)(size - 2);
        return 2;
    }
    if (size <= 65535 + 3) {
        out[0] = 0xc5;
        out[1] = (unsigned char)((size - 3) >> 8);
        out[2] = (unsigned char)(size - 3);
        return 3;
    }
    uint32_t len = htobe32((uint32_t)(size - 5));
    out[0] = 0xc6;
    memcpy(out + 1, &len, sizeof len);
    return 5;
}

void *tr_bench_content(size_t size) {
    unsigned char *out = malloc(size);
    if (!out)
        return NULL;
    size_t head = put_head(out, size);
    memset(out + head, 'x', size - head);
    return out;
}
