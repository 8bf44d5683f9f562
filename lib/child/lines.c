#include "lib/child/lines.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536u
#define FIRST_ROOM 4096u

void tr_lines_init(tr_lines_t *self, size_t limit) {
    *self = (tr_lines_t){.limit = limit};
}

void tr_lines_finish(tr_lines_t *self) {
    free(self->data);
    *self = (tr_lines_t){.limit = self->limit, .ended = true};
}

static size_t length(const tr_lines_t *self) {
    return self->end - self->start;
}

/* Room behind `end`: for one line, the read that completes it, and what a pipe still holds (64 KiB) when its
 * writer ended and the lines before cannot be taken yet. */
static int make_room(tr_lines_t *self) {
    if (self->start > 0) {
        memmove(self->data, self->data + self->start, length(self));
        self->end -= self->start;
        self->start = 0;
    }
    if (self->end < self->capacity)
        return 0;
    size_t most = self->limit + 2 * READ_BYTES, capacity = self->capacity ? self->capacity * 2 : FIRST_ROOM;
    if (capacity > most)
        capacity = most;
    if (capacity <= self->capacity)
        return -ENOBUFS;
    char *data = realloc(self->data, capacity);
    if (!data)
        return -ENOMEM;
    self->data = data;
    self->capacity = capacity;
    return 0;
}

int tr_lines_read(tr_lines_t *self, int fd) {
    int rc = make_room(self);
    /* Full of lines that nobody took yet: they come first. */
    if (rc == -ENOBUFS)
        return 1;
    if (rc < 0)
        return rc;
    size_t room = self->capacity - self->end;
    ssize_t n;
    do
        n = read(fd, self->data + self->end, room < READ_BYTES ? room : READ_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (n <= 0)
        self->ended = true;
    if (n < 0)
        return -errno;
    self->end += (size_t)n;
    return 1;
}

static void drop(tr_lines_t *self, size_t bytes) {
    self->start += bytes;
    self->scanned = 0;
    if (self->start == self->end)
        self->start = self->end = 0;
}

/* Bytes up to the first newline; SIZE_MAX where there is none yet. */
static size_t find_newline(tr_lines_t *self) {
    size_t len = length(self);
    if (len <= self->scanned)
        return SIZE_MAX;
    const char *from = self->data + self->start;
    const char *found = memchr(from + self->scanned, '\n', len - self->scanned);
    if (found)
        return (size_t)(found - from);
    self->scanned = len;
    return SIZE_MAX;
}

int tr_lines_peek(tr_lines_t *self, const char **ret_line, size_t *ret_len) {
    size_t at = find_newline(self);
    if (self->skipping) {
        drop(self, at == SIZE_MAX ? length(self) : at + 1);
        self->skipping = at == SIZE_MAX && !self->ended;
        if (at == SIZE_MAX)
            return 0;
        at = find_newline(self);
    }
    size_t len = at == SIZE_MAX ? length(self) : at;
    if (len > self->limit + 1 || (len > self->limit && self->data[self->start + len - 1] != '\r')) {
        self->skipping = at == SIZE_MAX;
        drop(self, at == SIZE_MAX ? len : len + 1);
        return -E2BIG;
    }
    if (at == SIZE_MAX && (!self->ended || len == 0))
        return 0;
    if (len > 0 && self->data[self->start + len - 1] == '\r')
        len--;
    *ret_line = self->data + self->start;
    *ret_len = len;
    return 1;
}

void tr_lines_take(tr_lines_t *self) {
    size_t at = find_newline(self);
    drop(self, at == SIZE_MAX ? length(self) : at + 1);
}

size_t tr_lines_bytes(const tr_lines_t *self, const char **ret_bytes) {
    *ret_bytes = self->data ? self->data + self->start : "";
    return length(self);
}

void tr_lines_drop(tr_lines_t *self) {
    drop(self, length(self));
}
