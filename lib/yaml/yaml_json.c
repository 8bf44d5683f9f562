#include "lib/yaml/yaml_json.h"

#include "lib/yaml/yaml_table.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool one_of(const char *text, const char *const *words) {
    while (*words && strcmp(*words, text) != 0)
        words++;
    return *words;
}

bool tr_yaml_json_is_null(const char *text) {
    return one_of(text, (const char *const[]){"", "~", "null", "Null", "NULL", NULL});
}

/* [-+]? [0-9]+ */
static bool looks_whole(const char *text) {
    text += *text == '-' || *text == '+';
    size_t n = strspn(text, "0123456789");
    return n > 0 && text[n] == '\0';
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool looks_real(const char *text) {
    text += *text == '-' || *text == '+';
    size_t whole = strspn(text, "0123456789"), part = 0;
    text += whole;
    if (*text == '.') {
        part = strspn(++text, "0123456789");
        text += part;
    }
    if (whole + part == 0)
        return false;
    if (*text != 'e' && *text != 'E')
        return *text == '\0';
    return looks_whole(text + 1);
}

static json_t *wrong(tr_yaml_json_t *self, const yaml_node_t *node, const char *reason) {
    self->wrong_node = node;
    self->reason = reason;
    return NULL;
}

static json_t *number(tr_yaml_json_t *self, const yaml_node_t *node, const char *text) {
    errno = 0;
    if (looks_whole(text)) {
        long long value = strtoll(text, NULL, 10);
        return errno == ERANGE ? wrong(self, node, "this number is too large; quote it to make it a text")
                               : json_integer(value);
    }
    double value = strtod(text, NULL);
    return isfinite(value) ? json_real(value)
                           : wrong(self, node, "this number is too large; quote it to make it a text");
}

static json_t *scalar(tr_yaml_json_t *self, const yaml_node_t *node) {
    const char *text = (const char *)node->data.scalar.value;
    size_t len = node->data.scalar.length;
    if (memchr(text, '\0', len))
        return wrong(self, node, "a NUL character cannot be part of a value");
    if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        if (tr_yaml_json_is_null(text))
            return json_null();
        if (one_of(text, (const char *const[]){"true", "True", "TRUE", NULL}))
            return json_true();
        if (one_of(text, (const char *const[]){"false", "False", "FALSE", NULL}))
            return json_false();
        if (looks_whole(text) || looks_real(text))
            return number(self, node, text);
    }
    return json_stringn(text, len);
}

static json_t *value_of(tr_yaml_json_t *self, const yaml_node_t *node, size_t depth);

static json_t *list(tr_yaml_json_t *self, const yaml_node_t *node, size_t depth) {
    json_t *out = json_array();
    const yaml_node_item_t *i = node->data.sequence.items.start;
    for (; out && i < node->data.sequence.items.top; i++) {
        json_t *item = value_of(self, yaml_document_get_node(self->document, *i), depth + 1);
        if (!item || json_array_append_new(out, item) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static bool add_member(tr_yaml_json_t *self, json_t *out, const yaml_node_pair_t *pair, size_t depth) {
    const yaml_node_t *key = yaml_document_get_node(self->document, pair->key);
    if (key->type != YAML_SCALAR_NODE || memchr(key->data.scalar.value, '\0', key->data.scalar.length))
        return wrong(self, key, "expected a text as the key");
    const char *name = (const char *)key->data.scalar.value;
    if (json_object_get(out, name))
        return wrong(self, key, "this key is given twice");
    json_t *value = value_of(self, yaml_document_get_node(self->document, pair->value), depth + 1);
    return value && json_object_set_new(out, name, value) == 0;
}

static json_t *mapping(tr_yaml_json_t *self, const yaml_node_t *node, size_t depth) {
    json_t *out = json_object();
    const yaml_node_pair_t *p = node->data.mapping.pairs.start;
    for (; out && p < node->data.mapping.pairs.top; p++) {
        if (!add_member(self, out, p, depth)) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static json_t *value_of(tr_yaml_json_t *self, const yaml_node_t *node, size_t depth) {
    /* An alias may name its own parent, so depth is counted here again. */
    if (depth > TR_YAML_DEPTH_MAX)
        return wrong(self, node, "nested too deep: does an alias contain itself?");
    if (self->nodes_left == 0)
        return wrong(self, node, "too large: aliases multiply it");
    self->nodes_left--;
    switch (node->type) {
    case YAML_SEQUENCE_NODE: return list(self, node, depth);
    case YAML_MAPPING_NODE: return mapping(self, node, depth);
    default: return scalar(self, node);
    }
}

int tr_yaml_json_print(tr_yaml_json_t *self, const yaml_node_t *node, tr_arena_t *arena) {
    self->reason = NULL;
    json_t *value = value_of(self, node, 0);
    if (!value)
        return self->reason ? -EINVAL : -ENOMEM;
    char *text = json_dumps(value, JSON_COMPACT);
    json_decref(value);
    if (!text)
        return -ENOMEM;
    self->text = tr_arena_strn(arena, text, strlen(text));
    free(text);
    return self->text ? 0 : -ENOMEM;
}
