/*
 * One session with PostgreSQL that owns the journal's table: connected, locked, and with its statements prepared.
 *
 * Functions give what those of its link do (postgres_link.h), which may also be used.
 */
#ifndef TR_STORE_POSTGRES_SESSION_H
#define TR_STORE_POSTGRES_SESSION_H

#include "lib/base/error.h"
#include "lib/store/journal.h"
#include "lib/store/postgres_link.h"

#define TR_PG_TABLE_MAX 127u

typedef struct tr_pg_session {
    tr_pg_link_t link;
    char table[TR_PG_TABLE_MAX + 1];
    char oid[16]; /* of the table, once there was a session */
} tr_pg_session_t;

/* Checks the options and reads the file; connects to nothing. Finish it in every case. */
int tr_pg_session_init(
    tr_pg_session_t *self, const tr_journal_postgres_options_t *options, tr_error_t *error);
void tr_pg_session_finish(tr_pg_session_t *self);

/* Connects, makes the table where it is missing (the first time), takes the lock. -EBUSY: another process has
 * that. */
int tr_pg_session_open(tr_pg_session_t *self, tr_error_t *error);

/* Statements that are prepared. Parameters and results are binary. */
#define TR_PG_PUT    "put"    /* key, value */
#define TR_PG_DELETE "delete" /* key */
#define TR_PG_RANGE  "range"  /* from, to */
#define TR_PG_LAZY   "lazy"   /* the commit of this transaction does not wait for the disk */
#define TR_PG_TOUCH  "touch"  /* writes something, so that the commit has to wait */
#define TR_PG_SCAN   "scan"   /* from, to, u32 rows */
#define TR_PG_TAIL   "tail"   /* from, u32 rows: up to the end */
#define TR_PG_STAT   "stat"   /* -> bytes, rows */

#endif
