/*
 * A connection with PostgreSQL: what any store in such a database needs of one.
 *
 * Functions give 0, a negative errno with a text, or TR_PG_LOST: the connection is lost, or the server asks to come
 * again; whatever was under way may have happened or not. Then close it, and open it again. One thread.
 */
#ifndef TR_STORE_POSTGRES_LINK_H
#define TR_STORE_POSTGRES_LINK_H

#include "lib/base/error.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_PG_LOST 1

typedef struct tr_pg_link {
    PGconn *connection; /* NULL = closed */
    char *conninfo;
    char what[192];      /* whose it is, for errors */
    int64_t patience_ms; /* a server that is silent for half of it is lost */
    int interrupt_fd;    /* borrowed: readable = what waits here ends, as lost; -1 = none */
    bool warned;         /* the server said something while it worked */
} tr_pg_link_t;

/* Takes the connection string, or reads it from the first line of a file; connects to nothing. patience_ms: 0 = 30 s.
 * Finish it in every case. */
int tr_pg_link_init(tr_pg_link_t *self, const char *what, const char *conninfo, const char *conninfo_file,
    int64_t patience_ms, tr_error_t *error);
void tr_pg_link_finish(tr_pg_link_t *self);

int tr_pg_link_open(tr_pg_link_t *self, tr_error_t *error);
void tr_pg_link_close(tr_pg_link_t *self); /* idempotent */

/* A server's `synchronous_commit` may promise more than the local disk, but no less; without fsync it is refused. */
int tr_pg_link_settle(tr_pg_link_t *self, tr_error_t *error);
/* SQL without parameters. ret_result (may be NULL) is the caller's to clear. */
int tr_pg_link_run(tr_pg_link_t *self, const char *sql, PGresult **ret_result, tr_error_t *error);
/* The first field of one row as text; "" where there is none. */
int tr_pg_link_ask(tr_pg_link_t *self, const char *sql, char *out, size_t size, tr_error_t *error);
/* Sends what waits, and waits until something can be read: for as long as the server shows life. */
int tr_pg_link_turn(tr_pg_link_t *self, tr_error_t *error);
/* Whether its interrupt_fd says that it is to end. */
bool tr_pg_link_interrupted(const tr_pg_link_t *self);
/* What a failed result means (NULL: the connection's last failure). Does not clear it. */
int tr_pg_link_explain(tr_pg_link_t *self, const PGresult *result, tr_error_t *error);
/* A name that needs no quotes: 1 to 63 of a-z 0-9 _, no digit first. */
bool tr_pg_word_valid(const char *word, size_t len);

#endif
