#include "lib/base/tail.h"

#include <string.h>
#include <unistd.h>

void tr_tail_pass(tr_tail_t *self, const char *bytes, size_t len) {
    size_t fresh = len < TR_TAIL_MAX ? len : TR_TAIL_MAX, room = TR_TAIL_MAX - fresh;
    size_t keep = self->len < room ? self->len : room;
    memmove(self->bytes, self->bytes + self->len - keep, keep);
    memcpy(self->bytes + keep, bytes + len - fresh, fresh);
    self->len = keep + fresh;
}

void tr_tail_read(tr_tail_t *self, int fd, off_t offset) {
    off_t from = offset > TR_TAIL_MAX ? offset - TR_TAIL_MAX : 0;
    ssize_t n = pread(fd, self->bytes, (size_t)(offset - from), from);
    self->len = n == offset - from ? (size_t)n : 0;
}

bool tr_tail_stands(const tr_tail_t *self, int fd, off_t offset) {
    char bytes[TR_TAIL_MAX];
    if (offset < (off_t)self->len)
        return false;
    ssize_t n = pread(fd, bytes, self->len, offset - (off_t)self->len);
    return n == (ssize_t)self->len && memcmp(bytes, self->bytes, self->len) == 0;
}

ssize_t tr_tail_find(const tr_tail_t *self, const char *bytes, size_t len) {
    if (self->len == 0 || len < self->len)
        return -1;
    for (size_t at = len - self->len + 1; at-- > 0;)
        if (memcmp(bytes + at, self->bytes, self->len) == 0)
            return (ssize_t)(at + self->len);
    return -1;
}
