/*
 * Whether a schema is one, and has nothing that cannot be checked: said when it is handed over, as a keyword that is passed over would let everything through, and
 * a pattern that nobody can read would fail each value.
 *
 * Each schema within it is looked at once, also one that only a $ref leads to; those of a circle of references, too.
 */
#include "lib/llm/schema_private.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const json_t *root;
    json_t *followed; /* the texts of the $refs that were */
    tr_error_t *note, *error;
    unsigned steps, depth;
    bool noted;
    char path[256]; /* "properties.when.pattern" */
    size_t path_len;
} verify_t;

static const char *const expected[TR_LLM_SHAPES] = {
    [TR_LLM_SHAPE_LIST] = "a list",
    [TR_LLM_SHAPE_TRUTH] = "true or false",
    [TR_LLM_SHAPE_NUMBER] = "a number",
    [TR_LLM_SHAPE_LIMIT] = "a number",
    [TR_LLM_SHAPE_COUNT] = "a number of 0 or more",
    [TR_LLM_SHAPE_TYPE] =
        "one of the types object, array, string, number, integer, boolean, null, or a list of them",
    [TR_LLM_SHAPE_NAMES] = "a list of texts",
    [TR_LLM_SHAPE_PATTERN] = "a pattern",
    [TR_LLM_SHAPE_FORMAT] = "a text",
    [TR_LLM_SHAPE_SCHEMA] = "a schema",
    [TR_LLM_SHAPE_SCHEMAS] = "a list of schemas",
    [TR_LLM_SHAPE_ITEMS] = "a schema, or a list of them",
    [TR_LLM_SHAPE_MEMBERS] = "names, and a schema of each",
    [TR_LLM_SHAPE_PATTERNS] = "patterns, and a schema of each",
    [TR_LLM_SHAPE_MEMBERS_NAMES] = "names, and a list of texts of each",
    [TR_LLM_SHAPE_MEMBERS_EITHER] = "names, and a schema or a list of texts of each",
};

/* Those that others look at. */
static const tr_llm_keyword_t helpers[] = {
    {"then", NULL, TR_LLM_SHAPE_SCHEMA},
    {"else", NULL, TR_LLM_SHAPE_SCHEMA},
    {"minContains", NULL, TR_LLM_SHAPE_COUNT},
    {"maxContains", NULL, TR_LLM_SHAPE_COUNT},
    {"$defs", NULL, TR_LLM_SHAPE_MEMBERS},
    {"definitions", NULL, TR_LLM_SHAPE_MEMBERS},
    {0},
};

static int verify_schema(verify_t *self, const json_t *schema);

static int wrong(verify_t *self, const char *what) {
    return tr_error_set(self->error, -ENOTSUP, "%s: %s", *self->path ? self->path : "the schema", what);
}

static int wrong_shape(verify_t *self, tr_llm_shape_t shape) {
    char what[160];
    snprintf(what, sizeof what, "expected %s", expected[shape]);
    return wrong(self, what);
}

/* ---- the place ---- */

static size_t go_to(verify_t *self, const char *name, size_t index) {
    size_t len = self->path_len, room = sizeof self->path - len;
    int n = name ? snprintf(self->path + len, room, "%s%s", len ? "." : "", name)
                 : snprintf(self->path + len, room, "[%zu]", index);
    self->path_len = n < 0 ? len : (size_t)n < room ? len + (size_t)n : sizeof self->path - 1;
    return len;
}

static void go_back(verify_t *self, size_t len) {
    self->path_len = len;
    self->path[len] = '\0';
}

/* ---- texts ---- */

static bool is_type(const json_t *word) {
    static const char *const types[] = {
        "object", "array", "string", "number", "integer", "boolean", "null", NULL};
    const char *text = json_string_value(word);
    for (size_t i = 0; text && types[i]; i++)
        if (strcmp(types[i], text) == 0)
            return true;
    return false;
}

static bool are_types(const json_t *word) {
    size_t i;
    json_t *one;
    json_array_foreach(word, i, one) if (!is_type(one)) return false;
    return json_array_size(word) > 0 || is_type(word);
}

static bool are_names(const json_t *word) {
    size_t i;
    json_t *one;
    json_array_foreach(word, i, one) if (!json_is_string(one)) return false;
    return json_is_array(word);
}

static int verify_pattern(verify_t *self, const char *pattern) {
    tr_error_t why = {0};
    int rc = pattern ? tr_llm_pattern_verify(pattern, &why) : wrong_shape(self, TR_LLM_SHAPE_PATTERN);
    return rc < 0 && pattern ? wrong(self, why.text) : rc;
}

static int verify_format(verify_t *self, const json_t *word) {
    const char *name = json_string_value(word);
    if (!name)
        return wrong_shape(self, TR_LLM_SHAPE_FORMAT);
    if (self->note && !self->noted && !tr_llm_schema_knows_format(name)) {
        tr_error_set(self->note, -ENOTSUP, "%s: %.60s is no format that is checked", self->path, name);
        self->noted = true;
    }
    return 0;
}

/* ---- schemas in schemas ---- */

static int verify_list(verify_t *self, const json_t *word) {
    int rc = json_is_array(word) ? 0 : wrong_shape(self, TR_LLM_SHAPE_SCHEMAS);
    for (size_t i = 0; rc == 0 && i < json_array_size(word); i++) {
        size_t len = go_to(self, NULL, i);
        rc = verify_schema(self, json_array_get(word, i));
        go_back(self, len);
    }
    return rc;
}

