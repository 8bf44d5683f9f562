#include "proto/traceparent.h"

#include <stddef.h>
#include <string.h>

#define LENGTH   55u
#define AT_TRACE 3u
#define AT_SPAN  36u
#define AT_FLAGS 53u

#define ONES 0x0101010101010101ull /* a 1 in each byte */

/* Of lower case only; -1 where it is none. */
static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits; false where they are none. */
static bool read_byte(const char *text, unsigned *ret) {
    int high = digit(text[0]), low = digit(text[1]);
    *ret = (unsigned)high << 4 | (unsigned)low;
    return high >= 0 && low >= 0;
}

/*
 * Numbers are read and written eight digits at once, in the bytes of a word, the first in the highest: a message that is traced
 * has 48 of them, which are read twice and written twice. Writing gives each half of a byte a byte of its own; those from 10
 * on are letters. Reading does not look whether they are digits: what it makes of them, written again, is then something else.
 */
static uint64_t digits_of(uint32_t value) {
    uint64_t v = value;
    v = (v << 16 | v) & 0x0000ffff0000ffffull;
    v = (v << 8 | v) & 0x00ff00ff00ff00ffull;
    v = (v << 4 | v) & 0x0f0f0f0f0f0f0f0full;
    return v + '0' * ONES + (((v + 6 * ONES) >> 4) & ONES) * ('a' - '0' - 10);
}

static bool read_hex32(const char *text, uint64_t *ret) {
    uint64_t word = 0;
    for (int i = 0; i < 8; i++)
        word = word << 8 | (uint8_t)text[i];
    uint64_t v = (word & 15 * ONES) + ((word >> 6) & ONES) * 9;
    v = (v >> 4 | v) & 0x00ff00ff00ff00ffull;
    v = (v >> 8 | v) & 0x0000ffff0000ffffull;
    *ret = (v >> 16 | v) & 0xffffffff;
    return digits_of((uint32_t)*ret) == word;
}

static bool read_hex64(const char *text, uint64_t *ret) {
    uint64_t high, low;
    bool all = read_hex32(text, &high) & read_hex32(text + 8, &low);
    *ret = high << 32 | low;
    return all;
}

static void write_hex64(uint64_t value, char *out) {
    uint64_t high = digits_of((uint32_t)(value >> 32)), low = digits_of((uint32_t)value);
    for (int i = 0; i < 8; i++) {
        out[i] = (char)(high >> 8 * (7 - i));
        out[8 + i] = (char)(low >> 8 * (7 - i));
    }
}

/* Dashes where they should be, and of version 00 nothing behind. */
static bool is_shaped(const char *text, unsigned *ret_version) {
    size_t len = text ? strnlen(text, LENGTH + 1) : 0;
    if (len < LENGTH || text[2] != '-' || text[AT_SPAN - 1] != '-' || text[AT_FLAGS - 1] != '-' ||
        !read_byte(text, ret_version))
        return false;
    return *ret_version != 0xff && (len == LENGTH || (*ret_version && text[LENGTH] == '-'));
}

bool tr_traceparent_parse(tr_traceparent_t *ret, const char *text) {
    tr_traceparent_t t;
    unsigned version, flags;
    if (!is_shaped(text, &version) || !read_hex64(text + AT_TRACE, &t.trace[0]) ||
        !read_hex64(text + AT_TRACE + 16, &t.trace[1]) || !read_hex64(text + AT_SPAN, &t.span) ||
        !read_byte(text + AT_FLAGS, &flags) || !(t.trace[0] | t.trace[1]) || !t.span)
        return false;
    t.sampled = flags & 1;
    *ret = t;
    return true;
}

void tr_trace_id_write(const uint64_t trace[2], char out[TR_TRACE_ID_SIZE]) {
    write_hex64(trace[0], out);
    write_hex64(trace[1], out + 16);
    out[32] = 0;
}

void tr_span_id_write(uint64_t span, char out[TR_SPAN_ID_SIZE]) {
    write_hex64(span, out);
    out[16] = 0;
}

void tr_traceparent_write(const tr_traceparent_t *self, char out[TR_TRACEPARENT_SIZE]) {
    memcpy(out, "00-", AT_TRACE);
    write_hex64(self->trace[0], out + AT_TRACE);
    write_hex64(self->trace[1], out + AT_TRACE + 16);
    out[AT_SPAN - 1] = '-';
    write_hex64(self->span, out + AT_SPAN);
    memcpy(out + AT_FLAGS - 1, self->sampled ? "-01" : "-00", 4);
}

const char *tr_traceparent_id(const char *text, char out[TR_TRACE_ID_SIZE]) {
    tr_traceparent_t t;
    if (!tr_traceparent_parse(&t, text))
        return NULL;
    tr_trace_id_write(t.trace, out);
    return out;
}

bool tr_traceparent_says_sampled(const char *text) {
    return strnlen(text, LENGTH) == LENGTH && digit(text[LENGTH - 1]) > 0 && digit(text[LENGTH - 1]) & 1;
}
