/* The keywords that a value is held against by itself: type, enum, const, numbers, lengths and counts. */
#include "lib/llm/schema_private.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- words for errors ---- */

const char *tr_llm_schema_shown(const json_t *value, char out[64]) {
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    size_t len = text ? strlen(text) : 0, n = len < 59 ? len : 59;
    while (n < len && n > 0 && (text[n] & 0xC0) == 0x80) /* not within a character */
        n--;
    memcpy(out, text ? text : "", n);
    strcpy(out + n, n < len ? "..." : "");
    free(text);
    return out;
}

/* ---- type ---- */

static bool is_whole(const json_t *value) {
    return json_is_integer(value) ||
           (json_is_real(value) && floor(json_real_value(value)) == json_real_value(value));
}

static bool is_type(const json_t *value, const char *type) {
    static const struct {
        const char *name;
        json_type types[2];
    } names[] = {
        {"object", {JSON_OBJECT, JSON_OBJECT}},
        {"array", {JSON_ARRAY, JSON_ARRAY}},
        {"string", {JSON_STRING, JSON_STRING}},
        {"number", {JSON_INTEGER, JSON_REAL}},
        {"boolean", {JSON_TRUE, JSON_FALSE}},
        {"null", {JSON_NULL, JSON_NULL}},
    };
    if (strcmp(type, "integer") == 0)
        return is_whole(value);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(type, names[i].name) == 0)
            return json_typeof(value) == names[i].types[0] || json_typeof(value) == names[i].types[1];
    return false;
}

static int check_type(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    char found[64], expected[64];
    (void)schema;
    if (json_is_string(word))
        return is_type(value, json_string_value(word))
                   ? 0
                   : tr_llm_schema_wrong(self, "expected type %s, found %s", json_string_value(word),
                         tr_llm_schema_shown(value, found));
    size_t i;
    json_t *type;
    json_array_foreach(
        word, i, type) if (json_is_string(type) && is_type(value, json_string_value(type))) return 0;
    return tr_llm_schema_wrong(self, "expected a type of %s, found %s", tr_llm_schema_shown(word, expected),
        tr_llm_schema_shown(value, found));
}

/* ---- enum, const ---- */

static bool same(const json_t *a, const json_t *b) {
    if (json_is_number(a) && json_is_number(b))
        return json_is_integer(a) && json_is_integer(b) ? json_integer_value(a) == json_integer_value(b)
                                                        : json_number_value(a) == json_number_value(b);
    return json_equal(a, b) != 0;
}

static int check_enum(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    char found[64], expected[64];
    size_t i;
    json_t *one;
    (void)schema;
    json_array_foreach(word, i, one) if (same(one, value)) return 0;
    return tr_llm_schema_wrong(self, "expected one of %s, found %s", tr_llm_schema_shown(word, expected),
        tr_llm_schema_shown(value, found));
}

static int check_const(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    char found[64], expected[64];
    (void)schema;
    return same(word, value) ? 0
                             : tr_llm_schema_wrong(self, "expected %s, found %s",
                                   tr_llm_schema_shown(word, expected), tr_llm_schema_shown(value, found));
}

static int check_unique(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    (void)schema;
    if (!json_is_true(word))
        return 0;
    for (size_t i = 0; i < json_array_size(value); i++)
        for (size_t j = 0; j < i; j++) {
            int rc = tr_llm_schema_charge(self, 1);
            if (rc < 0)
                return rc;
            if (same(json_array_get(value, i), json_array_get(value, j)))
                return tr_llm_schema_wrong(
                    self, "expected items that all differ, but %zu and %zu are the same", j, i);
        }
    return 0;
}

/* ---- numbers ---- */

