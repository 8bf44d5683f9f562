/*
 * One session with PostgreSQL that owns the journal's table: connected, locked, and with its statements prepared.
 *
 * Functions give 0, a negative errno with a text, or TR_PG_LOST: the connection is lost, or the server asks to come
 * again; whatever was under way may have happened or not. Then close it, and open it again.
 */
#ifndef TR_STORE_POSTGRES_SESSION_H
#define TR_STORE_POSTGRES_SESSION_H

#include "lib/base/error.h"
#include "lib/store/journal.h"

#include <libpq-fe.h>

#define TR_PG_LOST      1
#define TR_PG_TABLE_MAX 127u

typedef struct tr_pg_session {
    PGconn *connection; /* NULL = closed */
    char *conninfo;
    char table[TR_PG_TABLE_MAX + 1];
    char oid[16];        /* of the table, once there was a session */
    int64_t patience_ms; /* a server that is silent for half of it is lost */
    bool warned;         /* the server said something while it worked: see postgres_session.c */
} tr_pg_session_t;

/* Checks the options and reads the file; connects to nothing. Finish it in every case. */
int tr_pg_session_init(
    tr_pg_session_t *self, const tr_journal_postgres_options_t *options, tr_error_t *error);
void tr_pg_session_finish(tr_pg_session_t *self);

/* Connects, makes the table where it is missing (the first time), takes the lock. -EBUSY: another process has
 * that. */
int tr_pg_session_open(tr_pg_session_t *self, tr_error_t *error);
void tr_pg_session_close(tr_pg_session_t *self);

/* Statements that are prepared. Parameters and results are binary. */
#define TR_PG_PUT    "put"    /* key, value */
#define TR_PG_DELETE "delete" /* key */
#define TR_PG_RANGE  "range"  /* from, to */
#define TR_PG_LAZY   "lazy"   /* the commit of this transaction does not wait for the disk */
#define TR_PG_TOUCH  "touch"  /* writes something, so that the commit has to wait */
#define TR_PG_SCAN   "scan"   /* from, to, u32 rows */
#define TR_PG_TAIL   "tail"   /* from, u32 rows: up to the end */
#define TR_PG_STAT   "stat"   /* -> bytes, rows */

/* Sends what waits, and waits until something can be read: for as long as the server shows life. */
int tr_pg_session_turn(tr_pg_session_t *self, tr_error_t *error);
/* What a failed result means. Does not clear it. */
int tr_pg_session_explain(tr_pg_session_t *self, const PGresult *result, tr_error_t *error);

#endif
