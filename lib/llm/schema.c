#include "lib/llm/schema_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
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

static int digit_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* The next character of a pointer in a URI's fragment: "%20" is one. */
static char pointer_char(const char **at) {
    const char *c = *at;
    int high = c[0] == '%' ? digit_of(c[1]) : -1, low = high >= 0 ? digit_of(c[2]) : -1;
    *at += low >= 0 ? 3 : 1;
    return low >= 0 ? (char)(high * 16 + low) : *c;
}

/* The next part of a JSON pointer (RFC 6901) without its escapes, into out. */
static const char *pointer_part(const char *at, char *out, size_t size) {
    size_t n = 0;
    while (*at && *at != '/' && n + 1 < size) {
        bool escaped = at[0] == '~' && (at[1] == '0' || at[1] == '1');
        if (escaped)
            out[n++] = at[1] == '0' ? '~' : '/', at += 2;
        else
            out[n++] = pointer_char(&at);
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

const json_t *tr_llm_schema_reference(const json_t *root, const json_t *reference) {
    const char *text = json_string_value(reference);
    const json_t *found = text && text[0] == '#' ? find_reference(root, text + 1) : NULL;
    return json_is_object(found) || json_is_boolean(found) ? found : NULL;
}

static int walk_reference(tr_llm_schema_walk_t *self, const json_t *reference, const json_t *value) {
    const char *text = json_string_value(reference);
    const json_t *schema = tr_llm_schema_reference(self->root, reference);
    if (!schema)
        return tr_error_set(self->error, -ENOTSUP,
            "the schema's $ref \"%.100s\" leads nowhere: expected a pointer within the schema, such as "
            "\"#/$defs/step\"",
            text ? text : "");
    return tr_llm_schema_walk(self, schema, value);
}

/* ---- the walk ---- */

/* Which of the keywords it has: a schema has few members, and there are many keywords. */
static uint32_t words_of(const tr_llm_keyword_t *keywords, const json_t *schema) {
    uint32_t words = 0;
    const char *name;
    json_t *word;
    json_object_foreach((json_t *)(uintptr_t)schema, name,
        word) for (size_t i = 0; keywords[i].name;
                   i++) if (name[0] == keywords[i].name[0] && strcmp(name, keywords[i].name) == 0) words |=
        UINT32_C(1) << i;
    return words;
}

/* In the order of the keywords, which is the order of what is told first. */
static int apply(
    tr_llm_schema_walk_t *self, const tr_llm_keyword_t *keywords, const json_t *schema, const json_t *value) {
    uint32_t words = words_of(keywords, schema);
    int r = 0;
    for (const tr_llm_keyword_t *k = keywords; r == 0 && words; k++, words >>= 1)
        if (words & 1)
            r = k->check(self, json_object_get(schema, k->name), schema, value);
    return r;
}

static int walk_object(tr_llm_schema_walk_t *self, const json_t *schema, const json_t *value) {
    const json_t *reference = json_object_get(schema, "$ref");
    int r = reference ? walk_reference(self, reference, value) : 0;
    if (r == 0)
        r = apply(self, tr_llm_value_keywords, schema, value);
    return r < 0 ? r : apply(self, tr_llm_nested_keywords, schema, value);
}

static int too_much(tr_llm_schema_walk_t *self) {
    return tr_error_set(self->error, -E2BIG,
        "the schema asks for too much: it nests deeper than %u, or for %u looks", TR_LLM_SCHEMA_DEPTH,
        TR_LLM_SCHEMA_STEPS);
}

int tr_llm_schema_charge(tr_llm_schema_walk_t *self, size_t steps) {
    size_t left = TR_LLM_SCHEMA_STEPS - self->steps;
    self->steps += (unsigned)(steps < left ? steps : left);
    return steps <= left ? 0 : too_much(self);
}

int tr_llm_schema_enter(tr_llm_schema_walk_t *self) {
    if (self->depth >= TR_LLM_SCHEMA_DEPTH)
        return too_much(self);
    int rc = tr_llm_schema_charge(self, 1);
    self->depth += rc == 0;
    return rc;
}

int tr_llm_schema_walk(tr_llm_schema_walk_t *self, const json_t *schema, const json_t *value) {
    if (json_is_false(schema))
        return tr_llm_schema_wrong(self, "the schema allows nothing here");
    int r = tr_llm_schema_enter(self);
    if (r < 0)
        return r;
    r = json_is_object(schema) ? walk_object(self, schema, value) : 0;
    self->depth--;
    return r;
}

int tr_llm_schema_check(const json_t *schema, const json_t *value, tr_error_t *error) {
    tr_llm_schema_walk_t walk = {.root = schema, .error = error, .path = "$", .path_len = 1};
    int r = tr_llm_schema_walk(&walk, schema, value);
    tr_llm_patterns_finish(&walk.patterns);
    return r;
}
