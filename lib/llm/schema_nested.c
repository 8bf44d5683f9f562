/* The keywords with schemas in them: of a value's members, and combinations. */
#include "lib/llm/schema_private.h"

#include <stdint.h>

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

static int check_additional(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    const json_t *known = json_object_get(schema, "properties");
    bool patterns =
        json_object_get(schema, "patternProperties") != NULL; /* not read: any name may be of them */
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, name, member) {
        if (patterns || json_object_get(known, name))
            continue;
        if (json_is_false(word))
            return tr_llm_schema_wrong(
                self, "there is a member \"%.100s\", which the schema does not have", name);
        int r = tr_llm_schema_walk_member(self, word, member, name, 0);
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

static int check_items(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    for (size_t i = json_array_size(json_object_get(schema, "prefixItems")); i < json_array_size(value);
         i++) {
        int r = tr_llm_schema_walk_member(self, word, json_array_get(value, i), NULL, i);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_contains(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    (void)schema;
    if (!json_is_array(value))
        return 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        int r = tr_llm_schema_matches(self, word, json_array_get(value, i));
        if (r != 0)
            return r < 0 ? r : 0;
    }
    return tr_llm_schema_wrong(self, "no item is as the schema's \"contains\" asks");
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

const tr_llm_keyword_t tr_llm_nested_keywords[] = {
    {"required", check_required},
    {"properties", check_properties},
    {"additionalProperties", check_additional},
    {"prefixItems", check_prefix},
    {"items", check_items},
    {"contains", check_contains},
    {"allOf", check_all},
    {"anyOf", check_any},
    {"oneOf", check_one},
    {"not", check_not},
    {"if", check_if},
    {NULL, NULL},
};
