#include "exporter/follow.h"

#include "lib/base/tail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES (256u << 10)       /* what has no end by then is a line */
#define OLDER_MAX      ((size_t)64 << 20) /* a NAME.log.1 that is larger is not ours */

typedef struct followed {
    struct followed *next;
    uint64_t inode;
    uint64_t offset;    /* of the first byte that was not handed out */
    tr_tail_t tail;     /* of offset */
    int64_t changed_ns; /* the file, as it was read last; 0 = not known */
    bool there;         /* in the last look */
    char path[];
} followed_t;

struct tr_follow {
    char *directory;
    followed_t *files;
    bool from_now; /* until the first look is over */
    char *room;
};

int tr_follow_new(const char *directory, bool from_now, tr_follow_t **ret_follow) {
    tr_follow_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->from_now = from_now;
    self->directory = strdup(directory);
    self->room = malloc(LINE_MAX_BYTES);
    if (!self->directory || !self->room) {
        tr_follow_destroy(&self);
        return -ENOMEM;
    }
    *ret_follow = self;
    return 0;
}

void tr_follow_destroy(tr_follow_t **self_p) {
    tr_follow_t *self = *self_p;
    if (!self)
        return;
    while (self->files) {
        followed_t *next = self->files->next;
        free(self->files);
        self->files = next;
    }
    free(self->directory);
    free(self->room);
    free(self);
    *self_p = NULL;
}

/* ---- which files ---- */

static followed_t *find(const tr_follow_t *self, const char *path) {
    followed_t *f = self->files;
    while (f && strcmp(f->path, path))
        f = f->next;
    return f;
}

static followed_t *add(tr_follow_t *self, const char *path, uint64_t inode, uint64_t offset) {
    size_t len = strlen(path) + 1;
    followed_t *f = calloc(1, sizeof *f + len);
    if (!f)
        return NULL; /* at the next look, ignoring */
    memcpy(f->path, path, len);
    f->inode = inode;
    f->offset = offset;
    f->next = self->files;
    return self->files = f;
}

static void learn_tail(followed_t *f) {
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    tr_tail_read(&f->tail, fd, (off_t)f->offset);
    close(fd);
}

static void look_at(tr_follow_t *self, const char *path) {
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    followed_t *f = find(self, path);
    if (!f && (f = add(self, path, st.st_ino, self->from_now ? (uint64_t)st.st_size : 0)))
        learn_tail(f);
    if (f)
        f->there = true;
}

static void forget_gone(tr_follow_t *self) {
    followed_t **link = &self->files, *f;
    while ((f = *link)) {
        if (f->there) {
            link = &f->next;
            continue;
        }
        *link = f->next;
        free(f);
    }
}

void tr_follow_look(tr_follow_t *self) {
    DIR *dir = opendir(self->directory);
    const struct dirent *e;
    for (followed_t *f = self->files; f; f = f->next)
        f->there = !dir; /* a directory that cannot be read now says nothing */
    while (dir && (e = readdir(dir))) {
        char *path;
        size_t len = strlen(e->d_name);
        if (len <= 4 || strcmp(e->d_name + len - 4, ".log") ||
            asprintf(&path, "%s/%s", self->directory, e->d_name) < 0)
            continue;
        look_at(self, path);
        free(path);
    }
    if (dir)
        closedir(dir);
    forget_gone(self);
    self->from_now = false;
}

/* ---- what is in them ---- */

/* Hands out the whole lines of what was read; how many bytes that were. */
static size_t hand_out(
    const followed_t *f, const char *bytes, size_t len, size_t *lines, tr_follow_fn fn, void *arg) {
    size_t done = 0;
    const char *end;
    while (done < len && (end = memchr(bytes + done, '\n', len - done))) {
        size_t line = (size_t)(end - bytes) - done;
        if (line > 0) {
            fn(arg, bytes + done, line, f->path, f->offset + done);
            ++*lines;
        }
        done += line + 1;
    }
    if (!done && len == LINE_MAX_BYTES) {
        fn(arg, bytes, len, f->path, f->offset);
        ++*lines;
        done = len;
    }
    return done;
}

