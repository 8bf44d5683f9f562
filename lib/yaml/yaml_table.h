/*
 * Reads a YAML document into C structs by a table of keys, and says what is wrong with it by place.
 *
 * The text is not trusted. A first pass over libyaml's events, which needs little memory, refuses what is too
 * deep, has more than one document or too many anchors (libyaml's document loader is quadratic in both depth
 * and anchors); then the document is loaded, and its tree is walked with a limit on visited nodes, so that
 * aliases cannot multiply it.
 *
 * Errors are `FILE:LINE:COL: agents[1].count: expected ..., found "four"`: lines and columns count from 1,
 * items from 0. Keys that no table has suggest the nearest one; keys given twice are refused.
 *
 * Scalars are taken as written, quoted or not, except in JSON values, where plain ones follow YAML's core
 * schema (null, true, false, numbers). `null` (or nothing) as the value of a known key means that it is not
 * given.
 */
#ifndef TR_YAML_TABLE_H
#define TR_YAML_TABLE_H

#include "lib/base/arena.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_YAML_BYTES_MAX   (1u << 20)
#define TR_YAML_DEPTH_MAX   20
#define TR_YAML_ANCHORS_MAX 100
#define TR_YAML_NODES_MAX   200000 /* visited, aliases counted each time */

typedef struct tr_texts {
    const char **items; /* items[count] is NULL; NULL where there are none */
    size_t count;
} tr_texts_t;

typedef struct tr_pair {
    const char *key;
    const char *value;
} tr_pair_t;

typedef struct tr_pairs {
    tr_pair_t *items;
    size_t count;
} tr_pairs_t;

typedef struct tr_text_lists {
    tr_texts_t *items;
    size_t count;
} tr_text_lists_t;

/* A list of structs of one table. */
typedef struct tr_yaml_list {
    void *items;
    size_t count;
} tr_yaml_list_t;

/* What the member of the struct is. */
typedef enum tr_yaml_kind {
    TR_YAML_TEXT,     /* const char * */
    TR_YAML_WHOLE,    /* int64_t, from min to max */
    TR_YAML_DURATION, /* int64_t milliseconds, from min to max */
    TR_YAML_WORD,     /* int, index into words */
    TR_YAML_TRUTH,    /* bool: true or false */
    TR_YAML_TEXTS,    /* tr_texts_t, from min to max items; one scalar is a list of one */
    TR_YAML_TEXT_LISTS, /* tr_text_lists_t: a list whose items are as TEXTS; from min to max, within each as well */
    TR_YAML_PAIRS, /* tr_pairs_t, a mapping from texts to scalars; with `lists` also to lists of them */
    TR_YAML_JSON, /* const char *: any mapping, as the text of a JSON object; with `check` also a text that it takes, as it is */
    TR_YAML_SECTION,  /* an embedded struct, filled by `table` */
    TR_YAML_SECTIONS, /* tr_yaml_list_t, its items filled by `table`; from min to max items */
} tr_yaml_kind_t;

struct tr_yaml_table;

typedef struct tr_yaml_field {
    const char *key;
    tr_yaml_kind_t kind;
    size_t offset;
    bool required;
    int64_t min, max;
    const char *const *words;
    /* Text, each item of texts, each key of pairs, JSON that is no mapping: may be NULL. `expected` ends "expected ...". */
    bool (*check)(const char *text, size_t len);
    const char *expected;
    const struct tr_yaml_table *table;
    bool lists; /* of pairs: a value may be a list, which is a pair of that key for each of its items */
} tr_yaml_field_t;

typedef struct tr_yaml_table {
    const tr_yaml_field_t *fields;
    size_t count;
    size_t struct_size;
    const void *initial; /* the struct's defaults; NULL = zeroed */
    size_t line_offset;  /* of an int member that gets the section's line; 0 = none */
    int (*check)(void *item, char *reason, size_t reason_size); /* of a whole section: 0, or -EINVAL with what
                                                                   was expected; may be NULL */
    size_t bytes_max,
        nodes_max; /* of a document that is read by it; 0 = TR_YAML_BYTES_MAX, TR_YAML_NODES_MAX */
} tr_yaml_table_t;

/* Fills `target` (of table->struct_size bytes) from `len` bytes; what it points to is in the arena.
 * `file` is for errors only. 0, -EINVAL (with the place), -E2BIG, -ENOMEM. After a failure `target` is
 * not to be used. */
int tr_yaml_table_read(const tr_yaml_table_t *table, const char *bytes, size_t len, const char *file,
    tr_arena_t *arena, void *target, tr_error_t *error);

/* Calls `each` with the path of every key that the table knows ("agents[].restart.backoff"); for checks of
 * published schemas. */
void tr_yaml_table_keys(
    const tr_yaml_table_t *table, void (*each)(void *context, const char *path), void *context);

#endif
