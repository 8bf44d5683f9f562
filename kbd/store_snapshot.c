/* Copies of the whole store while it is in use, and back. */
#include "kbd/store_private.h"

#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int sync_path(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* The copy gets its name when all of it is on the disk. */
static int publish(const char *part, const char *path, const char *directory) {
    int rc = sync_path(part, O_RDONLY);
    if (rc == 0 && rename(part, path) < 0)
        rc = -errno;
    return rc < 0 ? rc : sync_path(directory, O_RDONLY | O_DIRECTORY);
}

int tr_kb_store_snapshot(
    tr_kb_store_t *self, const char *directory, const char *name, char *ret_path, tr_error_t *error) {
    char path[PATH_MAX], part[PATH_MAX + 8];
    if ((size_t)snprintf(path, sizeof path, "%s/%s.db", directory, name) >= sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%.100s...: the path is too long", directory);
    snprintf(part, sizeof part, "%s.part", path);
    int rc = tr_directory_make(directory);
    if (rc < 0)
        return tr_error_set(error, rc, "cannot make the directory %s: %s", directory, strerror(-rc));
    unlink(part); /* of one that was interrupted, where there is one */
    char *quoted = sqlite3_mprintf("%Q", part);
    rc = quoted ? tr_kb_execute(self, error, "VACUUM INTO %s", quoted)
                : tr_error_set(error, -ENOMEM, "out of memory");
    sqlite3_free(quoted);
    if (rc == 0 && (rc = publish(part, path, directory)) < 0)
        tr_error_set(error, rc, "%s: %s", path, strerror(-rc));
    if (rc < 0)
        unlink(part);
    else
        snprintf(ret_path, PATH_MAX, "%s", path);
    return rc;
}

/* ---- back ---- */

/* 1 where the first row's first column says so. */
static int ask(sqlite3 *db, const char *sql, const char *expected) {
    sqlite3_stmt *s = NULL;
    bool same = sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW &&
                strcmp(tr_sqlite_text(s, 0), expected) == 0;
    sqlite3_finalize(s);
    return same;
}

static int copy_all(tr_kb_store_t *self, sqlite3 *from, const char *path, tr_error_t *error) {
    sqlite3_backup *backup = sqlite3_backup_init(self->db, "main", from, "main");
    if (backup)
        sqlite3_backup_step(backup, -1);
    int code = backup ? sqlite3_backup_finish(backup) : sqlite3_errcode(self->db);
    return code == SQLITE_OK ? 0
                             : tr_error_set(error, code == SQLITE_FULL ? -ENOSPC : -EIO,
                                   "%s: cannot be restored: %s", path, sqlite3_errstr(code));
}

int tr_kb_store_restore(tr_kb_store_t *self, const char *path, tr_error_t *error) {
    sqlite3 *from = NULL;
    int rc = 0;
    if (sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        rc = tr_error_set(error, -ENOENT, "%s: %s", path, from ? sqlite3_errmsg(from) : "out of memory");
    else if (!ask(from,
                 "SELECT count(*) FROM sqlite_master WHERE name IN ('namespace', 'document', 'chunk', "
                 "'body')",
                 "4"))
        rc = tr_error_set(error, -EINVAL, "%s: not a snapshot of a knowledge base", path);
    else if (!ask(from, "PRAGMA quick_check(1)", "ok"))
        rc = tr_error_set(error, -EINVAL, "%s: it is damaged", path);
    if (rc == 0)
        rc = copy_all(self, from, path, error);
    sqlite3_close(from);
    return rc;
}
