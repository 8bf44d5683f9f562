#include "tools/doctor/journal_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* As lib/store/rocksdb_place.c locks it. */
#define OWNER   "owner"
#define CURRENT "CURRENT" /* each RocksDB has it */

static bool is_file(int directory, const char *name, struct stat *st) {
    return fstatat(directory, name, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st->st_mode);
}

uint64_t tr_journal_files_bytes(const char *directory) {
    uint64_t bytes = 0;
    struct stat st;
    const struct dirent *entry;
    DIR *list = opendir(directory);
    while (list && (entry = readdir(list)))
        if (is_file(dirfd(list), entry->d_name, &st))
            bytes += (uint64_t)st.st_blocks * 512;
    if (list)
        closedir(list);
    return bytes;
}

static int failed(const char *directory, int code, const char *what, tr_error_t *error) {
    return tr_error_set(error, code, "%s: %s: %s", directory, what, strerror(-code));
}

/* The lock, held until it is closed. */
static int take(int at, const char *directory, tr_error_t *error) {
    struct stat st;
    if (!is_file(at, OWNER, &st) || !is_file(at, CURRENT, &st))
        return tr_error_set(
            error, -EINVAL, "%s: this is no journal of a broker: nothing was removed", directory);
    int lock = openat(at, OWNER, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0)
        return failed(directory, -errno, "cannot open its lock", error);
    if (flock(lock, LOCK_EX | LOCK_NB) == 0)
        return lock;
    close(lock);
    return tr_error_set(error, -EBUSY, "%s: a broker has this journal open: end it first", directory);
}

/* All files of it; the lock's goes last, so that what is left after a failure is still known for a journal. */
static int remove_files(DIR *list, const char *directory, tr_error_t *error) {
    int at = dirfd(list);
    struct stat st;
    for (const struct dirent *entry; (entry = readdir(list));)
        if (strcmp(entry->d_name, OWNER) != 0 && strcmp(entry->d_name, CURRENT) != 0 &&
            is_file(at, entry->d_name, &st) && unlinkat(at, entry->d_name, 0) < 0)
            return failed(directory, -errno, entry->d_name, error);
    if (unlinkat(at, CURRENT, 0) < 0 || unlinkat(at, OWNER, 0) < 0)
        return failed(directory, -errno, "cannot remove its files", error);
    return rmdir(directory) < 0 ? failed(directory, -errno, "cannot remove it", error) : 0;
}

int tr_journal_files_remove(const char *directory, uint64_t *ret_bytes, tr_error_t *error) {
    uint64_t bytes = tr_journal_files_bytes(directory);
    int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    *ret_bytes = 0;
    if (at < 0)
        return errno == ENOENT ? 0 : failed(directory, -errno, "cannot open it", error);
    DIR *list = fdopendir(at);
    if (!list) {
        close(at);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    int lock = take(at, directory, error), rc = lock;
    if (lock >= 0) {
        rc = remove_files(list, directory, error);
        close(lock);
    }
    closedir(list);
    if (rc == 0)
        *ret_bytes = bytes;
    return rc;
}