static int verify_member(verify_t *self, tr_llm_shape_t shape, const char *name, const json_t *of) {
    bool names =
        shape == TR_LLM_SHAPE_MEMBERS_NAMES || (shape == TR_LLM_SHAPE_MEMBERS_EITHER && json_is_array(of));
    int rc = shape == TR_LLM_SHAPE_PATTERNS ? verify_pattern(self, name) : 0;
    if (rc < 0)
        return rc;
    if (names)
        return are_names(of) ? 0 : wrong_shape(self, TR_LLM_SHAPE_NAMES);
    return verify_schema(self, of);
}

static int verify_members(verify_t *self, tr_llm_shape_t shape, const json_t *word) {
    const char *name;
    json_t *of;
    if (!json_is_object(word))
        return wrong_shape(self, shape);
    json_object_foreach((json_t *)(uintptr_t)word, name, of) {
        size_t len = go_to(self, name, 0);
        int rc = verify_member(self, shape, name, of);
        go_back(self, len);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- keywords ---- */

static bool is_well(tr_llm_shape_t shape, const json_t *word) {
    switch (shape) {
    case TR_LLM_SHAPE_LIST: return json_is_array(word);
    case TR_LLM_SHAPE_TRUTH: return json_is_boolean(word);
    case TR_LLM_SHAPE_NUMBER: return json_is_number(word);
    case TR_LLM_SHAPE_LIMIT: return json_is_number(word) || json_is_boolean(word);
    case TR_LLM_SHAPE_COUNT: return json_is_number(word) && json_number_value(word) >= 0;
    case TR_LLM_SHAPE_TYPE: return are_types(word);
    case TR_LLM_SHAPE_NAMES: return are_names(word);
    default: return true;
    }
}

static int verify_word(verify_t *self, tr_llm_shape_t shape, const json_t *word) {
    switch (shape) {
    case TR_LLM_SHAPE_PATTERN: return verify_pattern(self, json_string_value(word));
    case TR_LLM_SHAPE_FORMAT: return verify_format(self, word);
    case TR_LLM_SHAPE_SCHEMA: return verify_schema(self, word);
    case TR_LLM_SHAPE_ITEMS: return json_is_array(word) ? verify_list(self, word) : verify_schema(self, word);
    case TR_LLM_SHAPE_SCHEMAS: return verify_list(self, word);
    case TR_LLM_SHAPE_MEMBERS:
    case TR_LLM_SHAPE_PATTERNS:
    case TR_LLM_SHAPE_MEMBERS_NAMES:
    case TR_LLM_SHAPE_MEMBERS_EITHER: return verify_members(self, shape, word);
    default: return is_well(shape, word) ? 0 : wrong_shape(self, shape);
    }
}

static const tr_llm_keyword_t *find_keyword(const char *name) {
    const tr_llm_keyword_t *const tables[] = {tr_llm_value_keywords, tr_llm_nested_keywords, helpers};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const tr_llm_keyword_t *k = tables[i]; k->name; k++)
            if (name[0] == k->name[0] && strcmp(name, k->name) == 0)
                return k;
    return NULL;
}

static int verify_reference(verify_t *self, const json_t *reference) {
    const char *text = json_string_value(reference);
    const json_t *schema = tr_llm_schema_reference(self->root, reference);
    char what[200];
    if (!schema) {
        snprintf(what, sizeof what,
            "\"%.80s\" leads nowhere: expected a pointer within the schema, such as \"#/$defs/step\"",
            text ? text : "");
        return wrong(self, what);
    }
    if (json_object_get(self->followed, text))
        return 0;
    if (json_object_set_new(self->followed, text, json_true()) < 0)
        return tr_error_set(self->error, -ENOMEM, "out of memory");
    return verify_schema(self, schema);
}

static int verify_keyword(verify_t *self, const char *name, const json_t *word) {
    const tr_llm_keyword_t *keyword = find_keyword(name);
    if (keyword)
        return verify_word(self, keyword->shape, word);
    if (strcmp(name, "$ref") == 0)
        return verify_reference(self, word);
    return strcmp(name, "$dynamicRef") == 0 || strcmp(name, "$recursiveRef") == 0
               ? wrong(self, "it cannot be checked")
               : 0; /* an annotation */
}

static int verify_object(verify_t *self, const json_t *schema) {
    const char *name;
    json_t *word;
    json_object_foreach((json_t *)(uintptr_t)schema, name, word) {
        size_t len = go_to(self, name, 0);
        int rc = verify_keyword(self, name, word);
        go_back(self, len);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int verify_schema(verify_t *self, const json_t *schema) {
    if (++self->steps > TR_LLM_SCHEMA_STEPS || self->depth >= TR_LLM_SCHEMA_DEPTH)
        return tr_error_set(self->error, -E2BIG, "%s: the schema nests deeper than %u, or has too much in it",
            self->path, TR_LLM_SCHEMA_DEPTH);
    if (json_is_boolean(schema))
        return 0;
    if (!json_is_object(schema))
        return wrong_shape(self, TR_LLM_SHAPE_SCHEMA);
    self->depth++;
    int rc = verify_object(self, schema);
    self->depth--;
    return rc;
}

int tr_llm_schema_verify(const json_t *schema, tr_error_t *note, tr_error_t *error) {
    verify_t self = {.root = schema, .note = note, .error = error, .followed = json_object()};
    int rc = self.followed ? verify_schema(&self, schema) : tr_error_set(error, -ENOMEM, "out of memory");
    json_decref(self.followed);
    return rc;
}
