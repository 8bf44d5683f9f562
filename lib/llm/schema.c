#include "lib/llm/schema_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tr_llm_schema_wrong(tr_llm_schema_walk_t *self, const char *format, ...) {
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return tr_error_set(self->error, -EINVAL, "%s: %s", self->path, text);
}

int tr_llm_schema_matches(tr_llm_schema_walk_t *self, const json_t *schema, const json_t *value) {
    tr_error_t *error = self->error, unsaid;
    self->error = &unsaid;
    int r = tr_llm_schema_walk(self, schema, value);
    self->error = error;
    if (r == 0)
        return 1;
    return r == -EINVAL ? 0 : tr_error_set(error, r, "%s", unsaid.text);
}

int tr_llm_schema_walk_member(
    tr_llm_schema_walk_t *self, const json_t *schema, const json_t *value, const char *key, size_t index) {
    size_t len = self->path_len, room = sizeof self->path - len;
    int n =
        key ? snprintf(self->path + len, room, ".%s", key) : snprintf(self->path + len, room, "[%zu]", index);
    self->path_len = n < 0 ? len : (size_t)n < room ? len + (size_t)n : sizeof self->path - 1;
    int r = tr_llm_schema_walk(self, schema, value);
    self->path_len = len;
    self->path[len] = '\0';
    return r;
}

/* ---- references ---- */

/* The next part of a JSON pointer (RFC 6901) without its escapes, into out. */
static const char *pointer_part(const char *at, char *out, size_t size) {
    size_t n = 0;
    for (; *at && *at != '/' && n + 1 < size; at++) {
        bool escaped = at[0] == '~' && (at[1] == '0' || at[1] == '1');
        out[n++] = escaped ? (at[1] == '0' ? '~' : '/') : *at;
        at += escaped;
    }
    out[n] = '\0';
    return at;
}

static const json_t *find_reference(const json_t *root, const char *pointer) {
    const json_t *at = root;
    char part[256];
    while (at && *pointer == '/') {
        pointer = pointer_part(pointer + 1, part, sizeof part);
        at = json_is_array(at) ? json_array_get(at, strtoul(part, NULL, 10)) : json_object_get(at, part);
    }
    return *pointer ? NULL : at;
}

static int walk_reference(tr_llm_schema_walk_t *self, const json_t *reference, const json_t *value) {
    const char *text = json_string_value(reference);
    const json_t *schema = text && text[0] == '#' ? find_reference(self->root, text + 1) : NULL;
    if (!schema)
        return tr_error_set(self->error, -ENOTSUP,
            "the schema's $ref \"%.100s\" leads nowhere: expected a pointer within the schema, such as "
            "\"#/$defs/step\"",
            text ? text : "");
    return tr_llm_schema_walk(self, schema, value);
}

/* ---- the walk ---- */

static int apply(
    tr_llm_schema_walk_t *self, const tr_llm_keyword_t *keywords, const json_t *schema, const json_t *value) {
    for (const tr_llm_keyword_t *k = keywords; k->name; k++) {
        const json_t *word = json_object_get(schema, k->name);
        int r = word ? k->check(self, word, schema, value) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int walk_object(tr_llm_schema_walk_t *self, const json_t *schema, const json_t *value) {
    const json_t *reference = json_object_get(schema, "$ref");
    int r = reference ? walk_reference(self, reference, value) : 0;
    if (r == 0)
        r = apply(self, tr_llm_value_keywords, schema, value);
    return r < 0 ? r : apply(self, tr_llm_nested_keywords, schema, value);
}

int tr_llm_schema_walk(tr_llm_schema_walk_t *self, const json_t *schema, const json_t *value) {
    if (++self->steps > TR_LLM_SCHEMA_STEPS || self->depth >= TR_LLM_SCHEMA_DEPTH)
        return tr_error_set(self->error, -E2BIG,
            "the schema asks for too much: it nests deeper than %u, or for %u looks", TR_LLM_SCHEMA_DEPTH,
            TR_LLM_SCHEMA_STEPS);
    if (json_is_false(schema))
        return tr_llm_schema_wrong(self, "the schema allows nothing here");
    if (!json_is_object(schema))
        return 0;
    self->depth++;
    int r = walk_object(self, schema, value);
    self->depth--;
    return r;
}

int tr_llm_schema_check(const json_t *schema, const json_t *value, tr_error_t *error) {
    tr_llm_schema_walk_t walk = {.root = schema, .error = error, .path = "$", .path_len = 1};
    return tr_llm_schema_walk(&walk, schema, value);
}
