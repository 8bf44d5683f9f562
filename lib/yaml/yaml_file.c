#include "lib/yaml/yaml_file.h"

#include "lib/base/file.h"
#include "lib/yaml/yaml_table.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* ---- reading ---- */

/* The absolute directory of `path`, in the arena. */
static const char *directory_of(tr_arena_t *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *given = slash ? tr_arena_strn(arena, path, slash == path ? 1 : (size_t)(slash - path)) : ".";
    char real[PATH_MAX];
    if (!given || !realpath(given, real))
        return given;
    return tr_arena_strn(arena, real, strlen(real));
}

static int keep(const char *bytes, size_t len, const char *path, tr_arena_t *arena, tr_yaml_file_t *ret_file,
    tr_error_t *error) {
    tr_yaml_file_t file = {
        .path = tr_arena_strn(arena, path, strlen(path)),
        .directory = directory_of(arena, path),
        .bytes = tr_arena_strn(arena, bytes, len),
        .len = len,
    };
    if (!file.path || !file.directory || !file.bytes)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", path);
    *ret_file = file;
    return 0;
}

int tr_yaml_file_load(const char *path, const char *what, size_t most, tr_arena_t *arena,
    tr_yaml_file_t *ret_file, tr_error_t *error) {
    char *bytes = NULL;
    size_t len = 0;
    const char *from = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
    int rc = tr_file_read(from, what, most, &bytes, &len, error);
    if (rc == 0)
        rc = keep(bytes, len, path, arena, ret_file, error);
    free(bytes);
    return rc;
}

int tr_yaml_file_take(const char *bytes, size_t len, const char *path, tr_arena_t *arena,
    tr_yaml_file_t *ret_file, tr_error_t *error) {
    if (len > TR_YAML_BYTES_MAX)
        return tr_error_set(error, -E2BIG, "%s: too large; expected at most 1 MiB", path);
    return keep(bytes, len, path, arena, ret_file, error);
}

/* ---- places ---- */

static const yaml_node_t *member_of(
    yaml_document_t *document, const yaml_node_t *node, const char *name, size_t len) {
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = yaml_document_get_node(document, p->key);
        if (key->type == YAML_SCALAR_NODE && key->data.scalar.length == len &&
            memcmp(key->data.scalar.value, name, len) == 0)
            return yaml_document_get_node(document, p->value);
    }
    return NULL;
}

static const yaml_node_t *item_of(yaml_document_t *document, const yaml_node_t *node, size_t index) {
    if (node->type != YAML_SEQUENCE_NODE)
        return NULL;
    const yaml_node_item_t *start = node->data.sequence.items.start, *top = node->data.sequence.items.top;
    return index < (size_t)(top - start) ? yaml_document_get_node(document, start[index]) : NULL;
}

/* As far as the key leads. */
static const yaml_node_t *walk(yaml_document_t *document, const yaml_node_t *node, const char *key) {
    while (*key) {
        const yaml_node_t *next;
        if (*key == '[') {
            char *end;
            next = item_of(document, node, strtoul(key + 1, &end, 10));
            key = *end == ']' ? end + 1 : end;
        } else {
            size_t len = strcspn(key, ".[");
            next = member_of(document, node, key, len);
            key += len;
        }
        key += *key == '.';
        if (!next)
            break;
        node = next;
    }
    return node;
}

/* The file was read by a table before, with its bounds: loading it again is safe. */
static yaml_mark_t place_of(const tr_yaml_file_t *self, const char *key) {
    yaml_parser_t parser;
    yaml_document_t document;
    yaml_mark_t mark = {0};
    if (!yaml_parser_initialize(&parser))
        return mark;
    yaml_parser_set_input_string(&parser, (const unsigned char *)self->bytes, self->len);
    if (yaml_parser_load(&parser, &document)) {
        const yaml_node_t *root = yaml_document_get_root_node(&document);
        if (root)
            mark = walk(&document, root, key)->start_mark;
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return mark;
}

int tr_yaml_file_wrong(
    const tr_yaml_file_t *self, const char *key, tr_error_t *error, const char *format, ...) {
    char text[sizeof error->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    yaml_mark_t mark = place_of(self, key);
    return tr_error_set(
        error, -EINVAL, "%s:%zu:%zu: %s: %s", self->path, mark.line + 1, mark.column + 1, key, text);
}
