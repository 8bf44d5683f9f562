#include "tools/logs/log_reader.h"

#include "lib/base/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK     65536
#define OLDER_MAX ((size_t)64 << 20) /* a PATH.1 that is larger is not ours */

struct tr_log_reader {
    char *name, *path, *older;
    tr_log_line_fn on_line;
    void *arg;
    dev_t device; /* of the file that offset is meant for */
    ino_t inode;
    off_t offset;
    tr_tail_t tail; /* of offset */
    size_t begun;   /* bytes of a line that has no end yet */
    char line[TR_LOG_LINE_MAX];
};

int tr_log_reader_new(
    const char *name, const char *path, tr_log_line_fn on_line, void *arg, tr_log_reader_t **ret_self) {
    tr_log_reader_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->name = strdup(name);
    self->path = strdup(path);
    self->on_line = on_line;
    self->arg = arg;
    if (asprintf(&self->older, "%s.1", path) < 0)
        self->older = NULL;
    if (!self->name || !self->path || !self->older) {
        tr_log_reader_destroy(&self);
        return -ENOMEM;
    }
    *ret_self = self;
    return 0;
}

void tr_log_reader_destroy(tr_log_reader_t **self) {
    if (!self || !*self)
        return;
    free((*self)->name);
    free((*self)->path);
    free((*self)->older);
    free(*self);
    *self = NULL;
}

const char *tr_log_reader_name(const tr_log_reader_t *self) {
    return self->name;
}

/* ---- lines ---- */

void tr_log_reader_end(tr_log_reader_t *self) {
    if (self->begun > 0)
        self->on_line(self->arg, self->name, self->line, self->begun);
    self->begun = 0;
}

static void take(tr_log_reader_t *self, const char *bytes, size_t len) {
    tr_tail_pass(&self->tail, bytes, len);
    while (len > 0) {
        const char *newline = memchr(bytes, '\n', len);
        size_t part = newline ? (size_t)(newline - bytes) : len, room = TR_LOG_LINE_MAX - self->begun;
        if (part > room) {
            part = room;
            newline = NULL;
        }
        memcpy(self->line + self->begun, bytes, part);
        self->begun += part;
        if (newline)
            self->on_line(self->arg, self->name, self->line, self->begun);
        else if (self->begun == TR_LOG_LINE_MAX)
            tr_log_reader_end(self);
        if (newline)
            self->begun = 0;
        bytes += part + (newline != NULL);
        len -= part + (newline != NULL);
    }
}

/* Takes a file from `offset` to its end. Where it ended, or a negative errno. */
static off_t take_file(tr_log_reader_t *self, int fd, off_t offset) {
    char bytes[BLOCK];
    for (;;) {
        ssize_t n = pread(fd, bytes, sizeof bytes, offset);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return offset;
        if (n > 0) {
            take(self, bytes, (size_t)n);
            offset += n;
        }
    }
}

/* ---- the last lines ---- */

/* Where the last *lines lines of a file begin; takes those that there are off *lines. Negative errno. */
static off_t find_last(int fd, off_t size, size_t *lines) {
    char bytes[BLOCK];
    off_t begin = size;
    while (begin > 0 && *lines > 0) {
        size_t want = begin < BLOCK ? (size_t)begin : BLOCK;
        ssize_t n = pread(fd, bytes, want, begin - (off_t)want);
        if (n != (ssize_t)want)
            return n < 0 ? -errno : 0; /* it became shorter just now: all that is there */
        for (size_t i = want; i-- > 0;) {
            bool ends_before = bytes[i] == '\n' && begin - (off_t)(want - i) + 1 < size;
            if (ends_before && --*lines == 0)
                return begin - (off_t)(want - i) + 1;
        }
        begin -= (off_t)want;
    }
    if (size > 0 && *lines > 0)
        --*lines; /* the first line has no end before it */
    return begin;
}

static int open_log(const char *path, struct stat *ret_stat) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int rc = fstat(fd, ret_stat) < 0 ? -errno : !S_ISREG(ret_stat->st_mode) ? -EINVAL : 0;
    if (rc < 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

static void tail_older(tr_log_reader_t *self, size_t lines) {
    struct stat st;
    int fd = lines > 0 ? open_log(self->older, &st) : -ENOENT;
    if (fd < 0)
        return;
    off_t begin = find_last(fd, st.st_size, &lines);
    if (begin >= 0)
        take_file(self, fd, begin); /* what cannot be read is old, ignoring */
    close(fd);
}

int tr_log_reader_tail(tr_log_reader_t *self, size_t lines) {
    struct stat st = {0};
    int fd = open_log(self->path, &st);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return fd;
    off_t begin = find_last(fd, st.st_size, &lines);
    if (begin >= 0) {
        if (begin == 0)
            tail_older(self, lines);
        else
            tr_tail_read(&self->tail, fd, begin); /* the place is known even where nothing is told */
        begin = take_file(self, fd, begin);
    }
    close(fd);
    if (begin < 0)
        return (int)begin;
    self->device = st.st_dev;
    self->inode = st.st_ino;
    self->offset = begin;
    return 0;
}

/* ---- what is added ---- */

/* Takes what came after the place that was reached and before the log was emptied. False where it cannot be
 * told. */
static bool take_older(tr_log_reader_t *self) {
    struct stat st;
    int fd = open_log(self->older, &st);
    if (fd < 0)
        return false;
    size_t size = (size_t)st.st_size;
    char *bytes = size > 0 && size <= OLDER_MAX ? malloc(size) : NULL;
    ssize_t n = bytes ? pread(fd, bytes, size, 0) : 0;
    ssize_t from = n > 0 ? tr_tail_find(&self->tail, bytes, (size_t)n) : -1;
    if (from >= 0)
        take(self, bytes + from, (size_t)(n - from));
    free(bytes);
    close(fd);
    return from >= 0;
}

int tr_log_reader_more(tr_log_reader_t *self) {
    struct stat st;
    if (stat(self->path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    bool other = self->inode != 0 && (st.st_ino != self->inode || st.st_dev != self->device);
    if (!other && st.st_size == self->offset)
        return 0;
    if (other || st.st_size < self->offset) {
        if (!take_older(self))
            tr_log_reader_end(self); /* what comes next does not belong to that line */
        self->offset = 0;
        self->tail.len = 0;
    }
    int fd = open_log(self->path, &st);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    off_t end = take_file(self, fd, self->offset);
    close(fd);
    if (end < 0)
        return (int)end;
    self->device = st.st_dev;
    self->inode = st.st_ino;
    self->offset = end;
    return 0;
}
