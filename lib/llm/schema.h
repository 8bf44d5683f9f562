/*
 * JSON Schema: whether what a model wrote is what it was asked for, and what is wrong with it, in words that the model can mend
 * it by.
 *
 * Source: JSON Schema draft 2020-12 (core and validation). Checked are: boolean schemas, $ref within the document ("#/...",
 * so $defs and definitions), type, enum, const, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength,
 * maxLength, minItems, maxItems, uniqueItems, items, prefixItems, contains, properties, required, additionalProperties,
 * minProperties, maxProperties, anyOf, oneOf, allOf, not, if, then, else. Not checked, as if they were annotations: format,
 * pattern, patternProperties, dependent*, unevaluated*, $dynamicRef.
 *
 * The work is bounded: a schema that asks for more than TR_LLM_SCHEMA_STEPS looks, or nests deeper than TR_LLM_SCHEMA_DEPTH,
 * is refused. Pure functions.
 */
#ifndef TR_LLM_SCHEMA_H
#define TR_LLM_SCHEMA_H

#include "lib/base/error.h"

#include <jansson.h>

#define TR_LLM_SCHEMA_STEPS 1000000u
#define TR_LLM_SCHEMA_DEPTH 64u

/* 0; -EINVAL: it does not match, the text says where and why ("$.steps[2].name: expected a string, found 7"); -E2BIG: more
 * work than is allowed; -ENOTSUP: a $ref that leads nowhere or out of the document. */
int tr_llm_schema_check(const json_t *schema, const json_t *value, tr_error_t *error);

#endif
