/*
 * Base64 (RFC 4648 section 4) with padding, strict: one text for each sequence of bytes.
 *
 * No thread rules: pure functions.
 */
#ifndef TR_PROTO_BASE64_H
#define TR_PROTO_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Characters for len bytes, without a NUL. `len` is at most UINT32_MAX (a msgpack length). */
static inline size_t tr_base64_encoded_size(size_t len) {
    return (len + 2) / 3 * 4;
}

/* Writes tr_base64_encoded_size(len) characters and a NUL. */
void tr_base64_encode(const void *bytes, size_t len, char *out);

/*
 * Writes at most len / 4 * 3 bytes. 0, or -EINVAL: a length that is no multiple of 4, a character outside the
 * alphabet, padding inside, bits set behind the last byte. `out` may be half written on failure, *ret_len is
 * untouched.
 */
int tr_base64_decode(const char *text, size_t len, uint8_t *out, size_t *ret_len);

#endif
