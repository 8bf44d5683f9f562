/* Between the walk over a schema and its keywords. */
#ifndef TR_LLM_SCHEMA_PRIVATE_H
#define TR_LLM_SCHEMA_PRIVATE_H

#include "lib/llm/schema.h"

#include <stdbool.h>

typedef struct tr_llm_patterns tr_llm_patterns_t;

typedef struct tr_llm_schema_walk {
    const json_t *root;
    tr_error_t *error;
    tr_llm_patterns_t *patterns; /* those that were compiled; NULL = none yet */
    unsigned steps, depth;
    char path[256]; /* of the value that is looked at: "$.a[2]" */
    size_t path_len;
} tr_llm_schema_walk_t;

/* One value against one schema. */
int tr_llm_schema_walk(tr_llm_schema_walk_t *self, const json_t *schema, const json_t *value);
/* The same of a member of the value; key NULL = the index. */
int tr_llm_schema_walk_member(
    tr_llm_schema_walk_t *self, const json_t *schema, const json_t *value, const char *key, size_t index);
/* "PATH: TEXT"; returns -EINVAL. */
int tr_llm_schema_wrong(tr_llm_schema_walk_t *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Whether a value matches, without a word about why not. Negative: an error that is none of the value's. */
int tr_llm_schema_matches(tr_llm_schema_walk_t *self, const json_t *schema, const json_t *value);
/* So much work more. -E2BIG, with its text: it is too much now. */
int tr_llm_schema_charge(tr_llm_schema_walk_t *self, size_t steps);
/* One schema more, a level deeper: depth-- when it is done. -E2BIG. */
int tr_llm_schema_enter(tr_llm_schema_walk_t *self);
/* What a $ref means. NULL: it leads nowhere, or out of the document. */
const json_t *tr_llm_schema_reference(const json_t *root, const json_t *reference);
/* A value as JSON, cut to what a message has room for. */
const char *tr_llm_schema_shown(const json_t *value, char out[64]);

/* ---- schema_pattern.c: regular expressions, as ECMA-262 has them ---- */

/* 1 or 0: whether the text has the pattern somewhere in it. -E2BIG: to find out is too much work; -ENOTSUP: it is none that can be read; -ENOMEM: each with
 * its text. The pattern's address is what it is kept by until tr_llm_patterns_finish. */
int tr_llm_pattern_matches(tr_llm_schema_walk_t *self, const char *pattern, const char *text, size_t len);
/* 0, or -ENOTSUP with a text: it cannot be read. */
int tr_llm_pattern_verify(const char *pattern, tr_error_t *error);
/* NULL-safe, nulls the reference. */
void tr_llm_patterns_finish(tr_llm_patterns_t **self);

/* ---- schema_format.c ---- */

int tr_llm_schema_check_format(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value);
/* Whether tr_llm_schema_check_format knows it. */
bool tr_llm_schema_knows_format(const char *name);

/* ---- schema_unevaluated.c ---- */

int tr_llm_schema_check_unevaluated_properties(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value);
int tr_llm_schema_check_unevaluated_items(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value);

/* ---- the keywords ---- */

/* `word` is the keyword's value, `schema` what it stands in. */
typedef int (*tr_llm_keyword_fn)(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value);

/* What a keyword's value has to be (schema_verify.c). */
typedef enum tr_llm_shape {
    TR_LLM_SHAPE_ANY,
    TR_LLM_SHAPE_LIST,
    TR_LLM_SHAPE_TRUTH,
    TR_LLM_SHAPE_NUMBER,
    TR_LLM_SHAPE_LIMIT, /* a number, or a truth as in draft 4 */
    TR_LLM_SHAPE_COUNT, /* a number of 0 or more */
    TR_LLM_SHAPE_TYPE,  /* a type, or a list of them */
    TR_LLM_SHAPE_NAMES, /* a list of texts */
    TR_LLM_SHAPE_PATTERN,
    TR_LLM_SHAPE_FORMAT,
    TR_LLM_SHAPE_SCHEMA,
    TR_LLM_SHAPE_SCHEMAS,        /* a list */
    TR_LLM_SHAPE_ITEMS,          /* a schema, or, as in draft 7, a list of them */
    TR_LLM_SHAPE_MEMBERS,        /* names, and a schema of each */
    TR_LLM_SHAPE_PATTERNS,       /* patterns, and a schema of each */
    TR_LLM_SHAPE_MEMBERS_NAMES,  /* names, and a list of texts of each */
    TR_LLM_SHAPE_MEMBERS_EITHER, /* names, and the one or the other of each, as in draft 7 */
    TR_LLM_SHAPES,
} tr_llm_shape_t;

typedef struct tr_llm_keyword {
    const char *name;
    tr_llm_keyword_fn check;
    tr_llm_shape_t shape;
} tr_llm_keyword_t;

/* Ended by an entry without a name; 32 at most. */
extern const tr_llm_keyword_t tr_llm_value_keywords[]; /* schema_value.c: of the value itself */
extern const tr_llm_keyword_t
    tr_llm_nested_keywords[]; /* schema_nested.c: of its members, and of other schemas */

#endif
