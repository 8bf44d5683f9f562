#include "lib/store/crc32c.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* its bits from the lowest power up */

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t len) {
    uint64_t sum = crc, word;
    for (; len >= sizeof word; len -= sizeof word, p += sizeof word) {
        memcpy(&word, p, sizeof word);
        sum = __builtin_ia32_crc32di(sum, word);
    }
    crc = (uint32_t)sum;
    for (; len > 0; len--, p++)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}

static bool has_instruction(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t len) {
    (void)p;
    (void)len;
    return crc;
}

static bool has_instruction(void) {
    return false;
}
#endif

void tr_crc32c_init(tr_crc32c_t *self) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t sum = i;
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? POLYNOMIAL : 0);
        self->table[i] = sum;
    }
    self->hardware = has_instruction();
}

uint32_t tr_crc32c(const tr_crc32c_t *self, uint32_t crc, const void *bytes, size_t len) {
    const uint8_t *p = bytes;
    crc = ~crc;
    if (self->hardware)
        return ~by_instruction(crc, p, len);
    for (; len > 0; len--, p++)
        crc = crc >> 8 ^ self->table[(crc ^ *p) & 0xff];
    return ~crc;
}

/* The sum is linear: a flipped bit changes it by something that depends only on the bit's place from the end. So
 * the eight bits of the last byte are moved towards the first, byte by byte, until one gives the difference. */
bool tr_crc32c_one_bit(const tr_crc32c_t *self, uint32_t found, uint32_t expected, size_t len) {
    uint32_t difference = found ^ expected, effect[8];
    for (int bit = 0; bit < 8; bit++)
        effect[bit] = self->table[1u << bit];
    for (; len > 0; len--)
        for (int bit = 0; bit < 8; bit++) {
            if (effect[bit] == difference)
                return true;
            effect[bit] = effect[bit] >> 8 ^ self->table[effect[bit] & 0xff];
        }
    return false;
}
