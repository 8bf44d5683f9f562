/* A PostgreSQL server of a test's own: Debian's programs, a directory in /tmp, a Unix socket in it, no TCP port. */
#ifndef TESTS_JOURNAL_POSTGRES_H
#define TESTS_JOURNAL_POSTGRES_H

#include "tests/process.h"

typedef struct postgres {
    char directory[64];
    char programs[128]; /* where postgres and initdb are */
    char conninfo[128];
    process_t process;
} postgres_t;

/* False where PostgreSQL is not installed: then the test is skipped. */
bool postgres_find(postgres_t *self);
/* Makes a database cluster and starts a server on it. As root, as the user postgres. Fails the test where it cannot. */
void postgres_new(postgres_t *self);
/* Starts the server (again). */
void postgres_start(postgres_t *self);
/* Ends it as a crash does: kill -9. */
void postgres_crash(postgres_t *self);
/* Ends it whatever it does, and removes its directory. */
void postgres_finish(postgres_t *self);
/* Runs SQL as the superuser, and fails the test where it fails; the output's first line in `line` (may be NULL). */
void postgres_sql(postgres_t *self, const char *sql, char *line, size_t size);

#endif
