/*
 * A database with prepared statements, as one sees it who keeps his truth in tables: the port of SQLite (a file that one process has
 * alone) and of PostgreSQL (several processes on one database). The same statements serve both, where they keep to what both
 * understand: parameters are $1, $2, ... in the order in which they first appear.
 *
 * What is written between begin and commit is there as a whole or not at all, and on the disk when commit has said 0. A failure is sticky:
 * what follows does nothing, and commit says it. What is read within sees what was written.
 *
 * All parameters of a statement are bound, each time. Texts and blobs that are bound are borrowed until the statement has run, or was stepped; what a column gives until the next step.
 *
 * Of PostgreSQL this is one connection; a thread that works beside another opens a database of its own. It is made anew where it was lost, but not
 * within a transaction, of which nothing can then be known.
 *
 * One thread. Negative errno; -ENOTCONN: the connection is lost, and it is not known whether what was under way has happened.
 */
#ifndef TR_STORE_SQL_H
#define TR_STORE_SQL_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_SQL_PARAMETERS_MAX 32

typedef struct tr_sql tr_sql_t;

typedef struct tr_sql_ops {
    const char *name;
    void (*begin)(tr_sql_t *self);
    int (*commit)(tr_sql_t *self, tr_error_t *error);
    void (*bind_int)(tr_sql_t *self, size_t statement, int at, int64_t value);
    void (*bind_text)(tr_sql_t *self, size_t statement, int at, const char *text);
    void (*bind_blob)(tr_sql_t *self, size_t statement, int at, const void *bytes, size_t len);
    void (*run)(tr_sql_t *self, size_t statement);
    int (*step)(tr_sql_t *self, size_t statement);
    void (*reset)(tr_sql_t *self, size_t statement);
    int64_t (*get_int)(tr_sql_t *self, size_t statement, int column);
    const char *(*get_text)(tr_sql_t *self, size_t statement, int column);
    const void *(*get_blob)(tr_sql_t *self, size_t statement, int column, size_t *ret_len);
    void (*close)(tr_sql_t *self);
} tr_sql_ops_t;

struct tr_sql {
    const tr_sql_ops_t *ops;
    int failed; /* negative errno of the first failure since begin */
    char why[240];
};

/* What the tables are, and what is asked of them. All constant. */
typedef struct tr_sql_schema {
    const char *name;              /* of the file; of PostgreSQL's tables, as in "troupe NAME schema 3" */
    const char *const *migrations; /* [n] brings it from version n to n + 1 */
    size_t migration_count;
    const char *const *sql; /* the statements, known by their index from here on */
    size_t statement_count;
} tr_sql_schema_t;

/* A file in the directory, as tr_sqlite_open; the migrations set user_version. */
int tr_sql_open_sqlite(
    const char *directory, const tr_sql_schema_t *schema, tr_sql_t **ret_sql, tr_error_t *error);

typedef struct tr_sql_postgres {
    const char *conninfo;      /* as libpq wants it, without a password; NULL: as PGHOST, PGUSER ... say */
    const char *conninfo_file; /* or its first line, which only its owner may read; NULL */
    const char *space;   /* the schema of the database that holds the tables, made where it is missing */
    const char *session; /* SQL for each connection behind the schema's; NULL */
    const char *fence;   /* a query that each begin makes, and that must give a row, or it is -ESTALE; NULL */
    int64_t patience_ms; /* a server that does not answer; 0 = 30 s */
    const int *interrupt_fd; /* readable: reading ends, with -ECANCELED; NULL = none */
    const char *module;      /* path; NULL = where it was installed or built */
} tr_sql_postgres_t;

/* Connects, and brings the tables up to date, whoever else does at this moment. -ENOTSUP: they were made by a later version, or Troupe was
 * built without PostgreSQL; -EACCES, -EINVAL, -ENOTCONN. */
int tr_sql_open_postgres(
    const tr_sql_postgres_t *options, const tr_sql_schema_t *schema, tr_sql_t **ret_sql, tr_error_t *error);
void tr_sql_close(tr_sql_t **self); /* NULL-safe */

static inline void tr_sql_begin(tr_sql_t *self) {
    self->ops->begin(self);
}
static inline int tr_sql_commit(tr_sql_t *self, tr_error_t *error) {
    return self->ops->commit(self, error);
}
static inline void tr_sql_bind_int(tr_sql_t *self, size_t statement, int at, int64_t value) {
    self->ops->bind_int(self, statement, at, value);
}
/* NULL binds NULL, in both. In PostgreSQL what is no UTF-8 has ? in its place. */
static inline void tr_sql_bind_text(tr_sql_t *self, size_t statement, int at, const char *text) {
    self->ops->bind_text(self, statement, at, text);
}
static inline void tr_sql_bind_blob(tr_sql_t *self, size_t statement, int at, const void *bytes, size_t len) {
    self->ops->bind_blob(self, statement, at, bytes, len);
}
/* One that gives no rows, within begin and commit. */
static inline void tr_sql_run(tr_sql_t *self, size_t statement) {
    self->ops->run(self, statement);
}
/* 1: a row; 0: that was all. */
static inline int tr_sql_step(tr_sql_t *self, size_t statement) {
    return self->ops->step(self, statement);
}
/* After the last step. */
static inline void tr_sql_reset(tr_sql_t *self, size_t statement) {
    self->ops->reset(self, statement);
}
static inline int64_t tr_sql_int(tr_sql_t *self, size_t statement, int column) {
    return self->ops->get_int(self, statement, column);
}
/* NULL where there is none. */
static inline const char *tr_sql_text(tr_sql_t *self, size_t statement, int column) {
    return self->ops->get_text(self, statement, column);
}
static inline const void *tr_sql_blob(tr_sql_t *self, size_t statement, int column, size_t *ret_len) {
    return self->ops->get_blob(self, statement, column, ret_len);
}

/* What the last failure was; "". Borrowed until the next call. */
static inline const char *tr_sql_why(const tr_sql_t *self) {
    return self->why;
}

/* The first failure counts. */
void tr_sql_fail(tr_sql_t *self, int rc, const char *why);

/* ---- the module ---- */

#define TR_SQL_MODULE_SYMBOL "tr_sql_module"

typedef struct tr_sql_module {
    const char *version; /* TROUPE_VERSION */
    int (*open)(const tr_sql_postgres_t *options, const tr_sql_schema_t *schema, tr_sql_t **ret_sql,
        tr_error_t *error);
} tr_sql_module_t;

#endif
