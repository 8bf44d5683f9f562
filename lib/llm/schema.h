/*
 * JSON Schema: whether what a model wrote is what it was asked for, and what is wrong with it, in words that the model can mend
 * it by.
 *
 * Source: JSON Schema draft 2020-12 (core and validation), and of drafts 4 and 7 what those who write schemas still use: `items` that is a list with
 * additionalItems, definitions, dependencies, exclusiveMinimum and exclusiveMaximum that are truths. All keywords that say something of a value are
 * checked, unevaluatedProperties and unevaluatedItems among them, but these, with which a schema is refused (tr_llm_schema_verify): $dynamicRef, $recursiveRef,
 * and a $ref that is no JSON pointer into the same document ("#/$defs/step").
 *
 * `pattern` and patternProperties are regular expressions as PCRE2 reads them in the way of ECMA-262. Of `format` those are checked that
 * schema_format.c lists; any other is an annotation, as the specification has it.
 *
 * The work is bounded: a schema that asks for more than TR_LLM_SCHEMA_STEPS looks, or nests deeper than TR_LLM_SCHEMA_DEPTH,
 * is refused; so is a pattern that takes too long, with a text as long as it is. Pure functions.
 */
#ifndef TR_LLM_SCHEMA_H
#define TR_LLM_SCHEMA_H

#include "lib/base/error.h"

#include <jansson.h>

#define TR_LLM_SCHEMA_STEPS 1000000u
#define TR_LLM_SCHEMA_DEPTH 64u

/* 0; -EINVAL: it does not match, the text says where and why ("$.steps[2].name: expected a string, found 7"); -E2BIG: more
 * work than is allowed; -ENOTSUP: the schema has what cannot be checked. */
int tr_llm_schema_check(const json_t *schema, const json_t *value, tr_error_t *error);

/* Whether values can be checked by it, before there is one: 0; -ENOTSUP, the text says where it has what cannot be checked, or what is no schema
 * ("properties.when.pattern: ..."); -E2BIG. `note` may be NULL; where all else is well it says which `format` is an annotation only, and is untouched where there
 * is none. */
int tr_llm_schema_verify(const json_t *schema, tr_error_t *note, tr_error_t *error);

#endif
