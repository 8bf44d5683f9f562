/* The keywords with schemas in them: of a value's members, and combinations. */
#include "lib/llm/schema_private.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* ---- objects ---- */

static int check_required(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    size_t i;
    json_t *name;
    (void)schema;
    if (!json_is_object(value))
        return 0;
    json_array_foreach(
        word, i, name) if (json_is_string(name) &&
                           !json_object_get(value, json_string_value(name))) return tr_llm_schema_wrong(self,
        "the member \"%.100s\" is missing", json_string_value(name));
    return 0;
}

static int check_properties(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    const char *name;
    json_t *member;
    (void)schema;
    json_object_foreach((json_t *)(uintptr_t)value, name, member) {
        const json_t *of = json_object_get(word, name);
        int r = of ? tr_llm_schema_walk_member(self, of, member, name, 0) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* Whether the pattern of the name of a member is one of patternProperties. */
static int has_pattern(tr_llm_schema_walk_t *self, const json_t *patterns, const char *name) {
    const char *pattern;
    json_t *of;
    json_object_foreach((json_t *)(uintptr_t)patterns, pattern, of) {
        int r = tr_llm_pattern_matches(self, pattern, name, strlen(name));
        if (r != 0)
            return r;
    }
    return 0;
}

static int check_member_by_patterns(
    tr_llm_schema_walk_t *self, const json_t *patterns, const char *name, const json_t *member) {
    const char *pattern;
    json_t *of;
    json_object_foreach((json_t *)(uintptr_t)patterns, pattern, of) {
        int r = tr_llm_pattern_matches(self, pattern, name, strlen(name));
        if (r > 0)
            r = tr_llm_schema_walk_member(self, of, member, name, 0);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_patterns(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    const char *name;
    json_t *member;
    (void)schema;
    json_object_foreach((json_t *)(uintptr_t)value, name, member) {
        int r = check_member_by_patterns(self, word, name, member);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_additional(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    const json_t *known = json_object_get(schema, "properties");
    const json_t *patterns = json_object_get(schema, "patternProperties");
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, name, member) {
        int r = json_object_get(known, name) ? 1 : has_pattern(self, patterns, name);
        if (r < 0)
            return r;
        if (r > 0)
            continue;
        if (json_is_false(word))
            return tr_llm_schema_wrong(
                self, "there is a member \"%.100s\", which the schema does not have", name);
        r = tr_llm_schema_walk_member(self, word, member, name, 0);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_names(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    const char *name;
    json_t *member;
    (void)schema;
    json_object_foreach((json_t *)(uintptr_t)value, name, member) {
        json_t *text = json_string(name);
        int r =
            text ? tr_llm_schema_walk(self, word, text) : tr_error_set(self->error, -ENOMEM, "out of memory");
        json_decref(text);
        if (r == -EINVAL)
            tr_error_prefix(self->error, "the name of the member \"%.100s\"", name);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What a member asks for by being there: other members, or a schema for all of the value. */
static int check_dependent(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    const char *name;
    json_t *asked;
    json_object_foreach((json_t *)(uintptr_t)word, name, asked) {
        if (!json_object_get(value, name))
            continue;
        int r = json_is_array(asked) ? check_required(self, asked, schema, value)
                                     : tr_llm_schema_walk(self, asked, value);
        if (r == -EINVAL)
            tr_error_prefix(self->error, "with the member \"%.100s\"", name);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- arrays ---- */

static int check_prefix(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    (void)schema;
    for (size_t i = 0; i < json_array_size(word) && i < json_array_size(value); i++) {
        int r = tr_llm_schema_walk_member(self, json_array_get(word, i), json_array_get(value, i), NULL, i);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The items from one on. */
static int check_rest(tr_llm_schema_walk_t *self, const json_t *word, const json_t *value, size_t from) {
    for (size_t i = from; i < json_array_size(value); i++) {
        int r = tr_llm_schema_walk_member(self, word, json_array_get(value, i), NULL, i);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_items(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    if (json_is_array(word)) /* as drafts up to 7 had it */
        return check_prefix(self, word, schema, value);
    return check_rest(self, word, value, json_array_size(json_object_get(schema, "prefixItems")));
}

/* Of drafts up to 7: where `items` is a list. */
static int check_additional_items(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    const json_t *items = json_object_get(schema, "items");
    return json_is_array(items) ? check_rest(self, word, value, json_array_size(items)) : 0;
}

static int check_contains(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    const json_t *fewest = json_object_get(schema, "minContains"),
                 *most = json_object_get(schema, "maxContains");
    double min = json_is_number(fewest) ? json_number_value(fewest) : 1;
    size_t n = 0;
    if (!json_is_array(value))
        return 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        int r = tr_llm_schema_matches(self, word, json_array_get(value, i));
        if (r < 0)
            return r;
        n += (size_t)r;
    }
    if ((double)n < min)
        return fewest ? tr_llm_schema_wrong(self,
                            "expected %g items at least that are as \"contains\" asks, found %zu", min, n)
                      : tr_llm_schema_wrong(self, "no item is as the schema's \"contains\" asks");
    if (json_is_number(most) && (double)n > json_number_value(most))
        return tr_llm_schema_wrong(self, "expected %g items at most that are as \"contains\" asks, found %zu",
            json_number_value(most), n);
    return 0;
}

/* ---- combinations ---- */

static int check_all(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    (void)schema;
    for (size_t i = 0; i < json_array_size(word); i++) {
        int r = tr_llm_schema_walk(self, json_array_get(word, i), value);
        if (r < 0)
            return r;
    }
    return 0;
}

/* How many match, or a negative error. */
static int count_matches(tr_llm_schema_walk_t *self, const json_t *schemas, const json_t *value) {
    int n = 0;
    for (size_t i = 0; i < json_array_size(schemas); i++) {
        int r = tr_llm_schema_matches(self, json_array_get(schemas, i), value);
        if (r < 0)
            return r;
        n += r;
    }
    return n;
}

static int check_any(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    (void)schema;
    int n = count_matches(self, word, value);
    if (n != 0)
        return n < 0 ? n : 0;
    if (json_array_size(word) == 1) /* what is wrong with the only one is what is wrong */
        return tr_llm_schema_walk(self, json_array_get(word, 0), value);
    return tr_llm_schema_wrong(self, "it is none of the %zu alternatives of anyOf", json_array_size(word));
}

static int check_one(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    (void)schema;
    int n = count_matches(self, word, value);
    if (n == 1 || n < 0)
        return n < 0 ? n : 0;
    return tr_llm_schema_wrong(
        self, "expected exactly one of the %zu alternatives of oneOf, it is %d", json_array_size(word), n);
}

static int check_not(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    (void)schema;
    int r = tr_llm_schema_matches(self, word, value);
    return r == 1 ? tr_llm_schema_wrong(self, "it is what \"not\" forbids") : r;
}

static int check_if(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    int r = tr_llm_schema_matches(self, word, value);
    if (r < 0)
        return r;
    const json_t *then = json_object_get(schema, r ? "then" : "else");
    return then ? tr_llm_schema_walk(self, then, value) : 0;
}

/* What is not looked at elsewhere comes last. */
const tr_llm_keyword_t tr_llm_nested_keywords[] = {
    {"required", check_required, TR_LLM_SHAPE_NAMES},
    {"properties", check_properties, TR_LLM_SHAPE_MEMBERS},
    {"patternProperties", check_patterns, TR_LLM_SHAPE_PATTERNS},
    {"additionalProperties", check_additional, TR_LLM_SHAPE_SCHEMA},
    {"propertyNames", check_names, TR_LLM_SHAPE_SCHEMA},
    {"dependentRequired", check_dependent, TR_LLM_SHAPE_MEMBERS_NAMES},
    {"dependentSchemas", check_dependent, TR_LLM_SHAPE_MEMBERS},
    {"dependencies", check_dependent, TR_LLM_SHAPE_MEMBERS_EITHER},
    {"prefixItems", check_prefix, TR_LLM_SHAPE_SCHEMAS},
    {"items", check_items, TR_LLM_SHAPE_ITEMS},
    {"additionalItems", check_additional_items, TR_LLM_SHAPE_SCHEMA},
    {"contains", check_contains, TR_LLM_SHAPE_SCHEMA},
    {"allOf", check_all, TR_LLM_SHAPE_SCHEMAS},
    {"anyOf", check_any, TR_LLM_SHAPE_SCHEMAS},
    {"oneOf", check_one, TR_LLM_SHAPE_SCHEMAS},
    {"not", check_not, TR_LLM_SHAPE_SCHEMA},
    {"if", check_if, TR_LLM_SHAPE_SCHEMA},
    {"unevaluatedProperties", tr_llm_schema_check_unevaluated_properties, TR_LLM_SHAPE_SCHEMA},
    {"unevaluatedItems", tr_llm_schema_check_unevaluated_items, TR_LLM_SHAPE_SCHEMA},
    {0},
};
