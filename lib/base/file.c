#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int tr_file_read_fd(int fd, size_t most, char **ret_bytes, size_t *ret_len) {
    size_t len = 0, size = most + 1;
    char *bytes = malloc(size + 1);
    if (!bytes)
        return -ENOMEM;
    while (len < size) {
        ssize_t n = read(fd, bytes + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int rc = -errno;
            free(bytes);
            return rc;
        }
        if (n == 0)
            break;
        len += (size_t)n;
    }
    bytes[len] = '\0';
    *ret_bytes = bytes;
    *ret_len = len;
    return 0;
}

int tr_file_read(
    const char *path, const char *what, size_t most, char **ret_bytes, size_t *ret_len, tr_error_t *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : tr_file_read_fd(fd, most, ret_bytes, ret_len);
    if (fd >= 0)
        close(fd);
    return rc < 0 ? tr_error_set(error, rc, "%s: cannot read this %s: %s", path, what, strerror(-rc)) : 0;
}

static int write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Of a name that is not taken, so that nothing is written through somebody's link. */
static int write_new(const char *path, const void *bytes, size_t len, mode_t mode) {
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return -errno;
    int rc = write_all(fd, bytes, len);
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    if (close(fd) < 0 && rc == 0)
        rc = -errno;
    return rc;
}

/* So that the new name is on disk too. */
static int sync_directory(const char *path, size_t len) {
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%.*s", (int)len, path);
    int fd = open(len ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

int tr_file_write(const char *path, const void *bytes, size_t len, mode_t mode) {
    char temporary[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t head = slash ? (size_t)(slash - path) + 1 : 0;
    if (snprintf(temporary, sizeof temporary, "%.*s.%s.new", (int)head, path, path + head) >=
        (int)sizeof temporary)
        return -ENAMETOOLONG;
    int rc = write_new(temporary, bytes, len, mode);
    if (rc == 0 && rename(temporary, path) < 0)
        rc = -errno;
    if (rc < 0) {
        unlink(temporary);
        return rc;
    }
    return sync_directory(path, head);
}

bool tr_file_private(const struct stat *st) {
    return (st->st_mode & (st->st_uid == 0 ? 0037 : 0077)) == 0;
}

int tr_directory_make(const char *path) {
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return -ENAMETOOLONG;
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return -errno;
        part[i] = kept;
    }
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}
