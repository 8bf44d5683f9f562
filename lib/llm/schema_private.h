/* Between the walk over a schema and its keywords. */
#ifndef TR_LLM_SCHEMA_PRIVATE_H
#define TR_LLM_SCHEMA_PRIVATE_H

#include "lib/llm/schema.h"

#include <stdbool.h>

typedef struct tr_llm_schema_walk {
    const json_t *root;
    tr_error_t *error;
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

/* `word` is the keyword's value, `schema` what it stands in. */
typedef int (*tr_llm_keyword_fn)(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value);

typedef struct tr_llm_keyword {
    const char *name;
    tr_llm_keyword_fn check;
} tr_llm_keyword_t;

/* Ended by an entry without a name. */
extern const tr_llm_keyword_t tr_llm_value_keywords[]; /* schema_value.c: of the value itself */
extern const tr_llm_keyword_t
    tr_llm_nested_keywords[]; /* schema_nested.c: of its members, and of other schemas */

#endif