#define NUMBER_CHECK(name, holds, expected)                                                                  \
    static int name(                                                                                         \
        tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {         \
        (void)schema;                                                                                        \
        if (!json_is_number(value) || !json_is_number(word))                                                 \
            return 0;                                                                                        \
        double v = json_number_value(value), limit = json_number_value(word);                                \
        return (holds) ? 0 : tr_llm_schema_wrong(self, "expected %s %g, found %g", expected, limit, v);      \
    }

/* In draft 4 the other keyword is a truth: whether the limit is not among what is allowed. */
#define IS_OUT(keyword) json_is_true(json_object_get(schema, keyword))

NUMBER_CHECK(check_minimum, IS_OUT("exclusiveMinimum") ? v > limit : v >= limit,
    IS_OUT("exclusiveMinimum") ? "more than" : "at least")
NUMBER_CHECK(check_maximum, IS_OUT("exclusiveMaximum") ? v < limit : v <= limit,
    IS_OUT("exclusiveMaximum") ? "less than" : "at most")
NUMBER_CHECK(check_above, v > limit, "more than")
NUMBER_CHECK(check_below, v < limit, "less than")
NUMBER_CHECK(check_multiple, limit <= 0 || fabs(v / limit - round(v / limit)) < 1e-9, "a multiple of")

/* ---- lengths and counts ---- */

static size_t characters(const char *text, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += (text[i] & 0xC0) != 0x80;
    return n;
}

#define SIZE_CHECK(name, kind, size, holds, expected)                                                        \
    static int name(                                                                                         \
        tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {         \
        (void)schema;                                                                                        \
        if (!json_is_##kind(value) || !json_is_number(word))                                                 \
            return 0;                                                                                        \
        double limit = json_number_value(word);                                                              \
        size_t n = (size);                                                                                   \
        return (holds) ? 0 : tr_llm_schema_wrong(self, "expected %s %g, found %zu", expected, limit, n);     \
    }

#define CHARACTERS characters(json_string_value(value), json_string_length(value))
SIZE_CHECK(check_min_length, string, CHARACTERS, (double)n >= limit, "a number of characters of at least")
SIZE_CHECK(check_max_length, string, CHARACTERS, (double)n <= limit, "a number of characters of at most")
SIZE_CHECK(
    check_min_items, array, json_array_size(value), (double)n >= limit, "a number of items of at least")
SIZE_CHECK(check_max_items, array, json_array_size(value), (double)n <= limit, "a number of items of at most")
SIZE_CHECK(
    check_min_members, object, json_object_size(value), (double)n >= limit, "a number of members of at least")
SIZE_CHECK(
    check_max_members, object, json_object_size(value), (double)n <= limit, "a number of members of at most")

/* ---- texts ---- */

static int check_pattern(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    char found[64];
    const char *pattern = json_string_value(word);
    (void)schema;
    if (!json_is_string(value) || !pattern)
        return 0;
    int r = tr_llm_pattern_matches(self, pattern, json_string_value(value), json_string_length(value));
    if (r != 0)
        return r < 0 ? r : 0;
    return tr_llm_schema_wrong(self, "expected a text with the pattern %.150s, found %s", pattern,
        tr_llm_schema_shown(value, found));
}

const tr_llm_keyword_t tr_llm_value_keywords[] = {
    {"type", check_type, TR_LLM_SHAPE_TYPE},
    {"enum", check_enum, TR_LLM_SHAPE_LIST},
    {"const", check_const, TR_LLM_SHAPE_ANY},
    {"minimum", check_minimum, TR_LLM_SHAPE_NUMBER},
    {"maximum", check_maximum, TR_LLM_SHAPE_NUMBER},
    {"exclusiveMinimum", check_above, TR_LLM_SHAPE_LIMIT},
    {"exclusiveMaximum", check_below, TR_LLM_SHAPE_LIMIT},
    {"multipleOf", check_multiple, TR_LLM_SHAPE_NUMBER},
    {"minLength", check_min_length, TR_LLM_SHAPE_COUNT},
    {"maxLength", check_max_length, TR_LLM_SHAPE_COUNT},
    {"minItems", check_min_items, TR_LLM_SHAPE_COUNT},
    {"maxItems", check_max_items, TR_LLM_SHAPE_COUNT},
    {"uniqueItems", check_unique, TR_LLM_SHAPE_TRUTH},
    {"minProperties", check_min_members, TR_LLM_SHAPE_COUNT},
    {"maxProperties", check_max_members, TR_LLM_SHAPE_COUNT},
    {"pattern", check_pattern, TR_LLM_SHAPE_PATTERN},
    {"format", tr_llm_schema_check_format, TR_LLM_SHAPE_FORMAT},
    {0},
};
