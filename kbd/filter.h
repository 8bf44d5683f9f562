/*
 * Filters on documents: from a map as it comes in a message to a condition of SQL.
 *
 *     {"year": {"gte": 1990, "lt": 2000}, "tag": ["a", "b"], "not": {"author": "x"}, "or": [{...}, {...}]}
 *
 * All entries of a map must hold. A field is a name of the metadata ("a.b" is b within a), or one of the document's own: $id, $title,
 * $source, $format, $agent, $conversation, $taint, $added_ms, $changed_ms. Its test is a value (equal; of a list in the metadata: one of them
 * is), a list (one of these), or a map of eq, ne, in, gt, gte, lt, lte, prefix, exists. Texts are compared by bytes and numbers by
 * value; a text is neither less nor greater than a number.
 *
 * No text of the filter becomes part of the SQL: fields are bound as paths, values as values.
 */
#ifndef TR_KBD_FILTER_H
#define TR_KBD_FILTER_H

#include "lib/base/error.h"
#include "lib/text/textbuf.h"
#include "proto/content.h"

#include <sqlite3.h>

#define TR_FILTER_VALUES_MAX 256u /* of one filter: fields and values */

typedef struct tr_filter_value {
    enum { TR_FILTER_TEXT, TR_FILTER_INT, TR_FILTER_REAL } kind;
    char *text; /* owned */
    size_t length;
    int64_t integer;
    double real;
} tr_filter_value_t;

typedef struct tr_filter {
    tr_textbuf_t sql; /* a condition on the table `d` with a ? for each value; empty = everything */
    tr_filter_value_t *values;
    size_t count, room;
} tr_filter_t;

/* filter: a map, or NULL (absent): everything. 0, -EINVAL with a text that says where, -ENOMEM. */
int tr_filter_compile(tr_value_t filter, tr_filter_t *ret_filter, tr_error_t *error);
void tr_filter_finish(tr_filter_t *self); /* idempotent */
/* The condition, or "1" for everything. */
const char *tr_filter_sql(const tr_filter_t *self);
/* Binds its values as parameters first, first + 1 ...; the filter must outlive the statement's run. */
void tr_filter_bind(const tr_filter_t *self, sqlite3_stmt *s, int first);

#endif