static int64_t changed_ns(const struct stat *st) {
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* Hands out what comes after the place that was reached. Where that is not to be found, more was cut than was kept: all of it then, from its
 * first whole line on. */
static size_t hand_out_older(followed_t *f, const char *bytes, size_t len, tr_follow_fn fn, void *arg) {
    ssize_t place = tr_tail_find(&f->tail, bytes, len);
    const char *first = memchr(bytes, '\n', len);
    size_t from = place >= 0 ? (size_t)place : first && f->changed_ns ? (size_t)(first - bytes) + 1 : len;
    size_t lines = 0, done = hand_out(f, bytes + from, len - from, &lines, fn, arg);
    if (from + done < len) { /* its end went into the file that was emptied, if there was one */
        fn(arg, bytes + from + done, len - from - done, f->path, f->offset + done);
        lines++;
    }
    return lines;
}

/* What was not read of a file that was emptied or put away. One that is older than what was read last is of the time before. */
static size_t read_older(followed_t *f, tr_follow_fn fn, void *arg) {
    struct stat st;
    char *path;
    if (asprintf(&path, "%s.1", f->path) < 0)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    bool fits = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && changed_ns(&st) >= f->changed_ns &&
                st.st_size > 0 && (size_t)st.st_size <= OLDER_MAX;
    char *bytes = fits ? malloc((size_t)st.st_size) : NULL;
    ssize_t n = bytes ? pread(fd, bytes, (size_t)st.st_size, 0) : 0;
    size_t lines = n > 0 ? hand_out_older(f, bytes, (size_t)n, fn, arg) : 0;
    free(bytes);
    if (fd >= 0)
        close(fd);
    return lines;
}

/* Another file, or one that was emptied, which may be as long as before again. */
static bool is_other(const followed_t *f, int fd, const struct stat *st) {
    return f->inode != st->st_ino || f->offset > (uint64_t)st->st_size ||
           !tr_tail_stands(&f->tail, fd, (off_t)f->offset);
}

static size_t read_on(tr_follow_t *self, followed_t *f, int fd, size_t most, tr_follow_fn fn, void *arg) {
    size_t lines = 0, taken = 0;
    while (taken < most) {
        ssize_t n = pread(fd, self->room, LINE_MAX_BYTES, (off_t)f->offset);
        size_t done = n > 0 ? hand_out(f, self->room, (size_t)n, &lines, fn, arg) : 0;
        if (!done)
            break;
        tr_tail_pass(&f->tail, self->room, done);
        f->offset += done;
        taken += done;
    }
    return lines;
}

static size_t read_file(tr_follow_t *self, followed_t *f, size_t most, tr_follow_fn fn, void *arg) {
    size_t lines = 0;
    struct stat st;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0) {
        if (is_other(f, fd, &st)) {
            lines = f->offset > 0 ? read_older(f, fn, arg) : 0;
            f->offset = f->tail.len = 0;
        }
        f->inode = st.st_ino;
        f->changed_ns = changed_ns(&st);
        lines += read_on(self, f, fd, most, fn, arg);
    }
    if (fd >= 0)
        close(fd);
    return lines;
}

size_t tr_follow_read(tr_follow_t *self, size_t most_bytes, tr_follow_fn fn, void *arg) {
    size_t lines = 0;
    tr_follow_look(self);
    for (followed_t *f = self->files; f; f = f->next)
        lines += read_file(self, f, most_bytes, fn, arg);
    return lines;
}

/* ---- over a restart ---- */

static json_t *mark_of(const followed_t *f) {
    char tail[2 * TR_TAIL_MAX + 1] = "";
    for (size_t i = 0; i < f->tail.len; i++)
        snprintf(tail + 2 * i, 3, "%02x", (unsigned char)f->tail.bytes[i]);
    return json_pack("{s:I, s:I, s:s, s:I}", "inode", (json_int_t)f->inode, "offset", (json_int_t)f->offset,
        "tail", tail, "changed", (json_int_t)f->changed_ns);
}

json_t *tr_follow_mark(const tr_follow_t *self) {
    json_t *mark = json_object();
    for (const followed_t *f = self->files; mark && f; f = f->next)
        if (json_object_set_new(mark, f->path, mark_of(f)) < 0) {
            json_decref(mark);
            mark = NULL;
        }
    return mark;
}

static void recall_tail(followed_t *f, const char *hex) {
    unsigned char byte;
    while (hex && f->tail.len < TR_TAIL_MAX && sscanf(hex, "%2hhx", &byte) == 1) {
        f->tail.bytes[f->tail.len++] = (char)byte;
        hex += hex[1] ? 2 : 1;
    }
}

void tr_follow_recall(tr_follow_t *self, const json_t *mark) {
    const char *path;
    json_t *place;
    json_object_foreach((json_t *)(uintptr_t)mark, path, place) {
        json_int_t inode = json_integer_value(json_object_get(place, "inode")),
                   offset = json_integer_value(json_object_get(place, "offset"));
        followed_t *f = inode > 0 && offset >= 0 && !find(self, path)
                            ? add(self, path, (uint64_t)inode, (uint64_t)offset)
                            : NULL;
        if (!f)
            continue;
        f->changed_ns = json_integer_value(json_object_get(place, "changed"));
        recall_tail(f, json_string_value(json_object_get(place, "tail")));
    }
}
