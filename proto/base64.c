#include "proto/base64.h"

#include <errno.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void tr_base64_encode(const void *bytes, size_t len, char *out) {
    const uint8_t *in = bytes;
    for (; len >= 3; in += 3, len -= 3) {
        *out++ = alphabet[in[0] >> 2];
        *out++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
        *out++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
        *out++ = alphabet[in[2] & 63];
    }
    if (len > 0) {
        uint8_t second = len == 2 ? in[1] : 0;
        *out++ = alphabet[in[0] >> 2];
        *out++ = alphabet[(in[0] & 3) << 4 | second >> 4];
        *out++ = len == 2 ? alphabet[(second & 15) << 2] : '=';
        *out++ = '=';
    }
    *out = '\0';
}

/* 0..63, or -1 for a character that is not in the alphabet ('=' is not). */
static int sextet(char c) {
    const char *found = c == '\0' ? NULL : strchr(alphabet, c);
    return found ? (int)(found - alphabet) : -1;
}

/* Decodes `digits` (2 to 4) characters; the bits that make no whole byte must be zero. */
static int decode_group(const char *text, size_t digits, uint8_t *out) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < digits ? sextet(text[i]) : 0;
        if (value < 0)
            return -EINVAL;
        bits = bits << 6 | (uint32_t)value;
    }
    uint32_t spare = 8 * (4 - (uint32_t)digits);
    if (bits & ((1u << spare) - 1))
        return -EINVAL;
    for (size_t i = 0; i + 1 < digits; i++)
        out[i] = (uint8_t)(bits >> (16 - 8 * i));
    return 0;
}

int tr_base64_decode(const char *text, size_t len, uint8_t *out, size_t *ret_len) {
    if (len % 4 != 0)
        return -EINVAL;
    size_t padding = 0;
    while (padding < 2 && len > 0 && text[len - 1 - padding] == '=')
        padding++;
    size_t done = 0;
    for (size_t i = 0; i < len; i += 4) {
        size_t digits = i + 4 == len ? 4 - padding : 4;
        int r = decode_group(text + i, digits, out + done);
        if (r < 0)
            return r;
        done += digits - 1;
    }
    *ret_len = done;
    return 0;
}
