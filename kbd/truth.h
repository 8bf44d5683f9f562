/*
 * PostgreSQL as the truth (--store postgres): what is acknowledged is committed to a table of a database, and the file in the data directory is made of
 * it, like the indexes, and made anew where it is missing or is not as the table is.
 *
 * The table is a journal (lib/store/journal.h): keys and values, written in one batch for each of the store's transactions.
 *
 *   N + namespace             its language, and how many numbers its vectors have where they come with the documents
 *   D + namespace + NUL + id  the document as it moves between shards (store_move.h): its text, what is known of it, its chunks and their vectors
 *   s                         which table this is, how often it was written, and the keys of the last batch
 *
 * The batch is committed first, then the transaction, which says which batch that was. So the store is as the table is; or the last batch is missing in it, and is
 * read; or all is read. It is never ahead. Who is answered is so after both.
 *
 * One thread, the host's: a commit waits for the database. Where that is away for longer than the journal's patience the process ends.
 */
#ifndef TR_KBD_TRUTH_H
#define TR_KBD_TRUTH_H

#include "kbd/store.h"
#include "lib/base/map.h"
#include "lib/store/journal.h"

typedef enum tr_kb_truth_state {
    TR_KB_TRUTH_SAME,
    TR_KB_TRUTH_BEHIND, /* the last batch is missing in the store */
    TR_KB_TRUTH_LOST,   /* all is to be read */
    TR_KB_TRUTH_NEW, /* nothing is in the table, or nothing that is wanted: what is in the store goes there */
} tr_kb_truth_state_t;

typedef struct tr_kb_truth {
    tr_kb_store_t *store;  /* borrowed */
    tr_journal_t *journal; /* owned; NULL: the store itself is the truth, and nothing here does anything */
    tr_kb_truth_state_t state;
    const char *model; /* borrowed */
    uint64_t instance, sequence;
    tr_map_t changed; /* keys that are to be written */
    tr_map_t dropped; /* namespaces of which nothing is left, before what is in `changed` */
    bool failed;      /* out of memory: what has changed is not known */
    char *last;       /* owned: the keys of the last batch, each behind its length (2 bytes, little-endian) */
    size_t last_len;
    uint64_t documents; /* that were read, or written, by tr_kb_truth_fill */
} tr_kb_truth_t;

/* Takes the journal, also where it fails. In state LOST the store is empty after it. restored: the store has what the table is to have, in place of all that
 * it has. -EEXIST: the store has documents that are not of this table. */
int tr_kb_truth_open(tr_kb_truth_t *self, tr_kb_store_t *store, tr_journal_t **journal, const char *data,
    bool restored, tr_error_t *error);
/* Makes store and table the same. model: whose vectors there are; borrowed as long as this. */
int tr_kb_truth_fill(tr_kb_truth_t *self, const char *model, tr_error_t *error);
/* Before the store's commit: what its transaction has changed. After a failure nobody knows whether it is in the table. */
int tr_kb_truth_write(tr_kb_truth_t *self, tr_error_t *error);
/* What has changed was undone. */
void tr_kb_truth_undo(tr_kb_truth_t *self);
void tr_kb_truth_close(tr_kb_truth_t *self); /* idempotent */

/* ---- what truth.c and truth_read.c share ---- */

/* A key's namespace, which ends it or has a NUL behind it; and the id, "" = none. ns: TR_KB_NAMESPACE_MAX + 1 bytes; id: TR_KB_ID_MAX + 1. False: it is none. */
bool tr_kb_truth_read_key(const void *key, size_t len, char *ns, char *id);
/* Which batch was the last in the store. */
int tr_kb_truth_set_sequence(tr_kb_truth_t *self, uint64_t sequence, tr_error_t *error);
/* The namespace out of the store. 0 also where there is none. */
int tr_kb_truth_drop_here(tr_kb_truth_t *self, const char *ns, tr_error_t *error);
/* What was written last, and all that there is. */
int tr_kb_truth_read_last(tr_kb_truth_t *self, tr_error_t *error);
int tr_kb_truth_read_whole(tr_kb_truth_t *self, tr_error_t *error);

#endif
