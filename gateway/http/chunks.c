#include "gateway/http/chunks.h"

#include <errno.h>
#include <stdbool.h>

enum { SIZE, EXTENSION, SIZE_END, DATA, DATA_CR, DATA_END, TRAILER, TRAILER_END, OVER };

static int digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int in_size(tr_chunks_t *self, char c) {
    int value = digit(c);
    if (value >= 0) {
        if (self->left >> 28)
            return -EBADMSG; /* more than 32 bits */
        self->left = self->left << 4 | (uint32_t)value;
        return SIZE;
    }
    if (self->line == 1) /* no digit at all */
        return -EBADMSG;
    return c == '\r' ? SIZE_END : c == ';' || c == ' ' || c == '\t' ? EXTENSION : -EBADMSG;
}

/* The state behind a byte that is no chunk's; or -EBADMSG. */
static int step(tr_chunks_t *self, char c) {
    switch (self->state) {
    case SIZE: return in_size(self, c);
    case EXTENSION: return c == '\r' ? SIZE_END : c == '\n' ? -EBADMSG : EXTENSION;
    case SIZE_END: return c != '\n' ? -EBADMSG : self->left ? DATA : TRAILER;
    case DATA_CR: return c == '\r' ? DATA_END : -EBADMSG;
    case DATA_END: return c == '\n' ? SIZE : -EBADMSG;
    case TRAILER: return c == '\r' ? TRAILER_END : c == '\n' ? -EBADMSG : TRAILER;
    case TRAILER_END: return c != '\n' ? -EBADMSG : self->line == 2 ? OVER : TRAILER;
    default: return OVER;
    }
}

static int take_byte(tr_chunks_t *self, char c) {
    bool ends = self->state == TRAILER || self->state == TRAILER_END;
    self->ends += ends;
    if (++self->line > TR_CHUNKS_LINE_MAX || self->ends > TR_CHUNKS_ENDS_MAX)
        return -EBADMSG;
    int state = step(self, c);
    if (state < 0)
        return state;
    if (c == '\n')
        self->line = 0;
    self->state = state;
    return 0;
}

int tr_chunks_take(tr_chunks_t *self, const char *bytes, size_t len, tr_buffer_t *out) {
    size_t at = 0;
    while (at < len && self->state != OVER) {
        if (self->state == DATA) {
            size_t there = len - at < self->left ? len - at : self->left;
            tr_buffer_put(out, bytes + at, there);
            at += there;
            self->left -= (uint32_t)there;
            if (self->left == 0)
                self->state = DATA_CR;
        } else if (take_byte(self, bytes[at++]) < 0) {
            return -EBADMSG;
        }
    }
    return self->state == OVER;
}
