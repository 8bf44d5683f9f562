/*
 * The arguments of a built-in behaviour, by a table of keys. What is wrong is told by its key, also a key that
 * the behaviour does not have: a slip in `root` must not open the whole file system.
 */
#ifndef TR_AGENTD_BEHAVIOURS_ARGS_H
#define TR_AGENTD_BEHAVIOURS_ARGS_H

#include "agentd/problem.h"
#include "proto/content.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum tr_arg_kind {
    TR_ARG_TEXT,  /* char[size], with a NUL */
    TR_ARG_WHOLE, /* int64_t, from min to max */
    TR_ARG_REAL,  /* double, from min to max */
    TR_ARG_ANY,   /* taken as it is: the caller reads it */
} tr_arg_kind_t;

typedef struct tr_arg {
    const char *key;
    tr_arg_kind_t kind;
    size_t offset; /* of the member in the target */
    size_t size;
    int64_t min, max;
    bool (*check)(const char *text, size_t len); /* of a text; may be NULL */
    const char *expected;                        /* ends "expected ..."; of a text */
    bool required;
} tr_arg_t;

/* Fills in what is given; the target has the defaults before. null counts as not given. `args` may be NULL.
 * 0, -EINVAL with the problem, -ENOMEM. */
int tr_args_read(const tr_arg_t *table, size_t count, tr_value_t args, void *target, tr_problem_t *problem);

/* Checks for the tables: AIDs (also svc:NAME), and the name of a service, or "" for none. */
bool tr_arg_is_aid(const char *text, size_t len);
bool tr_arg_is_service(const char *text, size_t len);

/* Sets a problem with the value of `key`: "expected ..., found ...". Returns -EINVAL. */
int tr_args_wrong(tr_problem_t *problem, const char *key, tr_value_t found, const char *expected);
/* The problem of a key that is none of `words` (ended by NULL). Returns -EINVAL. */
int tr_args_unknown(tr_problem_t *problem, tr_value_t key, const char *const *words);

#endif
