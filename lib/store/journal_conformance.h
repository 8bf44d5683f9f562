/* What every store promises, as tests that the test of each store runs. */
#ifndef TR_STORE_JOURNAL_CONFORMANCE_H
#define TR_STORE_JOURNAL_CONFORMANCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/store/journal.h"

/* The store under test, and the place where it keeps its data between two openings. */
typedef struct subject {
    int (*open)(void *place, tr_journal_t **ret_journal, tr_error_t *error);
    void *place;
} subject_t;

/* Runs all of it on the empty place. 0, or the number of tests that failed. */
int journal_conformance(const char *name, const subject_t *subject);

/* Words for tests. Each fails the test where the store fails. */
tr_journal_t *open_store(const subject_t *subject);
tr_journal_t *open_empty_store(const subject_t *subject);
tr_journal_op_t put(const char *key, const char *value); /* of strings */
tr_journal_op_t del(const char *key);
tr_journal_op_t del_range(const char *from, const char *to);
void write_ops(tr_journal_t *j, const tr_journal_op_t *ops, size_t n, bool sync);
#define WRITE(j, sync, ...)                                                                                  \
    write_ops(j, (tr_journal_op_t[]){__VA_ARGS__},                                                           \
        sizeof((tr_journal_op_t[]){__VA_ARGS__}) / sizeof(tr_journal_op_t), sync)
/* All pairs of a range as "key=value " ..., of keys and values that are text; for the caller to free(). */
char *text_of(tr_journal_t *j, const char *from, const char *to);
void assert_holds(tr_journal_t *j, const char *text);

#endif
