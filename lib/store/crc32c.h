/* CRC-32C (Castagnoli), as RocksDB uses it in its logs. */
#ifndef TR_STORE_CRC32C_H
#define TR_STORE_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_crc32c {
    uint32_t table[256];
    bool hardware; /* the processor has an instruction for it */
} tr_crc32c_t;

void tr_crc32c_init(tr_crc32c_t *self);
/* Of bytes behind those that gave `crc`; 0 for the first. */
uint32_t tr_crc32c(const tr_crc32c_t *self, uint32_t crc, const void *bytes, size_t len);

/*
 * Whether one flipped bit within `len` bytes explains that they have the sum `found` instead of `expected`:
 * what tells rot from a write that was not finished. Takes about 10 ns a byte.
 */
bool tr_crc32c_one_bit(const tr_crc32c_t *self, uint32_t found, uint32_t expected, size_t len);

#endif
