#include "broker/shell/cert_dir.h"

#include "lib/cert/cert_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct certs {
    tr_cert_t **items;
    size_t count, broken;
} certs_t;

bool tr_cert_dir_is_shortage(int rc) {
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM;
}

static bool is_certificate(const char *file) {
    size_t len = strlen(file), suffix = strlen(TR_CERT_SUFFIX);
    return len > suffix && file[0] != '.' && strcmp(file + len - suffix, TR_CERT_SUFFIX) == 0;
}

/* FNV-1a: it need not be strong, for whoever can choose these files can do everything anyhow. */
static uint64_t hash(uint64_t h, const void *bytes, size_t len) {
    const uint8_t *p = bytes;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3ull;
    return h;
}

/* What of a file changes when it does. Whatever the order of files, the sum of all is the same. */
static uint64_t mark_of(int fd, const char *file) {
    struct stat st;
    uint64_t h = hash(0xcbf29ce484222325ull, file, strlen(file));
    if (fstatat(fd, file, &st, 0) < 0)
        return h;
    const int64_t facts[] = {st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_ctim.tv_sec, st.st_ctim.tv_nsec,
        st.st_size, (int64_t)st.st_ino};
    return hash(h, facts, sizeof facts);
}

static int each_file(DIR *dir, int (*visit)(void *arg, DIR *dir, const char *file), void *arg) {
    int rc = 0;
    rewinddir(dir);
    errno = 0;
    for (const struct dirent *e; rc == 0 && (e = readdir(dir)); errno = 0)
        if (is_certificate(e->d_name))
            rc = visit(arg, dir, e->d_name);
    return rc == 0 ? -errno : rc;
}

static int add_mark(void *arg, DIR *dir, const char *file) {
    *(uint64_t *)arg += mark_of(dirfd(dir), file);
    return 0;
}

typedef struct reading {
    certs_t certs;
    const char *path;
    tr_cert_dir_fn broken;
    void *arg;
} reading_t;

static int read_one(void *arg, DIR *dir, const char *file) {
    reading_t *r = arg;
    char path[PATH_MAX];
    tr_error_t error = {0};
    (void)dir;
    tr_cert_t **items = realloc(r->certs.items, (r->certs.count + 1) * sizeof *items);
    if (!items)
        return -ENOMEM;
    r->certs.items = items;
    bool fits = snprintf(path, sizeof path, "%s/%s", r->path, file) < (int)sizeof path;
    int rc = fits ? tr_cert_load(path, &items[r->certs.count], &error) : -ENAMETOOLONG;
    if (rc == 0) {
        r->certs.count++;
        return 0;
    }
    if (tr_cert_dir_is_shortage(rc))
        return rc;
    r->certs.broken++;
    if (r->broken)
        r->broken(r->arg, error.text);
    return 0;
}

static void certs_finish(certs_t *certs) {
    for (size_t i = 0; i < certs->count; i++)
        tr_cert_destroy(&certs->items[i]);
    free(certs->items);
}

/* Reads all. What is broken for the first time may be half written: the next look decides. */
static int read_all(tr_cert_dir_t *self, DIR *dir, uint64_t mark, reading_t *r, tr_cert_book_t **ret_book) {
    bool sure = self->doubtful == mark;
    tr_cert_dir_fn broken = r->broken;
    if (!sure)
        r->broken = NULL;
    int rc = each_file(dir, read_one, r);
    r->broken = broken;
    if (rc < 0)
        return rc;
    if (r->certs.broken && !sure) {
        self->doubtful = mark;
        return 0;
    }
    *ret_book = tr_cert_book_new(r->certs.items, r->certs.count);
    if (!*ret_book)
        return -ENOMEM;
    r->certs.count = 0; /* they are the book's */
    self->seen = mark;
    self->doubtful = 0;
    return 1;
}

int tr_cert_dir_look(
    tr_cert_dir_t *self, tr_cert_dir_fn broken, void *arg, tr_cert_book_t **ret_book, tr_error_t *error) {
    uint64_t mark = 1; /* an empty directory is something too */
    DIR *dir = opendir(self->path);
    int rc = dir ? each_file(dir, add_mark, &mark) : -errno;
    if (rc == 0 && mark != self->seen) {
        reading_t r = {.path = self->path, .broken = broken, .arg = arg};
        rc = read_all(self, dir, mark, &r, ret_book);
        certs_finish(&r.certs);
    }
    if (dir)
        closedir(dir);
    if (rc < 0) {
        self->seen = 0; /* as soon as it can be read again, it is */
        return tr_error_set(
            error, rc, "%s: cannot read this directory of certificates: %s", self->path, strerror(-rc));
    }
    return rc;
}
