#include "lib/store/rocksdb_place.h"

#include "lib/store/rocksdb_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOCK_FILE "owner" /* RocksDB locks a file of its own, but cannot say who holds it */

static int fail(const tr_rocksdb_place_t *self, int code, const char *what, tr_error_t *error) {
    return tr_error_set(error, code, "journal directory %s: %s: %s", self->path, what, strerror(-code));
}

/* A new directory's name must reach the disk too. */
static int sync_parent(const tr_rocksdb_place_t *self, tr_error_t *error) {
    int parent = openat(self->directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = parent < 0 || fsync(parent) < 0
                ? fail(self, -errno, "cannot sync the directory that it is in", error)
                : 0;
    if (parent >= 0)
        close(parent);
    return r;
}

static int open_directory(tr_rocksdb_place_t *self, tr_error_t *error) {
    bool made = mkdir(self->path, 0700) == 0;
    if (!made && errno != EEXIST)
        return fail(self, -errno, "cannot make it", error);
    self->directory = open(self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->directory < 0)
        return fail(self, -errno, "cannot open it", error);
    struct stat st;
    if (fstat(self->directory, &st) < 0)
        return fail(self, -errno, "cannot look at it", error);
    if (st.st_uid == geteuid() && (st.st_mode & 077) && fchmod(self->directory, 0700) < 0)
        return fail(self, -errno, "cannot make it private (mode 0700)", error);
    return made ? sync_parent(self, error) : 0;
}

static int say_who(const tr_rocksdb_place_t *self, tr_error_t *error) {
    char who[64] = "";
    ssize_t n = pread(self->lock, who, sizeof who - 1, 0);
    if (n <= 0)
        snprintf(who, sizeof who, "another process");
    who[strcspn(who, "\n")] = '\0';
    return tr_error_set(error, -EBUSY,
        "journal directory %s is in use by %s: end that one first, or give each broker a directory of its "
        "own",
        self->path, who);
}

static int take_lock(tr_rocksdb_place_t *self, tr_error_t *error) {
    self->lock = openat(self->directory, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (self->lock < 0)
        return fail(self, -errno, "cannot open the file " LOCK_FILE " in it", error);
    if (flock(self->lock, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? say_who(self, error) : fail(self, -errno, "cannot lock it", error);
    if (ftruncate(self->lock, 0) < 0 || dprintf(self->lock, "process %d\n", (int)getpid()) < 0)
        return fail(self, -errno, "cannot write the file " LOCK_FILE " in it", error);
    return 0;
}

static int is_log(const struct dirent *entry) {
    size_t digits = strspn(entry->d_name, "0123456789");
    return digits > 0 && strcmp(entry->d_name + digits, ".log") == 0;
}

/* Names are padded to six digits, and grow beyond. */
static int by_number(const struct dirent **a, const struct dirent **b) {
    unsigned long long x = strtoull((*a)->d_name, NULL, 10), y = strtoull((*b)->d_name, NULL, 10);
    return (x > y) - (x < y);
}

static int check_file(
    const tr_rocksdb_place_t *self, const char *name, tr_log_check_t *ret_check, tr_error_t *error) {
    int fd = openat(self->directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tr_error_set(
            error, -errno, "journal directory %s: cannot open %s: %s", self->path, name, strerror(errno));
    int r = tr_rocksdb_log_check(fd, ret_check);
    close(fd);
    return r < 0 ? tr_error_set(
                       error, r, "journal directory %s: cannot read %s: %s", self->path, name, strerror(-r))
                 : 0;
}

static int say_damaged(
    const tr_rocksdb_place_t *self, const char *name, const tr_log_check_t *check, tr_error_t *error) {
    return tr_error_set(error, -EBADMSG,
        "journal directory %s is damaged: %s does not match its checksum at byte %llu of %llu. Check the "
        "disk and restore "
        "the directory from a copy, or give up what was written after that",
        self->path, name, (unsigned long long)check->at, (unsigned long long)check->size);
}

static int cut(tr_rocksdb_place_t *self, const char *name, const tr_log_check_t *check, uint64_t end,
    uint64_t *bytes, tr_error_t *error) {
    int fd = openat(self->directory, name, O_WRONLY | O_CLOEXEC);
    int r = fd < 0 || ftruncate(fd, (off_t)end) < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    if (r < 0)
        return tr_error_set(error, r, "journal directory %s: cannot cut off the end of %s: %s", self->path,
            name, strerror(-r));
    *bytes += check->size - end;
    return 0;
}

/* Once a log is not whole, nothing that was written after it may be kept: the batches between are missing. In the
 * last one with anything in it that is what a crash leaves; in an earlier one it is damage. */
static int check_logs(
    tr_rocksdb_place_t *self, struct dirent **logs, size_t n, bool salvage, tr_error_t *error) {
    tr_log_check_t check, broken = {0};
    const char *name = NULL; /* of the log that is not whole */
    for (size_t i = 0; i < n; i++) {
        int r = check_file(self, logs[i]->d_name, &check, error);
        if (r < 0)
            return r;
        if (!salvage && check.state == TR_LOG_DAMAGED)
            return say_damaged(self, logs[i]->d_name, &check, error);
        if (!salvage && name && check.size > 0)
            return say_damaged(self, name, &broken, error);
        if (name || check.state != TR_LOG_INTACT) {
            bool damage = name || check.state == TR_LOG_DAMAGED;
            r = cut(self, logs[i]->d_name, &check, name ? 0 : check.end,
                damage ? &self->given_up : &self->torn, error);
            if (r < 0)
                return r;
        }
        if (check.state != TR_LOG_INTACT && !name) {
            name = logs[i]->d_name;
            broken = check;
        }
    }
    return 0;
}

static int check_all_logs(tr_rocksdb_place_t *self, bool salvage, tr_error_t *error) {
    struct dirent **logs = NULL;
    int n = scandirat(self->directory, ".", &logs, is_log, by_number);
    if (n < 0)
        return fail(self, -errno, "cannot list it", error);
    int r = check_logs(self, logs, (size_t)n, salvage, error);
    for (int i = 0; i < n; i++)
        free(logs[i]);
    free(logs);
    return r;
}

/* The MANIFEST says which files count. RocksDB drops its unfinished end by itself, but takes damage for one. */
static int check_manifest(const tr_rocksdb_place_t *self, tr_error_t *error) {
    char name[NAME_MAX + 1] = "";
    int fd = openat(self->directory, "CURRENT", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : fail(self, -errno, "cannot open the file CURRENT in it", error);
    ssize_t n = read(fd, name, sizeof name - 1);
    close(fd);
    name[n > 0 ? strcspn(name, "\n") : 0] = '\0';
    if (strncmp(name, "MANIFEST-", 9) != 0 || strchr(name, '/'))
        return tr_error_set(error, -EBADMSG,
            "journal directory %s is damaged: its file CURRENT names no MANIFEST. Restore the directory from "
            "a copy",
            self->path);
    tr_log_check_t check;
    int r = check_file(self, name, &check, error);
    if (r < 0)
        return r;
    return check.state == TR_LOG_DAMAGED ? say_damaged(self, name, &check, error) : 0;
}

int tr_rocksdb_place_init(tr_rocksdb_place_t *self, const char *path, bool salvage, tr_error_t *error) {
    *self = (tr_rocksdb_place_t){.directory = -1, .lock = -1, .path = path};
    int r = open_directory(self, error);
    if (r == 0)
        r = take_lock(self, error);
    if (r == 0)
        r = check_manifest(self, error);
    return r == 0 ? check_all_logs(self, salvage, error) : r;
}

/* Closing gives the lock up. */
void tr_rocksdb_place_finish(tr_rocksdb_place_t *self) {
    if (self->lock >= 0)
        close(self->lock);
    if (self->directory >= 0)
        close(self->directory);
    self->lock = self->directory = -1;
}

uint64_t tr_rocksdb_place_bytes(const tr_rocksdb_place_t *self) {
    uint64_t bytes = 0;
    struct stat st;
    const struct dirent *entry;
    int fd = openat(self->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while ((entry = readdir(list)))
        if (fstatat(self->directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            bytes += (uint64_t)st.st_blocks * 512;
    closedir(list);
    return bytes;
}

uint64_t tr_rocksdb_place_free(const tr_rocksdb_place_t *self) {
    struct statvfs vfs;
    if (fstatvfs(self->directory, &vfs) < 0)
        return UINT64_MAX;
    return (uint64_t)vfs.f_bavail * vfs.f_frsize;
}
