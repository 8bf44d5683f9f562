#include "tests/log_writer.h"

#include <string.h>

void log_writer_init(log_writer_t *self, void *bytes) {
    *self = (log_writer_t){.bytes = bytes};
    tr_crc32c_init(&self->crc);
}

static void put_u32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> 8 * i);
}

void log_writer_add_part(log_writer_t *self, uint8_t type, const void *bytes, size_t len) {
    uint8_t *head = self->bytes + self->n;
    head[4] = (uint8_t)len;
    head[5] = (uint8_t)(len >> 8);
    head[6] = type;
    if (len)
        memcpy(head + LOG_HEAD, bytes, len);
    uint32_t sum = tr_crc32c(&self->crc, 0, head + 6, 1 + len);
    put_u32(head, (sum >> 15 | sum << 17) + 0xa282ead8u);
    self->n += LOG_HEAD + len;
}

void log_writer_add(log_writer_t *self, const void *bytes, size_t len) {
    const uint8_t *at = bytes;
    for (bool first = true, last = false; !last; first = false) {
        size_t left = LOG_BLOCK - self->n % LOG_BLOCK;
        if (left < LOG_HEAD) {
            memset(self->bytes + self->n, 0, left);
            self->n += left;
            left = LOG_BLOCK;
        }
        size_t part = left - LOG_HEAD < len ? left - LOG_HEAD : len;
        last = part == len;
        log_writer_add_part(self, (uint8_t)(first && last ? 1 : first ? 2 : last ? 4 : 3), at, part);
        at += part;
        len -= part;
    }
}
