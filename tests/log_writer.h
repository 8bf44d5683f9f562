/* Writes a log as RocksDB does (the format: lib/store/rocksdb_log.c), for tests of what reads it. */
#ifndef TESTS_LOG_WRITER_H
#define TESTS_LOG_WRITER_H

#include "lib/store/crc32c.h"

#define LOG_BLOCK 32768u
#define LOG_PAGE  4096u
#define LOG_HEAD  7u

typedef struct log_writer {
    tr_crc32c_t crc;
    uint8_t *bytes; /* borrowed; its user sees to it that there is room */
    size_t n;
} log_writer_t;

void log_writer_init(log_writer_t *self, void *bytes);
/* A batch, in as many parts as it needs. */
void log_writer_add(log_writer_t *self, const void *bytes, size_t len);
/* One part of this type, wherever it stands. */
void log_writer_add_part(log_writer_t *self, uint8_t type, const void *bytes, size_t len);

/* How much a batch of `len` bytes takes at most. */
static inline size_t log_writer_room(size_t len) {
    return len + 2 * LOG_HEAD * (len / (LOG_BLOCK - LOG_HEAD) + 2);
}

#endif
