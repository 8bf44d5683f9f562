/*
 * What the journal's writer writes and its checker expects: batch i, whose keys and values follow from i. One part of it
 * is written without sync, the rest with it, and batch i deletes a part of batch i - 8.
 */
#ifndef TESTS_JOURNAL_BATCHES_H
#define TESTS_JOURNAL_BATCHES_H

#include "lib/store/journal.h"

#include <stdint.h>

/* Where a journal is: "rocksdb" and a directory, or "postgres" and a connection string. */
int journal_open(const char *kind, const char *place, tr_journal_t **ret_journal, tr_error_t *error);

int batch_write(tr_journal_t *j, unsigned i, tr_error_t *error);

typedef struct batches_found {
    unsigned n;        /* batches 0 to n - 1 are there, whole and right, and nothing else */
    char problem[256]; /* "" or what is wrong */
} batches_found_t;
/* 0 or what the scan says. */
int batches_check(tr_journal_t *j, batches_found_t *ret_found, tr_error_t *error);

#endif
