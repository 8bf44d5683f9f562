/*
 * unevaluatedProperties and unevaluatedItems: what holds for the members that no other keyword has looked at, neither of the schema nor of those that apply to
 * the same value because of it ($ref, allOf, the ones of anyOf that hold ...). Nothing is noted down while these are looked at, as hardly a schema has these
 * keywords: for each member they are gone through once more.
 */
#include "lib/llm/schema_private.h"

#include <stdint.h>
#include <string.h>

/* Of which member it is asked. */
typedef struct {
    const json_t *value; /* the whole */
    const char *name;    /* of its member; NULL = the index */
    size_t index;
} member_t;

static int sees(tr_llm_schema_walk_t *self, const json_t *schema, const member_t *member, bool is_top);

/* ---- the schema's own keywords ---- */

static int sees_name(tr_llm_schema_walk_t *self, const json_t *schema, const member_t *member, bool is_top) {
    const char *pattern;
    json_t *of;
    if (json_object_get(json_object_get(schema, "properties"), member->name) ||
        json_object_get(schema, "additionalProperties") ||
        (!is_top && json_object_get(schema, "unevaluatedProperties")))
        return 1;
    json_object_foreach(json_object_get(schema, "patternProperties"), pattern, of) {
        int r = tr_llm_pattern_matches(self, pattern, member->name, strlen(member->name));
        if (r != 0)
            return r;
    }
    return 0;
}

static int sees_index(tr_llm_schema_walk_t *self, const json_t *schema, const member_t *member, bool is_top) {
    const json_t *items = json_object_get(schema, "items"), *contains = json_object_get(schema, "contains");
    if (member->index < json_array_size(json_object_get(schema, "prefixItems")) ||
        (!is_top && json_object_get(schema, "unevaluatedItems")))
        return 1;
    if (items && (!json_is_array(items) || member->index < json_array_size(items) ||
                     json_object_get(schema, "additionalItems")))
        return 1;
    return contains ? tr_llm_schema_matches(self, contains, json_array_get(member->value, member->index)) : 0;
}

/* ---- the others ---- */

/* Those of a list; `holding` = only where the value is by them. */
static int any_sees(tr_llm_schema_walk_t *self, const json_t *schemas, const member_t *member, bool holding) {
    for (size_t i = 0; i < json_array_size(schemas); i++) {
        const json_t *one = json_array_get(schemas, i);
        int r = holding ? tr_llm_schema_matches(self, one, member->value) : 1;
        if (r > 0)
            r = sees(self, one, member, false);
        if (r != 0)
            return r;
    }
    return 0;
}

static int condition_sees(tr_llm_schema_walk_t *self, const json_t *schema, const member_t *member) {
    const json_t *condition = json_object_get(schema, "if");
    int holds = condition ? tr_llm_schema_matches(self, condition, member->value) : 0;
    if (!condition || holds < 0)
        return holds;
    int r = holds ? sees(self, condition, member, false) : 0;
    return r != 0 ? r : sees(self, json_object_get(schema, holds ? "then" : "else"), member, false);
}

static int dependent_sees(
    tr_llm_schema_walk_t *self, const json_t *schema, const char *keyword, const member_t *member) {
    const char *name;
    json_t *of;
    json_object_foreach(json_object_get(schema, keyword), name, of) {
        int r = json_object_get(member->value, name) ? sees(self, of, member, false) : 0;
        if (r != 0)
            return r;
    }
    return 0;
}

static int others_see(tr_llm_schema_walk_t *self, const json_t *schema, const member_t *member) {
    const json_t *reference = json_object_get(schema, "$ref");
    int r = reference ? sees(self, tr_llm_schema_reference(self->root, reference), member, false) : 0;
    if (r == 0)
        r = any_sees(self, json_object_get(schema, "allOf"), member, false);
    if (r == 0)
        r = any_sees(self, json_object_get(schema, "anyOf"), member, true);
    if (r == 0)
        r = any_sees(self, json_object_get(schema, "oneOf"), member, true);
    if (r == 0)
        r = condition_sees(self, schema, member);
    if (r == 0)
        r = dependent_sees(self, schema, "dependentSchemas", member);
    return r == 0 ? dependent_sees(self, schema, "dependencies", member) : r;
}

/* 1, 0, or negative. */
static int sees(tr_llm_schema_walk_t *self, const json_t *schema, const member_t *member, bool is_top) {
    if (!json_is_object(schema))
        return 0;
    int r = tr_llm_schema_enter(self);
    if (r < 0)
        return r;
    r = member->name ? sees_name(self, schema, member, is_top) : sees_index(self, schema, member, is_top);
    if (r == 0)
        r = others_see(self, schema, member);
    self->depth--;
    return r;
}

/* ---- the keywords ---- */

static int check_member(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const member_t *member) {
    int r = sees(self, schema, member, true);
    if (r != 0)
        return r < 0 ? r : 0;
    if (json_is_false(word) && member->name)
        return tr_llm_schema_wrong(
            self, "there is a member \"%.100s\", which the schema does not have", member->name);
    const json_t *one = member->name ? json_object_get(member->value, member->name)
                                     : json_array_get(member->value, member->index);
    return tr_llm_schema_walk_member(self, word, one, member->name, member->index);
}

int tr_llm_schema_check_unevaluated_properties(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    const char *name;
    json_t *one;
    json_object_foreach((json_t *)(uintptr_t)value, name, one) {
        int r = check_member(self, word, schema, &(member_t){.value = value, .name = name});
        if (r < 0)
            return r;
    }
    return 0;
}

int tr_llm_schema_check_unevaluated_items(
    tr_llm_schema_walk_t *self, const json_t *word, const json_t *schema, const json_t *value) {
    for (size_t i = 0; i < json_array_size(value); i++) {
        int r = check_member(self, word, schema, &(member_t){.value = value, .index = i});
        if (r < 0)
            return r;
    }
    return 0;
}
