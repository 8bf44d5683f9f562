#include "lib/store/sqlite_file.h"

#include "lib/base/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int errno_of(int code) {
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return -EBUSY;
    case SQLITE_FULL: return -ENOSPC;
    case SQLITE_TOOBIG: return -EFBIG;
    case SQLITE_NOMEM: return -ENOMEM;
    default: return -EIO;
    }
}

int tr_sqlite_fail(sqlite3 *db, const char *what, tr_error_t *error) {
    int code = db ? sqlite3_errcode(db) : SQLITE_NOMEM, rc = errno_of(code);
    return tr_error_set(error, rc, "%s: %s", what,
        rc == -EBUSY           ? "another process has it"
        : code == SQLITE_ERROR ? sqlite3_errmsg(db)
                               : sqlite3_errstr(code));
}

static int execute(sqlite3 *db, const char *sql) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* Negative: SQLite did not say. */
static int version_of(sqlite3 *db) {
    sqlite3_stmt *s = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        version = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return version;
}

/* The lock is taken with the first write, and kept. */
static int settle(sqlite3 *db, int cache_kib) {
    char cache[64];
    int code =
        execute(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                    "PRAGMA temp_store = MEMORY; BEGIN IMMEDIATE; COMMIT");
    snprintf(cache, sizeof cache, "PRAGMA cache_size = -%d", cache_kib);
    return code == SQLITE_OK && cache_kib ? execute(db, cache) : code;
}

/* What fails midway is taken back when the file is closed. */
static int migrate(sqlite3 *db, const char *path, const tr_sqlite_schema_t *schema, tr_error_t *error) {
    int version = version_of(db), last = (int)schema->migration_count;
    if (version < 0)
        return tr_sqlite_fail(db, path, error);
    if (version > last)
        return tr_error_set(error, -ENOTSUP,
            "%s: made by a later version of Troupe (schema %d, this one has %d)", path, version, last);
    for (; version < last; version++)
        if (execute(db, "BEGIN IMMEDIATE") != SQLITE_OK ||
            execute(db, schema->migrations[version]) != SQLITE_OK || execute(db, "COMMIT") != SQLITE_OK)
            return tr_sqlite_fail(db, path, error);
    return 0;
}

static int prepare(sqlite3 *db, const char *path, const tr_sqlite_schema_t *schema, sqlite3_stmt **statements,
    tr_error_t *error) {
    if (settle(db, schema->cache_kib) != SQLITE_OK || (schema->extend && schema->extend(db) != SQLITE_OK))
        return tr_sqlite_fail(db, path, error);
    int rc = migrate(db, path, schema, error);
    for (size_t i = 0; i < schema->statement_count && rc == 0; i++)
        if (sqlite3_prepare_v3(db, schema->sql[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i], NULL) !=
            SQLITE_OK)
            rc = tr_sqlite_fail(db, path, error);
    return rc;
}

int tr_sqlite_open(const char *directory, const tr_sqlite_schema_t *schema, sqlite3 **ret_db,
    sqlite3_stmt **ret_statements, tr_error_t *error) {
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, schema->name) >= sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%.100s...: the path is too long", directory);
    int rc = tr_directory_make(directory);
    if (rc < 0)
        return tr_error_set(error, rc, "cannot make the directory %s: %s", directory, strerror(-rc));
    memset(ret_statements, 0, schema->statement_count * sizeof(sqlite3_stmt *));
    rc = sqlite3_open_v2(path, ret_db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
             NULL) == SQLITE_OK
             ? prepare(*ret_db, path, schema, ret_statements, error)
             : tr_sqlite_fail(*ret_db, path, error);
    if (rc < 0)
        tr_sqlite_close(ret_db, ret_statements, schema->statement_count);
    return rc;
}

void tr_sqlite_close(sqlite3 **db, sqlite3_stmt **statements, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sqlite3_finalize(statements[i]);
        statements[i] = NULL;
    }
    sqlite3_close(*db);
    *db = NULL;
}
