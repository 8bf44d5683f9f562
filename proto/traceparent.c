#include "proto/traceparent.h"

#include <stddef.h>
#include <string.h>

#define LENGTH   55u
#define AT_TRACE 3u
#define AT_SPAN  36u
#define AT_FLAGS 53u

static const char digits[] = "0123456789abcdef";

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *text, size_t n, uint64_t *ret) {
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        int d = digit(text[i]);
        if (d < 0)
            return false;
        value = value << 4 | (unsigned)d;
    }
    *ret = value;
    return true;
}

static void write_hex(uint64_t value, size_t n, char *out) {
    for (size_t i = n; i-- > 0; value >>= 4)
        out[i] = digits[value & 15];
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
