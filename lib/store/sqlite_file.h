/*
 * An SQLite file that one process has alone, with the statements that are made of it again and again: for whoever keeps his truth in one.
 *
 * What a commit has said is on the disk (synchronous FULL, write-ahead log). The file is locked from the opening on, for others an -EBUSY.
 *
 * One thread. Negative errno with a text that names the file: -EBUSY another process has it, -ENOSPC the disk is full, -EFBIG a value is
 * larger than SQLite takes, -ENOMEM, -EIO anything else.
 */
#ifndef TR_STORE_SQLITE_FILE_H
#define TR_STORE_SQLITE_FILE_H

#include "lib/base/error.h"

#include <sqlite3.h>
#include <stddef.h>

typedef struct tr_sqlite_schema {
    const char *name; /* of the file, within the directory */
    const char *const
        *migrations; /* [n] brings a file from version n to n + 1, and sets user_version to that */
    size_t migration_count;
    const char *const *sql; /* the statements */
    size_t statement_count;
    int cache_kib; /* of pages; 0 = SQLite's own choice */
    int (*extend)(sqlite3
            *db); /* NULL, or: functions and tokenizers that they need. SQLITE_OK or another of its codes */
} tr_sqlite_schema_t;

/* Makes the directory and the file where there are none, and brings an older file up to date, each step as a whole or not at all.
 * ret_statements has room for statement_count. -ENOTSUP: the file was made by a later version; -ENAMETOOLONG. After a failure there is
 * nothing to close, and nothing was changed but by the steps that did pass. */
int tr_sqlite_open(const char *directory, const tr_sqlite_schema_t *schema, sqlite3 **ret_db,
    sqlite3_stmt **ret_statements, tr_error_t *error);
/* Sets both to NULL; NULL-safe. */
void tr_sqlite_close(sqlite3 **db, sqlite3_stmt **statements, size_t count);

/* What SQLite has just said, as an errno; its text, behind `what`, in the error. db may be NULL: out of memory. */
int tr_sqlite_fail(sqlite3 *db, const char *what, tr_error_t *error);

/* The text is borrowed until the statement was run; NULL binds nothing. */
static inline void tr_sqlite_bind_text(sqlite3_stmt *s, int at, const char *text) {
    sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

/* Borrowed until the next step; NULL where there is none. */
static inline const char *tr_sqlite_text(sqlite3_stmt *s, int at) {
    return (const char *)sqlite3_column_text(s, at);
}

#endif
