#include "lib/base/log_line.h"

#include <stdio.h>
#include <string.h>

void log_line_init(log_line_t *self) {
    self->used = 0;
    self->limit = LOG_LINE_MAX - LOG_LINE_TAIL;
    self->mark = 0;
    self->overrun = false;
    self->truncated = false;
}

void log_line_begin(log_line_t *self) {
    self->mark = self->used;
    self->overrun = false;
}

void log_line_end(log_line_t *self) {
    if (!self->overrun)
        return;
    self->used = self->mark;
    self->overrun = false;
    self->truncated = true;
}

void log_line_finish(log_line_t *self) {
    self->limit = LOG_LINE_MAX;
}

void log_line_put(log_line_t *self, const char *bytes, size_t len) {
    if (self->overrun || len > self->limit - self->used) {
        self->overrun = true;
        return;
    }
    memcpy(self->bytes + self->used, bytes, len);
    self->used += len;
}

void log_line_text(log_line_t *self, const char *text) {
    log_line_put(self, text, strlen(text));
}

/* The length of the UTF-8 sequence at `p`, or 0 where it is none (RFC 3629: no surrogates, no overlong
 * forms). */
static size_t utf8_length(const unsigned char *p, size_t left, uint32_t *ret_code) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    uint32_t code = n == 1 ? p[0] : p[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < smallest[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return n;
}

/* Characters that steer a terminal or turn the direction of the text around them: a log shows them, it does
 * not obey. */
static bool steers(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

static void put_escaped(log_line_t *self, uint32_t code) {
    char text[16];
    if (code == '\n')
        log_line_text(self, "\\n");
    else if (code == '\t')
        log_line_text(self, "\\t");
    else if (code == '\r')
        log_line_text(self, "\\r");
    else {
        snprintf(text, sizeof text, "\\u%04x", (unsigned)code);
        log_line_text(self, text);
    }
}

void log_line_quoted(log_line_t *self, const char *bytes, size_t len) {
    const unsigned char *p = (const unsigned char *)bytes;
    size_t at = 0;
    log_line_put(self, "\"", 1);
    while (at < len && at < LOG_STRING_MAX) {
        uint32_t code = 0;
        size_t n = utf8_length(p + at, len - at, &code);
        if (n == 0)
            log_line_text(self, "\xef\xbf\xbd");
        else if (steers(code))
            put_escaped(self, code);
        else if (code == '"' || code == '\\') {
            log_line_put(self, "\\", 1);
            log_line_put(self, bytes + at, 1);
        } else
            log_line_put(self, bytes + at, n);
        at += n ? n : 1;
    }
    if (at < len)
        log_line_text(self, "…");
    log_line_put(self, "\"", 1);
}

void log_line_plain(log_line_t *self, const char *bytes, size_t len) {
    bool plain = len > 0 && len <= LOG_STRING_MAX;
    for (size_t i = 0; plain && i < len; i++)
        plain = bytes[i] > ' ' && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '=' && bytes[i] != '\\';
    if (plain && !(len == 1 && bytes[0] == '-'))
        log_line_put(self, bytes, len);
    else
        log_line_quoted(self, bytes, len);
}
