#include "proto/traceparent.h"

#include <stddef.h>
#include <string.h>

#define LENGTH   55u
#define AT_TRACE 3u
#define AT_SPAN  36u
#define AT_FLAGS 53u

static const char digits[] = "0123456789abcdef";

/* Of lower case only: what each is worth, with a bit that says that it is one. */
static const uint8_t values[256] = {['0'] = 0x10,
    ['1'] = 0x11,
    ['2'] = 0x12,
    ['3'] = 0x13,
    ['4'] = 0x14,
    ['5'] = 0x15,
    ['6'] = 0x16,
    ['7'] = 0x17,
    ['8'] = 0x18,
    ['9'] = 0x19,
    ['a'] = 0x1a,
    ['b'] = 0x1b,
    ['c'] = 0x1c,
    ['d'] = 0x1d,
    ['e'] = 0x1e,
    ['f'] = 0x1f};

static int digit(char c) {
    uint8_t value = values[(uint8_t)c];
    return value ? value & 15 : -1;
}

/* Without a branch for each: 52 of them are read for each message that is traced. */
static bool read_hex(const char *text, size_t n, uint64_t *ret) {
    uint64_t value = 0;
    unsigned all = 0x10;
    for (size_t i = 0; i < n; i++) {
        uint8_t v = values[(uint8_t)text[i]];
        all &= v;
        value = value << 4 | (v & 15);
    }
    *ret = value;
    return all != 0;
}

static void write_hex(uint64_t value, size_t n, char *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = digits[value >> 4 * (n - 1 - i) & 15];
}

/* Dashes where they should be, and of version 00 nothing behind. */
static bool is_shaped(const char *text, uint64_t *ret_version) {
    size_t len = text ? strnlen(text, LENGTH + 1) : 0;
    if (len < LENGTH || text[2] != '-' || text[AT_SPAN - 1] != '-' || text[AT_FLAGS - 1] != '-' ||
        !read_hex(text, 2, ret_version))
        return false;
    return *ret_version != 0xff && (len == LENGTH || (*ret_version && text[LENGTH] == '-'));
}

bool tr_traceparent_parse(tr_traceparent_t *ret, const char *text) {
    tr_traceparent_t t;
    uint64_t version, flags;
    if (!is_shaped(text, &version) || !read_hex(text + AT_TRACE, 16, &t.trace[0]) ||
        !read_hex(text + AT_TRACE + 16, 16, &t.trace[1]) || !read_hex(text + AT_SPAN, 16, &t.span) ||
        !read_hex(text + AT_FLAGS, 2, &flags) || !(t.trace[0] | t.trace[1]) || !t.span)
        return false;
    t.sampled = flags & 1;
    *ret = t;
    return true;
}

void tr_trace_id_write(const uint64_t trace[2], char out[TR_TRACE_ID_SIZE]) {
    write_hex(trace[0], 16, out);
    write_hex(trace[1], 16, out + 16);
    out[32] = 0;
}

void tr_span_id_write(uint64_t span, char out[TR_SPAN_ID_SIZE]) {
    write_hex(span, 16, out);
    out[16] = 0;
}

void tr_traceparent_write(const tr_traceparent_t *self, char out[TR_TRACEPARENT_SIZE]) {
    memcpy(out, "00-", AT_TRACE);
    write_hex(self->trace[0], 16, out + AT_TRACE);
    write_hex(self->trace[1], 16, out + AT_TRACE + 16);
    out[AT_SPAN - 1] = '-';
    write_hex(self->span, 16, out + AT_SPAN);
    memcpy(out + AT_FLAGS - 1, self->sampled ? "-01" : "-00", 4);
}

const char *tr_traceparent_id(const char *text, char out[TR_TRACE_ID_SIZE]) {
    tr_traceparent_t t;
    if (!tr_traceparent_parse(&t, text))
        return NULL;
    tr_trace_id_write(t.trace, out);
    return out;
}

bool tr_traceparent_sampled(const char *text) {
    return text && strnlen(text, LENGTH) == LENGTH && digit(text[LENGTH - 1]) > 0 &&
           digit(text[LENGTH - 1]) & 1;
}
